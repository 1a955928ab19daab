//! The evaluator as a whole, on sources in memory: order, sharing, cancelling, and one answer over
//! every mode, pool size and delay.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Evaluator, EvaluatorConfig};
use crate::{
    Budget, BudgetLimits, ComputeFunction, FunctionError, FunctionSpec, Params, Registry,
    budget::DEFAULT_STREAM_OUTPUT_BYTES,
    function::{Arity, CostHint},
};
use bytes::Bytes;
use deriva_model::{
    CAddr, ContentHash, CutoffKey, FunctionId, Recipe, Record, SealedRecipe, Trace, Value,
};
use deriva_system::{
    Clock, Failure, Fault, SystemClock,
    compute::{
        Compute, Evaluated, Known, Look, Materialize, Mode, Next, Outcome, Patience, Sources,
        StoredContent, Tail, Ticket, Verification, Violation,
    },
    scratch::{MemoryScratch, Scratch},
    view::{Produced, Resident},
};
use parking_lot::{Condvar, Mutex};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Poll},
    time::Duration,
};

#[path = "hostile_test.rs"]
mod hostile_test;
#[path = "produce_test.rs"]
mod produce_test;
#[path = "stress_test.rs"]
mod stress_test;
#[path = "verify_test.rs"]
mod verify_test;

const PATIENCE: Duration = Duration::from_secs(60);
const SCRATCH_BYTES: u64 = 1 << 30;

struct TestSources {
    leaves: Mutex<HashMap<CAddr, Bytes>>,
    recipes: Mutex<HashMap<CAddr, Arc<SealedRecipe>>>,
    aliases: Mutex<HashMap<CAddr, CAddr>>,
    values: Mutex<HashMap<CAddr, Arc<Resident>>>,
    cutoffs: Mutex<HashMap<CutoffKey, Arc<Resident>>>,
    scratch: Arc<MemoryScratch>,
    fetches: AtomicU64,
    caught: Mutex<Vec<Violation>>,
    voided: AtomicU64,
}

impl Default for TestSources {
    fn default() -> Self {
        Self {
            leaves: Mutex::default(),
            recipes: Mutex::default(),
            aliases: Mutex::default(),
            values: Mutex::default(),
            cutoffs: Mutex::default(),
            scratch: Arc::new(MemoryScratch::new(SCRATCH_BYTES)),
            fetches: AtomicU64::default(),
            caught: Mutex::default(),
            voided: AtomicU64::default(),
        }
    }
}

impl TestSources {
    fn leaf(&self, bytes: &[u8]) -> CAddr {
        let address = CAddr::of_leaf(bytes);
        self.leaves
            .lock()
            .insert(address, Bytes::copy_from_slice(bytes));
        address
    }

    fn recipe(&self, function: &str, inputs: &[CAddr], params: &[(&str, Value)]) -> CAddr {
        let recipe = sealed(function, inputs, params);
        let address = recipe.address();
        self.recipes.lock().insert(address, recipe);
        address
    }

    fn forget_values(&self) {
        self.values.lock().clear();
        self.cutoffs.lock().clear();
    }
}

fn sealed(function: &str, inputs: &[CAddr], params: &[(&str, Value)]) -> Arc<SealedRecipe> {
    let params: BTreeMap<String, Value> = params
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let function = FunctionId::new(function, "1.0.0");
    Arc::new(SealedRecipe::seal(
        Recipe::new(function, inputs, params).unwrap(),
    ))
}

impl Sources for TestSources {
    fn resident(&self, address: &CAddr, look: Look) -> Option<Known> {
        match look {
            Look::ForValues => self.travelling(address).map(Known::Value),
            Look::ForVerified => {
                let value = self.travelling(address);
                value.filter(|value| value.is_verified()).map(Known::Value)
            }
            Look::ForRecipes => None,
        }
    }

    fn refusal(&self, function: &FunctionId) -> Option<Fault> {
        let caught = self.caught.lock();
        let caught = caught.iter().find(|caught| caught.function == *function);
        caught.map(|violation| Fault::Nondeterministic {
            violation: Box::new(violation.clone()),
        })
    }

    fn standing(&self, recipe: &CAddr) -> Option<Arc<Record>> {
        Some(self.travelling(recipe)?.record.clone())
    }

    fn distrust(&self, violation: &Violation) {
        self.caught.lock().push(violation.clone());
        // From here on nothing that began before is taken.
        self.forget_values();
    }

    fn void(&self, _violation: &Violation) -> Result<(), Fault> {
        self.voided.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn travelling(&self, address: &CAddr) -> Option<Arc<Resident>> {
        self.values.lock().get(address).cloned()
    }

    fn fetch(&self, addresses: &[CAddr], _look: Look) -> Result<Vec<Known>, Fault> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        Ok(addresses
            .iter()
            .map(|address| {
                if let Some(to) = self.aliases.lock().get(address) {
                    Known::Alias(*to)
                } else if let Some(bytes) = self.leaves.lock().get(address) {
                    let content = address.as_content();
                    match bytes.len() {
                        ..=LEAF_CHUNK => Known::Leaf {
                            content,
                            bytes: bytes.clone(),
                        },
                        size => Known::StoredLeaf(StoredContent {
                            owner: *address,
                            content,
                            size: size as u64,
                        }),
                    }
                } else if let Some(recipe) = self.recipes.lock().get(address) {
                    Known::Recipe(recipe.clone())
                } else {
                    Known::Nothing
                }
            })
            .collect())
    }

    fn load(&self, stored: &StoredContent) -> Result<Bytes, Fault> {
        Ok(self.leaves.lock()[&stored.owner].clone())
    }

    fn cutoff(&self, key: &CutoffKey, _patience: Patience) -> Option<(ContentHash, Bytes)> {
        let found = self.cutoffs.lock().get(key).cloned()?;
        Some((found.content(), found.bytes.clone()))
    }

    fn looked_up(&self, _found: u64, _to_run: u64) {}

    fn invalidations(&self) -> u64 {
        self.caught.lock().len() as u64
    }

    fn produced(&self, produced: Produced) {
        if produced.begun < self.invalidations() {
            return;
        }
        let value = produced.value;
        self.cutoffs.lock().insert(value.cutoff, value.clone());
        self.values.lock().insert(produced.address, value);
    }

    fn chunk(&self, stored: &StoredContent, index: u32) -> Result<Bytes, Fault> {
        let bytes = self.leaves.lock()[&stored.owner].clone();
        let at = index as usize * LEAF_CHUNK;
        Ok(bytes.slice(at..bytes.len().min(at + LEAF_CHUNK)))
    }

    fn scratch(&self) -> Arc<dyn Scratch> {
        self.scratch.clone()
    }
}

/// Bytes of a chunk of a stored leaf.
const LEAF_CHUNK: usize = 1 << 20;

type Behaviour = Box<dyn Fn(&[Bytes], &mut Budget) -> Result<Bytes, FunctionError> + Send + Sync>;

/// A function of the test's own making.
struct Scripted {
    spec: FunctionSpec,
    behaviour: Behaviour,
}

impl ComputeFunction for Scripted {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        _params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        (self.behaviour)(inputs, budget)
    }
}

fn spec_of_a_test(name: &str) -> FunctionSpec {
    FunctionSpec {
        id: FunctionId::new(name, "1.0.0"),
        description: "of a test".to_owned(),
        inputs: Arity::any("anything"),
        params: Vec::new(),
        example: String::new(),
        cost: CostHint {
            fixed_nanos: 1000,
            nanos_per_kib: 1,
        },
    }
}

fn scripted(
    name: &str,
    behaviour: impl Fn(&[Bytes], &mut Budget) -> Result<Bytes, FunctionError> + Send + Sync + 'static,
) -> Arc<dyn ComputeFunction> {
    Arc::new(Scripted {
        spec: spec_of_a_test(name),
        behaviour: Box::new(behaviour),
    })
}

struct Rig {
    sources: Arc<TestSources>,
    evaluator: Evaluator,
}

fn rig_with(workers: usize, functions: Vec<Arc<dyn ComputeFunction>>, in_flight_bytes: u64) -> Rig {
    let sources = Arc::new(TestSources::default());
    let evaluator = evaluator(&sources, workers, functions, in_flight_bytes);
    Rig { sources, evaluator }
}

fn evaluator(
    sources: &Arc<TestSources>,
    workers: usize,
    functions: Vec<Arc<dyn ComputeFunction>>,
    in_flight_bytes: u64,
) -> Evaluator {
    let config = EvaluatorConfig {
        workers,
        in_flight_bytes,
        budget: BudgetLimits::default(),
        stream_bytes: DEFAULT_STREAM_OUTPUT_BYTES,
        salt: 7,
    };
    evaluator_of(sources, functions, config)
}

fn evaluator_of(
    sources: &Arc<TestSources>,
    functions: Vec<Arc<dyn ComputeFunction>>,
    config: EvaluatorConfig,
) -> Evaluator {
    let mut registry = Registry::builtin();
    for function in functions {
        registry.register(function).unwrap();
    }
    let clock = Arc::new(SystemClock::default());
    Evaluator::start(Arc::new(registry), sources.clone(), clock, config).unwrap()
}

fn rig(workers: usize, functions: Vec<Arc<dyn ComputeFunction>>) -> Rig {
    rig_with(workers, functions, 1 << 30)
}

type Answers = mpsc::Receiver<Result<Evaluated, Fault>>;

fn start(evaluator: &Evaluator, root: CAddr, mode: Mode) -> (Box<dyn Ticket>, Answers) {
    start_with(evaluator, root, mode, Arc::default())
}

fn start_with(
    evaluator: &Evaluator,
    root: CAddr,
    mode: Mode,
    transient: deriva_system::compute::Transient,
) -> (Box<dyn Ticket>, Answers) {
    let (answer, answers) = mpsc::channel();
    let request = Materialize {
        root,
        mode,
        verification: Verification::Off,
        transient,
        deadline: None,
    };
    let ticket = evaluator.start(
        request,
        Box::new(move |result| answer.send(result).unwrap_or_default()),
    );
    (ticket, answers)
}

fn get(evaluator: &Evaluator, root: CAddr, mode: Mode) -> Result<(Bytes, Option<Trace>), Fault> {
    let (_ticket, answers) = start(evaluator, root, mode);
    let evaluated = answers.recv_timeout(PATIENCE).expect("an answer in time")?;
    Ok((bytes_of(evaluated.outcome)?, evaluated.trace))
}

fn bytes_of(outcome: Outcome) -> Result<Bytes, Fault> {
    let (bytes, content) = match outcome {
        Outcome::Bytes { bytes, content } => (bytes, content),
        Outcome::Stored(stored) => panic!("stored: {stored:?}"),
        Outcome::Production(mut tail) => read_out(tail.as_mut())?,
    };
    assert_eq!(content, ContentHash::of(&bytes));
    Ok(bytes)
}

/// What a production's reader finds next, waited for.
fn next_of(tail: &mut dyn Tail) -> Result<Next, Fault> {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let clock = SystemClock::default();
    let began = clock.monotonic();
    loop {
        if let Poll::Ready(next) = tail.poll_next(&mut Context::from_waker(&waker)) {
            return next;
        }
        assert!(clock.monotonic() - began < PATIENCE, "a piece in time");
        std::thread::park_timeout(PATIENCE);
    }
}

/// The next piece of a production; `None` at its end, with what it is.
fn piece_of(tail: &mut dyn Tail) -> Result<Result<Bytes, ContentHash>, Fault> {
    match next_of(tail)? {
        Next::Piece(piece) => Ok(Ok(piece)),
        Next::Away { file, number } => Ok(Ok(file.piece(number)?.unwrap())),
        Next::End { content, .. } => Ok(Err(content)),
    }
}

fn read_out(tail: &mut dyn Tail) -> Result<(Bytes, ContentHash), Fault> {
    let mut all = Vec::new();
    loop {
        match piece_of(tail)? {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(content) => return Ok((all.into(), content)),
        }
    }
}

fn value(evaluator: &Evaluator, root: CAddr) -> Bytes {
    get(evaluator, root, Mode::Parallel).unwrap().0
}

#[test]
fn a_root_that_is_a_leaf_an_alias_or_unknown() {
    let rig = rig(1, vec![]);
    let leaf = rig.sources.leaf(b"hello");
    assert_eq!(value(&rig.evaluator, leaf), "hello");
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    let old = CAddr::of_leaf(b"some old address");
    rig.sources.aliases.lock().insert(old, upper);
    assert_eq!(value(&rig.evaluator, old), "HELLO");
    let nowhere = CAddr::of_leaf(b"nowhere");
    let fault = get(&rig.evaluator, nowhere, Mode::Parallel).unwrap_err();
    assert_eq!(fault, Fault::NotFound { address: nowhere });
    let dangling = rig.sources.recipe("concat", &[leaf, nowhere], &[]);
    let fault = get(&rig.evaluator, dangling, Mode::Parallel).unwrap_err();
    assert_eq!(fault, Fault::missing_inputs(dangling, vec![nowhere]));
}

#[test]
fn an_alias_and_what_it_leads_to_are_computed_once() {
    let rig = rig(2, vec![]);
    let leaf = rig.sources.leaf(b"a");
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    let old = CAddr::of_leaf(b"old");
    rig.sources.aliases.lock().insert(old, upper);
    let both = rig.sources.recipe("concat", &[old, upper], &[]);
    for mode in [Mode::Parallel, Mode::Sequential, Mode::Record] {
        rig.sources.forget_values();
        let before = rig.evaluator.counts().executions;
        assert_eq!(get(&rig.evaluator, both, mode).unwrap().0, "AA");
        assert_eq!(rig.evaluator.counts().executions - before, 2);
    }
}

/// Passes only when `parties` calls are inside at once.
fn rendezvous(parties: usize) -> Arc<dyn ComputeFunction> {
    let inside = Arc::new((Mutex::new(0usize), Condvar::new()));
    scripted("meet", move |inputs, _| {
        let (count, changed) = &*inside;
        let mut count = count.lock();
        *count += 1;
        changed.notify_all();
        while *count < parties {
            if changed.wait_for(&mut count, PATIENCE).timed_out() {
                return Err(FunctionError::failed("nobody else came"));
            }
        }
        Ok(inputs.concat().into())
    })
}

#[test]
fn the_branches_of_a_diamond_overlap_in_time() {
    let rig = rig(2, vec![rendezvous(2)]);
    let top = rig.sources.leaf(b"top");
    let other = rig.sources.leaf(b"other");
    let left = rig.sources.recipe("meet", &[top], &[]);
    let right = rig.sources.recipe("meet", &[top, other], &[]);
    let root = rig.sources.recipe("concat", &[left, right], &[]);
    assert_eq!(value(&rig.evaluator, root), "toptopother");
}

fn wide(sources: &TestSources, width: usize) -> (CAddr, Bytes) {
    let leaves: Vec<CAddr> = (0..width)
        .map(|n| sources.leaf(format!("leaf {n};").as_bytes()))
        .collect();
    let upper: Vec<CAddr> = leaves
        .iter()
        .map(|leaf| sources.recipe("uppercase", &[*leaf], &[]))
        .collect();
    let root = sources.recipe("concat", &upper, &[]);
    let expected: String = (0..width).map(|n| format!("LEAF {n};")).collect();
    (root, expected.into())
}

fn chain(sources: &TestSources, length: usize) -> (CAddr, Bytes) {
    let mut at = sources.leaf(b"ab");
    for _ in 0..length {
        at = sources.recipe("reverse", &[at], &[]);
    }
    (
        at,
        if length.is_multiple_of(2) {
            "ab".into()
        } else {
            "ba".into()
        },
    )
}

/// Layers in which every node takes two of the layer below.
fn mixed(sources: &TestSources) -> CAddr {
    let mut layer: Vec<CAddr> = (0..8)
        .map(|n| sources.leaf(format!("{n}").as_bytes()))
        .collect();
    for _ in 0..4 {
        layer = (0..layer.len())
            .map(|n| {
                let pair = [layer[n], layer[(n * 3 + 1) % layer.len()]];
                let joined = sources.recipe("concat", &pair, &[]);
                sources.recipe("reverse", &[joined], &[])
            })
            .collect();
    }
    sources.recipe("sha256", &[sources.recipe("concat", &layer, &[])], &[])
}

#[test]
fn every_shape_at_every_concurrency_gives_the_same() {
    let mut roots = Vec::new();
    for workers in [1, 2, 64] {
        let rig = rig(workers, vec![]);
        let (fan, expected) = wide(&rig.sources, 100);
        assert_eq!(value(&rig.evaluator, fan), expected);
        let (deep, expected) = chain(&rig.sources, 10_001);
        assert_eq!(value(&rig.evaluator, deep), expected);
        let mixed = mixed(&rig.sources);
        roots.push((mixed, value(&rig.evaluator, mixed)));
    }
    assert!(roots.windows(2).all(|pair| pair[0] == pair[1]), "{roots:?}");
}

#[test]
fn overlapping_requests_at_concurrency_one_finish_and_share() {
    let rig = rig(1, vec![]);
    let (base, _) = chain(&rig.sources, 200);
    let left = rig.sources.recipe("uppercase", &[base], &[]);
    let right = rig
        .sources
        .recipe("repeat", &[base], &[("count", Value::I64(2))]);
    let asked: Vec<_> = [left, right, base, left]
        .into_iter()
        .map(|root| start(&rig.evaluator, root, Mode::Parallel))
        .collect();
    for (_ticket, answers) in &asked {
        answers.recv_timeout(PATIENCE).unwrap().unwrap();
    }
    let counts = rig.evaluator.counts();
    assert_eq!(counts.executions + counts.cutoffs, 202, "nothing twice");
}

type Gate = Arc<(Mutex<bool>, Condvar)>;

/// A function that waits until the test opens the gate.
fn gated() -> (Arc<dyn ComputeFunction>, Gate, mpsc::Receiver<()>) {
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (entered, entries) = mpsc::channel();
    let inner = gate.clone();
    let function = scripted("gated", move |inputs, budget| {
        entered.send(()).unwrap_or_default();
        let (open, changed) = &*inner;
        let mut open = open.lock();
        while !*open {
            if changed.wait_for(&mut open, PATIENCE).timed_out() {
                return Err(FunctionError::failed("the gate stayed shut"));
            }
        }
        budget.checkpoint()?;
        Ok(inputs.concat().into())
    });
    (function, gate, entries)
}

#[test]
fn a_cancelled_request_leaves_the_others_flight_alive() {
    let (function, gate, entries) = gated();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let (first, _) = start(&rig.evaluator, root, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    let joined = rig.sources.recipe("uppercase", &[root], &[]);
    let (_second, answers) = start(&rig.evaluator, joined, Mode::Parallel);
    drop(first);
    *gate.0.lock() = true;
    gate.1.notify_all();
    // The second request had not been planned when the first went: it may start the function anew.
    assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
}

#[test]
fn a_request_that_shares_a_running_flight_keeps_it_alive() {
    let (function, gate, entries) = gated();
    let rig = rig(2, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let (first, _) = start(&rig.evaluator, root, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    let (_second, answers) = start(&rig.evaluator, root, Mode::Parallel);
    // The second worker is free, so a later request is planned after the second one has joined.
    value(&rig.evaluator, leaf);
    drop(first);
    *gate.0.lock() = true;
    gate.1.notify_all();
    assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
    assert_eq!(rig.evaluator.counts().executions, 1);
}

#[test]
fn nobody_waiting_cancels_the_function_and_nothing_is_kept() {
    let (function, gate, entries) = gated();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let (ticket, answers) = start(&rig.evaluator, root, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    drop(ticket);
    *gate.0.lock() = true;
    gate.1.notify_all();
    // The only worker answers this after the cancelled function has returned.
    value(&rig.evaluator, leaf);
    assert!(
        answers.recv_timeout(Duration::ZERO).is_err(),
        "a withdrawn request is not answered"
    );
    assert!(rig.sources.values.lock().is_empty());
    assert_eq!(rig.evaluator.counts().executions, 0);
}

#[test]
fn failures_name_recipe_and_function_and_are_never_kept() {
    let functions = vec![
        scripted("panics", |_, _| panic!("on purpose")),
        scripted("refuses", |_, _| Err(FunctionError::failed("not today"))),
        scripted("devours", |_, budget| {
            budget.charge_output(u64::MAX / 2)?;
            Ok(Bytes::new())
        }),
    ];
    let rig = rig(2, functions);
    let leaf = rig.sources.leaf(b"x");
    let cases = [
        ("panics", Failure::Panicked, "on purpose"),
        ("refuses", Failure::Refused, "not today"),
        ("devours", Failure::OverBudget, "budget"),
    ];
    for (name, expected, says) in cases {
        let bad = rig.sources.recipe(name, &[leaf], &[]);
        let above = rig.sources.recipe("uppercase", &[bad], &[]);
        for mode in [Mode::Parallel, Mode::Sequential, Mode::Record] {
            let fault = get(&rig.evaluator, above, mode).unwrap_err();
            let Fault::FunctionFailed {
                recipe,
                function,
                failure,
                message,
            } = fault
            else {
                panic!("{fault:?}");
            };
            assert_eq!(
                (recipe, function.name.as_str(), failure),
                (bad, name, expected)
            );
            assert!(message.contains(says), "{message}");
        }
    }
    assert!(rig.sources.values.lock().is_empty());
    assert_eq!(value(&rig.evaluator, leaf), "x", "the workers live on");
}

#[test]
fn a_changed_leaf_that_comes_out_the_same_is_cut_off_early() {
    let rig = rig(2, vec![]);
    let roots: Vec<CAddr> = [&b"abc"[..], b"ABC"]
        .into_iter()
        .map(|bytes| {
            let leaf = rig.sources.leaf(bytes);
            let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
            rig.sources.recipe("reverse", &[upper], &[])
        })
        .collect();
    assert_eq!(value(&rig.evaluator, roots[0]), "CBA");
    assert_eq!(rig.evaluator.counts().executions, 2);
    assert_eq!(value(&rig.evaluator, roots[1]), "CBA");
    let counts = rig.evaluator.counts();
    assert_eq!((counts.executions, counts.cutoffs), (3, 1));
    let values = rig.sources.values.lock();
    assert_eq!(
        values[&roots[1]].record.inputs[0].content,
        ContentHash::of(b"ABC")
    );
}

#[test]
fn a_transient_graph_needs_nothing_stored() {
    let rig = rig(1, vec![]);
    let leaf = rig.sources.leaf(b"abc");
    let upper = sealed("uppercase", &[leaf], &[]);
    let root = sealed("reverse", &[upper.address()], &[]);
    let graph = [upper.clone(), root.clone()];
    let transient = graph.iter().map(|r| (r.address(), r.clone())).collect();
    let (_ticket, answers) = start_with(
        &rig.evaluator,
        root.address(),
        Mode::Parallel,
        Arc::new(transient),
    );
    answers.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(rig.sources.recipes.lock().is_empty());
    assert!(!rig.sources.values.lock()[&root.address()].is_durable());
}

#[test]
fn in_flight_values_over_the_budget_spill_and_come_back() {
    let rig = rig_with(2, vec![], 0);
    let leaf = rig.sources.leaf(&vec![b'a'; 100_000]);
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    let root = rig.sources.recipe("reverse", &[upper], &[]);
    for mode in [Mode::Parallel, Mode::Sequential] {
        rig.sources.forget_values();
        let before = rig.sources.scratch.files();
        let (bytes, _) = get(&rig.evaluator, root, mode).unwrap();
        assert_eq!(bytes, vec![b'A'; 100_000]);
        assert!(rig.sources.scratch.files() > before);
    }
}

#[test]
fn a_level_of_misses_is_one_batch() {
    let rig = rig(1, vec![]);
    let (root, expected) = wide(&rig.sources, 500);
    assert_eq!(value(&rig.evaluator, root), expected);
    assert_eq!(
        rig.sources.fetches.load(Ordering::Relaxed),
        3,
        "root, recipes, leaves"
    );
}

#[test]
fn a_trace_is_replayed_and_a_wrong_one_refused() {
    let rig = rig(2, vec![]);
    let root = mixed(&rig.sources);
    let (expected, trace) = get(&rig.evaluator, root, Mode::Record).unwrap();
    let trace = trace.unwrap();
    assert_eq!(trace.root, root);
    let replay = |trace: &Trace| get(&rig.evaluator, root, Mode::Replay(Arc::new(trace.clone())));
    let (again, made) = replay(&trace).unwrap();
    assert_eq!((again, made), (expected, Some(trace.clone())));

    type Spoil = fn(&mut Trace);
    let spoils: [Spoil; 6] = [
        |trace| trace.steps[0].output = ContentHash::of(b"other"),
        |trace| trace.steps[0].inputs[0] = ContentHash::of(b"other"),
        |trace| drop(trace.steps.pop()),
        |trace| trace.steps.swap(0, 1),
        |trace| trace.steps.insert(1, trace.steps[0].clone()),
        |trace| trace.root = CAddr::of_leaf(b"other"),
    ];
    for (at, spoil) in spoils.iter().enumerate() {
        let mut wrong = trace.clone();
        spoil(&mut wrong);
        let fault = replay(&wrong).err();
        assert!(
            matches!(fault, Some(Fault::TraceMismatch { .. })),
            "{at}: {fault:?}"
        );
    }
}

/// Numbers that look random and are the same in every run (xorshift).
fn noise(seed: &AtomicU64) -> u64 {
    let mut x = seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

/// Joins its inputs after a delay of a random length.
fn delayed(seed: u64) -> Arc<dyn ComputeFunction> {
    let seed = AtomicU64::new(seed);
    scripted("delayed", move |inputs, _| {
        for _ in 0..noise(&seed) % 40 {
            std::thread::yield_now();
        }
        Ok(inputs.concat().into())
    })
}

fn diamond(sources: &TestSources) -> CAddr {
    let top = sources.leaf(b"top");
    let side = sources.leaf(b"side");
    let first = sources.recipe("delayed", &[top], &[]);
    let left = sources.recipe("delayed", &[first, top], &[]);
    let right = sources.recipe("delayed", &[first, side], &[]);
    sources.recipe("delayed", &[left, right, left], &[])
}

fn fan(sources: &TestSources) -> CAddr {
    let branches: Vec<CAddr> = (0..24)
        .map(|n| {
            let leaf = sources.leaf(format!("<{n}>").as_bytes());
            sources.recipe("delayed", &[leaf], &[])
        })
        .collect();
    sources.recipe("delayed", &branches, &[])
}

#[test]
fn one_address_and_one_content_over_a_thousand_delayed_runs() {
    const RUNS: usize = 1000;
    for build in [diamond, fan] {
        let sources = Arc::new(TestSources::default());
        let root = build(&sources);
        let first = evaluator(&sources, 1, vec![delayed(1)], 1 << 30);
        let (expected, trace) = get(&first, root, Mode::Record).unwrap();
        let modes = [
            Mode::Parallel,
            Mode::Sequential,
            Mode::Replay(Arc::new(trace.unwrap())),
        ];
        for workers in [1, 2, 64] {
            let seed = workers as u64;
            let evaluator = evaluator(&sources, workers, vec![delayed(seed)], 1 << 30);
            for run in 0..RUNS {
                sources.forget_values();
                assert_eq!(build(&sources), root);
                let mode = modes[run % modes.len()].clone();
                assert_eq!(
                    get(&evaluator, root, mode).unwrap().0,
                    expected,
                    "run {run}"
                );
            }
        }
    }
}

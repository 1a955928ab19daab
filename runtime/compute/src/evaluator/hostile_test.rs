//! The evaluator among neighbours that panic, leave, hog and lie.

use super::*;
use crate::evaluator::plan::{PlanLimits, Planner};
use deriva_system::scratch::ScratchFile;
use std::sync::atomic::AtomicBool;

/// Sources of which some calls panic.
#[derive(Default)]
struct Panicking {
    inner: TestSources,
    on_produced: bool,
    on_unspill: bool,
    on_standing: bool,
}

impl Sources for Panicking {
    fn resident(&self, address: &CAddr, look: Look) -> Option<Known> {
        self.inner.resident(address, look)
    }

    fn travelling(&self, address: &CAddr) -> Option<Arc<Resident>> {
        self.inner.travelling(address)
    }

    fn fetch(&self, addresses: &[CAddr], look: Look) -> Result<Vec<Known>, Fault> {
        self.inner.fetch(addresses, look)
    }

    fn load(&self, stored: &StoredContent) -> Result<Bytes, Fault> {
        self.inner.load(stored)
    }

    fn cutoff(&self, key: &CutoffKey, patience: Patience) -> Option<(ContentHash, Bytes)> {
        self.inner.cutoff(key, patience)
    }

    fn invalidations(&self) -> u64 {
        0
    }

    fn looked_up(&self, _found: u64, _to_run: u64) {}

    fn produced(&self, produced: Produced) {
        assert!(!self.on_produced, "produced, on purpose");
        self.inner.produced(produced);
    }

    fn chunk(&self, stored: &StoredContent, index: u32) -> Result<Bytes, Fault> {
        self.inner.chunk(stored, index)
    }

    fn refusal(&self, function: &FunctionId) -> Option<Fault> {
        self.inner.refusal(function)
    }

    fn standing(&self, recipe: &CAddr) -> Option<Arc<Record>> {
        assert!(!self.on_standing, "standing, on purpose");
        self.inner.standing(recipe)
    }

    fn distrust(&self, _violation: &Violation) {
        panic!("distrust, on purpose")
    }

    fn void(&self, violation: &Violation) -> Result<(), Fault> {
        self.inner.void(violation)
    }

    fn scratch(&self) -> Arc<dyn Scratch> {
        match self.on_unspill {
            true => Arc::new(PanickingScratch),
            false => self.inner.scratch(),
        }
    }
}

/// Scratch that takes everything and panics when it is asked for it.
#[derive(Debug)]
struct PanickingScratch;

impl Scratch for PanickingScratch {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, Fault> {
        Ok(Arc::new(Self))
    }
}

impl ScratchFile for PanickingScratch {
    fn push(&self, _piece: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn piece(&self, _number: u64) -> Result<Option<Bytes>, Fault> {
        panic!("unspill, on purpose")
    }

    fn pieces(&self) -> u64 {
        1
    }

    fn size(&self) -> u64 {
        1
    }
}

fn over(sources: Arc<Panicking>) -> Evaluator {
    let config = EvaluatorConfig {
        workers: 1,
        in_flight_bytes: 0,
        budget: BudgetLimits::default(),
        stream_bytes: DEFAULT_STREAM_OUTPUT_BYTES,
        salt: 7,
    };
    let clock = Arc::new(SystemClock::default());
    Evaluator::start(Arc::new(Registry::builtin()), sources, clock, config).unwrap()
}

fn request(root: CAddr, mode: Mode) -> Materialize {
    Materialize {
        root,
        mode,
        verification: Verification::Off,
        transient: Arc::default(),
        deadline: None,
    }
}

#[test]
fn sources_that_panic_in_a_verification_end_no_workers() {
    let calls = AtomicU64::new(0);
    let fickle = scripted("fickle", move |_, _| {
        Ok(calls
            .fetch_add(1, Ordering::Relaxed)
            .to_be_bytes()
            .to_vec()
            .into())
    });
    let sources = Arc::new(Panicking {
        on_standing: true,
        ..Panicking::default()
    });
    let leaf = sources.inner.leaf(b"x");
    let upper = sources.inner.recipe("uppercase", &[leaf], &[]);
    let bad = sources.inner.recipe("fickle", &[leaf], &[]);
    let mut registry = Registry::builtin();
    registry.register(fickle).unwrap();
    let config = EvaluatorConfig {
        workers: 2,
        in_flight_bytes: 0,
        budget: BudgetLimits::default(),
        stream_bytes: DEFAULT_STREAM_OUTPUT_BYTES,
        salt: 7,
    };
    let clock = Arc::new(SystemClock::default());
    let evaluator = Evaluator::start(Arc::new(registry), sources.clone(), clock, config).unwrap();
    let dual = |root| {
        let (answer, answers) = mpsc::channel();
        let ask = Materialize {
            verification: Verification::Dual,
            ..request(root, Mode::Parallel)
        };
        let done = Box::new(move |result| answer.send(result).unwrap_or_default());
        let _ticket = evaluator.start(ask, done);
        answers.recv_timeout(PATIENCE).unwrap().map(|_| ())
    };
    assert!(matches!(dual(upper), Err(Fault::Breach { .. })));
    // Who should be told of it panics: the answer is the same.
    assert!(matches!(dual(bad), Err(Fault::Nondeterministic { .. })));
    assert_eq!(value(&evaluator, leaf), "x");
    assert!(evaluator.shared.state.lock().board.is_empty());
}

fn open(gate: &Gate) {
    *gate.0.lock() = true;
    gate.1.notify_all();
}

#[test]
fn who_panics_on_hearing_the_answer_costs_nobody_else_anything() {
    let (function, gate, entries) = gated();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let other = rig.sources.recipe("reverse", &[root], &[]);
    let (_first, _) = start(&rig.evaluator, other, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    let _panics = rig.evaluator.start(
        request(root, Mode::Parallel),
        Box::new(|_| panic!("on hearing, on purpose")),
    );
    let (_second, answers) = start(&rig.evaluator, root, Mode::Parallel);
    open(&gate);
    assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
    assert_eq!(value(&rig.evaluator, other), "x");
    assert_eq!(rig.evaluator.counts().in_flight, 0);
}

#[test]
fn sources_that_panic_are_a_breach_and_no_workers_end() {
    let produced = Panicking {
        on_produced: true,
        ..Panicking::default()
    };
    let unspill = Panicking {
        on_unspill: true,
        ..Panicking::default()
    };
    for sources in [produced, unspill].map(Arc::new) {
        let leaf = sources.inner.leaf(&vec![b'a'; 100_000]);
        let upper = sources.inner.recipe("uppercase", &[leaf], &[]);
        let evaluator = over(sources.clone());
        for mode in [Mode::Parallel, Mode::Sequential] {
            sources.inner.forget_values();
            let answer = get(&evaluator, upper, mode).map(|(bytes, _)| bytes.len());
            assert!(matches!(answer, Err(Fault::Breach { .. })), "{answer:?}");
        }
        assert_eq!(value(&evaluator, leaf).len(), 100_000);
        assert!(evaluator.shared.state.lock().board.is_empty());
    }
}

#[test]
fn an_evaluator_that_goes_answers_all_who_wait() {
    let (function, gate, entries) = gated();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let modes = [Mode::Parallel, Mode::Parallel, Mode::Sequential];
    let asked = modes.map(|mode| start(&rig.evaluator, root, mode));
    entries.recv_timeout(PATIENCE).unwrap();
    drop(rig.evaluator);
    for (_ticket, answers) in &asked {
        let answer = answers.recv_timeout(PATIENCE).unwrap();
        assert!(
            matches!(answer, Err(Fault::Unavailable { .. })),
            "{answer:?}"
        );
    }
    open(&gate);
}

#[test]
fn graphs_alone_leave_a_worker_to_the_others() {
    let (function, gate, entries) = gated();
    let rig = rig(3, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let root = rig.sources.recipe("gated", &[leaf], &[]);
    let alone: Vec<_> = (0..6)
        .map(|_| start(&rig.evaluator, root, Mode::Record))
        .collect();
    for _ in 0..2 {
        entries.recv_timeout(PATIENCE).unwrap();
    }
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    assert_eq!(value(&rig.evaluator, upper), "X");
    assert!(entries.try_recv().is_err(), "a third graph runs alone");
    open(&gate);
    for (_ticket, answers) in &alone {
        answers.recv_timeout(PATIENCE).unwrap().unwrap();
    }
}

#[test]
fn shared_work_comes_before_graphs_alone() {
    let (function, gate, entries) = gated();
    let rig = rig(1, vec![function]);
    let leaf = rig.sources.leaf(b"x");
    let first = rig.sources.recipe("gated", &[leaf], &[]);
    let (_first, _) = start(&rig.evaluator, first, Mode::Parallel);
    entries.recv_timeout(PATIENCE).unwrap();
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    let (heard, order) = mpsc::channel();
    let tickets = [Mode::Sequential, Mode::Parallel].map(|mode| {
        let heard = heard.clone();
        let told = mode.clone();
        let done = Box::new(move |_| heard.send(told).unwrap_or_default());
        rig.evaluator.start(request(upper, mode), done)
    });
    open(&gate);
    let next = || order.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(next(), Mode::Parallel));
    assert!(matches!(next(), Mode::Sequential));
    drop(tickets);
}

#[test]
fn a_trace_over_two_names_of_one_recipe_is_replayed() {
    let rig = rig(1, vec![]);
    let leaf = rig.sources.leaf(b"a");
    let upper = rig.sources.recipe("uppercase", &[leaf], &[]);
    let old = CAddr::of_leaf(b"old");
    rig.sources.aliases.lock().insert(old, upper);
    for inputs in [[old, upper], [upper, old]] {
        let both = rig.sources.recipe("concat", &inputs, &[]);
        let (bytes, trace) = get(&rig.evaluator, both, Mode::Record).unwrap();
        let replay = Mode::Replay(Arc::new(trace.clone().unwrap()));
        assert_eq!(get(&rig.evaluator, both, replay), Ok((bytes, trace)));
    }
}

#[test]
fn a_graph_over_its_bounds_is_refused_and_a_cancelled_plan_reads_nothing() {
    let sources = TestSources::default();
    let leaf = sources.leaf(b"a");
    let twice = sources.recipe("concat", &[leaf, leaf], &[]);
    let root = sources.recipe("concat", &[twice, leaf, leaf], &[]);
    let transient = Arc::default();
    let cancelled = AtomicBool::new(false);
    let plan = |nodes, inputs| {
        let planner = Planner {
            sources: &sources,
            transient: &transient,
            look: Look::ForValues,
            root_look: Look::ForValues,
            cancelled: &cancelled,
            limits: PlanLimits { nodes, inputs },
        };
        planner.plan(root).map(|plan| plan.nodes.len())
    };
    assert_eq!(plan(3, 5), Ok(3));
    for (nodes, inputs, limit) in [(2, 5, 2), (3, 4, 4)] {
        let fault = plan(nodes, inputs).unwrap_err();
        assert!(
            matches!(fault, Fault::OverLimit { limit: told, .. } if told == limit),
            "{fault:?}"
        );
    }
    let before = sources.fetches.load(Ordering::Relaxed);
    cancelled.store(true, Ordering::Relaxed);
    assert_eq!(plan(3, 5), Err(Fault::Cancelled));
    assert_eq!(sources.fetches.load(Ordering::Relaxed), before);
}

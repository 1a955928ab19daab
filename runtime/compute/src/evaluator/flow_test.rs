//! Random graphs of functions that stream, asked for by threads that read at any pace and leave at
//! any moment, with every limit so low that all of it happens: values shown while they are made, put
//! aside, moved to files, handed over, given up. Every answer is compared with what a plain
//! evaluation in memory comes to, and nothing may be left at the end.

use super::*;
use std::thread;

const THREADS: u64 = 3;
const NODES: usize = 14;
/// Bytes at which a batch becomes a production.
const OUTPUT_BYTES: u64 = 96 << 10;
/// Longest value of a recipe; longer ones are not asked for.
const VALUE_MAX: usize = 20 << 20;
/// Bytes of scratch files where they are scarce.
const SCRATCH_FEW: u64 = 6 << 20;

/// Numbers that look random and are the same in every run (splitmix).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % bound as u64) as usize
    }
}

/// What a function does with the pieces of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// All bytes, each changed.
    Stir,
    /// Every input three times as long.
    Swell,
    /// Pieces of a few bytes, and some without any.
    Crumble,
    /// The beginning of the first input only; the rest is not read.
    Nip,
    /// All of it is read before the first byte comes: how long it was.
    Measure,
    /// Fails after so many bytes.
    Fail,
}

const ACTS: [(&str, Act); 6] = [
    ("stir", Act::Stir),
    ("swell", Act::Swell),
    ("crumble", Act::Crumble),
    ("nip", Act::Nip),
    ("measure", Act::Measure),
    ("fail", Act::Fail),
];

const NIPPED: usize = 70_000;
const FAILS_AFTER: usize = 300_000;

/// What the act comes to on whole inputs.
fn plainly(act: Act, inputs: &[Bytes]) -> Result<Bytes, ()> {
    let all = inputs.concat();
    Ok(match act {
        Act::Stir => all.iter().map(|byte| byte.wrapping_add(1)).collect(),
        Act::Swell => inputs.iter().flat_map(|i| i.repeat(3)).collect(),
        Act::Crumble => all.into(),
        Act::Nip => inputs[0].slice(..NIPPED.min(inputs[0].len())),
        Act::Measure => all.len().to_string().into(),
        Act::Fail if all.len() >= FAILS_AFTER => return Err(()),
        Act::Fail => all.into(),
    })
}

struct Actor {
    spec: FunctionSpec,
    act: Act,
}

struct Acting {
    act: Act,
    inputs: std::collections::VecDeque<Box<dyn Pieces>>,
    queue: std::collections::VecDeque<Bytes>,
    /// Of the input that is read, where all of it is needed.
    held: Vec<u8>,
    seen: usize,
    over: bool,
}

impl Acting {
    fn take(&mut self, piece: Bytes) -> Result<(), FunctionError> {
        self.seen += piece.len();
        match self.act {
            Act::Stir => {
                let stirred = piece.iter().map(|byte| byte.wrapping_add(1)).collect();
                self.queue.push_back(stirred);
            }
            Act::Swell => {
                self.held.extend_from_slice(&piece);
                self.queue.push_back(piece);
            }
            Act::Crumble => {
                self.queue.push_back(Bytes::new());
                let mut rest = piece;
                while !rest.is_empty() {
                    let crumb = 1 + rest.len() % 997;
                    self.queue.push_back(rest.split_to(crumb.min(rest.len())));
                }
            }
            Act::Nip => {
                let left = NIPPED - (self.seen - piece.len());
                self.queue.push_back(piece.slice(..left.min(piece.len())));
                self.over = self.seen >= NIPPED;
            }
            Act::Measure => {}
            Act::Fail if self.seen >= FAILS_AFTER => return Err(FunctionError::failed("enough")),
            Act::Fail => self.queue.push_back(piece),
        }
        Ok(())
    }

    fn input_ended(&mut self) {
        self.inputs.pop_front();
        let held = Bytes::from(std::mem::take(&mut self.held));
        self.queue.extend([held.clone(), held]);
        self.over = self.act == Act::Nip;
    }
}

impl Pieces for Acting {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                budget.charge_output(piece.len() as u64)?;
                return Ok(Some(piece));
            }
            if self.over {
                return Ok(None);
            }
            let Some(input) = self.inputs.front_mut() else {
                self.over = true;
                if self.act == Act::Measure {
                    self.queue.push_back(self.seen.to_string().into());
                }
                continue;
            };
            match input.next(budget)? {
                Some(piece) => self.take(piece)?,
                None => self.input_ended(),
            }
        }
    }
}

impl ComputeFunction for Actor {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        drain(self, inputs, params, budget)
    }

    fn streaming(&self) -> Option<&dyn StreamingComputeFunction> {
        Some(self)
    }
}

impl StreamingComputeFunction for Actor {
    fn open(
        &self,
        inputs: Vec<Box<dyn Pieces>>,
        _params: &Params,
    ) -> Result<Box<dyn Pieces>, FunctionError> {
        Ok(Box::new(Acting {
            act: self.act,
            inputs: inputs.into(),
            queue: Default::default(),
            held: Vec::new(),
            seen: 0,
            over: false,
        }))
    }
}

fn functions() -> Vec<Arc<dyn ComputeFunction>> {
    let actor = |(name, act): (&str, Act)| -> Arc<dyn ComputeFunction> {
        let spec = scripted(name, |_, _| Ok(Bytes::new())).spec().clone();
        Arc::new(Actor { spec, act })
    };
    ACTS.map(actor).into()
}

type Expected = Result<Bytes, ()>;

/// Recipes over shared leaves; every one takes some of those before it.
fn graph(sources: &TestSources, chance: &mut Chance) -> Vec<(CAddr, Expected)> {
    let mut all: Vec<(CAddr, Expected)> = [10, 100_000, 1_300_000, 4_500_000]
        .into_iter()
        .map(|size| {
            let size = size + chance.below(1000);
            let seed = chance.below(256);
            let bytes: Bytes = (0..size).map(|at| (at * at / 7 + seed) as u8).collect();
            (sources.leaf(&bytes), Ok(bytes))
        })
        .collect();
    while all.len() < NODES {
        let inputs: Vec<(CAddr, Expected)> = (0..1 + chance.below(3))
            .map(|_| match chance.below(3) {
                0 => all[chance.below(all.len())].clone(),
                _ => all[all.len() - 1 - chance.below(3)].clone(),
            })
            .collect();
        let (name, act) = ACTS[chance.below(ACTS.len())];
        let wholes: Result<Vec<Bytes>, ()> =
            inputs.iter().map(|(_, whole)| whole.clone()).collect();
        let expected = wholes.and_then(|wholes| plainly(act, &wholes));
        if expected.as_ref().is_ok_and(|whole| whole.len() > VALUE_MAX) {
            continue;
        }
        if expected.is_err() && chance.below(3) > 0 {
            continue;
        }
        let addresses: Vec<CAddr> = inputs.iter().map(|(address, _)| *address).collect();
        all.push((sources.recipe(name, &addresses, &[]), expected));
    }
    all.split_off(4)
}

struct Flow {
    sources: Arc<TestSources>,
    evaluator: Evaluator,
    /// There may be no room in scratch files.
    scarce: bool,
}

fn judge_fault(flow: &Flow, fault: &Fault, expected: &Expected) {
    let scarce = flow.scarce;
    let right = match fault {
        Fault::FunctionFailed { .. } => expected.is_err(),
        Fault::Overloaded { .. } => scarce,
        _ => false,
    };
    assert!(right, "{fault}");
}

/// What a reader gets is the beginning of what was expected, and all of it if it reads to the end.
fn judge(flow: &Flow, outcome: Outcome, expected: &Expected, chance: &mut Chance) {
    let mut tail = match outcome {
        Outcome::Production(tail) => tail,
        other => {
            assert_eq!(Ok(bytes_of(other).unwrap()), *expected);
            return;
        }
    };
    let leaves_after = match chance.below(3) {
        0 => chance.below(250),
        _ => usize::MAX,
    };
    let rests = chance.below(2) == 0;
    let mut got = Vec::new();
    for _ in 0..leaves_after {
        match piece_of(tail.as_mut()) {
            Ok(Ok(piece)) => {
                assert!(!piece.is_empty());
                got.extend_from_slice(&piece);
            }
            Ok(Err(content)) => {
                assert_eq!(content, ContentHash::of(&got));
                assert!(matches!(expected, Ok(whole) if *whole == got));
                return;
            }
            Err(fault) => return judge_fault(flow, &fault, expected),
        }
        if rests && chance.below(60) == 0 {
            for _ in 0..chance.below(300) {
                thread::yield_now();
            }
        }
    }
    if let Ok(whole) = expected {
        assert!(whole.starts_with(&got));
    }
}

fn client(flow: &Flow, graph: &[(CAddr, Expected)], chance: &mut Chance, asked: usize) {
    for _ in 0..asked {
        let (root, expected) = &graph[chance.below(graph.len())];
        let mode = match chance.below(16) {
            0 => Mode::Sequential,
            1 => Mode::Record,
            _ => Mode::Parallel,
        };
        let (ticket, answers) = start(&flow.evaluator, *root, mode);
        if chance.below(4) == 0 {
            for _ in 0..chance.below(200) {
                thread::yield_now();
            }
            drop(ticket);
            continue;
        }
        match answers.recv_timeout(PATIENCE).expect("an answer in time") {
            Ok(evaluated) => judge(flow, evaluated.outcome, expected, chance),
            Err(fault) => judge_fault(flow, &fault, expected),
        }
        if chance.below(2) == 0 {
            flow.sources.forget_values();
        }
    }
}

fn until_nothing_is_left(flow: &Flow) {
    flow.sources.forget_values();
    until("nothing is left", || {
        let state = flow.evaluator.shared.state.lock();
        let rest = state.board.is_empty() && state.requests.is_empty();
        let aside = state.tails.is_empty() && state.parked.is_empty() && state.resumed.is_empty();
        let meter = &flow.evaluator.shared.executor.meter;
        let memory = !meter.is_over(0, 0) && flow.sources.scratch.used() == 0;
        rest && aside && memory && flow.evaluator.counts().in_flight == 0
    });
}

fn flow(seed: u64, asked: usize) {
    let mut chance = Chance(seed);
    let workers = [1, 2, 8][chance.below(3)];
    let in_flight = [0, 2 * MIB, 1 << 30][chance.below(3)];
    let scratch = [SCRATCH_FEW, SCRATCH_BYTES][chance.below(2)];
    let sources = TestSources {
        scratch: Arc::new(MemoryScratch::new(scratch)),
        ..TestSources::default()
    };
    let Rig { sources, evaluator } =
        tight_on(sources, workers, functions(), (in_flight, OUTPUT_BYTES));
    let scarce = scratch == SCRATCH_FEW;
    let rig = Flow {
        sources,
        evaluator,
        scarce,
    };
    let graph = graph(&rig.sources, &mut chance);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (rig, graph) = (&rig, &graph);
            let mut chance = Chance(seed ^ (number + 1) << 32);
            scope.spawn(move || client(rig, graph, &mut chance, asked));
        }
    });
    until_nothing_is_left(&rig);
}

/// `FLOW` is how many graphs are made where a few seconds are not enough.
#[test]
fn whatever_is_read_or_left_is_the_beginning_of_the_right_value() {
    let graphs = std::env::var("FLOW").ok().and_then(|n| n.parse().ok());
    for seed in 0..graphs.unwrap_or(10) {
        if graphs.is_some() {
            eprintln!("seed {seed}");
        }
        flow(seed, 12);
    }
}

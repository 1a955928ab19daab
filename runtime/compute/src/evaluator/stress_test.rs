//! Many threads that ask for overlapping graphs and leave at any moment, against a model that says
//! what each recipe comes to.

use super::*;
use std::{collections::BTreeSet, thread};

const THREADS: u64 = 4;
const ASKED_PER_THREAD: usize = 2500;
const GRAPHS: usize = 12;
const NODES: usize = 14;

/// What a recipe comes to: bytes, or the recipes of which any may be named as having failed.
type Expected = Result<Bytes, BTreeSet<CAddr>>;

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

fn digest(inputs: &[Bytes]) -> Bytes {
    Bytes::copy_from_slice(ContentHash::of(&inputs.concat()).as_bytes())
}

/// A digest of its inputs that takes its time and looks at its budget; some of them fail.
fn functions() -> Vec<Arc<dyn ComputeFunction>> {
    let dawdle = |budget: &mut Budget, seed: usize| {
        for _ in 0..seed % 24 {
            thread::yield_now();
            budget.checkpoint()?;
        }
        Ok::<(), FunctionError>(())
    };
    let seed = AtomicU64::new(7);
    vec![
        scripted("digest", move |inputs, budget| {
            dawdle(budget, noise(&seed) as usize)?;
            Ok(digest(inputs))
        }),
        scripted("fails", |_, _| Err(FunctionError::failed("always"))),
    ]
}

/// Recipes over shared leaves; every later one takes some of those before it, also of other graphs.
fn graphs(sources: &TestSources) -> Vec<(CAddr, Expected)> {
    let mut chance = Chance(1);
    let mut all: Vec<(CAddr, Expected)> = (0..4)
        .map(|n| {
            let bytes = Bytes::from(format!("leaf {n}"));
            (sources.leaf(&bytes), Ok(bytes))
        })
        .collect();
    for _ in 0..GRAPHS * NODES {
        let inputs: Vec<(CAddr, Expected)> = (0..1 + chance.below(4))
            .map(|_| {
                let near = all.len().min(NODES);
                let at = all.len() - 1 - chance.below(near);
                all[if chance.below(10) == 0 { at % 4 } else { at }].clone()
            })
            .collect();
        let addresses: Vec<CAddr> = inputs.iter().map(|(address, _)| *address).collect();
        let fails = chance.below(40) == 0;
        let address = sources.recipe(if fails { "fails" } else { "digest" }, &addresses, &[]);
        let mut bad = BTreeSet::new();
        let mut bytes = Vec::new();
        for (_, expected) in &inputs {
            match expected {
                Ok(value) => bytes.push(value.clone()),
                Err(below) => bad.extend(below),
            }
        }
        if fails && bad.is_empty() {
            bad.insert(address);
        }
        let expected = if bad.is_empty() {
            Ok(digest(&bytes))
        } else {
            Err(bad)
        };
        all.push((address, expected));
    }
    all
}

fn judge(answer: Result<Evaluated, Fault>, expected: &Expected) {
    match (answer, expected) {
        (Ok(evaluated), Ok(bytes)) => assert_eq!(bytes_of(evaluated.outcome).unwrap(), bytes),
        (Err(Fault::FunctionFailed { recipe, .. }), Err(bad)) => {
            assert!(bad.contains(&recipe), "{recipe} did not fail");
        }
        (answer, expected) => panic!("{answer:?}, expected {expected:?}"),
    }
}

/// Asks, waits or leaves, and judges what was answered.
fn client(rig: &Rig, graphs: &[(CAddr, Expected)], seed: u64) {
    let mut chance = Chance(seed);
    for asked in 0..ASKED_PER_THREAD {
        let (root, expected) = &graphs[chance.below(graphs.len())];
        let mode = match chance.below(12) {
            0 => Mode::Sequential,
            1 => Mode::Record,
            _ => Mode::Parallel,
        };
        let (ticket, answers) = start(&rig.evaluator, *root, mode);
        assert!(rig.evaluator.counts().in_flight <= THREADS);
        if chance.below(2) == 0 {
            for _ in 0..chance.below(60) {
                thread::yield_now();
            }
            drop(ticket);
            // It may have been answered before it left; who left hears nothing after that.
            if let Ok(answer) = answers.try_recv() {
                judge(answer, expected);
            }
        } else {
            let answer = answers.recv_timeout(PATIENCE);
            judge(answer.expect("an answer in time"), expected);
        }
        if asked % 16 == 0 {
            rig.sources.forget_values();
        }
    }
}

#[test]
fn whoever_stays_gets_the_right_answer_and_nothing_is_left_behind() {
    for workers in [1, 2, 5] {
        let rig = rig(workers, functions());
        let graphs = graphs(&rig.sources);
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (rig, graphs) = (&rig, &graphs);
                scope.spawn(move || client(rig, graphs, number * 1000 + workers as u64));
            }
        });
        let state = rig.evaluator.shared.state.lock();
        assert!(state.board.is_empty());
        assert!(state.requests.is_empty());
        drop(state);
        assert_eq!(rig.evaluator.counts().in_flight, 0);
    }
}

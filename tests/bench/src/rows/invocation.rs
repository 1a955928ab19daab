//! What one cold invocation costs: many trivial ones at once, and one alone.

use super::Measurement;
use crate::{
    Failure,
    functions::{MIXED, recipe},
    graphs::{ByHand, Sealed, Site, apart},
    row::{Curve, Measured, Row, Target, Unit},
    setting::{Setting, timed},
    stand::Stand,
    statistics::median,
    table::amount,
};
use deriva_model::{CAddr, Recipe};

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "invocation",
    measure: invocation,
}];

/// What every graph here is over.
pub(super) const LEAF: [u8; MIXED] = *b"a leaf!!";

/// The parts of a figure, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    /// Making the recipes: canonical bytes and hashes.
    pub(super) seal: f64,
    /// From the request to its answer.
    pub(super) evaluate: f64,
    /// Until the cache's own actor has every value in its books.
    pub(super) settle: f64,
    pub(super) recipes: usize,
}

impl Parts {
    pub(super) fn each(&self) -> f64 {
        (self.seal + self.evaluate + self.settle) / self.recipes as f64
    }

    /// What the parts of several runs are in the middle, a recipe.
    pub(super) fn told(all: &[Self]) -> String {
        let part = |part: fn(&Self) -> f64| {
            let each: Vec<f64> = all
                .iter()
                .map(|one| part(one) / one.recipes as f64)
                .collect();
            amount(median(&each), Unit::Seconds)
        };
        format!(
            "Of these, a recipe: sealing on the client's one thread {}, from request to answer {}, until the cache has \
             settled {}.",
            part(|one| one.seal),
            part(|one| one.evaluate),
            part(|one| one.settle),
        )
    }
}

/// Builds a graph, has it evaluated, and waits until the cache holds all of its values.
pub(super) fn carried_out(
    stand: &Stand<'_>,
    build: impl FnOnce(&mut Sealed) -> Result<(), Failure>,
) -> Result<Parts, Failure> {
    let before = stand.values().len();
    let (seal, graph) = timed(|| {
        let mut sealed = Sealed::default();
        build(&mut sealed)?;
        sealed.travelling()
    });
    let graph = graph?;
    let (evaluate, value) = timed(|| stand.evaluate(&graph));
    if value?.len() != MIXED {
        return Err("the root came out as something else".into());
    }
    let (settle, settled) = timed(|| stand.settle(before + graph.len()));
    settled?;
    Ok(Parts {
        seal,
        evaluate,
        settle,
        recipes: graph.len(),
    })
}

/// Seconds a recipe of a graph that is made and carried out by hand.
pub(super) fn by_hand(
    leaf: CAddr,
    build: impl FnOnce(&mut Counted) -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let mut counted = Counted::default();
    counted.site.hold(leaf, LEAF);
    let (seconds, built) = timed(|| build(&mut counted));
    built?;
    Ok(seconds / counted.recipes as f64)
}

/// Work by hand, and of how many recipes it was.
#[derive(Default)]
pub(super) struct Counted {
    site: ByHand,
    recipes: usize,
}

impl Site for Counted {
    fn put(&mut self, recipe: Recipe) -> Result<CAddr, Failure> {
        self.recipes += 1;
        self.site.put(recipe)
    }
}

pub(super) const BY_HAND: &str = "the same recipes on one thread without a node: canonical bytes and BLAKE3, into a HashMap, each input looked \
     up, the function, BLAKE3 of its value, into the concurrent map";

fn invocation(setting: &Setting) -> Result<Measured, Failure> {
    let stand = Stand::start(setting)?;
    let leaf = stand.put_leaf(&LEAF)?;
    let count = setting.of(1000, 100_000);
    let (mut seed, mut parts) = (0, Vec::new());
    let pairs = setting.paired(
        || {
            seed += 1;
            let done = carried_out(&stand, |site| apart(site, leaf, count, seed))?;
            parts.push(done);
            Ok(done.each())
        },
        || by_hand(leaf, |site| apart(site, leaf, count, 0)),
    )?;
    let row = Row {
        figure: "cold invocation of a trivial native function, transient".to_owned(),
        floor: BY_HAND.to_owned(),
        includes: format!(
            "{count} distinct recipes with one input and one param under one root, in one request: canonical bytes and \
             hash of each on the client's thread, the way through the materializer's actor, planning, looking up inputs \
             and equal computations, the call within its budget, the value's hash and record, its offer to the cache, and \
             the time until the cache's actor has every value in its books. Divided by all recipes, the gathering ones \
             included."
        ),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::AtMost(1e-6)],
        value_bytes: MIXED as u64,
        workers: setting.workers(),
        notes: vec![Parts::told(&parts)],
    };
    let curve = alone(setting, &stand, leaf)?;
    stand.stop();
    Ok(Measured {
        rows: vec![row],
        curves: vec![curve],
    })
}

/// One recipe a request, one request at a time.
fn alone(setting: &Setting, stand: &Stand<'_>, leaf: CAddr) -> Result<Curve, Failure> {
    let mut seconds = Vec::new();
    for seed in 0..setting.of(20, 20_000) {
        // Below zero, where no other graph has its numbers.
        let number = -1 - i64::try_from(seed)?;
        let (took, value) = timed(|| {
            let mut sealed = Sealed::default();
            sealed.put(recipe("mix", vec![leaf], Some(number))?)?;
            stand.evaluate(&sealed.travelling()?)
        });
        value?;
        seconds.push(took);
    }
    Ok(Curve::latency("one cold invocation, alone", &seconds))
}

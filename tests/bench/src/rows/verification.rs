//! What it costs to execute everything twice, when a core is free to do so.

use super::{Measurement, invocation::LEAF};
use crate::{
    Failure,
    functions::{MIXED, recipe},
    graphs::{Graph, Sealed, Site},
    row::{Measured, Row, Target, Unit},
    setting::{Setting, timed},
    stand::Stand,
};
use deriva_messages::verify::Verification;
use deriva_model::CAddr;
use std::cell::Cell;

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "dual-verification",
    measure: verification,
}];

/// Recipes of the chain.
const CHAIN: usize = 4;
/// What each takes, about.
const EACH_SECONDS: f64 = 0.025;
/// Steps that are timed to find out how many that is.
const SAMPLE: f64 = 1e7;

fn verification(setting: &Setting) -> Result<Measured, Failure> {
    let stand = Stand::start(setting)?;
    let leaf = stand.put_leaf(&LEAF)?;
    let toil = Toil {
        stand: &stand,
        leaf,
        steps: Cell::new(SAMPLE as i64),
    };
    let sample = toil.seconds(1, Verification::Off)?;
    let each = EACH_SECONDS / setting.of(25, 1) as f64;
    toil.steps.set((SAMPLE * each / sample) as i64);
    let mut rows = Vec::new();
    for (length, what) in [(1, "one execution"), (CHAIN, "a chain of four")] {
        let pairs = setting.paired(
            || toil.seconds(length, Verification::Dual),
            || toil.seconds(length, Verification::Off),
        )?;
        rows.push(Row {
            figure: format!("dual verification of {what}"),
            floor: "the same request with verification off".to_owned(),
            includes: format!(
                "A native function that computes for some {:.0} ms, executed twice by two workers, compared, then \
                 believed; from request to answer.",
                each * 1000.0
            ),
            unit: Unit::Seconds,
            pairs,
            targets: vec![Target::RatioAtMost(1.2)],
            value_bytes: MIXED as u64,
            workers: setting.workers(),
            notes: Vec::new(),
        });
    }
    stand.stop();
    Ok(Measured {
        rows,
        curves: Vec::new(),
    })
}

/// A function that takes its time.
struct Toil<'a> {
    stand: &'a Stand<'a>,
    leaf: CAddr,
    /// Goes up with each recipe, so that all are cold; one step more or less cannot be measured.
    steps: Cell<i64>,
}

impl Toil<'_> {
    /// Seconds from the request for a chain to its answer.
    fn seconds(&self, length: usize, verification: Verification) -> Result<f64, Failure> {
        let Graph { root, recipes } = self.chain(length)?;
        let (took, value) = timed(|| self.stand.materialize(root, recipes, verification));
        value?;
        Ok(took)
    }

    fn chain(&self, length: usize) -> Result<Graph, Failure> {
        let mut sealed = Sealed::default();
        let mut below = self.leaf;
        for _ in 0..length {
            self.steps.set(self.steps.get() + 1);
            below = sealed.put(recipe("toil", vec![below], Some(self.steps.get()))?)?;
        }
        sealed.travelling()
    }
}

//! What the cache's policy saves, on the traces of `make simulate`, by the policy's own code.
//!
//! No time is measured: what a value costs is said by the trace, so the figures are the same each time.

#[allow(
    dead_code,
    reason = "the simulator prints more of a trace than is promised of it"
)]
#[path = "../../../../actors/node/examples/eviction"]
mod simulator {
    pub(super) mod bound;
    pub(super) mod policies;
    pub(super) mod report;
    pub(super) mod traces;
}

use self::simulator::{
    bound,
    policies::{Gdsf, Lru, Policy, replay},
    report::Targets,
    traces::{CACHE_PERCENT, GENERATORS, Generator, Scale, WHOLE},
};
use super::Measurement;
use crate::{
    Failure,
    row::{Measured, Pairs, Row, Target, Unit},
    setting::{Setting, Size},
};

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "eviction",
    measure: eviction,
}];

/// Seconds that one trace would have cost and did not.
#[derive(Default)]
struct Saved {
    ours: Vec<f64>,
    lru: Vec<f64>,
    bound: Vec<f64>,
}

fn eviction(setting: &Setting) -> Result<Measured, Failure> {
    let scale = match setting.size {
        Size::Full => WHOLE,
        Size::Tiny => Scale {
            values: 500,
            requests_a_value: 10,
        },
    };
    let mut rows = Vec::new();
    for generator in &GENERATORS {
        if generator.targets == Targets::None {
            continue;
        }
        let Saved { ours, lru, bound } = saved(generator, scale, setting.runs);
        let row = |floor: &str, pairs, target| row(generator, floor, pairs, target);
        let by_lru = Pairs {
            ours: ours.clone(),
            floor: lru,
        };
        let least = match generator.targets {
            Targets::Zipf => 2.0,
            _ => 1.0,
        };
        rows.push(row("LRU", by_lru, least));
        if generator.targets == Targets::Zipf {
            let floor = bound;
            rows.push(row("the offline bound", Pairs { ours, floor }, 0.85));
        }
    }
    Ok(Measured {
        rows,
        curves: Vec::new(),
    })
}

fn saved(generator: &Generator, scale: Scale, seeds: usize) -> Saved {
    let seconds = |nanos: u128| nanos as f64 / 1e9;
    let mut saved = Saved::default();
    for seed in 1..=seeds as u64 {
        let trace = (generator.make)(scale, seed);
        let capacity = trace.capacity(CACHE_PERCENT);
        let ours = replay(&trace, Gdsf::new(capacity)).saved;
        saved.ours.push(seconds(ours));
        saved
            .lru
            .push(seconds(replay(&trace, Lru::new(capacity)).saved));
        saved.bound.push(seconds(bound::bound(&trace, capacity)));
    }
    saved
}

fn row(generator: &Generator, floor: &str, pairs: Pairs, least: f64) -> Row {
    Row {
        figure: format!(
            "eviction, {}: computing saved, over {floor}",
            generator.name
        ),
        floor: format!("{floor} with the same bytes, on the same trace"),
        includes: format!(
            "Seconds of computing that hits save on a trace of the named generator, the cache being {CACHE_PERCENT} % of \
             the footprint; one trace a seed, seeds from 1 on.",
        ),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::RatioAtLeast(least)],
        // From 4 to 64 KiB; the middle of the powers between.
        value_bytes: 16_384,
        workers: 1,
        notes: Vec::new(),
    }
}

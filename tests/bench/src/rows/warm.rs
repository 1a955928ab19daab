//! What a warm Get costs in process, next to a lookup in a map like the view's own.

use super::{Measurement, invocation::LEAF};
use crate::{
    Failure,
    functions::{MIXED, recipe},
    graphs::{Bare, Graph, Sealed, Site},
    row::{Curve, Measured, Row, Target, Unit},
    setting::{Setting, timed},
    stand::Stand,
};
use bytes::Bytes;
use deriva_model::CAddr;
use std::hint::black_box;

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "warm-get",
    measure: warm,
}];

/// Lookups of a sample, a value.
const ROUNDS: usize = 10;
/// A stride between one address and the next, with no divisor in common with their number: the order
/// in which they were put in must not help.
const STRIDE: usize = 7919;

fn warm(setting: &Setting) -> Result<Measured, Failure> {
    let stand = Stand::start(setting)?;
    let addresses = resident(setting, &stand)?;
    let bare: Bare<Bytes> = Bare::default();
    for address in &addresses {
        let value = stand.values().warm(address);
        bare.insert(*address, value.ok_or("a value is not there")?.bytes.clone());
    }
    let get = |address: &CAddr| Some(stand.values().warm(address)?.bytes.clone());
    let look = |address: &CAddr| bare.get(address).map(|entry| entry.value().clone());
    let rounds = setting.of(1, ROUNDS);
    let pairs = setting.paired(
        || each(&addresses, rounds, get),
        || each(&addresses, rounds, look),
    )?;
    let row = Row {
        figure: "warm Get in process, resident value".to_owned(),
        floor:
            "get and clone in a concurrent map of the same type, with the same addresses and values"
                .to_owned(),
        includes: format!(
            "{} resident values of stored recipes, in no order, on one thread: what a gateway does for one of them (the \
             view's look with its check for a voiding under way, the counters of hits and of what they saved, the bytes \
             cloned).",
            addresses.len()
        ),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::RatioAtMost(2.0)],
        value_bytes: MIXED as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    };
    let curve = one_by_one(&addresses, get)?;
    stand.stop();
    Ok(Measured {
        rows: vec![row],
        curves: vec![curve],
    })
}

/// Stores recipes, has their values computed, and gives their addresses in no order.
fn resident(setting: &Setting, stand: &Stand<'_>) -> Result<Vec<CAddr>, Failure> {
    let count = setting.of(1000, 100_000);
    let leaf = stand.put_leaf(&LEAF)?;
    let mut stored = Sealed::default();
    for number in 0..count {
        stored.put(recipe("mix", vec![leaf], Some(i64::try_from(number)?))?)?;
    }
    stand.put_recipes(&stored.0)?;
    let addresses: Vec<CAddr> = stored.0.iter().map(|recipe| recipe.address()).collect();
    let above = gathering(&addresses)?;
    stand.evaluate(&above)?;
    stand.settle(count + above.len())?;
    let shuffled = (0..count).map(|at| addresses[at * STRIDE % count]);
    Ok(shuffled.collect())
}

/// A graph that travels, over addresses that are stored.
pub(super) fn gathering(addresses: &[CAddr]) -> Result<Graph, Failure> {
    let mut above = Sealed::default();
    let mut gathered = Vec::new();
    for some in addresses.chunks(1000) {
        gathered.push(above.put(recipe("mix", some.to_vec(), None)?)?);
    }
    above.put(recipe("mix", gathered, None)?)?;
    above.travelling()
}

/// Seconds that one lookup takes.
fn each(
    addresses: &[CAddr],
    rounds: usize,
    look: impl Fn(&CAddr) -> Option<Bytes>,
) -> Result<f64, Failure> {
    let (seconds, found) = timed(|| {
        let mut found = 0;
        for _ in 0..rounds {
            let values = addresses.iter().filter_map(&look);
            found += values.map(black_box).count();
        }
        found
    });
    if found != addresses.len() * rounds {
        return Err("a value was not there".into());
    }
    Ok(seconds / found as f64)
}

/// With the clock's own two looks in each figure.
fn one_by_one(
    addresses: &[CAddr],
    look: impl Fn(&CAddr) -> Option<Bytes>,
) -> Result<Curve, Failure> {
    let mut seconds = Vec::with_capacity(addresses.len());
    for address in addresses {
        let (took, value) = timed(|| look(address));
        black_box(value.ok_or("a value was not there")?);
        seconds.push(took);
    }
    Ok(Curve::latency("warm Get in process", &seconds))
}

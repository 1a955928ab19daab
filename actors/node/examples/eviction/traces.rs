//! Traces of requests: generators that are named and seeded, and the form of a file.
//!
//! It refuses a trace that contradicts itself: the size and cost of an address are told once.

use super::report::Targets;
use std::collections::{HashMap, hash_map::Entry};

/// Bytes that a place costs beside the value, as in production.
const OVERHEAD: u64 = 400;
/// Bytes of generated values, spread evenly over the powers between.
const SIZES: (f64, f64) = (4096.0, 65_536.0);
/// Nanoseconds a byte of what is cheap.
const CHEAP: f64 = 100.0;
/// How many times as much a byte of what is dear costs.
const SPREAD: f64 = 48.0;
/// The exponent of the popularity.
const ZIPF: f64 = 0.9;
/// Values of a trace from a file: each takes a few bytes here.
const VALUES_MAX: usize = 50_000_000;

/// The cache's part of what all values weigh together, where nothing else is said.
pub(crate) const CACHE_PERCENT: u64 = 2;

/// How large generated traces are.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) values: u32,
    /// Requests for each value, in the mean.
    pub(crate) requests_a_value: u32,
}

pub(crate) const WHOLE: Scale = Scale {
    values: 20_000,
    requests_a_value: 40,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) size: u64,
    pub(crate) nanos: u64,
}

impl Value {
    pub(crate) const fn weight(&self) -> u64 {
        self.size.saturating_add(OVERHEAD)
    }
}

pub(crate) struct Trace {
    pub(crate) values: Vec<Value>,
    /// Numbers of values.
    pub(crate) requests: Vec<u32>,
}

impl Trace {
    /// What is asked for, in order.
    pub(crate) fn asked(&self) -> impl Iterator<Item = (u32, &Value)> {
        let value = |number: &u32| Some((*number, self.values.get(*number as usize)?));
        self.requests.iter().filter_map(value)
    }

    /// Bytes of all values, by weight.
    pub(crate) fn footprint(&self) -> u128 {
        let weights = self.values.iter().map(|value| u128::from(value.weight()));
        weights.sum()
    }

    /// Bytes of a cache that is so many percent of the footprint.
    pub(crate) fn capacity(&self, percent: u64) -> u64 {
        let capacity = self.footprint() * u128::from(percent) / 100;
        u64::try_from(capacity).unwrap_or(u64::MAX)
    }

    /// Reads `address size cost_nanos` a line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut trace = Self {
            values: Vec::new(),
            requests: Vec::new(),
        };
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (address, value) =
                request(line).ok_or_else(|| format!("line {} is no request", at + 1))?;
            let number = match numbers.entry(address) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    if trace.values.len() >= VALUES_MAX {
                        return Err(format!("more than {VALUES_MAX} addresses"));
                    }
                    trace.values.push(value);
                    *place.insert(trace.values.len() as u32 - 1)
                }
            };
            if trace.values.get(number as usize) != Some(&value) {
                return Err(format!("line {} tells {address} otherwise", at + 1));
            }
            trace.requests.push(number);
        }
        Ok(trace)
    }
}

fn request(line: &str) -> Option<(&str, Value)> {
    let mut words = line.split_whitespace();
    let address = words.next()?;
    let size = words.next()?.parse().ok()?;
    let nanos = words.next()?.parse().ok()?;
    words
        .next()
        .is_none()
        .then_some((address, Value { size, nanos }))
}

/// A named generator.
pub(crate) struct Generator {
    pub(crate) name: &'static str,
    pub(crate) targets: Targets,
    pub(crate) make: fn(Scale, u64) -> Trace,
}

/// How dear values are. Neither has to do with how popular they are.
#[derive(Clone, Copy)]
enum Costs {
    /// One value in twenty costs 48 times as much a byte as the others.
    FewDear,
    /// Evenly over the powers between 1 and 48.
    Even,
    /// All the same.
    Same,
}

pub(crate) const GENERATORS: [Generator; 6] = [
    Generator {
        name: "zipf-0.9, one in 20 dear x48",
        targets: Targets::Zipf,
        make: |scale, seed| zipf(scale, Costs::FewDear, &mut Chance(seed)),
    },
    Generator {
        name: "zipf-0.9, costs even 1..48",
        targets: Targets::None,
        make: |scale, seed| zipf(scale, Costs::Even, &mut Chance(seed)),
    },
    Generator {
        name: "uniform, costs even 1..48",
        targets: Targets::Uniform,
        make: |scale, seed| uniform(scale, Costs::Even, &mut Chance(seed)),
    },
    Generator {
        name: "uniform, costs the same",
        targets: Targets::Uniform,
        make: |scale, seed| uniform(scale, Costs::Same, &mut Chance(seed)),
    },
    Generator {
        name: "zipf-0.9 with scans",
        targets: Targets::None,
        make: scanned,
    },
    Generator {
        name: "zipf-0.9, shifting set",
        targets: Targets::None,
        make: shifting,
    },
];

fn zipf(scale: Scale, costs: Costs, chance: &mut Chance) -> Trace {
    let values = values(scale, costs, chance);
    let mut sums = Vec::with_capacity(values.len());
    let mut sum = 0.0;
    for rank in 1..=scale.values {
        sum += f64::from(rank).powf(-ZIPF);
        sums.push(sum);
    }
    let mut pick = || {
        let at = chance.part() * sum;
        let number = sums.partition_point(|sum| *sum < at) as u32;
        number.min(scale.values - 1)
    };
    let requests = (0..count(scale)).map(|_| pick()).collect();
    Trace { values, requests }
}

fn uniform(scale: Scale, costs: Costs, chance: &mut Chance) -> Trace {
    let values = values(scale, costs, chance);
    let pick = |_| chance.below(scale.values);
    let requests = (0..count(scale)).map(pick).collect();
    Trace { values, requests }
}

/// Eight times in the trace every value is asked for once, one after the other, before it goes on.
fn scanned(scale: Scale, seed: u64) -> Trace {
    let mut trace = zipf(scale, Costs::Even, &mut Chance(seed));
    let wanted = std::mem::take(&mut trace.requests);
    for some in wanted.chunks(wanted.len().div_ceil(8).max(1)) {
        trace.requests.extend(some);
        trace.requests.extend(0..scale.values);
    }
    trace
}

/// Five times in the trace a tenth of the values, the most popular, change places with others.
fn shifting(scale: Scale, seed: u64) -> Trace {
    let mut trace = zipf(scale, Costs::Even, &mut Chance(seed));
    let phase = trace.requests.len().div_ceil(5).max(1);
    for (at, number) in trace.requests.iter_mut().enumerate() {
        let shift = (at / phase) as u32 * (scale.values / 10);
        *number = (*number + shift) % scale.values;
    }
    trace
}

fn count(scale: Scale) -> u64 {
    u64::from(scale.values) * u64::from(scale.requests_a_value)
}

fn values(scale: Scale, costs: Costs, chance: &mut Chance) -> Vec<Value> {
    (0..scale.values).map(|_| value(costs, chance)).collect()
}

fn value(costs: Costs, chance: &mut Chance) -> Value {
    let size = SIZES.0 * (SIZES.1 / SIZES.0).powf(chance.part());
    let part = chance.part();
    let times = match costs {
        Costs::FewDear if part < 0.05 => SPREAD,
        Costs::FewDear | Costs::Same => 1.0,
        Costs::Even => SPREAD.powf(part),
    };
    Value {
        size: size as u64,
        nanos: (size * CHEAP * times) as u64,
    }
}

/// Chance by a seed: `SplitMix64`.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, without 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u32) -> u32 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u32
    }
}

//! Replays traces of requests through the cache's policy, LRU and SIEVE side by side, and says how
//! much computing each saves, next to what no policy could exceed.
//!
//! The policy is production's own `Ledger`. It refuses to measure time: what a value costs is said
//! by the trace, so that every run of it prints the same figures.
//!
//! `cargo run -p deriva-actors --example eviction` replays the generated traces. With a file as
//! argument it replays that: one request a line, `address size cost_nanos`, separated by spaces. An
//! address is any word; size is in bytes, cost in nanoseconds, both as they were first told for the
//! address. Empty lines and lines that begin with `#` are passed over. A second argument is the
//! cache's size in percent of the footprint, which is 2 otherwise.

mod bound;
mod policies;
mod report;
mod traces;

use policies::{Gdsf, Lru, Policy, Sieve};
use report::Row;
use std::{io::Write, process::ExitCode};
use traces::{CACHE_PERCENT, Trace};

/// Seeds that each generator is run with; the figures are sums over them.
const SEEDS: u64 = 5;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let table = match arguments.first() {
        None => Ok(generated(traces::WHOLE, SEEDS)),
        Some(path) => replayed(path, arguments.get(1).map(String::as_str)),
    };
    let (text, code) = match table {
        Ok(rows) => (report::table(&rows), ExitCode::SUCCESS),
        Err(why) => (format!("{why}\n"), ExitCode::FAILURE),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// One row a generator.
fn generated(scale: traces::Scale, seeds: u64) -> Vec<Row> {
    let rows = traces::GENERATORS.iter().map(|generator| {
        let mut row = Row::new(generator.name, generator.targets);
        for seed in 1..=seeds {
            add(&mut row, &(generator.make)(scale, seed), CACHE_PERCENT);
        }
        row
    });
    rows.collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a tool of its own, which nothing waits for"
)]
fn replayed(path: &str, percent: Option<&str>) -> Result<Vec<Row>, String> {
    let percent = match percent {
        None => CACHE_PERCENT,
        Some(word) => word
            .parse()
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .ok_or("the cache's size is a whole number of percent, from 1 to 100")?,
    };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let trace = Trace::parse(&text).map_err(|why| format!("{path}: {why}"))?;
    let mut row = Row::new(path, report::Targets::None);
    add(&mut row, &trace, percent);
    Ok(vec![row])
}

/// Replays one trace through all of them.
fn add(row: &mut Row, trace: &Trace, percent: u64) {
    let capacity = trace.capacity(percent);
    row.requests += trace.requests.len() as u64;
    row.gdsf.add(policies::replay(trace, Gdsf::new(capacity)));
    row.lru.add(policies::replay(trace, Lru::new(capacity)));
    row.sieve.add(policies::replay(trace, Sieve::new(capacity)));
    row.schedule += bound::schedule(trace, capacity);
    row.bound += bound::bound(trace, capacity);
}

#[cfg(test)]
mod eviction_test;

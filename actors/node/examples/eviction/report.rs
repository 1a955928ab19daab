//! The figures as a table, and whether targets are met.
//!
//! It refuses to round up: a ratio is met or not by the whole numbers behind it.

use super::policies::Outcome;

/// What is promised of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Targets {
    None,
    /// Twice what LRU saves, and 85 % of the offline best.
    Zipf,
    /// No less than LRU saves.
    Uniform,
}

pub(crate) struct Row {
    name: String,
    targets: Targets,
    pub(crate) requests: u64,
    pub(crate) gdsf: Outcome,
    pub(crate) lru: Outcome,
    pub(crate) sieve: Outcome,
    /// Nanoseconds saved by a schedule that knows the future.
    pub(crate) schedule: u128,
    /// Nanoseconds that nothing can exceed.
    pub(crate) bound: u128,
}

impl Row {
    pub(crate) fn new(name: &str, targets: Targets) -> Self {
        Self {
            name: name.to_owned(),
            targets,
            requests: 0,
            gdsf: Outcome::default(),
            lru: Outcome::default(),
            sieve: Outcome::default(),
            schedule: 0,
            bound: 0,
        }
    }

    /// What is promised, and whether it holds.
    pub(crate) fn promises(&self) -> Vec<(&'static str, bool)> {
        let ours = self.gdsf.saved;
        match self.targets {
            Targets::None => Vec::new(),
            Targets::Zipf => vec![
                ("at least 2 x LRU", ours >= 2 * self.lru.saved),
                ("at least 85 % of the bound", 100 * ours >= 85 * self.bound),
            ],
            Targets::Uniform => vec![("no worse than LRU", ours >= self.lru.saved)],
        }
    }

    fn line(&self) -> String {
        let rate = |outcome: Outcome| ratio(outcome.hits.into(), self.requests.into());
        let saved = |nanos: u128| ratio(nanos, self.bound);
        format!(
            "{:<29} {:.3} {:.3} {:.3}   {:.3} {:.3} {:.3} {:.3} {:>11.1}   {:>6.2} {:>6.2}",
            self.name,
            rate(self.gdsf),
            rate(self.lru),
            rate(self.sieve),
            saved(self.gdsf.saved),
            saved(self.lru.saved),
            saved(self.sieve.saved),
            saved(self.schedule),
            self.bound as f64 / 1e9,
            ratio(self.gdsf.saved, self.lru.saved),
            ratio(self.bound, self.lru.saved),
        )
    }
}

fn ratio(part: u128, whole: u128) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

const HEAD: [&str; 2] = [
    "                              hit rate            saved, as a part of the bound                / LRU",
    "trace                         gdsf  lru   sieve   gdsf  lru   sieve sched.   bound (s)     gdsf  bound",
];

pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = HEAD.join("\n") + "\n";
    let mut promises = String::new();
    for row in rows {
        text.push_str(&row.line());
        text.push('\n');
        for (promise, holds) in row.promises() {
            let said = if holds { "met" } else { "NOT MET" };
            promises.push_str(&format!("{}: {promise}: {said}\n", row.name));
        }
    }
    text + "\n" + &promises
}

//! A row: pairs of figures, what they are figures of, and what was promised.

use crate::statistics::{self, SCATTER_MAX, Spread};
use serde::Serialize;
use std::fmt;

/// What the figures of a row count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Seconds,
    /// So many a second of what is named.
    PerSecond(&'static str),
    Bytes,
    /// A number of its own.
    Times,
}

/// What is promised of a row. A row that has several keeps all of them or is missed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Ours, in the row's unit.
    AtMost(f64),
    /// Ours, in the row's unit.
    AtLeast(f64),
    /// Ours over the floor.
    RatioAtMost(f64),
    /// Ours over the floor.
    RatioAtLeast(f64),
}

impl Target {
    fn is_met(self, ours: f64, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ours <= most,
            Self::AtLeast(least) => ours >= least,
            Self::RatioAtMost(most) => ratio <= most,
            Self::RatioAtLeast(least) => ratio >= least,
        }
    }
}

/// Figures that were taken in turns, in the row's unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pairs {
    pub ours: Vec<f64>,
    pub floor: Vec<f64>,
}

/// Whether the targets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    /// The pairs scatter too much to tell.
    Invalid,
    /// Nothing was promised.
    Told,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Missed => "MISSED",
            Self::Invalid => "invalid",
            Self::Told => "-",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What is measured, as the table calls it.
    pub figure: String,
    /// What the floor or the peer is.
    pub floor: String,
    /// What the figure includes, in sentences.
    pub includes: String,
    pub unit: Unit,
    pub pairs: Pairs,
    pub targets: Vec<Target>,
    /// Bytes of one value.
    pub value_bytes: u64,
    /// Functions that may run at once.
    pub workers: usize,
    /// What else is worth knowing, such as the parts of the figure.
    pub notes: Vec<String>,
}

impl Row {
    #[must_use]
    pub fn ours(&self) -> Spread {
        Spread::of(&self.pairs.ours)
    }

    #[must_use]
    pub fn floor_spread(&self) -> Spread {
        Spread::of(&self.pairs.floor)
    }

    /// Ours over the floor, pair by pair.
    #[must_use]
    pub fn ratios(&self) -> Vec<f64> {
        statistics::paired_ratios(&self.pairs.ours, &self.pairs.floor)
    }

    /// The interquartile range of the ratios as a part of their median.
    #[must_use]
    pub fn scatter(&self) -> f64 {
        statistics::scatter(&self.ratios())
    }

    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let ratio = statistics::median(&self.ratios());
        let ours = self.ours().median;
        let mut targets = self.targets.iter();
        if self.scatter() > SCATTER_MAX {
            Verdict::Invalid
        } else if self.targets.is_empty() {
            Verdict::Told
        } else if targets.all(|target| target.is_met(ours, ratio)) {
            Verdict::Met
        } else {
            Verdict::Missed
        }
    }
}

/// Which plot a curve belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plot {
    /// Nodes of a graph, and seconds a node.
    CostBySize,
    /// A part of all (0 to 1), and the seconds within which it was answered.
    Latency,
}

/// One line of a plot.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    pub plot: Plot,
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// Parts of all at which a curve of latencies has points.
    const PARTS: [f64; 11] = [
        0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999,
    ];

    /// The latencies of many like calls, in seconds, as a curve.
    #[must_use]
    pub fn latency(name: &str, seconds: &[f64]) -> Self {
        let points = statistics::quantiles(seconds, &Self::PARTS);
        Self {
            plot: Plot::Latency,
            name: name.to_owned(),
            points: Self::PARTS.into_iter().zip(points).collect(),
        }
    }
}

/// What a measurement gives.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub rows: Vec<Row>,
    pub curves: Vec<Curve>,
}

impl From<Row> for Measured {
    fn from(row: Row) -> Self {
        Self {
            rows: vec![row],
            curves: Vec::new(),
        }
    }
}

#[cfg(test)]
#[path = "row_test.rs"]
mod row_test;

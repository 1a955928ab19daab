//! One run of the benchmark as a whole: what was measured, on what, and every sample of it.
//!
//! The JSON holds what the table rounds. It refuses to leave out what was invalid or could not be measured.

use crate::{
    Failure, machine,
    machine::{Machine, Versions},
    row::{Curve, Measured, Row, Verdict},
    rows::Measurement,
    setting::{Setting, Size},
    statistics::{Spread, median},
};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// What every row of a run has in common.
const STATEMENT: &str = "Verification is as the node's default has it, limits and budgets are on, contents are hashed \
                         and compared: nothing is switched off for these figures.";

/// A row, and the load average when it had been measured.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    pub measurement: &'static str,
    pub row: Row,
    pub load: f64,
}

/// A measurement that gave no row.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    pub name: &'static str,
    pub why: String,
}

#[derive(Clone, Debug)]
pub struct Report {
    pub statement: String,
    pub size: Size,
    pub runs: usize,
    pub machine: Machine,
    pub versions: Versions,
    pub load_before: f64,
    pub load_after: f64,
    pub rows: Vec<Told>,
    pub curves: Vec<Curve>,
    pub failures: Vec<Failed>,
}

impl Report {
    /// Carries the measurements out, one after the other, telling `before` the name of each.
    pub fn measure<'a>(
        setting: &Setting,
        measurements: impl Iterator<Item = &'a Measurement>,
        mut before: impl FnMut(&str),
    ) -> Self {
        let mut report = Self::empty(setting);
        for measurement in measurements {
            before(measurement.name);
            report.take(measurement.name, (measurement.measure)(setting));
        }
        report.load_after = machine::load();
        report
    }

    fn empty(setting: &Setting) -> Self {
        let tiny = match setting.size {
            Size::Tiny => " TINY SIZES: the figures say nothing.",
            Size::Full => "",
        };
        Self {
            statement: format!("{STATEMENT}{tiny}"),
            size: setting.size,
            runs: setting.runs,
            machine: Machine::here(),
            versions: Versions::here(),
            load_before: machine::load(),
            load_after: 0.0,
            rows: Vec::new(),
            curves: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn take(&mut self, name: &'static str, measured: Result<Measured, Failure>) {
        match measured {
            Ok(Measured { rows, curves }) => {
                let load = machine::load();
                self.rows.extend(rows.into_iter().map(|row| Told {
                    measurement: name,
                    row,
                    load,
                }));
                self.curves.extend(curves);
            }
            Err(why) => self.failures.push(Failed {
                name,
                why: why.to_string(),
            }),
        }
    }

    /// Everything, as a document.
    #[must_use]
    pub fn json(&self) -> Json {
        json!({
            "statement": self.statement,
            "runs": self.runs,
            "machine": self.machine,
            "versions": self.versions,
            "load": { "before": self.load_before, "after": self.load_after },
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "curves": self.curves,
            "failures": self.failures,
        })
    }

    /// Rows with a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let rows = self.rows.iter();
        rows.filter(|told| told.row.verdict() == verdict).count()
    }
}

/// A row with what follows from its samples.
fn row(told: &Told) -> Json {
    let row = &told.row;
    let ratios = row.ratios();
    json!({
        "measurement": told.measurement,
        "load": told.load,
        "row": row,
        "ours": row.ours(),
        "floor": row.floor_spread(),
        "ratio": Spread::of(&ratios),
        "ratios": ratios,
        "median_ratio": median(&row.ratios()),
        "scatter": row.scatter(),
        "verdict": row.verdict(),
    })
}

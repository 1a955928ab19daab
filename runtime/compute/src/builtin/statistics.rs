//! `sum`, `mean`, `min`, `max`, `median` and `histogram` over numbers, one a line.
//!
//! Numbers are read and written by `number.rs`; a line may end in `\r\n`, and empty lines are passed
//! over. Every other line is a number or is refused. Sums are taken from left to right in doubles; a
//! result that is not finite is refused, never rounded to something else.

use super::card::{card, cost, param};
use super::csv_table::shorten;
use super::cut_bytes::or_else;
use super::flow::{Flow, LineWork, Outbox, Streamed, by_line};
use super::median::Median;
use super::number;
use crate::budget::Budget;
use crate::function::{Arity, CostHint, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::{ParamError, Params};

/// Most bins of a histogram.
const MAX_BINS: i64 = 10_000;
/// What a line of a number costs, for each KiB.
const PER_KIB: u64 = 10_000;
/// Longest line that can be a number, in bytes; a longer one is refused as it comes.
const MAX_NUMBER_BYTES: usize = 4096;

pub(super) fn all() -> [Streamed; 6] {
    let sum = numbers_card("sum", "the sum of its lines; of no lines 0");
    let mean = numbers_card("mean", "the mean of its lines");
    let min = numbers_card("min", "the smallest of its lines");
    let max = numbers_card("max", "the greatest of its lines");
    let median = numbers_card(
        "median",
        "the median of its lines: the middle one, or the mean of the two in the middle",
    );
    [
        Streamed::new(sum, |inputs, _| by_line(inputs, Numbers::of(Fold::Sum))),
        Streamed::new(mean, |inputs, _| by_line(inputs, Numbers::of(Fold::Mean))),
        Streamed::new(min, |inputs, _| by_line(inputs, Numbers::of(Fold::Min))),
        Streamed::new(max, |inputs, _| by_line(inputs, Numbers::of(Fold::Max))),
        Streamed::new(median, |inputs, _| by_line(inputs, Median::new())),
        histogram(),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    Sum,
    Mean,
    Min,
    Max,
}

fn numbers_card(name: &str, what: &str) -> FunctionSpec {
    card(
        name,
        &format!(
            "Gives {what}, in decimal without a newline. Each line is a number; empty lines are \
             passed over. No number at all has only a sum."
        ),
        Arity::exactly(&["numbers"]),
        numbers_cost(),
    )
}

fn histogram() -> Streamed {
    let bins = ParamKind::I64 {
        min: 1,
        max: MAX_BINS,
    };
    let spec: FunctionSpec = card(
        "histogram",
        "Counts the numbers of its lines in equal bins from `low` to `high`, as a CSV table of from, \
         to and count. A bin holds its lower edge and not its upper one, the last bin both. What lies \
         below and above is counted in a first and a last row without an edge on that side.",
        Arity::exactly(&["numbers"]),
        numbers_cost(),
    )
    .with(edge("low", "The lower edge of the first bin."))
    .with(edge("high", "The upper edge of the last bin; above `low`."))
    .with(param("bins", bins, or_else(10), "How many bins."))
    .example("-i ADDR -p low=0 -p high=100 -p bins=20");
    Streamed::new(spec, |inputs, params| {
        let edges = edges(params)?;
        let counts = vec![0; edges.len() + 1];
        by_line(
            inputs,
            Histogram {
                edges,
                counts,
                line: 0,
            },
        )
    })
    .checked(|params| edges(params).map(|_edges| ()))
}

const fn numbers_cost() -> CostHint {
    cost(500, PER_KIB)
}

fn edge(name: &str, description: &str) -> crate::function::ParamSpec {
    let kind = ParamKind::F64 {
        min: f64::MIN,
        max: f64::MAX,
    };
    param(name, kind, Presence::Required, description)
}

/// The edges of all bins, ascending; edge `i` of `n` is `low + (high - low) * (i / n)`.
fn edges(params: &Params) -> Result<Vec<f64>, ParamError> {
    let (low, high) = (params.f64("low")?, params.f64("high")?);
    let width = high - low;
    let conflict = |reason: &str| ParamError::Conflict {
        param: "low".to_string(),
        other: "high".to_string(),
        reason: reason.to_string(),
    };
    if width <= 0.0 {
        return Err(conflict("`low` must lie below `high`"));
    }
    if !width.is_finite() {
        return Err(conflict("they lie too far apart for a double"));
    }
    let bins = u32::try_from(params.i64("bins")?).unwrap_or(1);
    let mut edges: Vec<f64> = (0..bins)
        .map(|at| low + width * (f64::from(at) / f64::from(bins)))
        .collect();
    edges.push(high);
    if edges.windows(2).any(|pair| pair.first() >= pair.last()) {
        return Err(conflict("they lie too close together for so many bins"));
    }
    Ok(edges)
}

/// The number on a line, if there is one. `line` is counted from 1.
pub(super) fn read(line: &[u8], number: u64) -> Result<Option<f64>, FunctionError> {
    let cell = line.strip_suffix(b"\r").unwrap_or(line);
    if cell.is_empty() {
        return Ok(None);
    }
    let parsed = Some(cell).filter(|cell| cell.len() <= MAX_NUMBER_BYTES);
    let Some(value) = parsed.and_then(number::parse) else {
        return Err(FunctionError::failed(format!(
            "line {number}, \"{}\", is not a number within the range of a double; leave out what is \
             none with `grep` first",
            shorten(cell)
        )));
    };
    Ok(Some(value))
}

struct Numbers {
    fold: Fold,
    line: u64,
    count: u64,
    value: f64,
}

/// What to say where there is nothing to say anything about.
pub(super) fn no_number() -> FunctionError {
    FunctionError::failed("there is no number in the input, so only its sum is known")
}

impl Numbers {
    fn of(fold: Fold) -> Self {
        Self {
            fold,
            line: 0,
            count: 0,
            value: 0.0,
        }
    }

    fn result(&self) -> Result<f64, FunctionError> {
        if self.count == 0 && self.fold != Fold::Sum {
            return Err(no_number());
        }
        #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 lines")]
        let count = self.count as f64;
        Ok(match self.fold {
            Fold::Mean => self.value / count,
            _ => self.value,
        })
    }
}

impl LineWork for Numbers {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        _out: &mut Outbox,
        _budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.line += 1;
        let Some(number) = read(line, self.line)? else {
            return Ok(Flow::More);
        };
        self.count += 1;
        match self.fold {
            Fold::Sum | Fold::Mean => {
                self.value += number;
                if !self.value.is_finite() {
                    return Err(FunctionError::failed(format!(
                        "the sum leaves the range of a double at line {}; scale the numbers first",
                        self.line
                    )));
                }
            }
            Fold::Min if self.count == 1 || number < self.value => self.value = number,
            Fold::Max if self.count == 1 || number > self.value => self.value = number,
            Fold::Min | Fold::Max => {}
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let result = self.result()?;
        out.push(number::format(result).as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

struct Histogram {
    edges: Vec<f64>,
    /// Below, the bins, above: one more than there are edges.
    counts: Vec<u64>,
    line: u64,
}

impl LineWork for Histogram {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.line += 1;
        let Some(number) = read(line, self.line)? else {
            return Ok(Flow::More);
        };
        budget.charge_steps(1)?;
        let mut bin = self.edges.partition_point(|edge| *edge <= number);
        if self.edges.last() == Some(&number) {
            bin -= 1;
        }
        if let Some(count) = self.counts.get_mut(bin) {
            *count += 1;
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(b"from,to,count\n", budget)?;
        let name = |edge: Option<&f64>| edge.map(|edge| number::format(*edge)).unwrap_or_default();
        for (at, count) in self.counts.iter().enumerate() {
            let from = at.checked_sub(1).and_then(|before| self.edges.get(before));
            let row = format!("{},{},{count}\n", name(from), name(self.edges.get(at)));
            out.push(row.as_bytes(), budget)?;
        }
        Ok(Flow::Done)
    }
}

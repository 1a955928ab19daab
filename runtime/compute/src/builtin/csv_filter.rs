//! `csv_filter`: the header and those records whose cell in one column passes a test.
//!
//! As text, cells are compared by their bytes. As numbers they are read by `number.rs`; an empty cell
//! is a missing number and passes no comparison, and a cell that is neither is refused by line.

use std::cmp::Ordering;

use csv::ByteRecord;

use super::card::{card, cost, default, text, word};
use super::csv_columns::{RecordWork, open};
use super::csv_stream::TableStream;
use super::csv_table::{delimiter, delimiter_param, shorten, write_record};
use super::flow::{Outbox, Streamed};
use super::number;
use crate::budget::{Budget, CHECKPOINT_BYTES};
use crate::function::{Arity, FunctionError, Presence};
use crate::params::{ParamError, Params};

/// Tests that compare, by text or by number; they need a `value`.
const ORDERED: [&str; 6] = ["eq", "ne", "lt", "le", "gt", "ge"];
/// All tests.
const OPS: [&str; 11] = [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "contains",
    "starts_with",
    "ends_with",
    "is_empty",
    "not_empty",
];

pub(super) fn csv_filter() -> Streamed {
    let spec = card(
        "csv_filter",
        "Keeps the header and the records whose cell in `column` passes the test `op` against \
                 `value`. With type=number both are compared as numbers: an empty cell passes no \
                 comparison, and a cell that is no number is refused.",
        Arity::exactly(&["table"]),
        cost(1_000, 5_000),
    )
    .with(text(
        "column",
        Presence::Required,
        "The column that is tested.",
    ))
    .with(word("op", &OPS, Presence::Required, "The test."))
    .with(text(
        "value",
        Presence::Optional,
        "What the cell is compared with; not with is_empty and not_empty.",
    ))
    .with(word(
        "type",
        &["text", "number"],
        default("text"),
        "How cells are compared: by their bytes or as numbers.",
    ))
    .with(delimiter_param())
    .example("-i ADDR -p column=temp_max -p op=gt -p value=30 -p type=number");
    Streamed::new(spec, |inputs, params| {
        let work = Filter {
            test: Test::read(params)?,
            name: params.string("column")?.to_string(),
            column: 0,
        };
        open(inputs, params, work)
    })
    .checked(|params| {
        delimiter(params)?;
        Test::read(params).map(|_test| ())
    })
}

struct Filter {
    test: Test,
    name: String,
    column: usize,
}

/// The test, ready to be put to cells.
enum Test {
    Text(String, Vec<u8>),
    Number(String, f64),
    Empty,
    NotEmpty,
}

impl Test {
    fn read(params: &Params) -> Result<Self, ParamError> {
        let op = params.string("op")?;
        let value = params.optional_string("value")?;
        let numeric = params.string("type")? == "number";
        match (op, value) {
            ("is_empty" | "not_empty", Some(_)) => Err(conflict(
                "value",
                "op",
                "is_empty and not_empty compare with nothing; leave `value` out",
            )),
            ("is_empty", None) => Ok(Self::Empty),
            ("not_empty", None) => Ok(Self::NotEmpty),
            (_, None) => Err(ParamError::Missing {
                param: "value".to_string(),
                expected: format!("what the cells are compared with by `{op}`"),
            }),
            (_, Some(_)) if numeric && !ORDERED.contains(&op) => Err(conflict(
                "op",
                "type",
                "numbers are compared by eq, ne, lt, le, gt or ge",
            )),
            (_, Some(value)) if numeric => match number::parse(value.as_bytes()) {
                Some(number) => Ok(Self::Number(op.to_string(), number)),
                None => Err(ParamError::IllTyped {
                    param: "value".to_string(),
                    given: format!("\"{}\", which is no number", shorten(value.as_bytes())),
                    expected: "a decimal number such as -12.5, or type=text".to_string(),
                }),
            },
            (_, Some(value)) => Ok(Self::Text(op.to_string(), value.as_bytes().to_vec())),
        }
    }

    /// Whether the cell passes; `None` if it is neither empty nor a number, and should be one.
    fn passes(&self, cell: &[u8], budget: &mut Budget) -> Result<Option<bool>, FunctionError> {
        Ok(match self {
            Self::Empty => Some(cell.is_empty()),
            Self::NotEmpty => Some(!cell.is_empty()),
            Self::Number(..) if cell.is_empty() => Some(false),
            Self::Number(op, value) => number::parse(cell)
                .and_then(|number| number.partial_cmp(value))
                .map(|order| holds(op, order)),
            Self::Text(op, value) => Some(match op.as_str() {
                "contains" => contains(cell, value, budget)?,
                "starts_with" => cell.starts_with(value),
                "ends_with" => cell.ends_with(value),
                op => holds(op, cell.cmp(value.as_slice())),
            }),
        })
    }
}

fn holds(op: &str, order: Ordering) -> bool {
    match op {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "gt" => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// Every text contains the empty one. A long value may be compared at every offset of a long cell, so
/// offsets are paid for in blocks that compare 64 KiB at most.
fn contains(cell: &[u8], value: &[u8], budget: &mut Budget) -> Result<bool, FunctionError> {
    if value.is_empty() {
        return Ok(true);
    }
    let block = (CHECKPOINT_BYTES as usize / value.len()).max(1);
    let mut rest = cell;
    while rest.len() >= value.len() {
        let span = rest.len().min(block + value.len() - 1);
        let offsets = span - value.len() + 1;
        budget.charge_read((offsets * value.len()) as u64)?;
        let head = rest.get(..span).unwrap_or_default();
        if head.windows(value.len()).any(|window| window == value) {
            return Ok(true);
        }
        rest = rest.get(offsets..).unwrap_or_default();
    }
    Ok(false)
}

fn conflict(param: &str, other: &str, reason: &str) -> ParamError {
    ParamError::Conflict {
        param: param.to_string(),
        other: other.to_string(),
        reason: reason.to_string(),
    }
}

impl RecordWork for Filter {
    fn header(
        &mut self,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.column = table.column(&self.name)?;
        write_record(table.header().iter(), delimiter, out, budget)
    }

    fn record(
        &mut self,
        record: &ByteRecord,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let cell = record.get(self.column).unwrap_or_default();
        match self.test.passes(cell, budget)? {
            Some(false) => Ok(()),
            Some(true) => write_record(record.iter(), delimiter, out, budget),
            None => Err(table.refuse_record(number::not_one(&self.name, cell))),
        }
    }
}

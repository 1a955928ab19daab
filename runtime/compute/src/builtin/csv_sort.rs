//! `csv_sort`: the records of a table in the order of some columns.
//!
//! All records are held, so it is a batch function. The sort is stable: records that are equal in
//! those columns stay in the order they came, descending too. As numbers, an empty cell comes before
//! all, and a cell that is no number is refused by line.

use std::cmp::Ordering;

use bytes::Bytes;
use csv::ByteRecord;

use super::card::{card, columns, cost, default, input, word};
use super::csv_table::{Table, delimiter, delimiter_param, write_record};
use super::number;
use super::order::sort;
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec, Presence};
use crate::params::{ParamError, Params};

/// Scratch for a record, besides its bytes and cells: the record itself and its place in a list.
const RECORD_BYTES: u64 = 160;
/// Scratch for a cell: its end, and its number if it is one.
const CELL_BYTES: u64 = 24;

pub(super) struct CsvSort {
    spec: FunctionSpec,
}

impl CsvSort {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
                "csv_sort",
                "Sorts the records by the given columns, the first one first; equal records stay in \
                 the order they came. With type=number an empty cell comes first, and a cell that is \
                 no number is refused.",
                Arity::exactly(&["table"]),
                cost(1_000, 50_000),
            )
            .with(columns(
                "by",
                Presence::Required,
                "The columns to sort by, at least one.",
            ))
            .with(word(
                "order",
                &["asc", "desc"],
                default("asc"),
                "Ascending or descending.",
            ))
            .with(word(
                "type",
                &["text", "number"],
                default("text"),
                "How cells are compared: by their bytes or as numbers.",
            ))
            .with(delimiter_param())
            .example("-i ADDR -p by=temp_max,date -p type=text -p order=desc"),
        }
    }
}

/// What a record is sorted by.
enum Keys {
    Text(Vec<usize>),
    /// The columns and, for every record one after the other, their numbers; empty cells are none.
    Numbers(Vec<usize>, Vec<Option<f64>>),
}

impl Keys {
    fn add(&mut self, record: &ByteRecord, table: &Table<'_>) -> Result<(), FunctionError> {
        let Self::Numbers(columns, numbers) = self else {
            return Ok(());
        };
        for column in columns {
            let cell = record.get(*column).unwrap_or_default();
            let number = number::parse(cell);
            if number.is_none() && !cell.is_empty() {
                let name = table.header().get(*column).unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                return Err(table.refuse_record(record, number::not_one(&name, cell)));
            }
            numbers.push(number);
        }
        Ok(())
    }

    /// The order of two records, and how many bytes were looked at.
    fn compare(&self, rows: &[ByteRecord], a: usize, b: usize) -> (Ordering, usize) {
        let mut looked_at = 0;
        match self {
            Self::Text(columns) => {
                let cell = |row: usize, column: usize| {
                    rows.get(row)
                        .and_then(|row| row.get(column))
                        .unwrap_or_default()
                };
                for column in columns {
                    let (left, right) = (cell(a, *column), cell(b, *column));
                    looked_at += left.len().min(right.len());
                    let order = left.cmp(right);
                    if order.is_ne() {
                        return (order, looked_at);
                    }
                }
            }
            Self::Numbers(columns, numbers) => {
                let number = |row: usize, at: usize| {
                    numbers.get(row * columns.len() + at).copied().flatten()
                };
                for at in 0..columns.len() {
                    looked_at += size_of::<f64>();
                    // None is less than any number; numbers are finite, so they compare.
                    let order = number(a, at).partial_cmp(&number(b, at));
                    if let Some(order) = order.filter(|order| order.is_ne()) {
                        return (order, looked_at);
                    }
                }
            }
        }
        (Ordering::Equal, looked_at)
    }
}

impl ComputeFunction for CsvSort {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn check(&self, params: &Params) -> Result<(), ParamError> {
        if params.strings("by")?.is_empty() {
            return Err(ParamError::OutOfRange {
                param: "by".to_string(),
                given: "an empty list".to_string(),
                expected: "at least one column".to_string(),
            });
        }
        delimiter(params).map(|_delimiter| ())
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let delimiter = delimiter(params)?;
        let descending = params.string("order")? == "desc";
        let mut table = Table::open(0, input(&self.spec, inputs, 0)?, delimiter, budget)?;
        let by = params.strings("by")?.iter().map(|name| table.column(name));
        let by: Vec<usize> = by.collect::<Result<_, _>>()?;
        let mut keys = match params.string("type")? {
            "number" => Keys::Numbers(by, Vec::new()),
            _ => Keys::Text(by),
        };
        let header = table.header().clone();
        let mut rows: Vec<ByteRecord> = Vec::new();
        let mut record = ByteRecord::new();
        while table.next(&mut record)? {
            let cells = CELL_BYTES.saturating_mul(record.len() as u64);
            let held = RECORD_BYTES + record.as_slice().len() as u64 + cells;
            table.budget().charge_scratch(held)?;
            keys.add(&record, &table)?;
            rows.push(record.clone());
        }
        let budget = table.budget();
        let order = sort((0..rows.len()).collect(), budget, |a, b| {
            let (order, looked_at) = keys.compare(&rows, *a, *b);
            (if descending { order.reverse() } else { order }, looked_at)
        })?;
        let mut output = Output::new();
        write_record(header.iter(), delimiter, &mut output, budget)?;
        for row in order {
            let record = rows.get(row).into_iter().flatten();
            write_record(record, delimiter, &mut output, budget)?;
        }
        Ok(output.finish())
    }
}

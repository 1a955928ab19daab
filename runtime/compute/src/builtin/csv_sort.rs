//! `csv_sort`: the records of a table in the order of some columns.
//!
//! The sort is stable: records that are equal in those columns stay in the order they came,
//! descending too. As numbers, an empty cell comes before all, and a cell that is no number is
//! refused by line. Records that do not fit into memory are sorted through scratch files.

use csv::ByteRecord;

use super::card::{card, columns, cost, default, word};
use super::csv_columns::{RecordWork, open};
use super::csv_stream::TableStream;
use super::csv_table::{delimiter, delimiter_param, some_columns, write_record};
use super::flow::{Flow, Held, Outbox, Streamed};
use super::number;
use super::sort_lines::order;
use crate::budget::Budget;
use crate::external::{Key, Sorter, Sorting, Ties};
use crate::function::{Arity, FunctionError, Presence};
use crate::params::{ParamError, Params};

/// Half of the scratch memory is for the records, the rest for merging and for a long record.
const MEMORY_PARTED: u64 = 2;

pub(super) fn csv_sort() -> Streamed {
    let spec = card(
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
    .example("-i ADDR -p by=temp_max,date -p type=text -p order=desc");
    Streamed::new(spec, |inputs, params| {
        let compared = match params.string("type")? {
            "number" => Compared::Numbers,
            _ => Compared::Text,
        };
        let sorter = Sorter::new(order(params)?, Ties::All, MEMORY_PARTED);
        let work = CsvSort {
            names: params.strings("by")?.to_vec(),
            by: Vec::new(),
            compared,
            key: Key::default(),
            text: Held::default(),
            records: Sorting::Taking(sorter),
        };
        open(inputs, params, work)
    })
    .checked(check)
}

fn check(params: &Params) -> Result<(), ParamError> {
    some_columns(params, "by")?;
    delimiter(params).map(|_delimiter| ())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Text,
    Numbers,
}

struct CsvSort {
    names: Vec<String>,
    /// Positions of the columns to sort by.
    by: Vec<usize>,
    compared: Compared,
    key: Key,
    /// A record as it will be written.
    text: Held,
    records: Sorting,
}

impl CsvSort {
    fn key(
        &mut self,
        record: &ByteRecord,
        table: &TableStream,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.key.clear();
        for column in &self.by {
            let cell = record.get(*column).unwrap_or_default();
            if self.compared == Compared::Text {
                self.key.cell(cell, budget)?;
                continue;
            }
            let number = number::parse(cell);
            if number.is_none() && !cell.is_empty() {
                let name = table.header().get(*column).unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                return Err(table.refuse_record(number::not_one(&name, cell)));
            }
            self.key.number(number, budget)?;
        }
        Ok(())
    }
}

impl RecordWork for CsvSort {
    fn header(
        &mut self,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let by = self.names.iter().map(|name| table.column(name));
        self.by = by.collect::<Result<_, _>>()?;
        write_record(table.header().iter(), delimiter, out, budget)
    }

    fn record(
        &mut self,
        record: &ByteRecord,
        table: &TableStream,
        delimiter: u8,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.key(record, table, budget)?;
        self.text.bytes.clear();
        write_record(record.iter(), delimiter, &mut self.text, budget)?;
        self.records
            .push(self.key.bytes(), &self.text.bytes, budget)
    }

    fn finish(
        &mut self,
        _table: &TableStream,
        _delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        while !out.full() {
            let Some((_, text)) = self.records.next(budget)? else {
                return Ok(Flow::Done);
            };
            out.push(text, budget)?;
        }
        Ok(Flow::More)
    }
}

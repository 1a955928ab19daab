//! `csv_join`: the records of two tables side by side where their keys have the same bytes.
//!
//! Records stand in the left table's order and, for one left record, in the right table's. An empty
//! key is a key like any other. Only the right table is held in memory, as cells and not as records.

use std::cmp::Ordering;

use bytes::Bytes;
use csv::ByteRecord;

use super::card::{card, columns, cost, default, input, text, word};
use super::csv_table::{Table, delimiter, delimiter_param, write_record};
use super::order::sort;
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec, Presence};
use crate::params::{ParamError, Params};

/// Longest suffix for a column whose name is taken, in bytes.
const MAX_SUFFIX: usize = 64;
/// Most suffixes one name may get before it is refused.
const MAX_SUFFIXES: usize = 16;

/// Comparisons of a binary search among as many records as fit 64 MiB.
const SEARCH_DEPTH: usize = 32;
/// What comparing a cell costs besides its bytes, as bytes.
const KEY_OVERHEAD: usize = 16;

pub(super) struct CsvJoin {
    spec: FunctionSpec,
}

impl CsvJoin {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
                "csv_join",
                "Joins two tables where the cells of `left_on` equal those of `right_on`, byte for \
                 byte. Gives the left columns, then the right ones without its key; a right column \
                 whose name is taken gets `suffix`. how=left keeps left records without a match, \
                 with empty right cells.",
                Arity::exactly(&["left table", "right table"]),
                cost(2_000, 40_000),
            )
            .with(columns(
                "left_on",
                Presence::Required,
                "The left key columns, joined by commas.",
            ))
            .with(columns(
                "right_on",
                Presence::Optional,
                "The right key columns, as many as left ones; the same names if absent.",
            ))
            .with(word(
                "how",
                &["inner", "left"],
                default("inner"),
                "Whether left records without a match are left out or kept.",
            ))
            .with(text(
                "suffix",
                default("_right"),
                "Added, as often as needed, to a right column whose name is taken; 1 to 64 bytes.",
            ))
            .with(delimiter_param())
            .example("-i FLIGHTS AIRPORTS -p left_on=origin -p right_on=iata -p how=left"),
        }
    }
}

/// The right table: its cells, and its records' numbers in the order of their keys.
struct Right {
    header: ByteRecord,
    keys: Vec<usize>,
    /// Positions of the columns that are not keys.
    others: Vec<usize>,
    bytes: Vec<u8>,
    /// Where each cell ends, record after record.
    ends: Vec<u32>,
    order: Vec<Entry>,
}

/// A record's number behind the beginning of its key, which settles most comparisons by itself.
#[derive(Clone, Copy)]
struct Entry {
    head: u64,
    record: u32,
}

/// The first eight bytes of a key's first cell, as a number of the same order; a shorter cell is
/// filled with zeros, so equal heads decide nothing.
fn head(cell: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(cell) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}

impl Right {
    fn read(table: &mut Table<'_>, names: &[String]) -> Result<Self, FunctionError> {
        let keys = names.iter().map(|name| table.column(name));
        let keys: Vec<usize> = keys.collect::<Result<_, _>>()?;
        let header = table.header().clone();
        let others = (0..header.len()).filter(|at| !keys.contains(at)).collect();
        let mut right = Self {
            header,
            keys,
            others,
            bytes: Vec::new(),
            ends: Vec::new(),
            order: Vec::new(),
        };
        let mut record = ByteRecord::new();
        while table.next(&mut record)? {
            right.push(&record, table.budget())?;
        }
        right.sort(table.budget())?;
        Ok(right)
    }

    fn push(&mut self, record: &ByteRecord, budget: &mut Budget) -> Result<(), FunctionError> {
        let cells = record.len() as u64;
        let entry = size_of::<Entry>() as u64;
        budget.charge_scratch(record.as_slice().len() as u64 + 4 * cells + entry)?;
        let first = self.keys.first().and_then(|at| record.get(*at));
        self.order.push(Entry {
            head: head(first.unwrap_or_default()),
            record: u32::try_from(self.order.len()).map_err(|_| too_large())?,
        });
        for cell in record {
            self.bytes.extend_from_slice(cell);
            let end = u32::try_from(self.bytes.len()).map_err(|_| too_large())?;
            self.ends.push(end);
        }
        Ok(())
    }

    fn sort(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let order = std::mem::take(&mut self.order);
        self.order = sort(order, budget, |a, b| {
            let order = a.head.cmp(&b.head);
            if order.is_ne() {
                return (order, size_of::<u64>());
            }
            let looked_at = self.key(b.record).map(<[u8]>::len).sum();
            (self.key(a.record).cmp(self.key(b.record)), looked_at)
        })?;
        Ok(())
    }

    fn cell(&self, record: u32, column: usize) -> &[u8] {
        let at = record as usize * self.header.len() + column;
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.bytes.get(start..end(at)).unwrap_or_default()
    }

    fn key(&self, record: u32) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(move |at| self.cell(record, *at))
    }

    /// The records of that key, in the table's order.
    fn matches(&self, key: &[&[u8]]) -> &[Entry] {
        let sought = head(key.first().copied().unwrap_or_default());
        let compare = |entry: &Entry| -> Ordering {
            let whole = || self.key(entry.record).cmp(key.iter().copied());
            entry.head.cmp(&sought).then_with(whole)
        };
        let from = self.order.partition_point(|entry| compare(entry).is_lt());
        let rest = self.order.get(from..).unwrap_or_default();
        let len = rest.partition_point(|entry| compare(entry).is_eq());
        rest.get(..len).unwrap_or_default()
    }

    fn others(&self, record: u32) -> impl Iterator<Item = &[u8]> {
        self.others.iter().map(move |at| self.cell(record, *at))
    }

    /// The names of the other columns, each one that no column before it has.
    fn names(&self, left: &ByteRecord, suffix: &str) -> Result<Vec<Vec<u8>>, FunctionError> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut taken: std::collections::BTreeSet<Vec<u8>> =
            left.iter().map(<[u8]>::to_vec).collect();
        for cell in self.others.iter().filter_map(|at| self.header.get(*at)) {
            let mut name = cell.to_vec();
            let mut suffixes = 0;
            while taken.contains(&name) {
                if suffixes == MAX_SUFFIXES {
                    return Err(FunctionError::failed(format!(
                        "a right column's name is taken even with {MAX_SUFFIXES} suffixes; \
                         give another `suffix`"
                    )));
                }
                name.extend_from_slice(suffix.as_bytes());
                suffixes += 1;
            }
            taken.insert(name.clone());
            names.push(name);
        }
        Ok(names)
    }
}

fn too_large() -> FunctionError {
    FunctionError::failed("the right table has more than 4 GiB; split it")
}

impl ComputeFunction for CsvJoin {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn check(&self, params: &Params) -> Result<(), ParamError> {
        delimiter(params)?;
        let left = params.strings("left_on")?;
        if left.is_empty() {
            return Err(ParamError::OutOfRange {
                param: "left_on".to_string(),
                given: "an empty list".to_string(),
                expected: "at least one column".to_string(),
            });
        }
        let right = params.optional_strings("right_on")?.unwrap_or(left);
        if left.len() != right.len() {
            return Err(ParamError::Conflict {
                param: "left_on".to_string(),
                other: "right_on".to_string(),
                reason: format!(
                    "they name {} and {} columns; name as many left as right",
                    left.len(),
                    right.len()
                ),
            });
        }
        let suffix = params.string("suffix")?;
        if suffix.is_empty() || suffix.len() > MAX_SUFFIX {
            return Err(ParamError::OutOfRange {
                param: "suffix".to_string(),
                given: format!("{} bytes long", suffix.len()),
                expected: format!("1 to {MAX_SUFFIX} bytes"),
            });
        }
        Ok(())
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        self.check(params)?;
        let delimiter = delimiter(params)?;
        let left_on = params.strings("left_on")?;
        let right_on = params.optional_strings("right_on")?.unwrap_or(left_on);
        let keep_unmatched = params.string("how")? == "left";
        let right = input(&self.spec, inputs, 1)?;
        let right = Right::read(&mut Table::open(1, right, delimiter, budget)?, right_on)?;
        let left = input(&self.spec, inputs, 0)?;
        let mut left = Table::open(0, left, delimiter, budget)?;
        let keys = left_on.iter().map(|name| left.column(name));
        let keys: Vec<usize> = keys.collect::<Result<_, _>>()?;
        let header = left.header().clone();
        let names = right.names(&header, params.string("suffix")?)?;
        let names = names.iter().map(Vec::as_slice);
        let mut output = Output::new();
        write_record(
            header.iter().chain(names),
            delimiter,
            &mut output,
            left.budget(),
        )?;
        let mut record = ByteRecord::new();
        while left.next(&mut record)? {
            let key: Vec<&[u8]> = keys.iter().filter_map(|at| record.get(*at)).collect();
            let key_bytes: usize = key.iter().map(|cell| cell.len() + KEY_OVERHEAD).sum();
            left.budget()
                .charge_read((key_bytes * SEARCH_DEPTH) as u64)?;
            let matches = right.matches(&key);
            for entry in matches {
                let cells = record.iter().chain(right.others(entry.record));
                left.budget().charge_steps(1)?;
                write_record(cells, delimiter, &mut output, left.budget())?;
            }
            if matches.is_empty() && keep_unmatched {
                let empty = right.others.iter().map(|_| &[] as &[u8]);
                let cells = record.iter().chain(empty);
                write_record(cells, delimiter, &mut output, left.budget())?;
            }
        }
        Ok(output.finish())
    }
}

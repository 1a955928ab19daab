//! `csv_join`: the records of two tables side by side where their keys have the same bytes.
//!
//! Records stand in the left table's order and, for one left record, in the right table's. An empty
//! key is a key like any other. The right table is sorted by its keys. While it fits into memory each
//! left record is looked up there as it comes; else `csv_align.rs` does it through scratch files.

use bytes::Bytes;
use csv::ByteRecord;

use super::card::{card, columns, cost, default, text, word};
use super::csv_align::{Aligned, align};
use super::csv_stream::TableStream;
use super::csv_table::{
    Written, delimiter, delimiter_param, some_columns, write_cells, write_more, write_record,
};
use super::flow::{Held, Inputs, Opened, Outbox, Streamed};
use crate::budget::Budget;
use crate::external::{Key, Order, Run, Sorted, Sorter, Ties};
use crate::function::{Arity, FunctionError, Presence};
use crate::params::{ParamError, Params};
use crate::streaming::Pieces;

/// Longest suffix for a column whose name is taken, in bytes.
const MAX_SUFFIX: usize = 64;
/// Most suffixes one name may get before it is refused.
const MAX_SUFFIXES: usize = 16;

/// The right table takes half of the scratch memory; reading, merging and the left one the rest.
const MEMORY_PARTED: u64 = 2;
/// Comparisons of a binary search among as many records as fit into memory.
const SEARCH_DEPTH: usize = 32;
/// What comparing a key costs besides its bytes, as bytes.
const KEY_OVERHEAD: usize = 16;

pub(super) fn csv_join() -> Streamed {
    let spec = card(
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
    .example("-i FLIGHTS AIRPORTS -p left_on=origin -p right_on=iata -p how=left");
    Streamed::new(spec, open).checked(check)
}

fn check(params: &Params) -> Result<(), ParamError> {
    delimiter(params)?;
    let left = some_columns(params, "left_on")?;
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

fn open(inputs: Inputs, params: &Params) -> Opened {
    let delimiter = delimiter(params)?;
    let left_on = params.strings("left_on")?.to_vec();
    let right_on = params.optional_strings("right_on")?.map(<[String]>::to_vec);
    let mut inputs = inputs.into_iter();
    let (Some(left), Some(right)) = (inputs.next(), inputs.next()) else {
        return Err(FunctionError::failed(
            "the function takes two inputs, and fewer were given",
        ));
    };
    let unmatched = match params.string("how")? {
        "left" => Unmatched::Kept,
        _ => Unmatched::LeftOut,
    };
    Ok(Box::new(Join {
        right: Some(TableStream::new(1, right, delimiter)),
        right_on: right_on.unwrap_or_else(|| left_on.clone()),
        suffix: params.string("suffix")?.as_bytes().to_vec(),
        left: Some(Left {
            table: TableStream::new(0, left, delimiter),
            on: left_on,
            keys: Vec::new(),
            record: ByteRecord::new(),
            key: Key::default(),
            text: Held::default(),
        }),
        row: Row {
            delimiter,
            unmatched,
            others: 0,
        },
        stage: Stage::Begin,
        out: Outbox::default(),
    }))
}

/// What becomes of left records without a match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmatched {
    LeftOut,
    Kept,
}

/// What a record of the result looks like.
#[derive(Clone, Copy)]
pub(super) struct Row {
    delimiter: u8,
    unmatched: Unmatched,
    /// Right columns that are not keys.
    others: usize,
}

impl Row {
    /// A left record without a match.
    pub(super) fn unmatched(
        self,
        left: &[u8],
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        if self.unmatched == Unmatched::LeftOut {
            return Ok(());
        }
        out.push(left, budget)?;
        let empty = std::iter::repeat_n(&[] as &[u8], self.others);
        write_more(empty, self.delimiter, out, budget)?;
        out.push(b"\n", budget)
    }
}

/// A left record beside a right one.
pub(super) fn matched(
    left: &[u8],
    right: &[u8],
    out: &mut Outbox,
    budget: &mut Budget,
) -> Result<(), FunctionError> {
    budget.charge_steps(1)?;
    out.push(left, budget)?;
    out.push(right, budget)?;
    out.push(b"\n", budget)
}

/// The left table: the record at work, its key, and how it begins a record of the result.
pub(super) struct Left {
    table: TableStream,
    on: Vec<String>,
    keys: Vec<usize>,
    record: ByteRecord,
    key: Key,
    text: Held,
}

impl Left {
    /// Goes to the next record; false at the end.
    pub(super) fn advance(&mut self, row: Row, budget: &mut Budget) -> Result<bool, FunctionError> {
        if !self.table.next(&mut self.record, budget)? {
            return Ok(false);
        }
        self.key.clear();
        for at in &self.keys {
            let cell = self.record.get(*at).unwrap_or_default();
            self.key.cell(cell, budget)?;
        }
        let text = &mut self.text;
        text.bytes.clear();
        let written = write_cells(self.record.iter(), row.delimiter, text, budget)?;
        // A blank line would be skipped by the next reader.
        if written == Written::OneEmpty && row.others == 0 {
            text.push(b"\"\"", budget)?;
        }
        Ok(true)
    }

    pub(super) fn key(&self) -> &[u8] {
        self.key.bytes()
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text.bytes
    }

    pub(super) fn release(self, budget: &mut Budget) {
        self.key.release(budget);
        self.table.release(budget);
    }
}

enum Stage {
    Begin,
    LookUp(Box<LookUp>),
    Align(Box<Aligned>),
    Done,
}

struct Join {
    right: Option<TableStream>,
    right_on: Vec<String>,
    suffix: Vec<u8>,
    left: Option<Left>,
    row: Row,
    stage: Stage,
    out: Outbox,
}

impl Join {
    /// Reads the right table and the left one's header, and chooses how to go on.
    fn begin(&mut self, budget: &mut Budget) -> Result<Stage, FunctionError> {
        let (Some(mut right), Some(mut left)) = (self.right.take(), self.left.take()) else {
            return Ok(Stage::Done);
        };
        right.begin(budget)?;
        let keys = self.right_on.iter().map(|name| right.column(name));
        let keys: Vec<usize> = keys.collect::<Result<_, _>>()?;
        let columns = 0..right.header().len();
        let others: Vec<usize> = columns.filter(|at| !keys.contains(at)).collect();
        self.row.others = others.len();
        let right_header = right.header().clone();
        let sorted = read_right(right, &keys, &others, self.row.delimiter, budget)?;

        left.table.begin(budget)?;
        let keys = left.on.iter().map(|name| left.table.column(name));
        left.keys = keys.collect::<Result<_, _>>()?;
        let others = others.iter().filter_map(|at| right_header.get(*at));
        let names = names(left.table.header(), others, &self.suffix)?;
        let names = left
            .table
            .header()
            .iter()
            .chain(names.iter().map(Vec::as_slice));
        write_record(names, self.row.delimiter, &mut self.out, budget)?;
        Ok(match sorted {
            Sorted::Memory(listed) => Stage::LookUp(Box::new(LookUp {
                right: listed.into_run(),
                left,
                matches: 0..0,
            })),
            merged @ Sorted::Merged(_) => {
                Stage::Align(Box::new(align(left, merged, self.row, budget)?))
            }
        })
    }
}

impl Pieces for Join {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        while !self.out.full() {
            let more = match &mut self.stage {
                Stage::Begin => {
                    self.stage = self.begin(budget)?;
                    true
                }
                Stage::LookUp(look_up) => look_up.step(self.row, &mut self.out, budget)?,
                Stage::Align(aligned) => aligned.step(self.row, &mut self.out, budget)?,
                Stage::Done => break,
            };
            if !more {
                self.stage = Stage::Done;
            }
        }
        Ok(self.out.take())
    }
}

/// The right table's records, as they end a record of the result, by their keys.
fn read_right(
    mut table: TableStream,
    keys: &[usize],
    others: &[usize],
    delimiter: u8,
    budget: &mut Budget,
) -> Result<Sorted, FunctionError> {
    let mut sorter = Sorter::new(Order::Ascending, Ties::All, MEMORY_PARTED);
    let (mut record, mut key, mut text) = (ByteRecord::new(), Key::default(), Held::default());
    while table.next(&mut record, budget)? {
        key.clear();
        for at in keys {
            key.cell(record.get(*at).unwrap_or_default(), budget)?;
        }
        text.bytes.clear();
        let cells = others.iter().filter_map(|at| record.get(*at));
        write_more(cells, delimiter, &mut text, budget)?;
        sorter.push(key.bytes(), &text.bytes, budget)?;
    }
    key.release(budget);
    table.release(budget);
    sorter.finish(budget)
}

/// The names of the right columns, each one that no column before it has.
fn names<'a>(
    left: &ByteRecord,
    others: impl Iterator<Item = &'a [u8]>,
    suffix: &[u8],
) -> Result<Vec<Vec<u8>>, FunctionError> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let mut taken: std::collections::BTreeSet<Vec<u8>> = left.iter().map(<[u8]>::to_vec).collect();
    for cell in others {
        let mut name = cell.to_vec();
        let mut suffixes = 0;
        while taken.contains(&name) {
            if suffixes == MAX_SUFFIXES {
                return Err(FunctionError::failed(format!(
                    "a right column's name is taken even with {MAX_SUFFIXES} suffixes; \
                     give another `suffix`"
                )));
            }
            name.extend_from_slice(suffix);
            suffixes += 1;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    Ok(names)
}

/// The right table in memory, and left records that are looked up in it.
struct LookUp {
    right: Run,
    left: Left,
    /// Right records to be put beside the left one at work.
    matches: std::ops::Range<usize>,
}

impl LookUp {
    /// Writes a record, or goes to the next left one; false at the end.
    fn step(
        &mut self,
        row: Row,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<bool, FunctionError> {
        if let Some(at) = self.matches.next() {
            let (_, right) = self.right.get(at);
            matched(self.left.text(), right, out, budget)?;
            return Ok(true);
        }
        if !self.left.advance(row, budget)? {
            return Ok(false);
        }
        let key = self.left.key();
        budget.charge_read(((key.len() + KEY_OVERHEAD) * SEARCH_DEPTH) as u64)?;
        self.matches = self.right.find(key);
        if self.matches.is_empty() {
            row.unmatched(self.left.text(), out, budget)?;
        }
        Ok(true)
    }
}

//! Reads and writes CSV for the functions on tables, with one strict idea of what a table is.
//!
//! The first record is the header; every record has as many cells as it, and another number is
//! refused by line. Cells are bytes, taken as they are (spaces kept). A quoted cell may hold the
//! delimiter, quotes (doubled) and newlines. Lines may end in `\n`, `\r\n` or `\r`; blank lines and
//! a UTF-8 byte order mark at the start are skipped. Written: `\n` after every record, and quotes only
//! round a cell that holds the delimiter, a quote, `\r` or `\n`, or that is empty and alone.

use csv::ByteRecord;

use super::card::{default, text};
use super::flow::{Held, Outbox};
use crate::budget::Budget;
use crate::function::{FunctionError, ParamSpec};
use crate::params::{ParamError, Params};

/// Most header cells that an error lists.
const MAX_LISTED_COLUMNS: usize = 20;
/// Longest header cell in an error, in scalars.
const MAX_SHOWN_SCALARS: usize = 40;

/// The param every function on tables has.
pub(super) fn delimiter_param() -> ParamSpec {
    text(
        "delimiter",
        default(","),
        "The one ASCII character between two cells, in every input and in the result; not a quote, \
         a letter, a digit or a line end.",
    )
}

/// Reads the `delimiter` param.
pub(super) fn delimiter(params: &Params) -> Result<u8, ParamError> {
    let given = params.string("delimiter")?;
    match given.as_bytes() {
        [byte] if *byte == b'\t' || *byte == b' ' => Ok(*byte),
        [byte] if byte.is_ascii_punctuation() && *byte != b'"' => Ok(*byte),
        _ => Err(ParamError::OutOfRange {
            param: "delimiter".to_string(),
            given: format!("the string {:?}", shorten(given.as_bytes())),
            expected: "one ASCII punctuation mark other than the quote, a tab or a space"
                .to_string(),
        }),
    }
}

/// Reads a param that names columns, at least one.
pub(super) fn some_columns<'params>(
    params: &'params Params,
    name: &str,
) -> Result<&'params [String], ParamError> {
    let columns = params.strings(name)?;
    if columns.is_empty() {
        return Err(ParamError::OutOfRange {
            param: name.to_string(),
            given: "an empty list".to_string(),
            expected: "at least one column".to_string(),
        });
    }
    Ok(columns)
}

/// The position of the column of that name in a header, or what is wrong with it.
pub(super) fn column_of(header: &ByteRecord, name: &str) -> Result<usize, String> {
    let mut found = header
        .iter()
        .enumerate()
        .filter(|(_, cell)| *cell == name.as_bytes());
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Ok(at),
        (None, _) => Err(format!(
            "there is no column \"{}\"; the columns are {}",
            shorten(name.as_bytes()),
            listed(header)
        )),
        (Some(_), Some(_)) => Err(format!(
            "the column \"{}\" stands more than once; give the columns different names",
            shorten(name.as_bytes())
        )),
    }
}

fn listed(header: &ByteRecord) -> String {
    let shown = header.iter().take(MAX_LISTED_COLUMNS);
    let mut names: Vec<String> = shown.map(shorten).collect();
    if header.len() > MAX_LISTED_COLUMNS {
        names.push("…".to_string());
    }
    names.join(", ")
}

/// A cell in an error message: as text, its control characters escaped, cut to a bounded length.
pub(super) fn shorten(cell: &[u8]) -> String {
    let head = cell.get(..MAX_SHOWN_SCALARS * 4).unwrap_or(cell);
    let text = String::from_utf8_lossy(head);
    let mut shown: String = text
        .chars()
        .take(MAX_SHOWN_SCALARS)
        .flat_map(char::escape_debug)
        .collect();
    if head.len() < cell.len() || text.chars().nth(MAX_SHOWN_SCALARS).is_some() {
        shown.push('…');
    }
    shown
}

/// Where a table is written to.
pub(super) trait Sink {
    /// Appends bytes, charging for them first.
    fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError>;
}

impl Sink for Held {
    fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        Self::push(self, bytes, budget)
    }
}

impl Sink for Outbox {
    fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        Self::push(self, bytes, budget)
    }
}

/// Writes one record.
pub(super) fn write_record<'c>(
    cells: impl Iterator<Item = &'c [u8]>,
    delimiter: u8,
    output: &mut impl Sink,
    budget: &mut Budget,
) -> Result<(), FunctionError> {
    // A blank line would be skipped by the next reader.
    if write_cells(cells, delimiter, output, budget)? == Written::OneEmpty {
        output.push(b"\"\"", budget)?;
    }
    output.push(b"\n", budget)
}

/// What stands in a record so far.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// One empty cell, or none: nothing at all.
    OneEmpty,
    Something,
}

/// Writes the first cells of a record.
pub(super) fn write_cells<'c>(
    cells: impl Iterator<Item = &'c [u8]>,
    delimiter: u8,
    output: &mut impl Sink,
    budget: &mut Budget,
) -> Result<Written, FunctionError> {
    let mut written = Written::OneEmpty;
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            output.push(&[delimiter], budget)?;
        }
        if at > 0 || !cell.is_empty() {
            written = Written::Something;
        }
        write_cell(cell, delimiter, output, budget)?;
    }
    Ok(written)
}

/// Writes further cells of a record.
pub(super) fn write_more<'c>(
    cells: impl Iterator<Item = &'c [u8]>,
    delimiter: u8,
    output: &mut impl Sink,
    budget: &mut Budget,
) -> Result<(), FunctionError> {
    for cell in cells {
        output.push(&[delimiter], budget)?;
        write_cell(cell, delimiter, output, budget)?;
    }
    Ok(())
}

fn write_cell(
    cell: &[u8],
    delimiter: u8,
    output: &mut impl Sink,
    budget: &mut Budget,
) -> Result<(), FunctionError> {
    let special = |byte: &u8| *byte == delimiter || b"\"\r\n".contains(byte);
    if !cell.iter().any(special) {
        return output.push(cell, budget);
    }
    output.push(b"\"", budget)?;
    for piece in cell.split_inclusive(|byte| *byte == b'"') {
        output.push(piece, budget)?;
        if piece.ends_with(b"\"") {
            output.push(b"\"", budget)?;
        }
    }
    output.push(b"\"", budget)
}

#[cfg(test)]
#[path = "csv_table_test.rs"]
mod csv_table_test;

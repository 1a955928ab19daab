//! Reads and writes CSV for the functions on tables, with one strict idea of what a table is.
//!
//! The first record is the header; every record has as many cells as it, and another number is
//! refused by line. Cells are bytes, taken as they are (spaces kept). A quoted cell may hold the
//! delimiter, quotes (doubled) and newlines. Lines may end in `\n`, `\r\n` or `\r`; blank lines and
//! a UTF-8 byte order mark at the start are skipped. Written: `\n` after every record, and quotes only
//! round a cell that holds the delimiter, a quote, `\r` or `\n`, or that is empty and alone.

use csv::ByteRecord;

use super::card::{default, text};
use super::flow::Outbox;
use crate::budget::{Budget, Output};
use crate::function::{FunctionError, ParamSpec};
use crate::params::{ParamError, Params};

/// Scratch charged for each byte of the longest record: each may be a cell, whose end is an index of
/// eight bytes in a list that doubles.
pub(super) const SCRATCH_PER_RECORD_BYTE: u64 = 16;
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

/// A table being read, record by record. It holds the budget meanwhile: reading is what must be paid.
pub(super) struct Table<'a> {
    input: usize,
    bytes: &'a [u8],
    header: ByteRecord,
    reader: csv::Reader<Metered<'a>>,
}

impl<'a> Table<'a> {
    /// Opens input number `input` and reads its header.
    pub(super) fn open(
        input: usize,
        bytes: &'a [u8],
        delimiter: u8,
        budget: &'a mut Budget,
    ) -> Result<Self, FunctionError> {
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Metered::new(bytes, budget));
        let mut table = Self {
            input,
            bytes,
            header: ByteRecord::new(),
            reader,
        };
        let mut header = ByteRecord::new();
        if !table.read(&mut header)? {
            let problem = "there is no header row; the first line must name the columns";
            return Err(table.refuse(1, problem));
        }
        table.header = header;
        Ok(table)
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> &ByteRecord {
        &self.header
    }

    /// The budget, while the table holds it.
    pub(super) fn budget(&mut self) -> &mut Budget {
        self.reader.get_mut().budget
    }

    /// Reads the next record into `record`; false at the end.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<bool, FunctionError> {
        if !self.read(record)? {
            return Ok(false);
        }
        if record.len() != self.header.len() {
            let problem = format!(
                "the record has {} cells and the header has {}; every record must have as many as \
                 the header (is the delimiter right, and are cells that hold it quoted?)",
                record.len(),
                self.header.len()
            );
            return Err(self.refuse(self.line_of(record), problem));
        }
        Ok(true)
    }

    /// The position of the column of that name.
    pub(super) fn column(&self, name: &str) -> Result<usize, FunctionError> {
        column_of(&self.header, name).map_err(|problem| self.refuse(1, problem))
    }

    /// A refusal of what stands in `record`.
    pub(super) fn refuse_record(
        &self,
        record: &ByteRecord,
        problem: impl Into<String>,
    ) -> FunctionError {
        self.refuse(self.line_of(record), problem)
    }

    fn refuse(&self, line: u64, problem: impl Into<String>) -> FunctionError {
        FunctionError::BadTable {
            input: self.input,
            line,
            problem: problem.into(),
        }
    }

    fn read(&mut self, record: &mut ByteRecord) -> Result<bool, FunctionError> {
        let source = self.reader.get_mut();
        source.since_record = 0;
        source.budget.charge_steps(1)?;
        match self.reader.read_byte_record(record) {
            Ok(more) => Ok(more),
            Err(error) => match self.reader.get_mut().stopped.take() {
                Some(stopped) => Err(stopped),
                None => Err(self.refuse(1, format!("it cannot be read as CSV: {error}"))),
            },
        }
    }

    /// The line on which a record starts. Counted anew: it is asked once, for an error, and the
    /// reader's own count lags behind at `\r\n` and blank lines.
    fn line_of(&self, record: &ByteRecord) -> u64 {
        let from = record.position().map_or(0, csv::Position::byte);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let after = self.bytes.get(from..).unwrap_or_default();
        let blank = after.iter().take_while(|b| b"\r\n".contains(b)).count();
        let before = self.bytes.get(..from.saturating_add(blank));
        let before = before.unwrap_or_default();
        let feeds = before.iter().filter(|byte| **byte == b'\n').count();
        let returns = before.iter().filter(|byte| **byte == b'\r').count();
        let both = before.windows(2).filter(|pair| *pair == b"\r\n").count();
        (feeds + returns - both) as u64 + 1
    }
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

/// Hands the reader its bytes and charges for them, so that a record that never ends is stopped.
struct Metered<'a> {
    rest: &'a [u8],
    budget: &'a mut Budget,
    stopped: Option<FunctionError>,
    since_record: u64,
    longest: u64,
}

impl<'a> Metered<'a> {
    fn new(rest: &'a [u8], budget: &'a mut Budget) -> Self {
        Self {
            rest,
            budget,
            stopped: None,
            since_record: 0,
            longest: 0,
        }
    }

    fn charge(&mut self, bytes: u64) -> Result<(), FunctionError> {
        self.since_record = self.since_record.saturating_add(bytes);
        let growth = self.since_record.saturating_sub(self.longest);
        self.longest = self.longest.max(self.since_record);
        self.budget
            .charge_scratch(growth.saturating_mul(SCRATCH_PER_RECORD_BYTE))?;
        self.budget.charge_read(bytes)
    }
}

impl std::io::Read for Metered<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let len = into.len().min(self.rest.len());
        if let Err(error) = self.charge(len as u64) {
            self.stopped = Some(error);
            return Err(std::io::Error::other("the budget is used up"));
        }
        std::io::Read::read(&mut self.rest, into)
    }
}

/// Where a table is written to.
pub(super) trait Sink {
    /// Appends bytes, charging for them first.
    fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError>;
}

impl Sink for Output {
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
    let mut alone_and_empty = false;
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            output.push(&[delimiter], budget)?;
        }
        alone_and_empty = at == 0 && cell.is_empty();
        write_cell(cell, delimiter, output, budget)?;
    }
    // A blank line would be skipped by the next reader.
    if alone_and_empty {
        output.push(b"\"\"", budget)?;
    }
    output.push(b"\n", budget)
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

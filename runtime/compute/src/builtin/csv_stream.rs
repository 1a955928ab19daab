//! A table that is read as its bytes come. The same idea of a table as in `csv_table.rs`; only the
//! bytes of the record at work are held, so that a refusal can name its line.

use std::io::{Error, Read, Result as IoResult};

use csv::ByteRecord;

use super::csv_table::column_of;
use super::source::SourceReader;
use crate::budget::Budget;
use crate::function::FunctionError;
use crate::streaming::Pieces;

/// Scratch for each byte of a record: it is held here and by the reader, in lists that double.
const SCRATCH_PER_BYTE: u64 = 4;
/// Scratch for each cell, of which a record has no more than delimiters and one: an index of eight
/// bytes in a list that doubles.
const SCRATCH_PER_CELL: u64 = 16;

/// A table being read.
pub(super) struct TableStream {
    input: usize,
    reader: csv::Reader<Recent>,
    header: ByteRecord,
}

impl TableStream {
    /// The table in input number `input`.
    pub(super) fn new(input: usize, pieces: Box<dyn Pieces>, delimiter: u8) -> Self {
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(Recent::new(pieces, delimiter));
        Self {
            input,
            reader,
            header: ByteRecord::new(),
        }
    }

    /// Reads the header, before all else.
    pub(super) fn begin(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let mut header = ByteRecord::new();
        if !self.read(&mut header, budget)? {
            let problem = "there is no header row; the first line must name the columns";
            return Err(self.refuse(1, problem));
        }
        self.header = header;
        Ok(())
    }

    /// The names of the columns.
    pub(super) fn header(&self) -> &ByteRecord {
        &self.header
    }

    /// The position of the column of that name.
    pub(super) fn column(&self, name: &str) -> Result<usize, FunctionError> {
        column_of(&self.header, name).map_err(|problem| self.refuse(1, problem))
    }

    /// Reads the next record; false at the end.
    pub(super) fn next(
        &mut self,
        record: &mut ByteRecord,
        budget: &mut Budget,
    ) -> Result<bool, FunctionError> {
        if !self.read(record, budget)? {
            return Ok(false);
        }
        if record.len() != self.header.len() {
            let problem = format!(
                "the record has {} cells and the header has {}; every record must have as many as \
                 the header (is the delimiter right, and are cells that hold it quoted?)",
                record.len(),
                self.header.len()
            );
            return Err(self.refuse_record(problem));
        }
        Ok(true)
    }

    /// A refusal of what stands in the record read last.
    pub(super) fn refuse_record(&self, problem: impl Into<String>) -> FunctionError {
        self.refuse(self.line(), problem)
    }

    /// A refusal of what stands on a line.
    pub(super) fn refuse(&self, line: u64, problem: impl Into<String>) -> FunctionError {
        FunctionError::BadTable {
            input: self.input,
            line,
            problem: problem.into(),
        }
    }

    /// The line on which the record read last starts, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.reader.get_ref().line()
    }

    /// Lets go of what reading holds.
    pub(super) fn release(self, budget: &mut Budget) {
        budget.release_scratch(self.reader.get_ref().paid);
    }

    fn read(
        &mut self,
        record: &mut ByteRecord,
        budget: &mut Budget,
    ) -> Result<bool, FunctionError> {
        budget.charge_steps(1)?;
        let from = self.reader.position().byte();
        self.reader.get_mut().forget(from);
        self.reader.get_mut().source.lend(budget);
        let read = self.reader.read_byte_record(record);
        self.reader.get_mut().source.give_back(budget)?;
        read.map_err(|error| self.refuse(1, format!("it cannot be read as CSV: {error}")))
    }
}

/// The input, and what the record at work and the reader's buffer hold of it.
struct Recent {
    source: SourceReader,
    bytes: Vec<u8>,
    /// How many of `bytes` are let go of: they are moved away when more is read.
    gone: usize,
    /// Offset in the input of the first byte that is not.
    start: u64,
    /// Lines that ended before `start`.
    lines: u64,
    after_return: bool,
    delimiter: u8,
    /// Delimiters in `bytes`.
    delimiters: usize,
    paid: u64,
}

impl Recent {
    fn new(input: Box<dyn Pieces>, delimiter: u8) -> Self {
        Self {
            source: SourceReader::new(input),
            delimiter,
            delimiters: 0,
            paid: 0,
            bytes: Vec::new(),
            gone: 0,
            start: 0,
            lines: 0,
            after_return: false,
        }
    }

    /// Lets go of what lies before `offset`, counting its lines.
    fn forget(&mut self, offset: u64) {
        let len = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let held = self.held();
        let (going, _) = held.split_at(len.min(held.len()));
        let (lines, after_return) = count(going, self.after_return);
        let delimiters = memchr::memchr_iter(self.delimiter, going).count();
        let going = going.len();
        self.gone += going;
        self.start += going as u64;
        self.delimiters -= delimiters;
        self.lines += lines;
        self.after_return = after_return;
    }

    /// The bytes of the record at work, and what was read with it.
    fn held(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// The line on which the record at work starts; blank lines before it are not of it.
    fn line(&self) -> u64 {
        let held = self.held();
        let blank = held.iter().take_while(|b| b"\r\n".contains(b)).count();
        let blanks = held.get(..blank).unwrap_or_default();
        self.lines + count(blanks, self.after_return).0 + 1
    }
}

/// How many lines end in `bytes`, and whether the last byte is a carriage return.
fn count(bytes: &[u8], mut after_return: bool) -> (u64, bool) {
    if memchr::memchr(b'\r', bytes).is_none() {
        let second = after_return && bytes.first() == Some(&b'\n');
        let lines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        return (lines - u64::from(second), after_return && bytes.is_empty());
    }
    let mut lines = 0;
    for byte in bytes {
        let second = *byte == b'\n' && after_return;
        lines += u64::from(b"\r\n".contains(byte) && !second);
        after_return = *byte == b'\r';
    }
    (lines, after_return)
}

impl Read for Recent {
    fn read(&mut self, into: &mut [u8]) -> IoResult<usize> {
        let read = self.source.read(into)?;
        let seen = into.get(..read).unwrap_or_default();
        // Before anything is read the reader has used up what was, but for the record at work.
        self.bytes.drain(..std::mem::take(&mut self.gone));
        self.delimiters += memchr::memchr_iter(self.delimiter, seen).count();
        let bytes = (self.bytes.len() + seen.len()) as u64 * SCRATCH_PER_BYTE;
        let scratch = bytes + self.delimiters as u64 * SCRATCH_PER_CELL;
        if scratch > self.paid {
            if let Err(stopped) = self.source.charge_scratch(scratch - self.paid) {
                self.source.stop(stopped);
                return Err(Error::other("the budget is used up"));
            }
            self.paid = scratch;
        }
        self.bytes.extend_from_slice(seen);
        Ok(read)
    }
}

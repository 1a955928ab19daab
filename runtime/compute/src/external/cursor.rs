//! Reads records back from a tape or a spool, one at a time, in the memory of a piece and a record.

use bytes::Bytes;

use super::tape::{MAX_LENGTH_BYTES, Stretch, broken};
use crate::budget::Budget;
use crate::function::FunctionError;

/// Memory of a cursor besides its piece and its record.
const CURSOR_BYTES: u64 = 256;

/// Reads records in the order they were written.
pub(crate) struct Cursor {
    stretch: Stretch,
    next: u64,
    rest: Bytes,
    record: Bytes,
    key: usize,
    longest: u64,
    paid: u64,
}

/// Memory of a cursor over pieces of `piece` bytes and records of up to `longest`.
pub(super) fn cursor_cost(piece: usize, longest: u64) -> u64 {
    CURSOR_BYTES + piece as u64 + longest
}

impl Cursor {
    /// Pays for a piece and the longest record, until the end is reached.
    pub(super) fn open(
        stretch: Stretch,
        piece: usize,
        longest: u64,
        budget: &mut Budget,
    ) -> Result<Self, FunctionError> {
        let paid = cursor_cost(piece, longest);
        budget.charge_scratch(paid)?;
        Ok(Self {
            stretch,
            next: 0,
            rest: Bytes::new(),
            record: Bytes::new(),
            key: 0,
            longest,
            paid,
        })
    }

    /// Lets go of everything before the end.
    pub(crate) fn release(mut self, budget: &mut Budget) {
        budget.release_scratch(std::mem::take(&mut self.paid));
    }

    /// Goes to the next record; false after the last.
    pub(crate) fn advance(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        budget.charge_steps(1)?;
        let Some(key) = self.length(budget)? else {
            self.record = Bytes::new();
            self.key = 0;
            budget.release_scratch(std::mem::take(&mut self.paid));
            return Ok(false);
        };
        let payload = self.length(budget)?.ok_or_else(broken)?;
        let len = key
            .checked_add(payload)
            .filter(|len| *len <= self.longest)
            .and_then(|len| usize::try_from(len).ok())
            .ok_or_else(broken)?;
        self.record = self.take(len, budget)?;
        self.key = usize::try_from(key).unwrap_or(usize::MAX);
        Ok(true)
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.record.get(..self.key).unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.record.get(self.key..).unwrap_or_default()
    }

    /// Loads the next piece; false after the last.
    fn load(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        // The piece that is done goes first: two at once were not paid for.
        self.rest = Bytes::new();
        self.record = Bytes::new();
        match self.stretch.piece(self.next, budget)? {
            Some(piece) => self.rest = piece,
            None => return Ok(false),
        }
        self.next += 1;
        Ok(true)
    }

    /// A length; `None` if everything has been read.
    fn length(&mut self, budget: &mut Budget) -> Result<Option<u64>, FunctionError> {
        let mut value = 0;
        for at in 0..MAX_LENGTH_BYTES {
            if self.rest.is_empty() && !self.load(budget)? {
                return if at == 0 { Ok(None) } else { Err(broken()) };
            }
            let byte = self.rest.split_to(1).first().copied().unwrap_or_default();
            value |= u64::from(byte & 0x7f) << (7 * at).min(63);
            if byte < 0x80 {
                return Ok(Some(value));
            }
        }
        Err(broken())
    }

    fn take(&mut self, len: usize, budget: &mut Budget) -> Result<Bytes, FunctionError> {
        if self.rest.len() >= len {
            return Ok(self.rest.split_to(len));
        }
        let mut joined = Vec::with_capacity(len);
        loop {
            let now = self.rest.len().min(len - joined.len());
            joined.extend_from_slice(&self.rest.split_to(now));
            if joined.len() == len {
                return Ok(Bytes::from(joined));
            }
            if !self.load(budget)? {
                return Err(broken());
            }
        }
    }
}

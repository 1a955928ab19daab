//! Bytes kept to be read again, more than once or from the end: in memory as far as it goes, the
//! rest in a scratch file.

use bytes::Bytes;

use super::cursor::Cursor;
use super::piece_bytes;
use super::tape::{Stretch, Tape, header};
use crate::budget::Budget;
use crate::function::FunctionError;

/// Bytes that there is room for at first.
const FIRST_BYTES: usize = 64;
/// Memory of a piece that is held, besides its bytes.
const PIECE_ACCOUNT: u64 = 64;

/// Takes bytes in, into its share of the scratch memory that is left at the first of them.
#[derive(Default)]
pub(crate) struct Spool {
    /// Its share is one part in so many.
    parted: u64,
    memory: Option<u64>,
    piece: usize,
    buffer: Vec<u8>,
    held: Vec<Bytes>,
    paid: u64,
    tape: Option<Tape>,
    bytes: u64,
    longest: u64,
}

impl Spool {
    /// A spool that takes one part in `parted` of what scratch memory is left.
    pub(crate) fn new(parted: u64) -> Self {
        Self {
            parted: parted.max(1),
            ..Self::default()
        }
    }

    /// Takes bytes.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        if self.memory.is_none() {
            let memory = budget.scratch_left() / self.parted.max(1);
            self.piece = piece_bytes(memory);
            self.memory = Some(memory);
        }
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.piece - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            budget.charge_read(now.len() as u64)?;
            self.grow(now.len(), budget)?;
            self.buffer.extend_from_slice(now);
            if self.buffer.len() == self.piece {
                self.put_away(budget)?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Takes a record without a key, which a [`Cursor`] gives back.
    pub(crate) fn record(
        &mut self,
        payload: &[u8],
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let (head, len) = header(0, payload.len());
        self.longest = self.longest.max(payload.len() as u64);
        self.push(head.get(..len).unwrap_or_default(), budget)?;
        self.push(payload, budget)
    }

    /// Makes room for `more` bytes in the buffer, which is then a piece at most.
    fn grow(&mut self, more: usize, budget: &mut Budget) -> Result<(), FunctionError> {
        let (len, before) = (self.buffer.len() + more, self.buffer.capacity());
        if len > before {
            let after = len.max(2 * before).max(FIRST_BYTES).min(self.piece);
            budget.charge_scratch(after as u64)?;
            self.buffer.reserve_exact(after - self.buffer.len());
            budget.release_scratch(before as u64);
            self.paid += (after - before) as u64;
        }
        Ok(())
    }

    /// Puts the buffer away: into memory while there is some, then into the file.
    fn put_away(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let next = 2 * self.piece as u64 + PIECE_ACCOUNT;
        if self.tape.is_none() && self.paid + next <= self.memory.unwrap_or(0) {
            budget.charge_scratch(PIECE_ACCOUNT)?;
            self.paid += PIECE_ACCOUNT;
            self.held.push(std::mem::take(&mut self.buffer).into());
            return Ok(());
        }
        let tape = match &mut self.tape {
            Some(tape) => tape,
            None => self.tape.insert(Tape::new(budget)?),
        };
        tape.push(&self.buffer, budget)?;
        self.buffer.clear();
        Ok(())
    }

    /// Bytes taken so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the taking in.
    pub(crate) fn seal(mut self, budget: &mut Budget) -> Result<Reel, FunctionError> {
        if !self.buffer.is_empty() {
            match &mut self.tape {
                Some(tape) => tape.push(&self.buffer, budget)?,
                None => self.held.push(std::mem::take(&mut self.buffer).into()),
            }
        }
        Ok(Reel {
            stretch: Stretch::of(self.held, self.tape.as_ref()),
            piece: self.piece,
            longest: self.longest,
            paid: self.paid,
        })
    }
}

/// Bytes that were kept.
pub(crate) struct Reel {
    stretch: Stretch,
    piece: usize,
    longest: u64,
    paid: u64,
}

impl Reel {
    /// How many pieces they lie in.
    pub(crate) fn pieces(&self) -> u64 {
        self.stretch.pieces()
    }

    /// How long a piece is at most.
    pub(crate) fn piece_bytes(&self) -> u64 {
        self.piece as u64
    }

    /// A piece by its number, from 0; `None` past the last. Who holds one pays for it.
    pub(crate) fn piece(
        &self,
        number: u64,
        budget: &mut Budget,
    ) -> Result<Option<Bytes>, FunctionError> {
        self.stretch.piece(number, budget)
    }

    /// Reads the records from the first.
    pub(crate) fn cursor(&self, budget: &mut Budget) -> Result<Cursor, FunctionError> {
        Cursor::open(self.stretch.clone(), self.piece, self.longest, budget)
    }

    /// Lets go of everything.
    pub(crate) fn release(self, budget: &mut Budget) {
        budget.release_scratch(self.paid);
    }
}

//! An input as a reader that libraries can pull from, charged to the budget of the call at work.
//!
//! The budget is lent to the reader for the time of one pull and taken back after it; a pull outside
//! of that is refused.

use std::io::{Error, ErrorKind, Read, Result as IoResult};

use bytes::{Buf, Bytes};

use crate::budget::Budget;
use crate::function::FunctionError;
use crate::streaming::Pieces;

/// An input, read by a library.
pub(super) struct SourceReader {
    input: Option<Box<dyn Pieces>>,
    held: Bytes,
    lent: Option<Budget>,
    stopped: Option<FunctionError>,
    taken: u64,
}

impl SourceReader {
    pub(super) fn new(input: Box<dyn Pieces>) -> Self {
        Self {
            input: Some(input),
            held: Bytes::new(),
            lent: None,
            stopped: None,
            taken: 0,
        }
    }

    /// Bytes of input pulled so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the input has ended and everything of it was read.
    pub(super) fn exhausted(&self) -> bool {
        self.input.is_none() && self.held.is_empty()
    }

    pub(super) fn lend(&mut self, budget: &mut Budget) {
        self.lent = Some(budget.lend());
    }

    /// Gives the budget back, with what stopped the input if something did: then the library's own
    /// error is only its echo.
    pub(super) fn give_back(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        if let Some(lent) = self.lent.take() {
            budget.take_back(lent);
        }
        self.stopped.take().map_or(Ok(()), Err)
    }

    /// Charges for what a layer above holds of the input.
    pub(super) fn charge_scratch(&mut self, bytes: u64) -> Result<(), FunctionError> {
        let lent = self.lent.as_mut();
        lent.map_or(Ok(()), |budget| budget.charge_scratch(bytes))
    }

    /// Notes why a layer above stopped reading.
    pub(super) fn stop(&mut self, error: FunctionError) {
        self.stopped = Some(error);
    }

    fn pull(&mut self) -> Result<(), FunctionError> {
        let Some(budget) = &mut self.lent else {
            return Err(FunctionError::failed(
                "an input was read outside of a call; report this defect of the function",
            ));
        };
        if let Some(input) = &mut self.input {
            match input.next(budget)? {
                Some(piece) => {
                    budget.charge_read(piece.len() as u64)?;
                    self.taken += piece.len() as u64;
                    self.held = piece;
                }
                None => self.input = None,
            }
        }
        Ok(())
    }
}

impl Read for SourceReader {
    /// Gives as much as is asked for until the input ends, so that a library sees the same blocks
    /// however the input was cut. Some decide by what they see at once: zstd takes a shorter way
    /// through a frame that is there whole, and csv looks for a byte order mark in the first block.
    fn read(&mut self, into: &mut [u8]) -> IoResult<usize> {
        let mut filled = 0;
        while let Some(room) = into.get_mut(filled..)
            && !room.is_empty()
        {
            if self.held.is_empty()
                && let Err(error) = self.pull()
            {
                self.stopped = Some(error);
                return Err(Error::from(ErrorKind::Other));
            }
            if self.held.is_empty() {
                break;
            }
            let len = room.len().min(self.held.len());
            if let Some(room) = room.get_mut(..len) {
                self.held.copy_to_slice(room);
            }
            filled += len;
        }
        Ok(filled)
    }
}

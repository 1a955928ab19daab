//! Records one after the other on pieces of a scratch file; `cursor.rs` reads them back.
//!
//! A record is the length of its key and of its payload (seven bits a byte, the lowest first, the top
//! bit on all but the last), then both. Records lie across pieces. The scratch port verifies what it
//! gives back, so what does not decode here is refused as a fault of the store, never repaired.

use std::sync::Arc;

use bytes::Bytes;
use deriva_system::Fault;

use crate::budget::{Budget, ScratchPieces};
use crate::function::FunctionError;

/// Most bytes of a length: 64 bits, seven in each.
pub(super) const MAX_LENGTH_BYTES: u32 = 10;

/// A file being written.
pub(super) struct Tape {
    file: ScratchPieces,
    pieces: u64,
}

impl Tape {
    pub(super) fn new(budget: &Budget) -> Result<Self, FunctionError> {
        Ok(Self {
            file: budget.scratch_file()?,
            pieces: 0,
        })
    }

    /// Appends a piece. That is progress: what is written is bounded by the passes over the input.
    pub(super) fn push(&mut self, piece: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        budget.checkpoint()?;
        self.file.push(piece)?;
        self.pieces += 1;
        budget.progressed();
        Ok(())
    }

    pub(super) fn pieces(&self) -> u64 {
        self.pieces
    }

    /// The pieces written since there were `first` of them.
    pub(super) fn since(&self, first: u64) -> Stretch {
        Stretch {
            held: Arc::default(),
            file: Some(self.file.clone()),
            first,
            count: self.pieces - first,
        }
    }
}

/// Pieces to be read, some of them still in memory. It keeps its file alive.
#[derive(Clone)]
pub(super) struct Stretch {
    held: Arc<[Bytes]>,
    file: Option<ScratchPieces>,
    first: u64,
    count: u64,
}

impl Stretch {
    /// The pieces in memory, then those on `tape`, all of them.
    pub(super) fn of(held: Vec<Bytes>, tape: Option<&Tape>) -> Self {
        Self {
            held: held.into(),
            file: tape.map(|tape| tape.file.clone()),
            first: 0,
            count: tape.map_or(0, Tape::pieces),
        }
    }

    pub(super) fn pieces(&self) -> u64 {
        self.held.len() as u64 + self.count
    }

    /// A piece by its number; `None` past the last. One that comes from a file is progress: how often
    /// it is read is bounded by the passes over it.
    pub(super) fn piece(
        &self,
        number: u64,
        budget: &mut Budget,
    ) -> Result<Option<Bytes>, FunctionError> {
        let held = self.held.len() as u64;
        if number < held {
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            return Ok(self.held.get(at).cloned());
        }
        let Some(file) = self.file.as_ref().filter(|_| number - held < self.count) else {
            return Ok(None);
        };
        budget.checkpoint()?;
        let piece = file.piece(self.first + number - held)?.ok_or_else(broken)?;
        budget.charge_read(piece.len() as u64)?;
        budget.progressed();
        Ok(Some(piece))
    }
}

/// Puts records on a tape. Its buffer is paid for from opening to sealing.
pub(super) struct Writer {
    piece: usize,
    buffer: Vec<u8>,
    first: u64,
    longest: u64,
}

impl Writer {
    pub(super) fn open(
        tape: &Tape,
        piece: usize,
        budget: &mut Budget,
    ) -> Result<Self, FunctionError> {
        budget.charge_scratch(piece as u64)?;
        Ok(Self {
            piece,
            buffer: Vec::with_capacity(piece),
            first: tape.pieces,
            longest: 0,
        })
    }

    pub(super) fn record(
        &mut self,
        key: &[u8],
        payload: &[u8],
        tape: &mut Tape,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let (head, len) = header(key.len(), payload.len());
        self.longest = self.longest.max((key.len() + payload.len()) as u64);
        for part in [head.get(..len).unwrap_or_default(), key, payload] {
            self.bytes(part, tape, budget)?;
        }
        budget.charge_steps(1)
    }

    fn bytes(
        &mut self,
        mut bytes: &[u8],
        tape: &mut Tape,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        while !bytes.is_empty() {
            let room = self.piece - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            budget.charge_read(now.len() as u64)?;
            self.buffer.extend_from_slice(now);
            if self.buffer.len() == self.piece {
                tape.push(&self.buffer, budget)?;
                self.buffer.clear();
            }
            bytes = later;
        }
        Ok(())
    }

    /// Ends what was written; the next writer starts on a piece of its own.
    pub(super) fn seal(
        self,
        tape: &mut Tape,
        budget: &mut Budget,
    ) -> Result<(Stretch, u64), FunctionError> {
        if !self.buffer.is_empty() {
            tape.push(&self.buffer, budget)?;
        }
        budget.release_scratch(self.piece as u64);
        Ok((tape.since(self.first), self.longest))
    }
}

/// The lengths in front of a record, and how many bytes they take.
pub(super) fn header(key: usize, payload: usize) -> ([u8; 2 * MAX_LENGTH_BYTES as usize], usize) {
    let mut bytes = [0; 2 * MAX_LENGTH_BYTES as usize];
    let mut room = bytes.iter_mut();
    let mut len = 0;
    for mut value in [key as u64, payload as u64] {
        loop {
            let more = value >= 0x80;
            if let Some(byte) = room.next() {
                *byte = (value & 0x7f) as u8 | if more { 0x80 } else { 0 };
            }
            len += 1;
            value >>= 7;
            if !more {
                break;
            }
        }
    }
    (bytes, len)
}

/// Where the key and the payload lie in bytes that begin with a [`header`].
pub(super) fn parse(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut lengths = [0usize; 2];
    let mut at = 0;
    for length in &mut lengths {
        let mut shift = 0;
        while let Some(byte) = bytes.get(at) {
            *length |= usize::from(byte & 0x7f) << shift;
            shift = (shift + 7).min(usize::BITS - 1);
            at += 1;
            if *byte < 0x80 {
                break;
            }
        }
    }
    let [key, payload] = lengths;
    let body = bytes.get(at..).unwrap_or_default();
    let (key, rest) = body.split_at(key.min(body.len()));
    (key, rest.get(..payload).unwrap_or_default())
}

/// A file that came back as nobody wrote it.
pub(super) fn broken() -> FunctionError {
    let why = "a scratch file does not hold what was written to it".to_owned();
    FunctionError::World(Fault::StoreFailed { why })
}

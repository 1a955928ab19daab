//! Inputs as pieces, wherever they lie: in memory, in a scratch file, in the store, or still being made.
//!
//! A live input is pulled by the function that consumes it, on the same thread: what lies between two
//! streaming functions is never held as a whole, and the slowest of them sets the pace. It refuses to
//! be pulled twice.

use super::{hold::Held, production::Production};
use crate::{
    Budget, FunctionError, Pieces,
    streaming::{PIECE_BYTES, Whole},
};
use bytes::Bytes;
use deriva_system::{
    Fault,
    compute::{Sources, StoredContent},
    scratch::ScratchFile,
};
use std::sync::{Arc, atomic::AtomicBool};

/// A value that is still being made.
pub(super) struct Live(Box<Production>);

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} under way", self.0.task.recipe.address())
    }
}

impl Live {
    pub(super) fn new(production: Box<Production>) -> Self {
        Self(production)
    }
}

/// An input in pieces.
///
/// # Errors
/// A live input that was given out before.
pub(super) fn feed(
    held: &Arc<Held>,
    sources: &Arc<dyn Sources>,
    cancelled: &Arc<AtomicBool>,
) -> Result<Box<dyn Pieces>, Fault> {
    if held.is_live() {
        let live = held.take_live().ok_or_else(|| Fault::Breach {
            what: "a value that is being made was pulled twice".to_owned(),
        })?;
        let mut production = live.0;
        production.cancelled_by(cancelled);
        return Ok(Box::new(Pulled {
            production: Some(production),
            held: held.clone(),
        }));
    }
    if let Some(file) = held.as_file() {
        return Ok(Box::new(Filed { file, next: 0 }));
    }
    Ok(match held.as_stored() {
        Some(stored) => Box::new(Stored {
            sources: sources.clone(),
            stored,
            next: 0,
            left: stored.size,
        }),
        None => Whole::in_pieces_of(held.bytes(sources.as_ref())?, PIECE_BYTES),
    })
}

/// Pulls a production. At its end the held value knows what it is.
struct Pulled {
    production: Option<Box<Production>>,
    held: Arc<Held>,
}

impl Pieces for Pulled {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        loop {
            let Some(production) = &mut self.production else {
                return Ok(None);
            };
            if let Some(piece) = production.tail.take_first() {
                return Ok(Some(piece));
            }
            if production.advance()? {
                production.flush();
                continue;
            }
            if let Some(last) = production.tail.take_first() {
                return Ok(Some(last));
            }
            self.held.settle(production.finish().content);
            self.production = None;
        }
    }
}

/// A scratch file, piece by piece.
struct Filed {
    file: Arc<dyn ScratchFile>,
    next: u64,
}

impl Pieces for Filed {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        let piece = self.file.piece(self.next)?;
        self.next += 1;
        Ok(piece)
    }
}

/// A leaf on disk, chunk by chunk, each verified.
struct Stored {
    sources: Arc<dyn Sources>,
    stored: StoredContent,
    next: u32,
    /// Bytes.
    left: u64,
}

impl Pieces for Stored {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        if self.left == 0 {
            return Ok(None);
        }
        let chunk = self.sources.chunk(&self.stored, self.next)?;
        let left = self.left.checked_sub(chunk.len() as u64);
        match left.filter(|_| !chunk.is_empty()) {
            Some(left) => self.left = left,
            None => {
                return Err(FunctionError::World(Fault::DataLoss {
                    address: self.stored.owner,
                    what: format!("its chunks do not add up to {} bytes", self.stored.size),
                }));
            }
        }
        self.next = self.next.saturating_add(1);
        Ok(Some(chunk))
    }
}

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
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock, atomic::AtomicBool};

/// Productions that may pull one another in a row: a pull goes down the stack of one thread, whose
/// 2 MiB they share with the functions. A longer row is cut by a value that is made to its end.
pub(super) const NESTED_MAX: usize = 32;

/// A value that is still being made.
pub(super) struct Live {
    /// Taken by the one function that pulls it.
    production: Mutex<Option<Box<Production>>>,
    /// Productions in the longest row beneath and with it.
    depth: usize,
    /// What ends it, and everything that it pulls.
    reins: Vec<Arc<AtomicBool>>,
    /// Bytes, when it was pulled to its end.
    size: OnceLock<u64>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a value under way, {} deep", self.depth)
    }
}

impl Live {
    pub(super) fn new(production: Box<Production>) -> Self {
        let inputs = &production.task.inputs;
        let beneath = inputs.iter().flat_map(|held| held.reins().iter().cloned());
        let own = std::iter::once(production.task.cancelled.clone());
        Self {
            depth: production.task.depth(),
            reins: own.chain(beneath).collect(),
            production: Mutex::new(Some(production)),
            size: OnceLock::new(),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn reins(&self) -> &[Arc<AtomicBool>] {
        &self.reins
    }

    /// Bytes; 0 until all of it was pulled.
    pub(super) fn size(&self) -> u64 {
        self.size.get().copied().unwrap_or(0)
    }
}

/// An input in pieces.
///
/// # Errors
/// A live input that was given out before.
pub(super) fn feed(held: &Arc<Held>, sources: &Arc<dyn Sources>) -> Result<Box<dyn Pieces>, Fault> {
    if let Some(live) = held.as_live() {
        let production = live.production.lock().take();
        let production = production.ok_or_else(|| Fault::Breach {
            what: "a value that is being made was pulled twice".to_owned(),
        })?;
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
            let finished = production.finish();
            if let Some(live) = self.held.as_live() {
                live.size.get_or_init(|| finished.size);
            }
            self.held.settle(finished.content);
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

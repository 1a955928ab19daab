//! Values between the function that made them and those that need them.
//!
//! What is in flight is metered; over the budget it goes to a temporary file and comes back when it
//! is needed. Holding never waits for memory. A value too large for that is held as the production
//! that makes it, for the one function that pulls it.

use super::{execute::Executor, live::Live};
use bytes::Bytes;
use deriva_model::ContentHash;
use deriva_system::{
    Fault,
    compute::{Sources, StoredContent},
    scratch::{Scratch, ScratchFile},
};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Values smaller than this never spill: a file would cost more than they weigh. Bytes.
const SPILL_MIN: u64 = 64 << 10;

/// Bytes of computed values that live in memory only because someone still needs them.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    resident: Arc<AtomicU64>,
}

impl Meter {
    /// Whether so many bytes more would be over the budget.
    pub(super) fn is_over(&self, budget: u64, more: u64) -> bool {
        self.resident.load(Ordering::Relaxed).saturating_add(more) > budget
    }

    pub(super) fn add(&self, bytes: u64) {
        self.resident.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.resident.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A value that was just made.
#[derive(Clone, Debug)]
pub(super) enum Made {
    Bytes(Bytes),
    /// More than a batch function takes.
    File(Arc<dyn ScratchFile>),
}

impl Made {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.size(),
        }
    }
}

/// A value that somebody still needs.
#[derive(Debug)]
pub(super) struct Held {
    body: HeldBody,
    content: OnceLock<ContentHash>,
}

#[derive(Debug)]
enum HeldBody {
    Memory {
        bytes: Bytes,
        metered: Option<Meter>,
    },
    File(Arc<dyn ScratchFile>),
    Stored(StoredContent),
    /// For the one function that pulls it. What it is, is known when it was pulled to its end.
    Live(Live),
}

impl Drop for Held {
    fn drop(&mut self) {
        if let HeldBody::Memory {
            bytes,
            metered: Some(meter),
        } = &self.body
        {
            meter.give_back(bytes.len() as u64);
        }
    }
}

impl Held {
    fn of(content: ContentHash, body: HeldBody) -> Self {
        Self {
            body,
            content: content.into(),
        }
    }

    /// A value that memory holds anyway: the cache's, or a leaf that came along.
    pub(super) fn known(content: ContentHash, bytes: Bytes) -> Self {
        let metered = None;
        Self::of(content, HeldBody::Memory { bytes, metered })
    }

    /// A leaf that stays on disk until it is needed.
    pub(super) fn stored(stored: StoredContent) -> Self {
        Self::of(stored.content, HeldBody::Stored(stored))
    }

    /// A value that is being made, for the one function that pulls it.
    pub(super) fn live(live: Live) -> Self {
        Self {
            body: HeldBody::Live(live),
            content: OnceLock::new(),
        }
    }

    /// A value that was just computed: in memory while the budget lasts, else in a file.
    pub(super) fn computed(content: ContentHash, made: Made, executor: &Executor) -> Self {
        let meter = &executor.meter;
        let bytes = match made {
            Made::Bytes(bytes) => bytes,
            Made::File(file) => return Self::of(content, HeldBody::File(file)),
        };
        let size = bytes.len() as u64;
        if size >= SPILL_MIN && meter.is_over(executor.in_flight_bytes, size) {
            match spill(executor.sources.scratch().as_ref(), &bytes) {
                Ok(file) => {
                    metrics::counter!("materialize_spills_total").increment(1);
                    return Self::of(content, HeldBody::File(file));
                }
                // No room on disk either: memory is what is left, and nothing may wait for it.
                Err(fault) => tracing::warn!(%fault, "a value could not be spilled"),
            }
        }
        meter.add(size);
        let metered = Some(meter.clone());
        Self::of(content, HeldBody::Memory { bytes, metered })
    }

    /// What it is. A value that is being made says so at its end only.
    pub(super) fn content(&self) -> Option<ContentHash> {
        self.content.get().copied()
    }

    /// As [`Held::content`], where nothing is being made.
    pub(super) fn settled(&self) -> Result<ContentHash, Fault> {
        self.content().ok_or_else(|| Fault::Breach {
            what: "a value was used as an input before it was known".to_owned(),
        })
    }

    /// It was pulled to its end. The first word counts: it is pulled once.
    pub(super) fn settle(&self, content: ContentHash) {
        if self.content.set(content).is_err() {
            tracing::error!("a value came to its end twice");
        }
    }

    /// The value that is being made, if it is one.
    pub(super) fn as_live(&self) -> Option<&Live> {
        match &self.body {
            HeldBody::Live(live) => Some(live),
            _ => None,
        }
    }

    /// What ends the productions that whoever takes this pulls.
    pub(super) fn reins(&self) -> &[Arc<AtomicBool>] {
        self.as_live().map_or(&[], Live::reins)
    }

    /// The file it lies in, if it was too much for memory.
    pub(super) fn as_file(&self) -> Option<Arc<dyn ScratchFile>> {
        match &self.body {
            HeldBody::File(file) => Some(file.clone()),
            _ => None,
        }
    }

    /// Bytes; of a value that is being made, none are known before its end.
    pub(super) fn size(&self) -> u64 {
        match &self.body {
            HeldBody::Memory { bytes, .. } => bytes.len() as u64,
            HeldBody::File(file) => file.size(),
            HeldBody::Stored(stored) => stored.size,
            HeldBody::Live(live) => live.size(),
        }
    }

    /// Where it lies, if it is a leaf on disk.
    pub(super) fn as_stored(&self) -> Option<StoredContent> {
        match &self.body {
            HeldBody::Stored(stored) => Some(*stored),
            _ => None,
        }
    }

    /// The bytes, read back if they were away. May block on the disk.
    pub(super) fn bytes(&self, sources: &dyn Sources) -> Result<Bytes, Fault> {
        match &self.body {
            HeldBody::Memory { bytes, .. } => Ok(bytes.clone()),
            HeldBody::File(file) => gathered(file.as_ref()),
            HeldBody::Stored(stored) => sources.load(stored),
            HeldBody::Live(_) => Err(Fault::Breach {
                what: "a value that is being made was asked for whole".to_owned(),
            }),
        }
    }
}

/// Bytes of one piece of a spilled value.
const SPILL_PIECE: usize = 1 << 20;

fn spill(scratch: &dyn Scratch, bytes: &Bytes) -> Result<Arc<dyn ScratchFile>, Fault> {
    let file = scratch.file()?;
    for piece in bytes.chunks(SPILL_PIECE) {
        file.push(piece)?;
    }
    Ok(file)
}

pub(super) fn gathered(file: &dyn ScratchFile) -> Result<Bytes, Fault> {
    let mut bytes = Vec::with_capacity(usize::try_from(file.size()).unwrap_or(0));
    let mut number = 0;
    while let Some(piece) = file.piece(number)? {
        bytes.extend_from_slice(&piece);
        number += 1;
    }
    Ok(bytes.into())
}

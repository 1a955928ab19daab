//! Values between the function that made them and those that need them.
//!
//! What is in flight is metered; over the budget it goes to a temporary file and comes back when it
//! is needed. Holding never waits for memory.

use bytes::Bytes;
use deriva_model::ContentHash;
use deriva_system::{
    Fault,
    compute::{Sources, StoredContent},
    scratch::{Scratch, ScratchFile},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Values smaller than this never spill: a file would cost more than they weigh. Bytes.
const SPILL_MIN: u64 = 64 << 10;

/// Bytes of computed values that live in memory only because someone still needs them.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    resident: Arc<AtomicU64>,
}

impl Meter {
    pub(super) fn resident(&self) -> u64 {
        self.resident.load(Ordering::Relaxed)
    }
}

/// A value that somebody still needs.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) content: ContentHash,
    body: HeldBody,
}

#[derive(Debug)]
enum HeldBody {
    Memory {
        bytes: Bytes,
        metered: Option<Meter>,
    },
    File(Arc<dyn ScratchFile>),
    Stored(StoredContent),
}

impl Drop for Held {
    fn drop(&mut self) {
        if let HeldBody::Memory {
            bytes,
            metered: Some(meter),
        } = &self.body
        {
            meter
                .resident
                .fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }
}

impl Held {
    /// A value that memory holds anyway: the cache's, or a leaf that came along.
    pub(super) fn known(content: ContentHash, bytes: Bytes) -> Self {
        Self {
            content,
            body: HeldBody::Memory {
                bytes,
                metered: None,
            },
        }
    }

    /// A leaf that stays on disk until it is needed.
    pub(super) fn stored(stored: StoredContent) -> Self {
        Self {
            content: stored.content,
            body: HeldBody::Stored(stored),
        }
    }

    /// A value that was just computed: in memory while the budget lasts, else in a file.
    pub(super) fn computed(
        content: ContentHash,
        bytes: Bytes,
        meter: &Meter,
        budget: u64,
        sources: &dyn Sources,
    ) -> Self {
        let size = bytes.len() as u64;
        if size >= SPILL_MIN && meter.resident().saturating_add(size) > budget {
            match spill(sources.scratch().as_ref(), &bytes) {
                Ok(file) => {
                    metrics::counter!("materialize_spills_total").increment(1);
                    let body = HeldBody::File(file);
                    return Self { content, body };
                }
                // No room on disk either: memory is what is left, and nothing may wait for it.
                Err(fault) => tracing::warn!(%fault, "a value could not be spilled"),
            }
        }
        meter.resident.fetch_add(size, Ordering::Relaxed);
        Self {
            content,
            body: HeldBody::Memory {
                bytes,
                metered: Some(meter.clone()),
            },
        }
    }

    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        match &self.body {
            HeldBody::Memory { bytes, .. } => bytes.len() as u64,
            HeldBody::File(file) => file.size(),
            HeldBody::Stored(stored) => stored.size,
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

fn gathered(file: &dyn ScratchFile) -> Result<Bytes, Fault> {
    let mut bytes = Vec::with_capacity(usize::try_from(file.size()).unwrap_or(0));
    let mut number = 0;
    while let Some(piece) = file.piece(number)? {
        bytes.extend_from_slice(&piece);
        number += 1;
    }
    Ok(bytes.into())
}

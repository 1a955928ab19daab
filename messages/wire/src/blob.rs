//! What a `BlobShardActor` hears: bytes at rest, one actor a shard of the content-hash space.

use crate::Reply;
use bytes::Bytes;
use deriva_model::{CAddr, ContentHash, CutoffKey, Manifest, Record};
use std::sync::Arc;

/// One staged upload: the place of its chunks until a content entry takes them over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Locator(pub u64);

/// A leaf that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLeaf {
    pub address: CAddr,
    /// Bytes.
    pub size: u64,
    /// Whether no leaf of this address existed before.
    pub was_new: bool,
}

/// What dropping cached values gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Bytes of each value, in the order asked; `None` where no marker went.
    pub sizes: Vec<Option<u64>>,
}

impl Dropped {
    #[must_use]
    pub fn values(&self) -> u64 {
        self.sizes.iter().flatten().count() as u64
    }

    /// Of all values together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sizes = self.sizes.iter().flatten();
        sizes.fold(0, |sum, size| sum.saturating_add(*size))
    }
}

/// A value that is worth its place on disk.
#[derive(Clone, Debug)]
pub struct KeptValue {
    pub record: Arc<Record>,
    pub bytes: Bytes,
    pub cutoff: CutoffKey,
    /// The node's invalidation number when its evaluation began: what was invalidated since, or
    /// consumed what was, is not kept.
    pub begun: u64,
    /// What its place on disk is worth, by the cache's own measure: the least goes first.
    pub worth: u64,
    /// Whether two executions agreed on it.
    pub is_verified: bool,
}

/// Why values are dropped, which decides how sure the answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// They may come back after a crash.
    Evicted,
    /// They may not: answered when their absence is on disk, also if nothing was there.
    Invalidated,
}

#[derive(Debug)]
pub enum BlobMessage {
    /// Stores a whole leaf of at most one stored chunk; answered when it is on disk.
    PutLeaf {
        bytes: Bytes,
        reply: Reply<StoredLeaf>,
    },
    /// Stores many small leaves in one atomic step; answered in their order when all are on disk. All
    /// are stored or none.
    PutLeaves {
        leaves: Vec<Bytes>,
        reply: Reply<Vec<StoredLeaf>>,
    },
    /// Opens an upload whose content hash is not known yet.
    Open { reply: Reply<Locator> },
    /// Writes one chunk of an upload.
    Stage {
        upload: Locator,
        index: u32,
        bytes: Bytes,
        reply: Reply<()>,
    },
    /// Gives an upload its content and makes it a leaf; answered when it is on disk.
    Seal {
        upload: Locator,
        manifest: Arc<Manifest>,
        reply: Reply<StoredLeaf>,
    },
    /// Throws an unfinished upload away.
    Abandon { upload: Locator },
    /// Writes cached values and their records behind; lost by a crash without harm. The answer
    /// says how many bytes came to be held on disk that were not before.
    Keep {
        values: Vec<KeptValue>,
        reply: Reply<u64>,
    },
    /// Removes the markers of cached values, and the bytes that nothing else holds.
    Drop {
        recipes: Vec<CAddr>,
        why: DropReason,
        reply: Reply<Dropped>,
    },
    /// Raises what cached values are worth; one that is not on disk, or worth more already, is
    /// passed over. The answer says how many were raised.
    Weigh {
        worths: Vec<(CAddr, u64)>,
        reply: Reply<u64>,
    },
    /// One verified chunk of stored content. `owner` is the address that a fault will name.
    Read {
        owner: CAddr,
        content: ContentHash,
        index: u32,
        reply: Reply<Bytes>,
    },
}

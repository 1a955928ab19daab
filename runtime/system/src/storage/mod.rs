//! The storage port: an ordered map of bytes in named spaces, written in atomic batches.
//!
//! It refuses to know what the bytes mean (`layout` says) and how they reach the disk (the store
//! behind it says). What it promises: a batch is seen whole or not at all, and when a synced write
//! returns, that batch and everything written before it survives a power cut.

mod batch;
pub mod commit;
pub mod layout;
mod memory;
mod overlay;

pub use batch::Batch;
pub use commit::{CommitLane, CommitLimits};
pub use memory::MemoryStorage;
pub use overlay::Overlay;

use bytes::Bytes;
use deriva_messages::Fault;
use thiserror::Error;

/// What a key belongs to. The names are those of the column families on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    /// Recipe address → touch epoch and canonical bytes.
    Recipes,
    /// Edges in both directions.
    Edges,
    /// Leaf address → leaf marker.
    Leaves,
    /// Content hash → where its chunks are.
    Contents,
    /// Content hash and recipe address → value marker.
    Values,
    /// Locator and index → chunk bytes.
    Chunks,
    /// Recipe address → record.
    Records,
    /// Cutoff key and recipe address → nothing.
    Cutoffs,
    /// Pinned addresses.
    Pins,
    /// Old address → recipe address.
    Aliases,
    /// Format version, epochs, counters, staged uploads.
    Meta,
}

impl Space {
    pub const ALL: [Self; 11] = [
        Self::Recipes,
        Self::Edges,
        Self::Leaves,
        Self::Contents,
        Self::Values,
        Self::Chunks,
        Self::Records,
        Self::Cutoffs,
        Self::Pins,
        Self::Aliases,
        Self::Meta,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recipes => "recipes",
            Self::Edges => "edges",
            Self::Leaves => "leaves",
            Self::Contents => "contents",
            Self::Values => "values",
            Self::Chunks => "chunks",
            Self::Records => "records",
            Self::Cutoffs => "cutoffs",
            Self::Pins => "pins",
            Self::Aliases => "aliases",
            Self::Meta => "meta",
        }
    }
}

/// Why storage did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StorageFault {
    #[error("no room: {free} bytes free, {reserve} kept in reserve")]
    Full { free: u64, reserve: u64 },
    /// A write failed half-way through its promise; nothing is written any more until a restart.
    #[error("writes are stopped: {why}")]
    Stopped { why: String },
    #[error("input or output failed: {why}")]
    Io { why: String },
    #[error("damaged on disk: {why}")]
    Damaged { why: String },
}

impl From<StorageFault> for Fault {
    fn from(fault: StorageFault) -> Self {
        match fault {
            StorageFault::Full { free, reserve } => Self::StoreFull { free, reserve },
            StorageFault::Stopped { why } => Self::StoreReadOnly { why },
            StorageFault::Io { .. } | StorageFault::Damaged { .. } => Self::StoreFailed {
                why: fault.to_string(),
            },
        }
    }
}

/// When a write counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On disk by fsync, with everything written before it.
    Synced,
    /// Soon; a crash may lose it, but never a part of a batch.
    Behind,
}

/// A key with its value.
pub type Entry = (Vec<u8>, Bytes);

/// Reading, from the store itself or from a step's view of it.
pub trait Reading {
    /// # Errors
    /// The store could not be read.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault>;

    /// The values of many keys, in the order asked: one read, where there is a store that can.
    ///
    /// # Errors
    /// The store could not be read.
    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StorageFault> {
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    /// Of each of many prefixes, in the order asked, the first key that begins with it. Prefixes that
    /// come ascending cost least.
    ///
    /// # Errors
    /// The store could not be read.
    fn first_under(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageFault> {
        let first = |prefix: &Vec<u8>| {
            let entries = self.scan(space, prefix, prefix, 1)?;
            Ok(entries.into_iter().next().map(|(key, _)| key))
        };
        prefixes.iter().map(first).collect()
    }

    /// At most `limit` entries whose keys begin with `prefix` and are not below `from`, ascending.
    ///
    /// # Errors
    /// The store could not be read.
    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault>;
}

/// The port. Calls block; whoever must not block goes through a lane.
pub trait Storage: Reading + Send + Sync + 'static {
    /// # Errors
    /// Nothing of the batch is visible, or (`Stopped`) whether it survives is unknown and no
    /// further write is taken.
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StorageFault>;

    /// Why the store takes no writes at this moment, if it takes none.
    fn refuses_writes(&self) -> Option<StorageFault>;
}

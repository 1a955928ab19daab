//! What the `CacheActor` hears: what came in, and what must go.

use crate::Reply;
use deriva_model::{CAddr, FunctionId};

/// What leaving the cache gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Values that were in memory, on disk or both.
    pub values: u64,
    /// Their bytes, each value counted once.
    pub bytes: u64,
}

/// How a cascade goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CascadePolicy {
    /// The consumers stay; only the address itself may go.
    None,
    /// All are gone when it is answered.
    Immediate,
    /// Answered when all are found; they go in batches afterwards.
    Deferred,
    /// Nothing goes; the answer tells what would.
    DryRun,
}

/// What becomes of the address that a cascade begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CascadeRoot {
    Included,
    Spared,
}

/// What a cascade did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cascaded {
    /// Values that were in memory, on disk or both; of a deferred cascade those that will go.
    pub evicted: u64,
    /// Whether the address itself had one of them.
    pub root_evicted: bool,
    /// Addresses that depend on it, however far.
    pub traversed: u64,
    /// The most steps, by the shortest way, from the address to one of them.
    pub max_depth: u32,
    /// Bytes of the values, each counted once.
    pub bytes: u64,
    /// Whose values they were, nearest first; at most as many as asked for.
    pub addresses: Vec<CAddr>,
}

/// The state of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounts {
    pub resident_values: u64,
    pub resident_bytes: u64,
    pub disk_values: u64,
    pub disk_bytes: u64,
}

#[derive(Debug)]
pub enum CacheMessage {
    /// Values arrived in the view and are not booked. One bell may stand for many values.
    Landed,
    /// Forgets one value and its record everywhere.
    Invalidate {
        address: CAddr,
        reply: Reply<Evicted>,
    },
    /// Forgets the values of an address and of everything that depends on it, records and cutoff
    /// entries with them.
    Cascade {
        address: CAddr,
        root: CascadeRoot,
        policy: CascadePolicy,
        /// Addresses that the answer may list.
        detail: usize,
        reply: Reply<Cascaded>,
    },
    /// Forgets everything that was made by a function, and everything made from that, however far;
    /// answered when it is gone. The one who asks holds the voiding open meanwhile.
    Void {
        function: FunctionId,
        reply: Reply<Evicted>,
    },
    /// Takes values out of memory for a cascade or a collection, which sees to it that they do not
    /// come in again. Bytes of each that was there.
    Unlink {
        addresses: Vec<CAddr>,
        reply: Reply<Vec<Option<u64>>>,
    },
    /// Forgets every value.
    EvictAll {
        reply: Reply<Evicted>,
    },
    Count {
        reply: Reply<CacheCounts>,
    },
}

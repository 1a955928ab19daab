//! What the `CacheActor` hears: what came in, and what must go.

use crate::Reply;
use deriva_model::CAddr;

/// What leaving the cache gave back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Values that were in memory, on disk or both.
    pub values: u64,
    /// Their bytes, each value counted once.
    pub bytes: u64,
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
    /// Values wait in the view's inbox. One bell may stand for many values.
    Landed,
    /// Forgets one value and its record everywhere.
    Invalidate {
        address: CAddr,
        reply: Reply<Evicted>,
    },
    /// Forgets every value.
    EvictAll {
        reply: Reply<Evicted>,
    },
    Count {
        reply: Reply<CacheCounts>,
    },
}

//! The values in memory, and the inbox through which new ones arrive. The `CacheActor` writes the
//! map; evaluations fill the inbox and read both, so nothing is computed twice while the actor is
//! on its way.
//!
//! It refuses to grow: an inbox over its bound takes nothing more, and the value is only not kept.

#[path = "inbox.rs"]
mod inbox;
#[path = "owner.rs"]
mod owner;

use self::inbox::Inbox;
use super::Invalidations;
use bytes::Bytes;
use dashmap::DashMap;
use deriva_model::{CAddr, Consumed, ContentHash, CutoffKey, Record};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Bytes a value costs in memory beside its own and its record's inputs, on the safe side.
const OVERHEAD_BYTES: u64 = 400;

/// One value in memory.
#[derive(Debug)]
pub struct Resident {
    pub bytes: Bytes,
    pub record: Arc<Record>,
    pub cutoff: CutoffKey,
    /// Whether its recipe is known to be stored: else it is served only within a graph that
    /// brings the recipe along.
    durable: AtomicBool,
    /// Whether two executions agreed on it.
    verified: AtomicBool,
    /// Lossy. The use that it was made for counts.
    uses: AtomicU32,
    /// Nanoseconds that recomputing it takes, as far as is known.
    nanos: AtomicU64,
}

impl Resident {
    #[must_use]
    pub fn new(bytes: Bytes, record: Arc<Record>, cutoff: CutoffKey, origin: Origin) -> Self {
        Self {
            bytes,
            cutoff,
            durable: AtomicBool::new(origin == Origin::Stored),
            verified: AtomicBool::new(false),
            uses: AtomicU32::new(1),
            nanos: AtomicU64::new(record.cost.wall_nanos),
            record,
        }
    }

    #[must_use]
    pub fn content(&self) -> ContentHash {
        self.record.output
    }

    /// Bytes it takes in memory, an estimate on the safe side: what bounds are counted in, so that
    /// neither many empty values nor records of many inputs are free.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let inputs = self.record.inputs.len() * size_of::<Consumed>();
        (self.bytes.len() as u64)
            .saturating_add(inputs as u64)
            .saturating_add(OVERHEAD_BYTES)
    }

    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.durable.load(Ordering::Relaxed)
    }

    /// Its recipe was found to be stored.
    pub fn mark_durable(&self) {
        self.durable.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified.load(Ordering::Relaxed)
    }

    /// Two executions agreed on it.
    pub fn mark_verified(&self) {
        self.verified.store(true, Ordering::Relaxed);
    }

    /// Takes over what was known of the same value.
    pub fn learn_from(&self, other: &Self) {
        self.durable.fetch_or(other.is_durable(), Ordering::Relaxed);
        self.verified
            .fetch_or(other.is_verified(), Ordering::Relaxed);
    }

    fn hit(&self) {
        self.add_uses(1);
    }

    /// How often it was asked for; uses that come at once may count as one.
    #[must_use]
    pub fn uses(&self) -> u32 {
        self.uses.load(Ordering::Relaxed)
    }

    /// The owner's: uses that are known from before it came in.
    pub fn add_uses(&self, uses: u32) {
        let before = self.uses.load(Ordering::Relaxed);
        self.uses
            .store(before.saturating_add(uses), Ordering::Relaxed);
    }

    /// Nanoseconds that a hit on it saves: what its record says or, for one that was cut off
    /// early, what its owner found out.
    #[must_use]
    pub fn recompute_nanos(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed)
    }

    /// The owner's: what recomputing it would take.
    pub fn set_recompute_nanos(&self, nanos: u64) {
        self.nanos.store(nanos, Ordering::Relaxed);
    }
}

/// Where a value's recipe came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is on disk.
    Stored,
    /// It travelled with a request.
    Transient,
}

/// A value that has just been computed, or brought back from disk.
#[derive(Clone, Debug)]
pub struct Produced {
    pub address: CAddr,
    pub value: Arc<Resident>,
    pub source: Source,
    /// The number of the newest invalidation when what it consumed was looked up; it is not
    /// admitted if it was invalidated since.
    pub begun: u64,
}

/// Where a value came from, which decides whether writing it is worth anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Computed,
    Disk,
}

/// What became of an offered value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is the first in the inbox: the owner has to be told.
    Ring,
    /// The owner has been told already.
    Queued,
    /// The inbox is full.
    Refused,
    /// It was invalidated since it began, or consumed what was.
    Stale,
}

/// Values by recipe address.
#[derive(Debug)]
pub struct ValueView {
    map: DashMap<CAddr, Arc<Resident>>,
    cutoffs: DashMap<CutoffKey, CAddr>,
    inbox: Mutex<Inbox>,
    /// Bytes, by weight.
    inbox_max: u64,
    invalidations: Arc<Invalidations>,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Nanoseconds of computing that hits have saved.
    saved: AtomicU64,
}

impl ValueView {
    /// `inbox_max` in bytes.
    #[must_use]
    pub fn new(inbox_max: u64) -> Self {
        Self {
            map: DashMap::new(),
            cutoffs: DashMap::new(),
            inbox: Mutex::new(Inbox::default()),
            inbox_max,
            invalidations: Arc::new(Invalidations::default()),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            saved: AtomicU64::new(0),
        }
    }

    /// A value in memory, whoever brought its recipe; none while a voiding is under way.
    #[must_use]
    pub fn get(&self, address: &CAddr) -> Option<Arc<Resident>> {
        if self.invalidations.is_voiding() {
            return None;
        }
        if let Some(found) = self.settled(address) {
            return Some(found);
        }
        let landed = {
            let inbox = self.inbox.lock();
            inbox.values.get(address).map(|new| new.value.clone())
        };
        // The owner puts a value into the map before it leaves the inbox, so one that moved between
        // the two looks is found by a third.
        landed.or_else(|| self.settled(address))
    }

    fn settled(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let found = self.map.get(address)?;
        found.hit();
        Some(found.value().clone())
    }

    /// A value that a client's Get may be answered with at once; counts the hit. Whoever goes on
    /// to look further counts what becomes of it.
    #[must_use]
    pub fn warm(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let found = self.get(address).filter(|value| value.is_durable())?;
        self.count(1, 0);
        self.count_saved(&found);
        Some(found)
    }

    /// Recipes whose values were found, and recipes whose values were not.
    pub fn count(&self, hits: u64, misses: u64) {
        self.hits.fetch_add(hits, Ordering::Relaxed);
        self.misses.fetch_add(misses, Ordering::Relaxed);
    }

    /// A value was found, so its recipe does not have to run.
    pub fn count_saved(&self, value: &Resident) {
        self.saved
            .fetch_add(value.recompute_nanos(), Ordering::Relaxed);
    }

    /// Computing that values found have saved since the start, by what it took when it was done.
    #[must_use]
    pub fn saved(&self) -> Duration {
        Duration::from_nanos(self.saved.load(Ordering::Relaxed))
    }

    /// Hits and misses since the start.
    #[must_use]
    pub fn lookups(&self) -> (u64, u64) {
        (
            self.hits.load(Ordering::Relaxed),
            self.misses.load(Ordering::Relaxed),
        )
    }

    /// The value of another recipe whose function, params and input contents were the same.
    #[must_use]
    pub fn cutoff(&self, key: &CutoffKey) -> Option<Arc<Resident>> {
        let address = self.holder(key)?;
        self.get(&address).filter(|value| value.cutoff == *key)
    }

    /// Whose value has this key: the same three looks as for an address.
    fn holder(&self, key: &CutoffKey) -> Option<CAddr> {
        let settled = || self.cutoffs.get(key).map(|entry| *entry.value());
        settled()
            .or_else(|| self.inbox.lock().cutoffs.get(key).copied())
            .or_else(settled)
    }

    /// The number under which an evaluation that starts now begins; see `Produced::begun`.
    #[must_use]
    pub fn invalidation_number(&self) -> u64 {
        self.invalidations.number()
    }

    /// What was invalidated lately; whoever writes values to disk asks it in the writing step.
    #[must_use]
    pub fn invalidations(&self) -> Arc<Invalidations> {
        self.invalidations.clone()
    }

    /// Puts a value into the inbox, unless it began before an invalidation that covers it.
    pub fn offer(&self, produced: Produced) -> Landing {
        let weight = produced.value.weight();
        let mut inbox = self.inbox.lock();
        // Inside the lock: an invalidation that this look misses clears the inbox afterwards.
        if self.is_stale(&produced) {
            return Landing::Stale;
        }
        if inbox.weight.saturating_add(weight) > self.inbox_max {
            return Landing::Refused;
        }
        let first = inbox.values.is_empty();
        inbox.put(produced);
        if first {
            Landing::Ring
        } else {
            Landing::Queued
        }
    }

    fn is_stale(&self, produced: &Produced) -> bool {
        self.invalidations
            .cover(&produced.value.record, produced.begun)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}

#[cfg(test)]
#[path = "values_test.rs"]
mod values_test;

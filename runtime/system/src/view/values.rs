//! The values in memory. Evaluations put new ones in and read them, so nothing is computed twice
//! while the `CacheActor` is on its way; the actor books what arrived, and alone decides what goes.
//!
//! It refuses to grow: while too much of what arrived is not booked yet nothing more is taken, and
//! the value is only not kept.

#[path = "arrivals.rs"]
mod arrivals;
#[path = "owner.rs"]
mod owner;

use self::arrivals::Arrivals;
use super::Invalidations;
use crate::Spread;
use bytes::Bytes;
use dashmap::{DashMap, Entry};
use deriva_model::{CAddr, Consumed, ContentHash, CutoffKey, Record};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Bytes a value costs in memory beside its own and its record's inputs, on the safe side.
const OVERHEAD_BYTES: u64 = 400;

/// One value in memory. The order of its fields stands: what a hit touches comes first and is, with
/// the counts of whoever holds it, as long as one line of the processor's cache.
#[derive(Debug)]
#[repr(C)]
pub struct Resident {
    pub bytes: Bytes,
    /// Nanoseconds that recomputing it takes, as far as is known.
    nanos: AtomicU64,
    /// Lossy. The use that it was made for counts.
    uses: AtomicU32,
    /// Whether its recipe is known to be stored: else it is served only within a graph that
    /// brings the recipe along.
    durable: AtomicBool,
    /// Whether two executions agreed on it.
    verified: AtomicBool,
    pub record: Arc<Record>,
    pub cutoff: CutoffKey,
    /// The owner's number for it; `UNBOOKED` before it has one.
    line: AtomicU32,
}

const UNBOOKED: u32 = u32::MAX;

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
            line: AtomicU32::new(UNBOOKED),
            record,
        }
    }

    /// Whether it came without running: its record says that it cost nothing, but it would cost what
    /// the other computation did if that one's value went too.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.record.cost.wall_nanos == 0
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

    /// The owner's number for it, or for the value whose place it took, if it has one.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        let line = self.line.load(Ordering::Relaxed);
        (line != UNBOOKED).then_some(line)
    }

    /// The owner's, while its place in the view is locked.
    pub fn set_line(&self, line: u32) {
        self.line.store(line, Ordering::Relaxed);
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
    /// It is the first that waits for the owner, who has to be told.
    Ring,
    /// The owner has been told already.
    Queued,
    /// Too much waits for the owner.
    Refused,
    /// It was invalidated since it began, or consumed what was.
    Stale,
}

/// Values by recipe address.
#[derive(Debug)]
pub struct ValueView {
    map: DashMap<CAddr, Arc<Resident>, Spread>,
    /// By the beginning of the key: two keys that begin alike would have one place, of which one
    /// value has the use. Everything in it is in the map.
    cutoffs: DashMap<u64, Arc<Resident>, Spread>,
    arrivals: Arrivals,
    invalidations: Arc<Invalidations>,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Nanoseconds of computing that hits have saved.
    saved: AtomicU64,
}

impl ValueView {
    /// `arrivals_max` in bytes: what may be in the view that the owner has not booked yet.
    #[must_use]
    pub fn new(arrivals_max: u64) -> Self {
        Self {
            map: DashMap::default(),
            cutoffs: DashMap::default(),
            arrivals: Arrivals::new(arrivals_max),
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
        for (counter, by) in [(&self.hits, hits), (&self.misses, misses)] {
            if by > 0 {
                counter.fetch_add(by, Ordering::Relaxed);
            }
        }
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
        if self.invalidations.is_voiding() {
            return None;
        }
        let found = self.cutoffs.get(&beginning(key))?;
        let value = Some(found.value()).filter(|value| value.cutoff == *key)?;
        value.hit();
        Some(value.clone())
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

    /// Puts a value in, unless it began before an invalidation that covers it. One that is there
    /// already stays, and learns what is known of the new one.
    pub fn offer(&self, produced: Produced) -> Landing {
        let weight = produced.value.weight();
        if !self.arrivals.reserve(weight) {
            return Landing::Refused;
        }
        if !self.let_in(&produced) {
            self.arrivals.give_back(weight);
            return Landing::Stale;
        }
        // Afterwards: what is booked is in the view, or went again.
        match self.arrivals.push(produced) {
            true => Landing::Ring,
            false => Landing::Queued,
        }
    }

    /// The owner could not be told of an arrival that was to ring; the next arrival rings.
    pub fn unheard(&self) {
        self.arrivals.unheard();
    }

    fn let_in(&self, produced: &Produced) -> bool {
        let (address, value) = (produced.address, &produced.value);
        let place = self.map.entry(address);
        // With the place locked: an invalidation that this look misses clears it afterwards.
        if self.is_stale(produced) {
            return false;
        }
        match place {
            Entry::Occupied(there) if there.get().content() == value.content() => {
                there.get().learn_from(value);
            }
            Entry::Occupied(mut there) => {
                let before = there.insert(value.clone());
                // With the place locked, so that the owner has booked it or finds this one there.
                value.set_line(before.line.load(Ordering::Relaxed));
                // A value that came out otherwise than before leaves no cutoff entry behind.
                self.forget_cutoff(&before);
                self.name_cutoff(value);
            }
            Entry::Vacant(free) => {
                let _locked = free.insert(value.clone());
                self.name_cutoff(value);
            }
        }
        true
    }

    /// A value is found by its cutoff key. One that was cut off early leaves the name to the one that
    /// was computed, for that one knows what it cost. The value's place is locked meanwhile, so whoever
    /// takes it out again finds the name too.
    fn name_cutoff(&self, value: &Arc<Resident>) {
        let place = beginning(&value.cutoff);
        match value.was_cut_off() {
            true => {
                let named = self.cutoffs.entry(place);
                let _locked = named.or_insert_with(|| value.clone());
            }
            false => {
                self.cutoffs.insert(place, value.clone());
            }
        }
    }

    /// A value went: its key leads to it no more.
    fn forget_cutoff(&self, gone: &Arc<Resident>) {
        let place = beginning(&gone.cutoff);
        self.cutoffs
            .remove_if(&place, |_, holder| Arc::ptr_eq(holder, gone));
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

/// A key is a hash: its first bytes are as good as any.
fn beginning(key: &CutoffKey) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
#[path = "values_test.rs"]
mod values_test;

//! Which addresses were invalidated lately, each under a number of its own, so that a value whose
//! evaluation began before is not recorded after.
//!
//! It refuses to grow: what it no longer remembers one by one it remembers as a floor, and whatever
//! began below the floor is not recorded at all. Numbers count from the start of the process: no
//! evaluation outlives it, and what an invalidation took off the disk is gone by fsync.

use deriva_model::{CAddr, Record};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// Invalidated addresses remembered one by one, some 80 bytes each.
const RECENT_MAX: usize = 65_536;

#[derive(Debug, Default)]
struct Recent {
    /// The latest number of each address.
    numbers: HashMap<CAddr, u64>,
    /// Every number given out and not forgotten, ascending.
    order: VecDeque<(u64, CAddr)>,
    /// What began below this is stale, whatever it consumed.
    floor: u64,
    /// Addresses whose invalidation is under way, and how many of each.
    open: HashMap<CAddr, usize>,
}

/// The node's invalidations, in order.
#[derive(Debug)]
pub struct Invalidations {
    number: AtomicU64,
    recent: Mutex<Recent>,
    recent_max: usize,
    /// Cascades under way.
    cascades: AtomicUsize,
    /// Voidings under way.
    voidings: AtomicUsize,
    /// Invalidations of single addresses under way.
    opened: AtomicUsize,
}

/// A voiding under way: until it ends nothing is recorded, as in a cascade, and no cached value is
/// taken for true. What began before its end is not recorded at all.
#[derive(Debug)]
pub struct Voiding {
    cascading: Option<Cascading>,
    invalidations: Arc<Invalidations>,
}

impl Drop for Voiding {
    fn drop(&mut self) {
        // First what may be recorded, then what may be read: nothing comes in between.
        self.cascading = None;
        self.invalidations.voidings.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A cascade under way: until it ends nothing is recorded, so that nothing that was made from what
/// it has not reached yet can come in behind it.
#[derive(Debug)]
pub struct Cascading {
    invalidations: Arc<Invalidations>,
    finished: bool,
}

impl Cascading {
    /// Ends it: what it covered, all under one number.
    pub fn finish(mut self, covered: &[CAddr]) -> u64 {
        self.finished = true;
        self.invalidations.add_all(covered)
    }
}

impl Drop for Cascading {
    /// One that was cut off covers everything: nobody knows how far it came.
    fn drop(&mut self) {
        if !self.finished {
            self.invalidations.raise_floor();
        }
        self.invalidations.cascades.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An invalidation of known addresses under way: from before the first is taken out until the last
/// is, nothing of them and nothing that consumed one is recorded, whenever it began. All else is.
#[derive(Debug)]
pub struct Invalidating {
    invalidations: Arc<Invalidations>,
    open: Vec<CAddr>,
    finished: bool,
}

impl Invalidating {
    /// Ends it: those that are gone, under one number.
    pub fn finish(mut self, gone: &[CAddr]) -> u64 {
        self.finished = true;
        self.invalidations.close(&self.open, gone)
    }
}

impl Drop for Invalidating {
    /// One that was cut off has the number all the same: some may be gone.
    fn drop(&mut self) {
        if !self.finished {
            self.invalidations.close(&self.open, &self.open);
        }
    }
}

impl Default for Invalidations {
    fn default() -> Self {
        Self::remembering(RECENT_MAX)
    }
}

impl Invalidations {
    /// Remembers at most so many addresses one by one.
    #[must_use]
    pub fn remembering(recent_max: usize) -> Self {
        Self {
            number: AtomicU64::new(0),
            recent: Mutex::new(Recent::default()),
            recent_max,
            cascades: AtomicUsize::new(0),
            voidings: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
        }
    }

    /// Begins a voiding.
    #[must_use]
    pub fn void(self: &Arc<Self>) -> Voiding {
        self.voidings.fetch_add(1, Ordering::AcqRel);
        Voiding {
            cascading: Some(self.cascade()),
            invalidations: self.clone(),
        }
    }

    /// Whether a voiding is under way.
    #[must_use]
    pub fn is_voiding(&self) -> bool {
        self.voidings.load(Ordering::Acquire) > 0
    }

    /// Begins a cascade.
    #[must_use]
    pub fn cascade(self: &Arc<Self>) -> Cascading {
        self.cascades.fetch_add(1, Ordering::AcqRel);
        Cascading {
            invalidations: self.clone(),
            finished: false,
        }
    }

    /// Begins to invalidate these addresses.
    #[must_use]
    pub fn begin(self: &Arc<Self>, open: Vec<CAddr>) -> Invalidating {
        let mut recent = self.recent.lock();
        for address in &open {
            *recent.open.entry(*address).or_default() += 1;
        }
        // Before anything is taken out: whoever records later sees it.
        self.opened.fetch_add(1, Ordering::AcqRel);
        drop(recent);
        Invalidating {
            invalidations: self.clone(),
            open,
            finished: false,
        }
    }

    /// The number stands before the addresses are open no more, so nothing slips in between.
    fn close(&self, open: &[CAddr], gone: &[CAddr]) -> u64 {
        let mut recent = self.recent.lock();
        let number = self.add_to(&mut recent, gone);
        for address in open {
            if let Some(count) = recent.open.get_mut(address) {
                *count -= 1;
                if *count == 0 {
                    recent.open.remove(address);
                }
            }
        }
        self.opened.fetch_sub(1, Ordering::AcqRel);
        number
    }

    /// Invalidates many addresses under one number; more than are remembered cover everything.
    fn add_all(&self, addresses: &[CAddr]) -> u64 {
        self.add_to(&mut self.recent.lock(), addresses)
    }

    fn add_to(&self, recent: &mut Recent, addresses: &[CAddr]) -> u64 {
        let number = self.number.load(Ordering::Relaxed) + 1;
        if addresses.len() > self.recent_max {
            recent.cover_all(number);
        } else {
            for address in addresses {
                recent.numbers.insert(*address, number);
                recent.order.push_back((number, *address));
            }
            while recent.order.len() > self.recent_max {
                recent.forget_oldest();
            }
        }
        // Published last: whoever began under this number began after the entries stood.
        self.number.store(number, Ordering::Release);
        number
    }

    /// What began before now is not recorded, whatever it consumed.
    fn raise_floor(&self) -> u64 {
        let mut recent = self.recent.lock();
        let number = self.number.load(Ordering::Relaxed) + 1;
        recent.cover_all(number);
        self.number.store(number, Ordering::Release);
        number
    }

    /// The number under which an evaluation that starts now begins.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Whether a value that began under `begun` may not be recorded: its recipe, or an input that
    /// it consumed, was invalidated since or is being invalidated. An invalidation that begins
    /// meanwhile may be missed: whoever asks asks before the place where it records, which the
    /// invalidation then clears.
    #[must_use]
    pub fn cover(&self, record: &Record, begun: u64) -> bool {
        if self.cascades.load(Ordering::Acquire) > 0 {
            return true;
        }
        // In this order: one that ends between the two looks has its number by then.
        if self.opened.load(Ordering::Acquire) == 0 && begun >= self.number() {
            return false;
        }
        let recent = self.recent.lock();
        let since = |address: &CAddr| {
            recent.open.contains_key(address)
                || recent.numbers.get(address).is_some_and(|at| begun < *at)
        };
        begun < recent.floor
            || since(&record.recipe)
            || record.inputs.iter().any(|input| since(&input.address))
    }
}

impl Recent {
    fn cover_all(&mut self, number: u64) {
        self.numbers.clear();
        self.order.clear();
        self.floor = number;
    }

    fn forget_oldest(&mut self) {
        let Some((number, address)) = self.order.pop_front() else {
            return;
        };
        self.floor = number;
        // A later invalidation of the same address is still remembered.
        if self.numbers.get(&address) == Some(&number) {
            self.numbers.remove(&address);
        }
    }
}

#[cfg(test)]
#[path = "invalidations_test.rs"]
mod invalidations_test;

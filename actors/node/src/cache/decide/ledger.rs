//! The books of the memory: who is in, what each is worth, and what they weigh together.
//!
//! Hits are not booked: whoever hits a value only counts it up. A value's worth is looked at when it
//! is the least, and if it was used since, it is ranked anew. It refuses to let constant hits keep
//! the memory over its bound.

use super::{
    CacheConfig,
    ghosts::Ghosts,
    worth::{Appraisal, Inflation},
};
use deriva_model::CAddr;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    num::NonZeroU64,
};

/// Dead places in the order that are tolerated before it is packed.
const SLACK: usize = 64;
/// Values that can be held.
const LINES_MAX: usize = (u32::MAX - 1) as usize;

/// Where a value stands in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line(u32);

impl Line {
    /// As a value carries it.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    #[must_use]
    pub const fn of_number(number: u32) -> Self {
        Self(number)
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    address: CAddr,
    /// No two values have the same.
    arrived: NonZeroU64,
    size: u64,
    /// As it was when its place in the order was given.
    appraisal: Appraisal,
}

/// A place in the order: the least worth first, among equals the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    worth: u64,
    arrived: NonZeroU64,
    line: u32,
}

/// The books of the memory. Public so that traces can be replayed through the policy itself.
#[derive(Debug)]
pub struct Ledger {
    config: CacheConfig,
    /// By line; those that were left stand in `free`.
    lines: Vec<Option<Held>>,
    free: Vec<u32>,
    /// A place whose number is not that of the value held is dead; a value has one that is not.
    order: BinaryHeap<Reverse<Place>>,
    ghosts: Ghosts,
    inflation: Inflation,
    next: NonZeroU64,
    weight: u64,
    size: u64,
}

impl Ledger {
    #[must_use]
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config: CacheConfig {
                // Lines have 32 bits.
                memory_values: config.memory_values.min(LINES_MAX),
                ..config
            },
            lines: Vec::new(),
            free: Vec::new(),
            order: BinaryHeap::new(),
            ghosts: Ghosts::new(config.memory_bytes),
            inflation: Inflation::default(),
            next: NonZeroU64::MIN,
            weight: 0,
            size: 0,
        }
    }

    #[must_use]
    pub const fn values(&self) -> u64 {
        self.held() as u64
    }

    const fn held(&self) -> usize {
        self.lines.len() - self.free.len()
    }

    /// Bytes of the values.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// A value of `size` bytes goes in. Gives its line, and how often it was used before it was
    /// evicted the last time, which counts from now on.
    pub fn admit(&mut self, address: CAddr, size: u64, appraisal: Appraisal) -> (Line, u32) {
        let before = self.ghosts.recall(&address);
        let appraisal = Appraisal {
            uses: appraisal.uses.saturating_add(before),
            ..appraisal
        };
        let held = Held {
            address,
            arrived: self.next,
            size,
            appraisal,
        };
        self.next = self.next.saturating_add(1);
        self.weight = self.weight.saturating_add(appraisal.weight);
        self.size = self.size.saturating_add(size);
        let line = self.write(held);
        self.rank(line, held);
        (Line(line), before)
    }

    /// In a line that was left, or in a new one.
    fn write(&mut self, held: Held) -> u32 {
        let left = self.free.pop();
        let line = left.unwrap_or_else(|| u32::try_from(self.lines.len()).unwrap_or(u32::MAX));
        match self.lines.get_mut(line as usize) {
            Some(place) => *place = Some(held),
            None => self.lines.push(Some(held)),
        }
        line
    }

    fn rank(&mut self, line: u32, held: Held) {
        self.order.push(Reverse(Place {
            worth: self.inflation.worth(held.appraisal.merit()),
            arrived: held.arrived,
            line,
        }));
    }

    /// A value went for another reason than its worth. Its bytes, if it was in: a line that another
    /// address has by now is left alone.
    pub fn forget(&mut self, line: Line, address: &CAddr) -> Option<u64> {
        let place = self.lines.get_mut(line.0 as usize)?;
        let held = place.take_if(|held| held.address == *address)?;
        self.free.push(line.0);
        self.take_off(held);
        Some(held.size)
    }

    /// The place in the order of one that is no longer held is dead.
    fn take_off(&mut self, gone: Held) {
        self.weight = self.weight.saturating_sub(gone.appraisal.weight);
        self.size = self.size.saturating_sub(gone.size);
        if self.order.len() > 2 * self.held() + SLACK {
            let lines = &self.lines;
            self.order.retain(|place| alive(lines, &place.0).is_some());
        }
    }

    /// Forgets everything; the addresses with their values' bytes.
    pub fn clear(&mut self) -> HashMap<CAddr, u64> {
        let config = self.config;
        let lines = std::mem::replace(self, Self::new(config)).lines;
        let held = lines.into_iter().flatten();
        held.map(|held| (held.address, held.size)).collect()
    }

    /// Forgets values until the rest is within bounds, and gives them. `uses` tells how often a
    /// value was used by now; each is ranked anew once at most, so that constant hits cannot keep
    /// the memory over its bound.
    pub fn evict(&mut self, mut uses: impl FnMut(&CAddr) -> u32) -> Vec<CAddr> {
        let mut victims = Vec::new();
        let mut chances = self.held();
        while self.is_over() {
            let Some(Reverse(place)) = self.order.pop() else {
                break;
            };
            let Some(held) = alive(&self.lines, &place) else {
                continue;
            };
            let (address, now) = (held.address, uses(&held.address));
            if chances > 0 && self.was_used(place.line, now) {
                chances -= 1;
                continue;
            }
            self.inflation.rise(place.worth, self.values());
            self.forget(Line(place.line), &address);
            self.ghosts.remember(&address, now);
            victims.push(address);
        }
        victims
    }

    /// Whether a value was used since it was ranked; it is ranked anew then.
    fn was_used(&mut self, line: u32, now: u32) -> bool {
        let Some(Some(held)) = self.lines.get_mut(line as usize) else {
            return false;
        };
        if now <= held.appraisal.uses {
            return false;
        }
        held.appraisal.uses = now;
        let held = *held;
        self.rank(line, held);
        true
    }

    fn is_over(&self) -> bool {
        self.weight > self.config.memory_bytes || self.held() > self.config.memory_values
    }
}

/// The value that a place stands for, if it is held.
fn alive(lines: &[Option<Held>], place: &Place) -> Option<Held> {
    let held = lines.get(place.line as usize).copied().flatten();
    held.filter(|held| held.arrived == place.arrived)
}

#[cfg(test)]
#[path = "ledger_test.rs"]
mod ledger_test;

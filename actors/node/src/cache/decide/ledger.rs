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
use deriva_system::AddressMap;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

/// Dead places in the order that are tolerated before it is packed.
const SLACK: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Held {
    arrived: u64,
    size: u64,
    /// As it was when its place in the order was given.
    appraisal: Appraisal,
}

/// A place in the order: the least worth first, among equals the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    worth: u64,
    arrived: u64,
    address: CAddr,
}

/// The books of the memory. Public so that traces can be replayed through the policy itself.
#[derive(Debug)]
pub struct Ledger {
    config: CacheConfig,
    held: AddressMap<CAddr, Held>,
    /// A place whose number is not that of the value held is dead; a value has one that is not.
    order: BinaryHeap<Reverse<Place>>,
    ghosts: Ghosts,
    inflation: Inflation,
    next: u64,
    weight: u64,
    size: u64,
}

impl Ledger {
    #[must_use]
    pub fn new(config: CacheConfig) -> Self {
        Self {
            config,
            held: AddressMap::default(),
            order: BinaryHeap::new(),
            ghosts: Ghosts::new(config.memory_bytes),
            inflation: Inflation::default(),
            next: 0,
            weight: 0,
            size: 0,
        }
    }

    #[must_use]
    pub fn values(&self) -> u64 {
        self.held.len() as u64
    }

    /// Bytes of the values.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// A value of `size` bytes goes in; one that was there under the address is forgotten. Gives
    /// how often it was used before it was evicted the last time, which counts from now on.
    pub fn admit(&mut self, address: CAddr, size: u64, appraisal: Appraisal) -> u32 {
        let before = self.ghosts.recall(&address);
        let appraisal = Appraisal {
            uses: appraisal.uses.saturating_add(before),
            ..appraisal
        };
        let held = Held {
            arrived: self.next,
            size,
            appraisal,
        };
        self.next += 1;
        self.weight = self.weight.saturating_add(appraisal.weight);
        self.size = self.size.saturating_add(size);
        self.rank(address, held);
        if let Some(was) = self.held.insert(address, held) {
            self.take_off(was);
        }
        before
    }

    fn rank(&mut self, address: CAddr, held: Held) {
        self.order.push(Reverse(Place {
            worth: self.inflation.worth(held.appraisal.merit()),
            arrived: held.arrived,
            address,
        }));
    }

    /// A value went for another reason than its worth. Its bytes, if it was in.
    pub fn forget(&mut self, address: &CAddr) -> Option<u64> {
        let held = self.held.remove(address)?;
        self.take_off(held);
        Some(held.size)
    }

    /// The place in the order of one that is no longer held is dead.
    fn take_off(&mut self, gone: Held) {
        self.weight = self.weight.saturating_sub(gone.appraisal.weight);
        self.size = self.size.saturating_sub(gone.size);
        if self.order.len() > 2 * self.held.len() + SLACK {
            let held = &self.held;
            self.order.retain(|place| is_alive(held, &place.0));
        }
    }

    /// Forgets everything; the addresses with their values' bytes.
    pub fn clear(&mut self) -> HashMap<CAddr, u64> {
        let config = self.config;
        let held = std::mem::replace(self, Self::new(config)).held;
        held.into_iter()
            .map(|(address, held)| (address, held.size))
            .collect()
    }

    /// Forgets values until the rest is within bounds, and gives them. `uses` tells how often a
    /// value was used by now; each is ranked anew once at most, so that constant hits cannot keep
    /// the memory over its bound.
    pub fn evict(&mut self, mut uses: impl FnMut(&CAddr) -> u32) -> Vec<CAddr> {
        let mut victims = Vec::new();
        let mut chances = self.held.len();
        while self.is_over() {
            let Some(Reverse(place)) = self.order.pop() else {
                break;
            };
            let address = place.address;
            if !is_alive(&self.held, &place) {
                continue;
            }
            let now = uses(&address);
            if chances > 0 && self.was_used(&address, now) {
                chances -= 1;
                continue;
            }
            self.inflation.rise(place.worth, self.values());
            self.forget(&address);
            self.ghosts.remember(&address, now);
            victims.push(address);
        }
        victims
    }

    /// Whether a value was used since it was ranked; it is ranked anew then.
    fn was_used(&mut self, address: &CAddr, now: u32) -> bool {
        let Some(held) = self.held.get_mut(address) else {
            return false;
        };
        if now <= held.appraisal.uses {
            return false;
        }
        held.appraisal.uses = now;
        let held = *held;
        self.rank(*address, held);
        true
    }

    fn is_over(&self) -> bool {
        self.weight > self.config.memory_bytes || self.held.len() > self.config.memory_values
    }
}

fn is_alive(held: &AddressMap<CAddr, Held>, place: &Place) -> bool {
    held.get(&place.address)
        .is_some_and(|now| now.arrived == place.arrived)
}

#[cfg(test)]
#[path = "ledger_test.rs"]
mod ledger_test;

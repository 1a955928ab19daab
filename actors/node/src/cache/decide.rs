//! The mind of the cache: what is let into memory, what is worth its place on disk, and who has to
//! go. The policy is replaceable: nothing outside this file knows the rule.
//!
//! Memory goes by second chance in the order of arrival: the oldest value goes, unless it was hit
//! since it was last looked at. Disk goes by age alone.

use deriva_model::{CAddr, limits};
use deriva_system::view::Source;
use std::collections::{HashMap, VecDeque};

/// Nanoseconds that writing a value costs at least: marker, record, cutoff entry, age.
const WRITE_NANOS: u64 = 50_000;
/// Nanoseconds for every byte beyond: some 50 MB/s, with all that writing twice entails.
const WRITE_NANOS_PER_BYTE: u64 = 20;
/// One value takes at most one part in so many of memory or disk, so that it cannot clear them.
const SHARE: u64 = 4;
/// Bytes that a value costs on disk beside its own, so that empty ones are not free.
const DISK_OVERHEAD: u64 = 512;
/// Dead places in the order that are tolerated before it is packed.
const SLACK: usize = 64;

/// The cache's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes of memory, records and overhead included.
    pub memory_bytes: u64,
    /// Values in memory.
    pub memory_values: usize,
    /// Bytes on disk, with an overhead a value.
    pub disk_bytes: u64,
}

/// What a decision needs to know about a value that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Bytes of the value.
    pub(super) size: u64,
    /// Bytes in memory.
    pub(super) weight: u64,
    /// What computing it took.
    pub(super) wall_nanos: u64,
    pub(super) recipe: RecipeAt,
    pub(super) source: Source,
}

/// Where the value's recipe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecipeAt {
    /// On disk: the address answers by itself.
    Stored,
    /// Only in requests: its value is never written.
    Elsewhere,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) memory: Place,
    pub(super) disk: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Taken,
    Refused,
}

impl Place {
    const fn when(condition: bool) -> Self {
        if condition {
            Self::Taken
        } else {
            Self::Refused
        }
    }
}

/// Decides about one arrival.
pub(super) fn place(arrival: &Arrival, config: &CacheConfig) -> Placement {
    let memory = arrival.weight <= config.memory_bytes / SHARE && config.memory_values > 0;
    let disk = arrival.source == Source::Computed
        && arrival.recipe == RecipeAt::Stored
        && arrival.size <= limits::BATCH_INPUT_BYTES as u64
        && disk_weight(1, arrival.size) <= config.disk_bytes / SHARE
        && arrival.wall_nanos > write_nanos(arrival.size);
    Placement {
        memory: Place::when(memory),
        disk: Place::when(disk),
    }
}

/// Nanoseconds that writing so many bytes is estimated to cost.
fn write_nanos(size: u64) -> u64 {
    size.saturating_mul(WRITE_NANOS_PER_BYTE)
        .saturating_add(WRITE_NANOS)
}

fn disk_weight(values: u64, bytes: u64) -> u64 {
    values.saturating_mul(DISK_OVERHEAD).saturating_add(bytes)
}

/// What the cache holds on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OnDisk {
    pub(super) values: u64,
    pub(super) bytes: u64,
}

impl OnDisk {
    /// Whether the oldest have to go.
    pub(super) fn is_over(self, config: &CacheConfig) -> bool {
        disk_weight(self.values, self.bytes) > config.disk_bytes
    }

    /// How many of the oldest values have to go, given the bytes of each, until the rest is within
    /// bounds. `None` stands for a value that is gone already.
    pub(super) fn victims(mut self, oldest: &[Option<u64>], config: &CacheConfig) -> usize {
        let mut victims = 0;
        for size in oldest {
            if !self.is_over(config) {
                break;
            }
            if let Some(size) = size {
                self.values = self.values.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(*size);
            }
            victims += 1;
        }
        victims
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    arrived: u64,
    weight: u64,
    size: u64,
}

/// The books of the memory: who is in, in which order they came, and what they weigh together.
#[derive(Debug)]
pub(super) struct Ledger {
    config: CacheConfig,
    held: HashMap<CAddr, Held>,
    /// Oldest first. A place whose number is not that of the value held is dead.
    order: VecDeque<(u64, CAddr)>,
    next: u64,
    weight: u64,
    size: u64,
}

impl Ledger {
    pub(super) fn new(config: CacheConfig) -> Self {
        Self {
            config,
            held: HashMap::new(),
            order: VecDeque::new(),
            next: 0,
            weight: 0,
            size: 0,
        }
    }

    pub(super) fn values(&self) -> u64 {
        self.held.len() as u64
    }

    /// Bytes of the values.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// A value goes in, as the newest; one that was there under the address is forgotten.
    pub(super) fn admit(&mut self, address: CAddr, weight: u64, size: u64) {
        self.forget(&address);
        let arrived = self.next;
        self.next += 1;
        self.order.push_back((arrived, address));
        self.weight = self.weight.saturating_add(weight);
        self.size = self.size.saturating_add(size);
        let held = Held {
            arrived,
            weight,
            size,
        };
        self.held.insert(address, held);
    }

    /// A value went. Its bytes, if it was in.
    pub(super) fn forget(&mut self, address: &CAddr) -> Option<u64> {
        let held = self.held.remove(address)?;
        self.weight = self.weight.saturating_sub(held.weight);
        self.size = self.size.saturating_sub(held.size);
        if self.order.len() > 2 * self.held.len() + SLACK {
            let held = &self.held;
            self.order.retain(|place| is_alive(held, place));
        }
        Some(held.size)
    }

    /// Forgets everything; the addresses with their values' bytes.
    pub(super) fn clear(&mut self) -> HashMap<CAddr, u64> {
        let config = self.config;
        let held = std::mem::replace(self, Self::new(config)).held;
        held.into_iter()
            .map(|(address, held)| (address, held.size))
            .collect()
    }

    /// Forgets values until the rest is within bounds, and gives them. `cool` takes one hit away
    /// from a value and says whether there was one; each value is spared once at most, so that
    /// constant hits cannot keep the memory over its bound.
    pub(super) fn evict(&mut self, mut cool: impl FnMut(&CAddr) -> bool) -> Vec<CAddr> {
        let mut victims = Vec::new();
        let mut chances = self.held.len();
        while self.is_over() {
            let Some(place) = self.order.pop_front() else {
                break;
            };
            if !is_alive(&self.held, &place) {
                continue;
            }
            if chances > 0 && cool(&place.1) {
                chances -= 1;
                self.order.push_back(place);
                continue;
            }
            self.forget(&place.1);
            victims.push(place.1);
        }
        victims
    }

    fn is_over(&self) -> bool {
        self.weight > self.config.memory_bytes || self.held.len() > self.config.memory_values
    }
}

fn is_alive(held: &HashMap<CAddr, Held>, place: &(u64, CAddr)) -> bool {
    held.get(&place.1).is_some_and(|now| now.arrived == place.0)
}

#[cfg(test)]
#[path = "decide_test.rs"]
mod decide_test;

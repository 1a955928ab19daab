//! How often values were used that are in memory no more, so that one that comes back is known.
//!
//! It refuses to be sure: an address is remembered by 64 of its bits, the oldest are forgotten, and
//! a wrong count only ranks a value wrongly.

use super::worth::USES_COUNTED;
use deriva_model::CAddr;
use std::collections::{HashMap, VecDeque};

/// Bytes of the memory's bound for one remembered address, which takes some 40 bytes itself.
const BYTES_A_GHOST: u64 = 1024;
/// Addresses remembered at most: some 40 MB.
const GHOSTS_MAX: u64 = 1 << 20;
/// One part in so many of the uses is forgotten when a value goes.
const FORGOTTEN: u32 = 6;

#[derive(Debug)]
pub(super) struct Ghosts {
    /// Uses, and the number of the entry in `order`.
    seen: HashMap<u64, (u32, u64)>,
    /// Oldest first; entries are numbered one after the other.
    order: VecDeque<u64>,
    /// The number of the oldest entry.
    first: u64,
    most: usize,
}

impl Ghosts {
    /// `memory_bytes` is the bound of the memory that they are remembered for.
    pub(super) fn new(memory_bytes: u64) -> Self {
        let most = (memory_bytes / BYTES_A_GHOST).min(GHOSTS_MAX);
        Self {
            seen: HashMap::new(),
            order: VecDeque::new(),
            first: 0,
            most: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    /// A value went after so many uses.
    pub(super) fn remember(&mut self, address: &CAddr, uses: u32) {
        let uses = uses.min(USES_COUNTED);
        let number = self.first + self.order.len() as u64;
        let name = name(address);
        self.seen.insert(name, (uses - uses / FORGOTTEN, number));
        self.order.push_back(name);
        while self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(name) = self.order.pop_front() else {
            return;
        };
        let is_same = |(_, number): &(u32, u64)| *number == self.first;
        if self.seen.get(&name).is_some_and(is_same) {
            self.seen.remove(&name);
        }
        self.first += 1;
    }

    /// A value came back: how often it was used before, as far as that is known.
    pub(super) fn recall(&mut self, address: &CAddr) -> u32 {
        if self.seen.is_empty() {
            return 0;
        }
        self.seen.remove(&name(address)).map_or(0, |(uses, _)| uses)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.order.len().max(self.seen.len())
    }
}

fn name(address: &CAddr) -> u64 {
    let (head, _) = address.as_bytes().split_at(8);
    head.iter()
        .fold(0, |name, byte| name << 8 | u64::from(*byte))
}

#[cfg(test)]
#[path = "ghosts_test.rs"]
mod ghosts_test;

//! Maps by address that cost a few nanoseconds a look.
//!
//! An address is a hash already, so spreading it needs no more than two of its words folded with a
//! secret of the table's own: whoever chooses addresses cannot choose where they fall. It refuses
//! keys that are not hashes of something: whole numbers and short texts spread badly here.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hasher, RandomState},
};

/// A map whose keys are addresses, content hashes or cutoff keys, alone or with a few bits more.
pub type AddressMap<K, V> = HashMap<K, V, Spread>;

/// The set of the same keys.
pub type AddressSet<K> = HashSet<K, Spread>;

/// Makes the hashers of one table.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    secret: [u64; 2],
}

impl Default for Spread {
    #[allow(
        clippy::disallowed_methods,
        reason = "as every hash map's own: no order that comes of it is seen"
    )]
    fn default() -> Self {
        let chance = RandomState::new();
        Self {
            secret: [chance.hash_one(0_u8), chance.hash_one(1_u8)],
        }
    }
}

impl BuildHasher for Spread {
    type Hasher = Folder;

    fn build_hasher(&self) -> Folder {
        Folder {
            secret: self.secret,
            folded: 0,
        }
    }
}

/// Folds the first sixteen bytes of a key.
#[derive(Debug)]
pub struct Folder {
    secret: [u64; 2],
    folded: u64,
}

impl Folder {
    fn fold(&mut self, low: u64, high: u64) {
        let product = u128::from(low ^ self.secret[0]) * u128::from(high ^ self.secret[1]);
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.folded = self.folded.rotate_left(5) ^ low ^ high;
    }
}

impl Hasher for Folder {
    fn finish(&self) -> u64 {
        self.folded
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some((head, _)) = bytes.split_first_chunk::<16>() {
            let (words, _) = head.as_chunks::<8>();
            if let [low, high] = words {
                self.fold(u64::from_le_bytes(*low), u64::from_le_bytes(*high));
            }
            return;
        }
        for byte in bytes {
            self.fold(self.folded, u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.fold(self.folded, number);
    }

    /// The length of an address, which is always the same, and the kind of check, of which there
    /// are three: neither spreads anything, but kinds have to differ.
    fn write_usize(&mut self, number: usize) {
        self.folded = self.folded.rotate_left(7) ^ number as u64;
    }

    fn write_isize(&mut self, number: isize) {
        self.folded = self
            .folded
            .wrapping_add((number as u64).wrapping_mul(self.secret[0] | 1));
    }
}

#[cfg(test)]
#[path = "address_map_test.rs"]
mod address_map_test;

//! The overlay against the plain truth: a store to which the same changes were written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::storage::{Durability, MemoryStorage, Storage};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// Few and short keys over the bytes that prefixes trip over, so that they often meet.
    fn key(&mut self) -> Vec<u8> {
        let length = self.below(4);
        (0..length)
            .map(|_| [0, 1, 0xfe, 0xff][self.below(4) as usize])
            .collect()
    }

    fn space(&mut self) -> Space {
        // Neighbours in the order of spaces.
        [Space::Recipes, Space::Edges, Space::Leaves][self.below(3) as usize]
    }

    fn batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..self.below(12) {
            let (space, key) = (self.space(), self.key());
            match self.below(3) {
                0 => batch.delete(space, key),
                _ => batch.put(space, key, vec![self.below(256) as u8]),
            }
        }
        batch
    }
}

#[test]
fn an_overlay_reads_as_the_store_would_after_the_same_changes() {
    let mut dice = Dice(0x5eed);
    for round in 0..400 {
        let (base, truth) = (MemoryStorage::default(), MemoryStorage::default());
        let before = dice.batch();
        base.write(&before, Durability::Behind).unwrap();
        truth.write(&before, Durability::Behind).unwrap();
        // Two layers, as a step stands over its group.
        let mut lower = Overlay::new(&base);
        let change = dice.batch();
        lower.apply(&change);
        truth.write(&change, Durability::Behind).unwrap();
        let mut upper = Overlay::new(&lower);
        for _ in 0..2 {
            let change = dice.batch();
            upper.apply(&change);
            truth.write(&change, Durability::Behind).unwrap();
        }
        for _ in 0..60 {
            let (space, key) = (dice.space(), dice.key());
            assert_eq!(
                upper.get(space, &key),
                truth.get(space, &key),
                "round {round}"
            );
            let (prefix, from) = (dice.key(), dice.key());
            let limit = dice.below(6) as usize;
            assert_eq!(
                upper.scan(space, &prefix, &from, limit),
                truth.scan(space, &prefix, &from, limit),
                "round {round}: {space:?}, prefix {prefix:?}, from {from:?}, at most {limit}"
            );
        }
    }
}

#[test]
fn an_overlay_leaves_the_store_as_it_is() {
    let base = MemoryStorage::default();
    let mut change = Batch::default();
    change.put(Space::Meta, b"a".to_vec(), "b");
    let mut overlay = Overlay::new(&base);
    overlay.apply(&change);
    assert_eq!(
        overlay.get(Space::Meta, b"a").unwrap(),
        Some(Bytes::from("b"))
    );
    assert_eq!(base.get(Space::Meta, b"a").unwrap(), None);
}

/// A store that cannot be read is a fault of the overlay too, but not where a change answers.
#[test]
fn a_fault_of_the_store_comes_through() {
    struct Broken;
    fn broken() -> StorageFault {
        StorageFault::Io {
            why: "broken".to_owned(),
        }
    }
    impl Reading for Broken {
        fn get(&self, _: Space, _: &[u8]) -> Result<Option<Bytes>, StorageFault> {
            Err(broken())
        }
        fn scan(&self, _: Space, _: &[u8], _: &[u8], _: usize) -> Result<Vec<Entry>, StorageFault> {
            Err(broken())
        }
    }
    let mut change = Batch::default();
    change.delete(Space::Meta, b"a".to_vec());
    let mut overlay = Overlay::new(&Broken);
    overlay.apply(&change);
    assert_eq!(overlay.get(Space::Meta, b"a"), Ok(None));
    assert_eq!(overlay.get(Space::Meta, b"b"), Err(broken()));
    assert_eq!(overlay.scan(Space::Meta, b"", b"", 1), Err(broken()));
}

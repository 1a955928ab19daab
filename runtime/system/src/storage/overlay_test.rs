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

/// Makes the changes of a batch, one by one.
fn apply(overlay: &mut Overlay<'_>, batch: &Batch) {
    for (space, key, value) in batch.changes() {
        let own = overlay.changes_mut();
        match value {
            Some(value) => own.put(space, key.to_vec(), value.clone()),
            None => own.delete(space, key.to_vec()),
        }
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
        apply(&mut lower, &change);
        truth.write(&change, Durability::Behind).unwrap();
        let mut upper = Overlay::new(&lower);
        for _ in 0..2 {
            let change = dice.batch();
            apply(&mut upper, &change);
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
            let keys: Vec<Vec<u8>> = (0..dice.below(5)).map(|_| dice.key()).collect();
            assert_eq!(
                upper.get_many(space, &keys),
                truth.get_many(space, &keys),
                "round {round}"
            );
            assert_eq!(
                upper.first_under(space, &keys),
                truth.first_under(space, &keys),
                "round {round}"
            );
        }
    }
}

/// Whatever way changes came in, one after the other or many at once, and however many layers they
/// lay in, what reaches the store is what it would have come to.
#[test]
fn what_was_changed_reaches_the_store_as_one_batch_with_each_key_once() {
    let mut dice = Dice(0xba7c);
    for round in 0..400 {
        let (base, truth) = (MemoryStorage::default(), MemoryStorage::default());
        let mut group = Overlay::new(&base);
        for _ in 0..3 {
            let change = dice.batch();
            truth.write(&change, Durability::Behind).unwrap();
            let mut step = Overlay::new(&group);
            apply(&mut step, &change);
            let space = dice.space();
            let keys: BTreeMap<Vec<u8>, Bytes> = (0..dice.below(40))
                .map(|_| (dice.key(), Bytes::from(vec![dice.below(256) as u8])))
                .collect();
            for (key, value) in &keys {
                let mut one = Batch::default();
                one.put(space, key.clone(), value.clone());
                truth.write(&one, Durability::Behind).unwrap();
            }
            step.changes_mut()
                .put_many(space, keys.into_iter().collect());
            let changes = step.into_changes();
            group.changes_mut().absorb(changes);
        }
        let batch = group.into_changes();
        let mut keys: Vec<_> = batch
            .changes()
            .map(|(space, key, _)| (space, key))
            .collect();
        let all = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), all, "round {round}: a key travels twice");
        assert!(keys.is_sorted(), "round {round}");
        base.write(&batch, Durability::Behind).unwrap();
        for space in Space::ALL {
            assert_eq!(
                base.scan(space, b"", b"", usize::MAX),
                truth.scan(space, b"", b"", usize::MAX),
                "round {round}"
            );
        }
    }
}

#[test]
fn an_overlay_leaves_the_store_as_it_is() {
    let base = MemoryStorage::default();
    let mut overlay = Overlay::new(&base);
    assert!(overlay.is_unchanged());
    overlay.changes_mut().put(Space::Meta, b"a".to_vec(), "b");
    assert!(!overlay.is_unchanged());
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
    let mut overlay = Overlay::new(&Broken);
    overlay.changes_mut().delete(Space::Meta, b"a".to_vec());
    assert_eq!(overlay.get(Space::Meta, b"a"), Ok(None));
    assert_eq!(overlay.get(Space::Meta, b"b"), Err(broken()));
    assert_eq!(overlay.scan(Space::Meta, b"", b"", 1), Err(broken()));
}

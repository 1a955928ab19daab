//! What the storage port promises, held by every storage we have: the same tests run on each.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support_test::{open, put};
use bytes::Bytes;
use deriva_system::storage::{
    Batch, Durability, MemoryStorage, Reading, Space, Storage, StorageFault,
};

const MAX: u8 = u8::MAX;

/// Runs one check on each storage, each time on an empty one.
fn on_both(check: impl Fn(&dyn Storage)) {
    check(&MemoryStorage::default());
    let directory = tempfile::tempdir().unwrap();
    check(&open(directory.path()));
}

fn fill(storage: &dyn Storage, space: Space, keys: &[&[u8]]) {
    for key in keys {
        put(storage, space, key, key, Durability::Behind).unwrap();
    }
}

fn keys(storage: &dyn Storage, prefix: &[u8], from: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let entries = storage.scan(Space::Edges, prefix, from, limit).unwrap();
    entries
        .iter()
        .for_each(|(key, value)| assert_eq!(key, value));
    entries.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn what_was_put_is_read_and_what_was_deleted_is_not() {
    on_both(|storage| {
        for durability in [Durability::Behind, Durability::Synced] {
            put(storage, Space::Leaves, b"a", b"one", durability).unwrap();
            put(storage, Space::Leaves, b"a", b"two", durability).unwrap();
            put(storage, Space::Leaves, b"empty", b"", durability).unwrap();
            assert_eq!(
                storage.get(Space::Leaves, b"a").unwrap(),
                Some(Bytes::from("two"))
            );
            assert_eq!(
                storage.get(Space::Leaves, b"empty").unwrap(),
                Some(Bytes::new())
            );
            let mut batch = Batch::default();
            batch.delete(Space::Leaves, b"a".to_vec());
            batch.delete(Space::Leaves, b"never there".to_vec());
            storage.write(&batch, durability).unwrap();
            assert_eq!(storage.get(Space::Leaves, b"a").unwrap(), None);
        }
    });
}

#[test]
fn spaces_do_not_see_each_other() {
    on_both(|storage| {
        for space in Space::ALL {
            put(
                storage,
                space,
                b"key",
                space.name().as_bytes(),
                Durability::Behind,
            )
            .unwrap();
        }
        for space in Space::ALL {
            let value = storage.get(space, b"key").unwrap().unwrap();
            assert_eq!(value, space.name().as_bytes());
            // RocksDB's own store keeps one key of its own in `meta`.
            let seen = storage.scan(space, b"key", b"", 10).unwrap();
            assert_eq!(seen, vec![(b"key".to_vec(), value)]);
        }
    });
}

#[test]
fn later_changes_of_a_batch_win_over_earlier_ones() {
    on_both(|storage| {
        let mut batch = Batch::default();
        batch.put(Space::Pins, b"a".to_vec(), "first");
        batch.delete(Space::Pins, b"a".to_vec());
        batch.put(Space::Pins, b"b".to_vec(), "first");
        batch.put(Space::Pins, b"b".to_vec(), "second");
        batch.delete(Space::Pins, b"c".to_vec());
        batch.put(Space::Pins, b"c".to_vec(), "kept");
        storage.write(&batch, Durability::Synced).unwrap();
        let all = [b"a", b"b", b"c"].map(|key| key.to_vec());
        let expected = [None, Some(Bytes::from("second")), Some(Bytes::from("kept"))];
        assert_eq!(storage.get_many(Space::Pins, &all).unwrap(), expected);
    });
}

#[test]
fn get_many_answers_in_the_order_asked() {
    on_both(|storage| {
        let key = |number: u32| number.to_be_bytes().to_vec();
        let mut batch = Batch::default();
        (0..3000).for_each(|number| batch.put(Space::Recipes, key(number), key(number)));
        storage.write(&batch, Durability::Behind).unwrap();
        // More than one part, unsorted, with keys asked twice and keys that are absent.
        let asked: Vec<_> = (0..4000).rev().chain([5, 5, 9999]).map(key).collect();
        let values = storage.get_many(Space::Recipes, &asked).unwrap();
        let expected: Vec<_> = (0..4000)
            .rev()
            .chain([5, 5, 9999])
            .map(|number| (number < 3000).then(|| Bytes::from(key(number))))
            .collect();
        assert_eq!(values, expected);
        assert!(storage.get_many(Space::Recipes, &[]).unwrap().is_empty());
    });
}

#[test]
fn the_first_key_under_each_of_many_prefixes_is_what_a_scan_for_it_would_show() {
    on_both(|storage| {
        let key = |number: u32| number.to_be_bytes().to_vec();
        let mut batch = Batch::default();
        // Some near and some far from one another, and a gap that a walk does not cross.
        let numbers = (0..4000).filter(|number| number % 7 < 3 && !(900..2000).contains(number));
        numbers.for_each(|number| batch.put(Space::Edges, key(number * 16), "edge"));
        batch.put(Space::Edges, vec![MAX; 4], "last");
        storage.write(&batch, Durability::Behind).unwrap();
        let sorted: Vec<Vec<u8>> = (0..70_000).step_by(5).map(key).collect();
        let short: Vec<Vec<u8>> = (0..300).map(|number| key(number)[2..].to_vec()).collect();
        let mut any = [sorted.clone(), short].concat();
        any.extend([vec![], vec![MAX], vec![MAX; 4], vec![MAX; 5], vec![0]]);
        any.reverse();
        any.rotate_left(4321);
        for prefixes in [sorted, any] {
            let expected: Vec<_> = prefixes
                .iter()
                .map(|prefix| {
                    let seen = storage.scan(Space::Edges, prefix, b"", 1).unwrap();
                    seen.into_iter().next().map(|(key, _)| key)
                })
                .collect();
            let found = storage.first_under(Space::Edges, &prefixes).unwrap();
            assert_eq!(found, expected);
        }
        assert!(storage.first_under(Space::Edges, &[]).unwrap().is_empty());
    });
}

#[test]
fn scans_are_ascending_and_keep_to_prefix_start_and_limit() {
    on_both(|storage| {
        let all: [&[u8]; 8] = [b"", b"a", b"a\0", b"aa", b"ab", b"b", b"ba", b"c"];
        fill(storage, Space::Edges, &all);
        // Neighbours in the order of spaces must not leak in.
        fill(storage, Space::Recipes, &[b"z", &[MAX; 40]]);
        fill(storage, Space::Leaves, &[b"", b"a"]);
        assert_eq!(keys(storage, b"", b"", 100), all);
        assert_eq!(keys(storage, b"", b"", 3), all[..3]);
        assert_eq!(keys(storage, b"a", b"", 100), all[1..5]);
        assert_eq!(keys(storage, b"a", b"aa", 100), all[3..5]);
        assert_eq!(keys(storage, b"a", b"a\0\0", 1), all[3..4]);
        assert_eq!(
            keys(storage, b"a", b"0", 100),
            all[1..5],
            "a start below the prefix"
        );
        assert_eq!(keys(storage, b"", b"b", 100), all[5..]);
        assert!(
            keys(storage, b"a", b"b", 100).is_empty(),
            "a start behind the prefix"
        );
        assert!(keys(storage, b"ac", b"", 100).is_empty());
        assert!(keys(storage, b"", b"", 0).is_empty());
    });
}

#[test]
fn scans_reach_the_last_key_of_prefixes_that_end_in_ff() {
    on_both(|storage| {
        let all: [&[u8]; 7] = [
            &[0xfe, MAX],
            &[0xfe, MAX, MAX],
            &[MAX],
            &[MAX, 0],
            &[MAX, MAX],
            &[MAX, MAX, 0],
            &[MAX; 64],
        ];
        fill(storage, Space::Edges, &all);
        assert_eq!(keys(storage, &[0xfe, MAX], b"", 100), all[..2]);
        assert_eq!(keys(storage, &[0xfe], b"", 100), all[..2]);
        assert_eq!(keys(storage, &[MAX], b"", 100), all[2..]);
        assert_eq!(keys(storage, &[MAX, MAX], b"", 100), all[4..]);
        assert_eq!(keys(storage, &[MAX, MAX], &[MAX, MAX, 0], 100), all[5..]);
        assert_eq!(keys(storage, &[MAX; 64], b"", 100), all[6..]);
        assert!(keys(storage, &[MAX; 65], b"", 100).is_empty());
    });
}

#[test]
fn scans_do_not_show_what_was_deleted() {
    on_both(|storage| {
        fill(storage, Space::Edges, &[b"a", b"b", b"c"]);
        let mut batch = Batch::default();
        batch.delete(Space::Edges, b"b".to_vec());
        storage.write(&batch, Durability::Behind).unwrap();
        assert_eq!(keys(storage, b"", b"", 2), [b"a".to_vec(), b"c".to_vec()]);
    });
}

#[test]
fn values_of_every_size_come_back_as_they_were() {
    on_both(|storage| {
        // Around the least size of a blob, and a chunk of the largest size.
        for size in [
            0,
            1,
            (16 << 10) - 1,
            16 << 10,
            (16 << 10) + 1,
            1 << 20,
            16 << 20,
        ] {
            let value: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
            put(storage, Space::Chunks, b"chunk", &value, Durability::Behind).unwrap();
            let read = storage.get(Space::Chunks, b"chunk").unwrap().unwrap();
            assert!(read == value, "{size} bytes");
            let many = storage
                .get_many(Space::Chunks, &[b"chunk".to_vec()])
                .unwrap();
            assert!(many == [Some(Bytes::from(value))], "{size} bytes");
        }
    });
}

#[test]
fn an_empty_batch_is_written_and_nothing_refuses() {
    on_both(|storage| {
        storage
            .write(&Batch::default(), Durability::Synced)
            .unwrap();
        assert_eq!(storage.refuses_writes(), None);
    });
}

/// Two keys that are always written together are never seen apart.
#[test]
fn readers_see_a_batch_whole_or_not_at_all() {
    const ROUNDS: u64 = 2000;
    on_both(|storage| {
        let both = |number: u64| {
            let mut batch = Batch::default();
            batch.put(
                Space::Values,
                b"left".to_vec(),
                number.to_be_bytes().to_vec(),
            );
            batch.put(
                Space::Values,
                b"right".to_vec(),
                number.to_be_bytes().to_vec(),
            );
            storage.write(&batch, Durability::Behind).unwrap();
        };
        both(0);
        std::thread::scope(|scope| {
            scope.spawn(|| (1..=ROUNDS).for_each(both));
            let mut last = 0;
            while last < ROUNDS {
                let seen = storage.scan(Space::Values, b"", b"", 2).unwrap();
                let numbers: Vec<_> = seen.iter().map(|(_, value)| value.clone()).collect();
                assert_eq!(numbers[0], numbers[1]);
                last = u64::from_be_bytes(numbers[0].as_ref().try_into().unwrap());
            }
        });
    });
}

#[test]
fn memory_loses_what_was_not_synced_when_the_power_is_cut() {
    let storage = MemoryStorage::default();
    put(&storage, Space::Meta, b"a", b"early", Durability::Behind).unwrap();
    put(&storage, Space::Meta, b"b", b"synced", Durability::Synced).unwrap();
    put(&storage, Space::Meta, b"a", b"late", Durability::Behind).unwrap();
    put(&storage, Space::Meta, b"c", b"late", Durability::Behind).unwrap();
    storage.cut_power();
    let all = [b"a", b"b", b"c"].map(|key| key.to_vec());
    let expected = [
        Some(Bytes::from("early")),
        Some(Bytes::from("synced")),
        None,
    ];
    assert_eq!(storage.get_many(Space::Meta, &all).unwrap(), expected);
}

#[test]
fn memory_fails_on_command_and_heals() {
    let storage = MemoryStorage::default();
    let full = StorageFault::Full {
        free: 1,
        reserve: 2,
    };
    storage.fail_writes(full.clone());
    assert_eq!(
        put(&storage, Space::Meta, b"a", b"", Durability::Behind),
        Err(full.clone())
    );
    assert_eq!(storage.refuses_writes(), Some(full));
    assert_eq!(storage.get(Space::Meta, b"a").unwrap(), None);
    storage.heal();
    put(&storage, Space::Meta, b"a", b"", Durability::Behind).unwrap();
    assert_eq!(storage.refuses_writes(), None);
}

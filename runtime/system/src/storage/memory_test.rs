//! What only the storage in memory can do: fail, lose power, be damaged, and count. What it shares
//! with the store on disk is tested there, by one suite for both.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn put(storage: &MemoryStorage, key: &[u8], value: &str, durability: Durability) {
    let mut batch = Batch::default();
    batch.put(Space::Meta, key.to_vec(), value.to_owned());
    storage.write(&batch, durability).unwrap();
}

fn delete(storage: &MemoryStorage, key: &[u8], durability: Durability) {
    let mut batch = Batch::default();
    batch.delete(Space::Meta, key.to_vec());
    storage.write(&batch, durability).unwrap();
}

fn all(storage: &MemoryStorage) -> Vec<(Vec<u8>, Bytes)> {
    storage.scan(Space::Meta, b"", b"", 100).unwrap()
}

#[test]
fn cutting_the_power_goes_back_to_the_last_synced_write() {
    let storage = MemoryStorage::default();
    put(
        &storage,
        b"kept",
        "behind, then covered",
        Durability::Behind,
    );
    put(&storage, b"gone", "deleted behind", Durability::Behind);
    put(&storage, b"twice", "first", Durability::Synced);
    let synced = all(&storage);
    put(&storage, b"twice", "second", Durability::Behind);
    put(&storage, b"twice", "third", Durability::Behind);
    put(&storage, b"new", "", Durability::Behind);
    delete(&storage, b"gone", Durability::Behind);
    delete(&storage, b"new", Durability::Behind);
    put(&storage, b"new", "again", Durability::Behind);
    assert_ne!(all(&storage), synced);
    storage.cut_power();
    assert_eq!(all(&storage), synced);
    storage.cut_power();
    assert_eq!(all(&storage), synced, "a second cut takes nothing more");
}

#[test]
fn a_failing_storage_writes_nothing_and_reads_on() {
    let storage = MemoryStorage::default();
    put(&storage, b"a", "b", Durability::Synced);
    let fault = StorageFault::Stopped {
        why: "told to".to_owned(),
    };
    storage.fail_writes(fault.clone());
    let before = storage.counts();
    let mut batch = Batch::default();
    batch.delete(Space::Meta, b"a".to_vec());
    assert_eq!(
        storage.write(&batch, Durability::Synced),
        Err(fault.clone())
    );
    assert_eq!(storage.refuses_writes(), Some(fault));
    assert_eq!(storage.counts(), before);
    assert_eq!(
        storage.get(Space::Meta, b"a").unwrap(),
        Some(Bytes::from("b"))
    );
    storage.heal();
    storage.write(&batch, Durability::Synced).unwrap();
    assert!(all(&storage).is_empty());
}

#[test]
fn damage_stands_where_it_was_put_even_after_a_power_cut() {
    let storage = MemoryStorage::default();
    put(&storage, b"a", "true", Durability::Synced);
    storage.damage(Space::Meta, b"a", "false");
    storage.cut_power();
    assert_eq!(
        storage.get(Space::Meta, b"a").unwrap(),
        Some(Bytes::from("false"))
    );
}

#[test]
fn writes_and_syncs_are_counted() {
    let storage = MemoryStorage::default();
    put(&storage, b"a", "", Durability::Behind);
    put(&storage, b"a", "", Durability::Synced);
    put(&storage, b"a", "", Durability::Behind);
    assert_eq!(storage.counts(), (3, 1));
}

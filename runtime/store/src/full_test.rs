//! A disk that fills up: refused before it is full, survived when it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::{
    RocksStorage, StoreOptions,
    support_test::{again_on_tmpfs, child, open, put, small},
};
use deriva_system::{
    ManualClock,
    storage::{Batch, Durability, Reading, Space, Storage, StorageFault},
};
use std::{fs, io::Write, path::Path, sync::Arc, time::Duration};

const MIB: u64 = 1 << 20;

/// Bytes that lz4 cannot make fewer.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    };
    std::iter::repeat_with(next).flatten().take(size).collect()
}

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn chunk(storage: &RocksStorage, number: u64, durability: Durability) -> Result<(), StorageFault> {
    put(
        storage,
        Space::Chunks,
        &key(number),
        &noise(number, 64 << 10),
        durability,
    )
}

/// Writes until it is refused: how many were taken, and why the next was not.
fn until_refused(storage: &RocksStorage, durability: Durability) -> (u64, StorageFault) {
    for number in 0.. {
        if let Err(fault) = chunk(storage, number, durability) {
            return (number, fault);
        }
    }
    unreachable!("no disk takes that much")
}

fn all_there(storage: &RocksStorage, taken: u64) {
    for number in 0..taken {
        let value = storage.get(Space::Chunks, &key(number)).unwrap();
        assert!(
            value.unwrap() == noise(number, 64 << 10),
            "chunk {number} of {taken}"
        );
    }
}

fn fill(directory: &Path, size: u64) {
    let mut file = fs::File::create(directory.join("filler")).unwrap();
    for _ in 0..size / 4096 {
        file.write_all(&[1; 4096]).unwrap();
    }
}

#[test]
fn writes_are_refused_before_the_reserve_and_go_on_when_there_is_room() {
    if let Some(directory) = child() {
        let reserve = 16 * MIB;
        // What RocksDB sets aside for its next log, 1 to 4 MiB here, is not known in advance.
        // The clock stands still: only what was written since can make the store ask again.
        let options = StoreOptions {
            reserve_bytes: reserve,
            clock: Arc::new(ManualClock::default()),
            ..small()
        };
        let storage = RocksStorage::open(&directory, options).unwrap();
        let (taken, fault) = until_refused(&storage, Durability::Behind);
        assert!(taken > 50, "{taken} chunks were taken, then {fault}");
        let StorageFault::Full {
            free,
            reserve: told,
        } = fault
        else {
            panic!("{fault}");
        };
        assert!(
            told == reserve && free > reserve - 4 * MIB && free < reserve + MIB,
            "{free} bytes free"
        );
        all_there(&storage, taken);
        let disk = rustix::fs::statvfs(&directory).unwrap();
        assert!(
            disk.f_bavail * disk.f_frsize >= reserve - 4 * MIB,
            "the reserve was used"
        );
        // What frees room is taken where nothing else is.
        let mut batch = Batch::default();
        batch.delete(Space::Chunks, key(u64::MAX));
        storage.write(&batch, Durability::Synced).unwrap();
        fill(&directory, reserve / 4);
        assert!(matches!(
            storage.refuses_writes(),
            Some(StorageFault::Full { .. })
        ));
        assert!(chunk(&storage, taken, Durability::Synced).is_err());
        storage.write(&batch, Durability::Synced).unwrap();
        all_there(&storage, taken);
        fs::remove_file(directory.join("filler")).unwrap();
        assert_eq!(
            fs::read_dir(&directory).unwrap().count(),
            2,
            "the lock and the store"
        );
        drop(storage);
        // With a smaller reserve there is room again: the same disk goes on.
        let storage = open(&directory);
        chunk(&storage, taken, Durability::Synced).unwrap();
        all_there(&storage, taken + 1);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "full_test::writes_are_refused_before_the_reserve_and_go_on_when_there_is_room";
    again_on_tmpfs(name, directory.path(), "size=64m");
}

#[test]
fn a_disk_that_others_fill_is_noticed_and_freed_room_is_used_without_a_restart() {
    if let Some(directory) = child() {
        let clock = Arc::new(ManualClock::default());
        let options = StoreOptions {
            reserve_bytes: 8 * MIB,
            clock: clock.clone(),
            ..small()
        };
        let storage = RocksStorage::open(&directory, options).unwrap();
        chunk(&storage, 0, Durability::Synced).unwrap();
        let disk = rustix::fs::statvfs(&directory).unwrap();
        fill(&directory, disk.f_bavail * disk.f_frsize - 4 * MIB);
        clock.advance(Duration::from_millis(101));
        for _ in 0..3 {
            let fault = chunk(&storage, 1, Durability::Synced).unwrap_err();
            assert!(matches!(fault, StorageFault::Full { .. }), "{fault}");
            assert_eq!(storage.get(Space::Chunks, &key(1)).unwrap(), None);
        }
        all_there(&storage, 1);
        fs::remove_file(directory.join("filler")).unwrap();
        assert_eq!(storage.refuses_writes(), None);
        chunk(&storage, 1, Durability::Synced).unwrap();
        all_there(&storage, 2);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name =
        "full_test::a_disk_that_others_fill_is_noticed_and_freed_room_is_used_without_a_restart";
    again_on_tmpfs(name, directory.path(), "size=64m");
}

/// Whether writes are taken again without a restart. RocksDB looks for room every few seconds and
/// tells nobody, so this asks again and again, at most for a minute.
fn goes_on(storage: &RocksStorage) -> bool {
    for _ in 0..1200 {
        match storage.refuses_writes() {
            None => return true,
            Some(StorageFault::Stopped { .. }) => return false,
            Some(_) => std::thread::park_timeout(Duration::from_millis(50)),
        }
    }
    panic!("there is room, and still {:?}", storage.refuses_writes());
}

/// Without a reserve the disk itself refuses, in the middle of a write.
fn really_full(directory: &Path, durability: Durability) {
    let blind = StoreOptions {
        // A clock that stands still and no reserve: the disk is believed to be as free as at first.
        clock: Arc::new(ManualClock::default()),
        ..small()
    };
    let storage = RocksStorage::open(directory, blind).unwrap();
    chunk(&storage, 0, durability).unwrap();
    let disk = rustix::fs::statvfs(directory).unwrap();
    fill(directory, disk.f_bavail * disk.f_frsize - MIB);
    let (taken, fault) = until_refused(&storage, durability);
    assert!(
        matches!(
            fault,
            StorageFault::Full { .. } | StorageFault::Stopped { .. }
        ),
        "{fault}"
    );
    all_there(&storage, taken);
    println!("refused after {taken}: {fault}");
    let again = chunk(&storage, taken, durability).unwrap_err();
    assert!(
        matches!(
            again,
            StorageFault::Full { .. } | StorageFault::Stopped { .. }
        ),
        "{again}"
    );
    assert!(storage.refuses_writes().is_some(), "after {fault}");
    all_there(&storage, taken);
    fs::remove_file(directory.join("filler")).unwrap();
    let goes_on = goes_on(&storage);
    assert_eq!(
        goes_on,
        matches!(again, StorageFault::Full { .. }),
        "after {again}"
    );
    drop(storage);
    let storage = open(directory);
    all_there(&storage, taken);
    let torn = storage.get(Space::Chunks, &key(taken)).unwrap();
    assert!(
        torn.is_none_or(|whole| whole == noise(taken, 64 << 10)),
        "a torn chunk came back"
    );
    chunk(&storage, taken, Durability::Synced).unwrap();
    all_there(&storage, taken + 1);
}

#[test]
fn a_log_that_meets_the_end_of_the_disk_tears_nothing() {
    if let Some(directory) = child() {
        really_full(&directory, Durability::Synced);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "full_test::a_log_that_meets_the_end_of_the_disk_tears_nothing";
    again_on_tmpfs(name, directory.path(), "size=48m");
}

#[test]
fn writes_behind_that_meet_the_end_of_the_disk_tear_nothing() {
    if let Some(directory) = child() {
        really_full(&directory, Durability::Behind);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "full_test::writes_behind_that_meet_the_end_of_the_disk_tear_nothing";
    again_on_tmpfs(name, directory.path(), "size=48m");
}

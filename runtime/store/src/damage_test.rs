//! Bytes that changed on the disk: a typed answer that names the file, never a panic or wrong bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use crate::{
    LogDamage, OpenError, RocksStorage, StoreOptions,
    support_test::{open, put, small},
};
use deriva_system::storage::{Durability, Reading, Space, StorageFault};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn key(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn value(number: u32) -> Vec<u8> {
    blake(number).repeat(4)
}

/// Thirty-two bytes that do not compress.
fn blake(number: u32) -> Vec<u8> {
    (0..4_u64)
        .flat_map(|part| {
            (u64::from(number) + part * 7 + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_be_bytes()
        })
        .collect()
}

fn written(directory: &Path, space: Space, value: impl Fn(u32) -> Vec<u8>) {
    let storage = open(directory);
    for number in 0..500 {
        put(
            &storage,
            space,
            &key(number),
            &value(number),
            Durability::Behind,
        )
        .unwrap();
    }
    put(&storage, Space::Meta, b"last", b"", Durability::Synced).unwrap();
}

/// Reopening writes what the log holds into tables.
fn flushed(directory: &Path) {
    drop(open(directory));
}

fn store_files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("store")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    assert!(!files.is_empty(), "there is no .{ending}");
    files
}

/// Changes one byte of the largest file of its kind, this far into it; its name.
fn flip(directory: &Path, ending: &str, parts: (usize, usize)) -> String {
    let file = store_files(directory, ending).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.len() * parts.0 / parts.1;
    bytes[at] ^= 0x40;
    fs::write(&file, bytes).unwrap();
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

fn reads(storage: &RocksStorage, space: Space) -> Vec<StorageFault> {
    let one_by_one = (0..500).filter_map(|number| storage.get(space, &key(number)).err());
    let keys: Vec<_> = (0..500).map(key).collect();
    let together = storage.get_many(space, &keys).err();
    let scanned = storage.scan(space, b"", b"", usize::MAX).err();
    let firsts = storage.first_under(space, &keys).err();
    let many = together.into_iter().chain(scanned).chain(firsts);
    one_by_one.chain(many).collect()
}

#[test]
fn a_damaged_table_is_a_fault_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), Space::Recipes, value);
    flushed(directory.path());
    let file = flip(directory.path(), "sst", (1, 3));
    let storage = open(directory.path());
    let faults = reads(&storage, Space::Recipes);
    assert!(
        faults.len() > 3,
        "one by one, together, in a scan and for the first keys: {faults:?}"
    );
    for fault in faults {
        let StorageFault::Damaged { why } = &fault else {
            panic!("{fault:?}");
        };
        assert!(why.contains(&file), "{why} does not name {file}");
    }
    assert!(
        storage.get(Space::Meta, b"last").unwrap().is_some(),
        "the rest is readable"
    );
}

#[test]
fn a_damaged_blob_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), Space::Chunks, |number| {
        blake(number).repeat(1024)
    });
    flushed(directory.path());
    flip(directory.path(), "blob", (1, 2));
    let faults = reads(&open(directory.path()), Space::Chunks);
    assert!(!faults.is_empty());
    assert!(
        faults
            .iter()
            .all(|fault| matches!(fault, StorageFault::Damaged { .. })),
        "{faults:?}"
    );
}

/// Wherever a byte of a table changed, an opening or a read says so, or nothing that is read of it
/// is wrong.
#[test]
fn no_changed_byte_of_a_table_leads_to_wrong_bytes_or_a_panic() {
    for part in 0..40 {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path(), Space::Recipes, value);
        flushed(directory.path());
        flip(directory.path(), "sst", (part, 40));
        let storage = match RocksStorage::open(directory.path(), small()) {
            Ok(storage) => storage,
            Err(OpenError::Damaged { .. }) => continue,
            Err(other) => panic!("{other:?}"),
        };
        for number in 0..500 {
            match storage.get(Space::Recipes, &key(number)) {
                Ok(found) => assert_eq!(found.unwrap(), value(number), "part {part}"),
                Err(fault) => assert!(matches!(fault, StorageFault::Damaged { .. }), "{fault:?}"),
            }
        }
    }
}

#[test]
fn a_table_that_is_gone_is_named() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), Space::Recipes, value);
    flushed(directory.path());
    let file = store_files(directory.path(), "sst").remove(0);
    fs::remove_file(&file).unwrap();
    let error = RocksStorage::open(directory.path(), small()).unwrap_err();
    let name = file.file_name().unwrap().to_str().unwrap();
    let OpenError::Damaged { why, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(why.contains(name), "{why}");
}

#[test]
fn a_store_without_its_manifest_pointer_is_damaged_and_not_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), Space::Recipes, value);
    flushed(directory.path());
    fs::remove_file(directory.path().join("store/CURRENT")).unwrap();
    let error = RocksStorage::open(directory.path(), small()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    store_files(directory.path(), "sst");
}

#[test]
fn a_damaged_manifest_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), Space::Recipes, value);
    flushed(directory.path());
    let current = fs::read_to_string(directory.path().join("store/CURRENT")).unwrap();
    let manifest = directory.path().join("store").join(current.trim());
    let mut bytes = fs::read(&manifest).unwrap();
    bytes[20] ^= 0x40;
    fs::write(&manifest, bytes).unwrap();
    let error = RocksStorage::open(directory.path(), small()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_damaged_log_is_refused_until_somebody_allows_the_loss() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path(), Space::Recipes, value);
    let file = flip(directory.path(), "log", (1, 2));
    for _ in 0..2 {
        let error = RocksStorage::open(directory.path(), small()).unwrap_err();
        let OpenError::DamagedLog { why, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(why.contains(&file), "{why}");
    }
    let allowed = StoreOptions {
        log_damage: LogDamage::CutOff,
        ..small()
    };
    let storage = RocksStorage::open(directory.path(), allowed).unwrap();
    let kept = storage.scan(Space::Recipes, b"", b"", usize::MAX).unwrap();
    assert!(
        kept.len() > 100 && kept.len() < 400,
        "{} of 500",
        kept.len()
    );
    for (number, (at, found)) in (0..).zip(kept) {
        assert!(
            at == key(number) && found == value(number),
            "not a beginning of what was written"
        );
    }
}

/// A crash leaves a log that ends anywhere; that is no damage.
#[test]
fn a_log_that_was_cut_anywhere_opens_with_a_beginning_of_what_was_written() {
    for part in 1..12 {
        let directory = tempfile::tempdir().unwrap();
        written(directory.path(), Space::Recipes, value);
        let log = store_files(directory.path(), "log").remove(0);
        let size = fs::metadata(&log).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
        file.set_len(size * part / 12 + part).unwrap();
        let storage = open(directory.path());
        let kept = storage.scan(Space::Recipes, b"", b"", usize::MAX).unwrap();
        for (number, (at, found)) in (0..).zip(kept) {
            assert!(at == key(number) && found == value(number));
        }
    }
}

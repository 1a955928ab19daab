//! A real process that writes, and is killed without warning: what it acknowledged is there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support_test::{again, child, open};
use deriva_system::storage::{Batch, Durability, Reading, Space, Storage};
use std::{
    io::{BufRead, BufReader},
    path::Path,
};

/// A batch has a part in each of these spaces; all of them survive, or none.
const PARTS: [Space; 3] = [Space::Leaves, Space::Contents, Space::Meta];
/// Acknowledgements that the parent waits for before it kills.
const HEARD: u64 = 150;
const ROUNDS: u64 = 4;
/// Every so many batches one is synced; those between ride on it.
const SYNCED: u64 = 3;

fn key(number: u64) -> Vec<u8> {
    [b"n/", &number.to_be_bytes()[..]].concat()
}

/// Writes for ever, and says which numbers are safe.
fn write_until_killed(directory: &Path) {
    let storage = open(directory);
    let start = storage
        .scan(Space::Meta, b"n/", b"", usize::MAX)
        .unwrap()
        .len() as u64;
    for number in start.. {
        let mut batch = Batch::default();
        for space in PARTS {
            let size = 50 + usize::try_from(number % 7).unwrap() * 2000;
            batch.put(space, key(number), vec![space as u8; size]);
        }
        if number % SYNCED == 0 {
            storage.write(&batch, Durability::Synced).unwrap();
            println!("safe {number}");
        } else {
            storage.write(&batch, Durability::Behind).unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_no_batch_is_there_by_half() {
    if let Some(directory) = child() {
        write_until_killed(&directory);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let name =
        "durability_test::what_was_acknowledged_survives_a_kill_and_no_batch_is_there_by_half";
    let mut safe = None;
    for round in 1..=ROUNDS {
        let mut writer = again(name, directory.path()).spawn().unwrap();
        let mut heard = 0;
        for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
            if let Some(number) = line.unwrap().strip_prefix("safe ") {
                safe = number.parse::<u64>().ok().max(safe);
                heard += 1;
            }
            if heard == HEARD + round {
                // SIGKILL: nothing of the process runs any more.
                writer.kill().unwrap();
            }
        }
        writer.wait().unwrap();
        assert!(
            heard >= HEARD + round,
            "the writer ended by itself after {heard}"
        );
        check(directory.path(), safe.unwrap());
    }
}

fn check(directory: &Path, safe: u64) {
    let storage = open(directory);
    let counts = PARTS.map(|space| {
        let entries = storage.scan(space, b"n/", b"", usize::MAX).unwrap();
        for (number, (at, value)) in entries.iter().enumerate() {
            assert_eq!(*at, key(number as u64), "{space:?} has a gap");
            assert!(value.iter().all(|byte| *byte == space as u8) && value.len() >= 50);
        }
        entries.len() as u64
    });
    assert!(
        counts[0] > safe,
        "{counts:?} batches are there, number {safe} was acknowledged"
    );
    assert!(
        counts.iter().all(|count| *count == counts[0]),
        "half a batch: {counts:?}"
    );
}

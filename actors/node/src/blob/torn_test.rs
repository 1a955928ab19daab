#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::stand_test::{CHUNK, Stand, bytes};
use deriva_system::storage::{Batch, Durability};

fn leave(stand: &Stand, locator: Locator, indexes: &[u32]) {
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::staged_key(locator), Vec::new());
    for index in indexes {
        batch.put(
            Space::Chunks,
            layout::chunk_key(locator, *index),
            vec![1; 10],
        );
    }
    stand.storage.write(&batch, Durability::Synced).unwrap();
}

#[tokio::test]
async fn what_earlier_starts_left_goes_and_nothing_else() {
    let first = Stand::with_shards().await;
    let leaf = first.put(&bytes(1, CHUNK)).await.unwrap().address;
    for sequence in 100..300 {
        leave(&first, Locator(1 << 32 | sequence), &[0]);
    }
    // With holes, and with nothing at all.
    leave(&first, Locator(2 << 32), &[1, 700, 70_000]);
    leave(&first, Locator(2 << 32 | 1), &[]);
    let current = Locator(3 << 32 | 5);
    leave(&first, current, &[0, 1]);
    let third = Stand::over(first.storage.clone(), 3);
    clean(&Hands::new(third.args(0))).await;
    assert_eq!(third.keys(Space::Meta, layout::STAGED_PREFIX), 1);
    assert_eq!(third.keys(Space::Chunks, &current.0.to_be_bytes()), 2);
    assert_eq!(third.keys(Space::Chunks, &[]), 3);
    assert!(third.reader.chunk(&leaf.as_content(), 0).is_ok());
}

#[test]
fn chunk_places_are_found_without_reading_them_all() {
    let stand = Stand::new();
    for (sequence, indexes, places) in [
        (1, &[][..], 0),
        (2, &[0], 1),
        (3, &[0, 1, 2], 3),
        (4, &[5], 6),
        (5, &[u32::MAX], 1 << 32),
    ] {
        leave(&stand, Locator(sequence), indexes);
        let found = chunk_places(stand.storage.as_ref(), Locator(sequence)).unwrap();
        assert_eq!(found, places, "{indexes:?}");
    }
}

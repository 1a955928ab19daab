#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::stand_test::{Stand, bytes, recipe, resident};
use deriva_system::{storage::Space, view::Origin};

pub(super) async fn disk(stand: &Stand, disk_bytes: u64) -> Disk {
    let args = CacheArgs {
        values: stand.values.clone(),
        commit: stand.commit.clone(),
        storage: stand.storage.clone(),
        lane: stand.lane.clone(),
        blobs: stand.blobs.clone(),
        config: CacheConfig {
            memory_bytes: 0,
            memory_values: 0,
            disk_bytes,
        },
    };
    Disk::open(args).await
}

pub(super) fn value(stand: &Stand, name: &str, len: usize) -> KeptValue {
    let recipe = recipe(name, vec![]);
    stand.store_recipe(&recipe);
    let value = resident(&recipe, &bytes(1, len), Origin::Stored);
    KeptValue {
        record: value.record.clone(),
        bytes: value.bytes.clone(),
        cutoff: value.cutoff,
        begun: stand.values.invalidation_number(),
        worth: 0,
        is_verified: false,
    }
}

#[test]
fn batches_keep_to_both_bounds_and_to_the_order() {
    let stand = Stand::new();
    let large = value(
        &stand,
        "large",
        usize::try_from(KEEP_BYTES_MAX).unwrap() + 1,
    );
    let small = value(&stand, "small", 10);
    let mut kept = vec![small.clone(), large, small.clone()];
    kept.extend(std::iter::repeat_n(small, 2 * KEEP_VALUES_MAX));
    let lengths: Vec<_> = batches(kept).iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 1, KEEP_VALUES_MAX, KEEP_VALUES_MAX, 1]);
    assert!(batches(Vec::new()).is_empty());
}

#[tokio::test]
async fn what_was_in_memory_and_on_disk_is_counted_once() {
    let stand = Stand::with_shards().await;
    let disk = disk(&stand, 1 << 30).await;
    let values: Vec<_> = (0..2 * PAGE + 3)
        .map(|n| value(&stand, &format!("f{n}"), 10))
        .collect();
    let known = values[0].record.recipe;
    let count = values.len() as u64;
    for batch in batches(values) {
        disk.keep(batch).await.unwrap();
    }
    let nowhere = CAddr::of_leaf(b"only in memory");
    let memory = HashMap::from([(known, 10), (nowhere, 7)]);
    let evicted = disk.evict_all(&memory).await.unwrap();
    let expected = Evicted {
        values: count + 1,
        bytes: count * 10 + 7,
    };
    assert_eq!(evicted, expected);
    assert_eq!(disk.held().await.unwrap(), OnDisk::default());
    assert_eq!(stand.keys(Space::Values, &[]), 0);
}

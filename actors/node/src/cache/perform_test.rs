#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::stand_test::{Stand, bytes, recipe, resident};
use deriva_system::view::Origin;

fn disk(stand: &Stand, disk_bytes: u64) -> Disk {
    Disk::new(CacheArgs {
        values: stand.values.clone(),
        storage: stand.storage.clone(),
        lane: stand.lane.clone(),
        blobs: stand.blobs.clone(),
        config: CacheConfig {
            memory_bytes: 0,
            memory_values: 0,
            disk_bytes,
        },
    })
}

fn value(stand: &Stand, name: &str, len: usize) -> KeptValue {
    let recipe = recipe(name, vec![]);
    stand.store_recipe(&recipe);
    let value = resident(&recipe, &bytes(1, len), Origin::Stored);
    KeptValue {
        record: value.record.clone(),
        bytes: value.bytes.clone(),
        cutoff: value.cutoff,
        begun: stand.values.invalidation_number(),
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
async fn the_disk_stays_within_its_bound_and_the_oldest_go() {
    let stand = Stand::with_shards().await;
    let disk = disk(&stand, 5 * 2000);
    for n in 0..20 {
        let value = value(&stand, &format!("f{n}"), 1000);
        disk.work(Job::Keep(vec![value])).await;
        assert!(!disk.held().await.unwrap().is_over(&disk.config));
    }
    let held = disk.held().await.unwrap();
    assert_eq!((held.values, held.bytes), (6, 6000));
    let page = disk.oldest().await.unwrap();
    let newest: Vec<_> = (14..20)
        .map(|n| recipe(&format!("f{n}"), vec![]).address())
        .collect();
    assert_eq!(page.recipes, newest);
    assert_eq!(page.sizes, [Some(1000); 6]);
}

#[tokio::test]
async fn ages_that_name_nothing_do_not_stop_the_eviction() {
    let stand = Stand::with_shards().await;
    let mut batch = Batch::default();
    for number in 0..(2 * PAGE as u64) {
        let nobody = CAddr::of_leaf(&number.to_be_bytes());
        batch.put(
            Space::Meta,
            layout::age_key(number),
            layout::address_key(&nobody),
        );
    }
    batch.put(Space::Meta, layout::age_key(1), "no address");
    stand.storage.write(&batch, Durability::Synced).unwrap();
    let roomy = disk(&stand, 1 << 20);
    roomy
        .keep(vec![value(&stand, "f", 1000), value(&stand, "g", 1000)])
        .await
        .unwrap();
    // Each pass clears a page, and the value goes when its turn comes.
    let tight = disk(&stand, 2000);
    tight.trim().await.unwrap();
    tight.trim().await.unwrap();
    assert_eq!(tight.held().await.unwrap().values, 1);
    assert_eq!(stand.keys(Space::Meta, layout::AGE_PREFIX), 1);
}

#[tokio::test]
async fn what_was_in_memory_and_on_disk_is_counted_once() {
    let stand = Stand::with_shards().await;
    let disk = disk(&stand, 1 << 30);
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

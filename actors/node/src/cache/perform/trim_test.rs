#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    blob::stand_test::{Stand, bytes, put, recipe, resident},
    cache::perform::{
        Job,
        perform_test::{disk, value},
    },
};
use deriva_messages::blob::KeptValue;
use deriva_system::{
    storage::{Reading, Storage},
    view::Origin,
};

fn worth(value: KeptValue, worth: u64) -> KeptValue {
    KeptValue { worth, ..value }
}

fn address(name: &str) -> CAddr {
    recipe(name, vec![]).address()
}

async fn order(disk: &Disk) -> Vec<CAddr> {
    let page = disk.least().await.unwrap();
    page.iter().map(|aged| aged.recipe).collect()
}

fn stored_inflation(stand: &Stand) -> Option<u64> {
    let stored = stand.storage.get(Space::Meta, META_INFLATION).unwrap();
    layout::parse_number(&stored?)
}

#[tokio::test]
async fn the_disk_stays_within_its_bound_and_the_least_worth_go() {
    let stand = Stand::with_shards().await;
    let disk = disk(&stand, 5 * 2000).await;
    // Of equal worth the oldest go; those of more worth stay, though they came first.
    for n in 0..20 {
        let dear = if n < 3 { 500 } else { 100 };
        let value = worth(value(&stand, &format!("f{n}"), 1000), dear);
        disk.work(Job::Keep(vec![value])).await;
        assert!(!disk.held().await.unwrap().is_over(&disk.config));
    }
    let held = disk.held().await.unwrap();
    assert_eq!((held.values, held.bytes), (6, 6000));
    let left = [17, 18, 19, 0, 1, 2].map(|n| address(&format!("f{n}")));
    assert_eq!(order(&disk).await, left);
    let page = disk.least().await.unwrap();
    assert!(page.iter().all(|aged| aged.candidate.size == Some(1000)));
    let level = disk.inflation.lock().level();
    assert!(level > 0 && level <= 100, "{level}");
    assert_eq!(stored_inflation(&stand), Some(level));
}

#[tokio::test]
async fn what_is_used_in_memory_is_not_evicted_from_disk_for_its_age() {
    let stand = Stand::with_shards().await;
    let tight = disk(&stand, 5 * 2000).await;
    let used = recipe("used", vec![]);
    let in_memory = resident(&used, &bytes(1, 1000), Origin::Stored);
    put(&stand.values, &used, &in_memory);
    tight
        .work(Job::Keep(vec![value(&stand, "used", 1000)]))
        .await;
    for n in 0..20 {
        assert!(stand.values.get(&used.address()).is_some());
        let value = worth(value(&stand, &format!("f{n}"), 1000), 10);
        tight.work(Job::Keep(vec![value])).await;
    }
    let left = order(&tight).await;
    assert_eq!((left.len(), left.last()), (6, Some(&used.address())));
    // Out of memory, nothing speaks for it but its number, which is the highest.
    stand.values.remove(&used.address());
    let tighter = disk(&stand, 2000).await;
    tighter.trim().await.unwrap();
    assert_eq!(order(&tighter).await, [used.address()]);
}

#[tokio::test]
async fn weighing_moves_back_what_is_there_and_never_forward() {
    let stand = Stand::with_shards().await;
    let disk = disk(&stand, 1 << 20).await;
    for n in 0..4 {
        let value = worth(value(&stand, &format!("f{n}"), 10), 100);
        disk.work(Job::Keep(vec![value])).await;
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|n| address(&format!("f{n}")));
    let nowhere = CAddr::of_leaf(b"nowhere");
    let worths = vec![(a, 300), (b, 200), (c, 99), (nowhere, 900)];
    disk.work(Job::Weigh(worths)).await;
    assert_eq!(order(&disk).await, [c, d, b, a]);
    assert_eq!(stand.keys(Space::Meta, layout::AGE_PREFIX), 4);
    // A value that was weighed leaves nothing behind when it goes.
    let dropped = disk.drop_values(vec![a, b, c, d], DropReason::Evicted);
    assert_eq!(dropped.await.unwrap().values(), 4);
    assert_eq!(stand.keys(Space::Meta, layout::AGE_PREFIX), 0);
    assert_eq!(stand.keys(Space::Values, &[]), 0);
}

#[tokio::test]
async fn what_a_release_before_left_is_oldest_and_stays_so() {
    let stand = Stand::with_shards().await;
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::META_BOOT.to_vec(), layout::number(9));
    stand.storage.write(&batch, Durability::Synced).unwrap();
    // Numbers as they were: the opening, then the order of writing.
    let disk = disk(&stand, 1 << 20).await;
    for n in 0..3 {
        let old = layout::worth_of(8 << 32 | n);
        let value = worth(value(&stand, &format!("old{n}"), 10), old);
        disk.work(Job::Keep(vec![value])).await;
    }
    let level = layout::worth_above_old(9);
    assert_eq!(stored_inflation(&stand), Some(level));
    let new = worth(value(&stand, "new", 10), disk.worth(1));
    disk.work(Job::Keep(vec![new])).await;
    assert_eq!(order(&disk).await.last(), Some(&address("new")));
    // The next start goes on where this one was, however often the store was opened.
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::META_BOOT.to_vec(), layout::number(99));
    batch.put(
        Space::Meta,
        META_INFLATION.to_vec(),
        layout::number(level + 5),
    );
    stand.storage.write(&batch, Durability::Synced).unwrap();
    let next = super::super::perform_test::disk(&stand, 1 << 20).await;
    assert_eq!(next.worth(1), level + 6);
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
    let roomy = disk(&stand, 1 << 20).await;
    for name in ["f", "g"] {
        let value = worth(value(&stand, name, 1000), 7);
        roomy.work(Job::Keep(vec![value])).await;
    }
    let tight = disk(&stand, 2000).await;
    tight.trim().await.unwrap();
    tight.trim().await.unwrap();
    assert_eq!(tight.held().await.unwrap().values, 1);
    assert_eq!(stand.keys(Space::Meta, layout::AGE_PREFIX), 1);
}

#[tokio::test]
async fn a_number_that_is_taken_gives_way_to_the_next() {
    let stand = Stand::with_shards().await;
    let disk = disk(&stand, 1 << 20).await;
    let next = layout::age_number(7, stand.uploads.age().unwrap() + 1);
    let mut batch = Batch::default();
    for number in next..next + 3 {
        let nobody = CAddr::of_leaf(&number.to_be_bytes());
        batch.put(
            Space::Meta,
            layout::age_key(number),
            layout::address_key(&nobody),
        );
    }
    stand.storage.write(&batch, Durability::Synced).unwrap();
    let value = worth(value(&stand, "f", 10), 7);
    disk.work(Job::Keep(vec![value])).await;
    let page = disk.least().await.unwrap();
    let numbers: Vec<_> = page
        .iter()
        .map(|aged| layout::last_number(&aged.key).unwrap())
        .collect();
    assert_eq!(numbers, [next, next + 1, next + 2, next + 3]);
    assert_eq!(page.last().unwrap().recipe, address("f"));
}

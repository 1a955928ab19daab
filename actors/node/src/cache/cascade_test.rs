//! Cascades: all that depends on an address goes, each value counted once, and nothing made from it
//! comes in behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actor_test::Cache;
use super::*;
use crate::blob::stand_test::{PATIENCE, bytes, recipe, resident};
use deriva_messages::{
    Fault,
    cache::{CascadePolicy, CascadeRoot, Cascaded},
};
use deriva_model::SealedRecipe;
use deriva_system::{
    storage::{Batch, Durability, Reading, Space, layout, layout::Counter},
    view::{Landing, Origin},
};
use std::sync::atomic::{AtomicBool, Ordering};

impl Cache {
    async fn cascade(
        &self,
        address: CAddr,
        root: CascadeRoot,
        policy: CascadePolicy,
    ) -> Result<Cascaded, Fault> {
        let cascade = |reply| CacheMessage::Cascade {
            address,
            root,
            policy,
            detail: 2,
            reply,
        };
        self.slot.call(PATIENCE, cascade).await
    }

    /// Stores a recipe with its edges, as the `DagActor` would.
    fn stored_over(&self, name: &str, inputs: Vec<CAddr>) -> SealedRecipe {
        let recipe = recipe(name, inputs);
        self.stand.store_recipe(&recipe);
        let mut batch = Batch::default();
        for input in recipe.recipe().inputs() {
            let key = layout::dependent_key(input, &recipe.address());
            batch.put(Space::Edges, key, Vec::new());
        }
        self.stand
            .storage
            .write(&batch, Durability::Synced)
            .unwrap();
        recipe
    }

    fn land_new(&self, recipe: &SealedRecipe) -> Landing {
        let begun = self.stand.values.invalidation_number();
        self.land(
            recipe,
            &resident(recipe, &bytes(1, 100), Origin::Stored),
            begun,
        )
    }

    /// A leaf, two recipes over it, and one over both; all have values, in memory and on disk.
    async fn diamond(&self) -> (CAddr, [SealedRecipe; 3]) {
        let leaf = CAddr::of_leaf(b"source");
        let left = self.stored_over("left", vec![leaf]);
        let right = self.stored_over("right", vec![leaf]);
        let top = self.stored_over("top", vec![left.address(), right.address()]);
        let all = [left, right, top];
        for recipe in &all {
            self.land_new(recipe);
        }
        self.until(|counts| counts.resident_values == 3 && counts.disk_values == 3)
            .await;
        (leaf, all)
    }

    fn assert_empty(&self) {
        assert!(self.stand.values.is_empty());
        assert_eq!(self.stand.count(Counter::Values), 0);
        for space in [
            Space::Values,
            Space::Records,
            Space::Cutoffs,
            Space::Contents,
        ] {
            assert_eq!(self.stand.keys(space, &[]), 0, "{space:?}");
        }
    }
}

const IMMEDIATE: CascadePolicy = CascadePolicy::Immediate;

#[tokio::test]
async fn a_diamond_goes_whole_each_value_counted_once() {
    let cache = Cache::new().await;
    let (leaf, all) = cache.diamond().await;
    let dry = cache
        .cascade(leaf, CascadeRoot::Included, CascadePolicy::DryRun)
        .await
        .unwrap();
    assert_eq!(
        (dry.evicted, dry.traversed, dry.max_depth, dry.bytes),
        (3, 3, 2, 300)
    );
    assert_eq!(
        cache.counts().await.resident_values,
        3,
        "a dry run changes nothing"
    );
    let done = cache
        .cascade(leaf, CascadeRoot::Included, IMMEDIATE)
        .await
        .unwrap();
    assert_eq!(done, dry);
    assert_eq!(done.addresses.len(), 2, "no more than was asked for");
    cache.stand.storage.cut_power();
    cache.assert_empty();
    let again = cache
        .cascade(leaf, CascadeRoot::Included, IMMEDIATE)
        .await
        .unwrap();
    assert_eq!((again.evicted, again.bytes, again.traversed), (0, 0, 3));
    assert_eq!(
        cache.land_new(&all[0]),
        Landing::Ring,
        "the window is closed again"
    );
}

#[tokio::test]
async fn the_root_goes_only_if_it_is_included_and_alone_under_none() {
    let cache = Cache::new().await;
    let (_, [left, right, top]) = cache.diamond().await;
    let spared = cache
        .cascade(left.address(), CascadeRoot::Spared, IMMEDIATE)
        .await
        .unwrap();
    assert_eq!(
        (spared.evicted, spared.root_evicted, spared.max_depth),
        (1, false, 1)
    );
    assert!(cache.stand.values.peek(&top.address()).is_none());
    cache.land_new(&top);
    let alone = cache
        .cascade(right.address(), CascadeRoot::Included, CascadePolicy::None)
        .await;
    let alone = alone.unwrap();
    assert_eq!(
        (alone.evicted, alone.root_evicted, alone.traversed),
        (1, true, 0)
    );
    assert!(cache.stand.values.get(&top.address()).is_some());
    assert!(cache.stand.values.peek(&left.address()).is_some());
}

#[tokio::test]
async fn nothing_to_do_is_an_answer() {
    let cache = Cache::new().await;
    let lonely = CAddr::of_leaf(b"nobody uses this");
    for policy in [IMMEDIATE, CascadePolicy::Deferred, CascadePolicy::DryRun] {
        let done = cache.cascade(lonely, CascadeRoot::Included, policy).await;
        assert_eq!(done, Ok(Cascaded::default()));
    }
}

#[tokio::test]
async fn a_chain_of_a_hundred_thousand_is_walked_without_recursion() {
    const DEEP: u32 = 100_000;
    let cache = Cache::new().await;
    let root = CAddr::of_leaf(b"root");
    let mut batch = Batch::default();
    let mut last = root;
    for number in 1..DEEP {
        let next = CAddr::of_leaf(&number.to_be_bytes());
        batch.put(
            Space::Edges,
            layout::dependent_key(&last, &next),
            Vec::new(),
        );
        last = next;
    }
    cache
        .stand
        .storage
        .write(&batch, Durability::Synced)
        .unwrap();
    let top = cache.stored_over("top", vec![last]);
    cache.land_new(&top);
    cache.until(|counts| counts.disk_values == 1).await;
    let done = cache
        .cascade(root, CascadeRoot::Spared, IMMEDIATE)
        .await
        .unwrap();
    assert_eq!((done.evicted, done.traversed), (1, u64::from(DEEP)));
    assert_eq!(
        (done.max_depth, done.addresses),
        (DEEP, vec![top.address()])
    );
    cache.assert_empty();
}

#[tokio::test]
async fn a_deferred_cascade_tells_first_and_clears_after() {
    let cache = Cache::new().await;
    let (leaf, _) = cache.diamond().await;
    let told = cache
        .cascade(leaf, CascadeRoot::Included, CascadePolicy::Deferred)
        .await
        .unwrap();
    assert_eq!((told.evicted, told.bytes), (3, 300));
    cache
        .until(|counts| counts.resident_values == 0 && counts.disk_values == 0)
        .await;
    cache.assert_empty();
}

#[tokio::test]
async fn what_only_travelled_goes_too() {
    let cache = Cache::new().await;
    let (leaf, all) = cache.diamond().await;
    let near = recipe("near", vec![all[2].address()]);
    let far = recipe("far", vec![near.address()]);
    for recipe in [&near, &far] {
        let value = resident(recipe, &bytes(2, 100), Origin::Transient);
        cache.land(recipe, &value, cache.stand.values.invalidation_number());
    }
    let done = cache
        .cascade(leaf, CascadeRoot::Included, IMMEDIATE)
        .await
        .unwrap();
    assert_eq!((done.evicted, done.max_depth), (5, 4));
    assert!(cache.stand.values.get(&far.address()).is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_agree_with_what_happened_while_values_keep_landing() {
    let cache = Arc::new(Cache::new().await);
    let (leaf, all) = cache.diamond().await;
    let all = Arc::new(all);
    let enough = Arc::new(AtomicBool::new(false));
    let landing = {
        let (cache, all, enough) = (cache.clone(), all.clone(), enough.clone());
        tokio::spawn(async move {
            let mut round = 0;
            while !enough.load(Ordering::Relaxed) {
                cache.land_new(&all[round % 3]);
                round += 1;
                tokio::task::yield_now().await;
            }
        })
    };
    let cascading = async {
        let (mut evicted, mut cascades) = (0, 0);
        // Between two cascades values do land.
        while evicted < 3 || cascades < 20 {
            let done = cache
                .cascade(leaf, CascadeRoot::Included, IMMEDIATE)
                .await
                .unwrap();
            assert!(
                done.evicted <= 3 && done.bytes == done.evicted * 100,
                "{done:?}"
            );
            evicted += done.evicted;
            cascades += 1;
            // What is counted is what is there.
            let counts = cache.counts().await;
            assert!(
                counts.resident_values <= 3 && counts.disk_values <= 3,
                "{counts:?}"
            );
        }
    };
    let done = tokio::time::timeout(PATIENCE, cascading).await;
    done.expect("values landed between cascades");
    enough.store(true, Ordering::Relaxed);
    landing.await.unwrap();
    cache.until(|_| cache.stand.values.arrived() == 0).await;
    cache
        .cascade(leaf, CascadeRoot::Included, IMMEDIATE)
        .await
        .unwrap();
    // A keep that was under way finds what it keeps invalidated.
    assert_eq!(cache.counts().await, CacheCounts::default());
    cache.assert_empty();
}

#[tokio::test]
async fn what_consumed_something_stale_is_not_recorded_while_and_after_a_cascade() {
    let cache = Cache::new().await;
    let (leaf, [left, _, top]) = cache.diamond().await;
    let begun = cache.stand.values.invalidation_number();
    let window = cache.stand.values.invalidations().cascade();
    assert_eq!(
        cache.land_new(&top),
        Landing::Stale,
        "nothing is recorded meanwhile"
    );
    window.finish(&[]);
    cache
        .cascade(leaf, CascadeRoot::Included, IMMEDIATE)
        .await
        .unwrap();
    let over = cache.stored_over("over", vec![left.address()]);
    let value = resident(&over, &bytes(3, 100), Origin::Stored);
    assert_eq!(cache.land(&over, &value, begun), Landing::Stale);
    // One that was cut off covers whatever began before.
    let begun = cache.stand.values.invalidation_number();
    drop(cache.stand.values.invalidations().cascade());
    assert_eq!(cache.land(&over, &value, begun), Landing::Stale);
    assert_eq!(cache.land_new(&over), Landing::Ring);
}

/// What is on disk of cascades that are not done.
fn pending(cache: &Cache) -> usize {
    cache.stand.keys(Space::Meta, layout::CASCADES_PREFIX)
}

#[tokio::test]
async fn a_deferred_cascade_that_a_power_cut_interrupts_is_ended_before_the_next_start_serves() {
    let cache = Cache::new().await;
    let (leaf, all) = cache.diamond().await;
    // What the shards wrote behind is on disk.
    let sync = |_: &mut deriva_system::storage::commit::Step<'_>| Ok(());
    cache
        .stand
        .commit
        .commit(Durability::Synced, sync)
        .await
        .unwrap();
    // The shards stand still: the cascade is answered, and nothing of it is done.
    for slot in cache.stand.blobs.iter() {
        slot.cell().unwrap().kill_and_wait(None).await.unwrap();
    }
    let told = cache
        .cascade(leaf, CascadeRoot::Included, CascadePolicy::Deferred)
        .await
        .unwrap();
    assert_eq!(told.evicted, 3);
    let memory = cache.stand.storage.clone();
    memory.cut_power();
    assert_eq!(
        memory
            .get(Space::Meta, &layout::cascade_key(0))
            .unwrap()
            .unwrap()
            .len(),
        33
    );
    let start = Cache::after(memory.clone(), 2).await;
    start.assert_empty();
    assert_eq!(pending(&start), 0);
    for recipe in &all {
        assert_ne!(start.land_new(recipe), Landing::Stale);
    }
    // It is done once: what was made since stays at the start after.
    start.until(|counts| counts.disk_values == 3).await;
    let after = Cache::after(memory, 3).await;
    assert_eq!(after.counts().await.disk_values, 3);
}

#[tokio::test]
async fn a_deferred_cascade_leaves_nothing_written_down_when_it_is_done() {
    let cache = Cache::new().await;
    let (leaf, _) = cache.diamond().await;
    cache
        .cascade(leaf, CascadeRoot::Included, CascadePolicy::Deferred)
        .await
        .unwrap();
    cache
        .until(|counts| counts.resident_values == 0 && counts.disk_values == 0)
        .await;
    cache.until(|_| pending(&cache) == 0).await;
}

#[tokio::test]
async fn a_restarted_cache_ends_what_its_predecessor_deferred_in_memory_too() {
    let cache = Cache::new().await;
    let (leaf, [_, _, top]) = cache.diamond().await;
    let far = recipe("far", vec![top.address()]);
    let value = resident(&far, &bytes(2, 100), Origin::Transient);
    cache.land(&far, &value, cache.stand.values.invalidation_number());
    cache.until(|counts| counts.resident_values == 4).await;
    let entry = layout::CascadeEntry {
        address: leaf,
        root: CascadeRoot::Included,
    };
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::cascade_key(7), entry.encode());
    cache
        .stand
        .storage
        .write(&batch, Durability::Synced)
        .unwrap();
    cache
        .slot
        .cell()
        .unwrap()
        .kill_and_wait(None)
        .await
        .unwrap();
    cache.start().await;
    cache.assert_empty();
    assert_eq!(cache.counts().await, CacheCounts::default());
    assert_eq!(pending(&cache), 0);
}

#[tokio::test]
async fn a_cascade_written_down_that_cannot_be_read_leaves_no_value() {
    let cache = Cache::new().await;
    cache.diamond().await;
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::cascade_key(7), vec![9; 3]);
    cache
        .stand
        .storage
        .write(&batch, Durability::Synced)
        .unwrap();
    cache
        .slot
        .cell()
        .unwrap()
        .kill_and_wait(None)
        .await
        .unwrap();
    cache.start().await;
    cache.assert_empty();
    assert_eq!(pending(&cache), 0);
}

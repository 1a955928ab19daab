#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::stand_test::{PATIENCE, Stand, bytes, costing, produced, put, recipe, resident};
use deriva_messages::Fault;
use deriva_model::SealedRecipe;
use deriva_system::{
    storage::{
        MemoryStorage, Reading, Space,
        layout::{self, Counter},
    },
    supervise::SlotLimits,
    view::{Landing, Origin},
};
use std::time::Duration;

const CONFIG: CacheConfig = CacheConfig {
    memory_bytes: 8 * 1500,
    memory_values: 8,
    disk_bytes: 1 << 20,
};

pub(super) struct Cache {
    pub(super) stand: Stand,
    pub(super) slot: Slot<CacheMessage>,
}

impl Cache {
    pub(super) async fn new() -> Self {
        let cache = Self {
            stand: Stand::with_shards().await,
            slot: Slot::new("cache", SlotLimits::default()),
        };
        cache.start().await;
        cache
    }

    /// The cache of the `boot`-th start over a store.
    pub(super) async fn after(storage: Arc<MemoryStorage>, boot: u64) -> Self {
        let stand = Stand::over(storage, boot);
        stand.start_shards().await;
        let cache = Self {
            stand,
            slot: Slot::new("cache", SlotLimits::default()),
        };
        cache.start().await;
        cache
    }

    pub(super) async fn start(&self) {
        let args = CacheArgs {
            values: self.stand.values.clone(),
            commit: self.stand.commit.clone(),
            storage: self.stand.storage.clone(),
            lane: self.stand.lane.clone(),
            blobs: self.stand.blobs.clone(),
            config: CONFIG,
        };
        let (actor, _) = Actor::spawn(None, CacheActor, args).await.unwrap();
        self.slot.seat(actor);
    }

    pub(super) fn land(&self, recipe: &SealedRecipe, value: &Arc<Resident>, begun: u64) -> Landing {
        let landing = self.stand.values.offer(produced(recipe, value, begun));
        if landing == Landing::Ring {
            self.slot.ring(CacheMessage::Landed).unwrap();
        }
        landing
    }

    pub(super) async fn counts(&self) -> CacheCounts {
        let count = |reply| CacheMessage::Count { reply };
        self.slot.call(PATIENCE, count).await.unwrap()
    }

    async fn invalidate(&self, address: CAddr) -> Result<Evicted, Fault> {
        let invalidate = |reply| CacheMessage::Invalidate { address, reply };
        self.slot.call(PATIENCE, invalidate).await
    }

    async fn evict_all(&self) -> Evicted {
        let evict = |reply| CacheMessage::EvictAll { reply };
        self.slot.call(PATIENCE, evict).await.unwrap()
    }

    pub(super) async fn until(&self, mut done: impl FnMut(CacheCounts) -> bool) {
        let waiting = async {
            while !done(self.counts().await) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("it never came to that");
    }
}

fn stored(cache: &Cache, name: &str) -> SealedRecipe {
    let recipe = recipe(name, vec![]);
    cache.stand.store_recipe(&recipe);
    recipe
}

#[tokio::test]
async fn what_lands_is_resident_and_what_was_dear_is_on_disk() {
    let cache = Cache::new().await;
    let (dear, cheap) = (stored(&cache, "dear"), stored(&cache, "cheap"));
    let bytes = bytes(1, 100);
    cache.land(&dear, &resident(&dear, &bytes, Origin::Stored), 0);
    let quick = costing(&cheap, &bytes, Origin::Stored, Duration::from_micros(1));
    cache.land(&cheap, &quick, 0);
    // One that came with a request is never written, however dear.
    let transient = recipe("transient", vec![]);
    cache.land(
        &transient,
        &resident(&transient, &bytes, Origin::Transient),
        0,
    );
    cache
        .until(|counts| counts.resident_values == 3 && counts.disk_values == 1)
        .await;
    let counts = cache.counts().await;
    assert_eq!((counts.resident_bytes, counts.disk_bytes), (300, 100));
    assert_eq!(cache.stand.count(Counter::Values), 1);
    assert!(cache.stand.values.arrived() == 0);
    assert!(cache.stand.values.warm(&dear.address()).is_some());
    assert!(cache.stand.values.warm(&transient.address()).is_none());
}

#[tokio::test]
async fn one_that_came_out_otherwise_takes_the_place_of_the_one_before_in_the_books() {
    let cache = Cache::new().await;
    let recipe = stored(&cache, "once");
    let counts = async || {
        let counts = cache.counts().await;
        (counts.resident_values, counts.resident_bytes)
    };
    for (byte, size) in [(1, 100), (2, 300), (3, 200)] {
        let value = resident(&recipe, &bytes(byte, size), Origin::Stored);
        cache.land(&recipe, &value, 0);
        assert_eq!(counts().await, (1, size as u64));
    }
    // Two before any is booked.
    for byte in [4, 5] {
        let value = resident(&recipe, &bytes(byte, 150), Origin::Stored);
        cache.land(&recipe, &value, 0);
    }
    assert_eq!(counts().await, (1, 150));
    cache.invalidate(recipe.address()).await.unwrap();
    assert_eq!(counts().await, (0, 0));
}

#[tokio::test]
async fn memory_is_bounded_and_eviction_only_unlinks() {
    let cache = Cache::new().await;
    let bytes = bytes(2, 1000);
    let mut held = Vec::new();
    for n in 0..50 {
        let recipe = recipe(&format!("f{n}"), vec![]);
        let value = resident(&recipe, &bytes, Origin::Stored);
        cache.land(&recipe, &value, 0);
        held.push(value);
        let counts = cache.counts().await;
        assert!(counts.resident_values <= 8, "{counts:?}");
    }
    assert_eq!(cache.counts().await.resident_values, 8);
    assert_eq!(cache.stand.values.len(), 8);
    assert!(held.iter().all(|value| value.bytes == bytes));
}

fn cut_off(recipe: &SealedRecipe, twin: &Resident) -> Arc<Resident> {
    let mut record = (*twin.record).clone();
    record.recipe = recipe.address();
    record.cost = deriva_model::Cost::default();
    let (bytes, record) = (twin.bytes.clone(), Arc::new(record));
    Arc::new(Resident::new(bytes, record, twin.cutoff, Origin::Stored))
}

#[tokio::test]
async fn what_was_cut_off_early_is_as_dear_as_the_computation_that_it_took_over() {
    let cache = Cache::new().await;
    let (first, second, third) = (
        recipe("f", vec![]),
        recipe("g", vec![]),
        recipe("h", vec![]),
    );
    let twin = resident(&first, &bytes(11, 100), Origin::Stored);
    let same = cut_off(&second, &twin);
    // Both at once, in whatever order: the one that was computed is dealt with first.
    cache.stand.values.offer(produced(&second, &same, 0));
    cache.land(&first, &twin, 0);
    cache.slot.ring(CacheMessage::Landed).unwrap();
    cache.until(|counts| counts.resident_values == 2).await;
    assert_eq!(same.recompute_nanos(), 1_000_000_000);
    // The first goes; what is left still knows what it would cost, and hands it on.
    cache.invalidate(first.address()).await.unwrap();
    let again = cut_off(&third, &same);
    let now = cache.stand.values.invalidation_number();
    cache.land(&third, &again, now);
    cache.until(|counts| counts.resident_values == 2).await;
    assert_eq!(again.recompute_nanos(), 1_000_000_000);
    assert_eq!(again.record.cost, deriva_model::Cost::default());
}

#[tokio::test]
async fn what_is_dear_survives_many_that_are_cheap() {
    let cache = Cache::new().await;
    let dear = recipe("dear", vec![]);
    let bytes = bytes(12, 1000);
    cache.land(&dear, &resident(&dear, &bytes, Origin::Transient), 0);
    for n in 0..100 {
        let cheap = recipe(&format!("cheap{n}"), vec![]);
        let micro = Duration::from_micros(1);
        cache.land(
            &cheap,
            &costing(&cheap, &bytes, Origin::Transient, micro),
            0,
        );
        cache.counts().await;
    }
    assert_eq!(cache.counts().await.resident_values, 8);
    assert!(cache.stand.values.peek(&dear.address()).is_some());
}

#[tokio::test]
async fn uses_in_memory_raise_what_the_copy_on_disk_is_worth() {
    let cache = Cache::new().await;
    let (used, unused) = (stored(&cache, "used"), stored(&cache, "unused"));
    let bytes = bytes(13, 1000);
    let little = Duration::from_millis(1);
    for recipe in [&used, &unused] {
        cache.land(recipe, &costing(recipe, &bytes, Origin::Stored, little), 0);
        cache.until(|_| cache.stand.values.arrived() == 0).await;
    }
    cache.until(|counts| counts.disk_values == 2).await;
    for _ in 0..3 {
        assert!(cache.stand.values.get(&used.address()).is_some());
    }
    let mut n = 0;
    while cache.stand.values.peek(&used.address()).is_some() {
        let dear = recipe(&format!("dear{n}"), vec![]);
        cache.land(&dear, &resident(&dear, &bytes, Origin::Transient), 0);
        cache.counts().await;
        n += 1;
        assert!(n < 100, "it does not go");
    }
    assert!(cache.stand.values.peek(&unused.address()).is_none());
    let order = || {
        let ages = cache
            .stand
            .storage
            .scan(Space::Meta, layout::AGE_PREFIX, &[], 9);
        let ages = ages.unwrap().into_iter();
        ages.map(|(_, recipe)| recipe.to_vec()).collect::<Vec<_>>()
    };
    let expected = [&unused, &used].map(|recipe| layout::address_key(&recipe.address()));
    cache.until(|_| order() == expected).await;
}

#[tokio::test]
async fn evicting_everything_leaves_nothing_and_counts_each_value_once() {
    let cache = Cache::new().await;
    for n in 0..5 {
        let recipe = stored(&cache, &format!("f{n}"));
        cache.land(
            &recipe,
            &resident(&recipe, &bytes(3, 100), Origin::Stored),
            0,
        );
    }
    cache
        .until(|counts| counts.disk_values == 5 && counts.resident_values == 5)
        .await;
    let evicted = cache.evict_all().await;
    assert_eq!((evicted.values, evicted.bytes), (5, 500));
    assert_eq!(cache.counts().await, CacheCounts::default());
    assert_eq!(cache.evict_all().await, Evicted::default());
    assert_eq!(cache.stand.keys(Space::Contents, &[]), 0);
}

#[tokio::test]
async fn an_invalidated_value_is_gone_everywhere_also_after_a_power_cut() {
    let cache = Cache::new().await;
    let recipe = stored(&cache, "f");
    let value = resident(&recipe, &bytes(4, 100), Origin::Stored);
    cache.land(&recipe, &value, 0);
    cache.until(|counts| counts.disk_values == 1).await;
    // A synced put brings everything before it to disk, the value included.
    cache.stand.put(&bytes(40, 1)).await.unwrap();
    let evicted = cache.invalidate(recipe.address()).await.unwrap();
    assert_eq!((evicted.values, evicted.bytes), (1, 100));
    assert!(cache.stand.values.get(&recipe.address()).is_none());
    assert!(cache.stand.values.cutoff(&value.cutoff).is_none());
    cache.stand.storage.cut_power();
    for space in [Space::Values, Space::Records, Space::Cutoffs] {
        assert_eq!(cache.stand.keys(space, &[]), 0, "{space:?}");
    }
    assert_eq!(
        cache.invalidate(recipe.address()).await.unwrap(),
        Evicted::default()
    );
}

#[tokio::test]
async fn what_began_before_an_invalidation_does_not_come_in_after_it() {
    let cache = Cache::new().await;
    let source = stored(&cache, "source");
    let consumer = recipe("consumer", vec![source.address()]);
    let other = recipe("other", vec![]);
    let begun = cache.stand.values.invalidation_number();
    let bytes = bytes(5, 100);
    cache.invalidate(source.address()).await.unwrap();
    // Its own computation, one that consumed it, and one that has nothing to do with it.
    let landings = [&source, &consumer, &other]
        .map(|recipe| cache.land(recipe, &resident(recipe, &bytes, Origin::Stored), begun));
    assert_eq!(landings, [Landing::Stale, Landing::Stale, Landing::Ring]);
    assert!(cache.stand.values.get(&source.address()).is_none());
    let now = cache.stand.values.invalidation_number();
    cache.land(&source, &resident(&source, &bytes, Origin::Stored), now);
    cache
        .until(|counts| counts.resident_values == 2 && counts.disk_values == 1)
        .await;
}

#[tokio::test]
async fn a_value_that_waits_for_the_disk_while_it_is_invalidated_is_not_kept() {
    let cache = Cache::new().await;
    let recipe = stored(&cache, "f");
    let value = resident(&recipe, &bytes(6, 100), Origin::Stored);
    // The commit lane stands still, so that the keep waits behind the invalidation's number.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let commit = cache.stand.commit.clone();
    let blocked = tokio::spawn(async move {
        let wait = move |_: &mut deriva_system::storage::commit::Step<'_>| {
            held.recv().map_err(|_| Fault::Cancelled)
        };
        commit
            .commit(deriva_system::storage::Durability::Behind, wait)
            .await
    });
    cache.land(&recipe, &value, 0);
    while cache.stand.values.peek(&recipe.address()).is_none() {
        tokio::task::yield_now().await;
    }
    let slot = cache.slot.clone();
    let address = recipe.address();
    let invalidated = tokio::spawn(async move {
        let invalidate = |reply| CacheMessage::Invalidate { address, reply };
        slot.call(PATIENCE, invalidate).await
    });
    while cache.stand.values.peek(&recipe.address()).is_some() {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    blocked.await.unwrap().unwrap();
    assert_eq!(invalidated.await.unwrap().unwrap().values, 1);
    // The queue to the disk is worked off in order: after this, the keep is through.
    assert_eq!(cache.evict_all().await, Evicted::default());
    assert_eq!(cache.counts().await, CacheCounts::default());
}

#[tokio::test]
async fn a_restarted_cache_keeps_its_bounds_and_hears_what_landed_meanwhile() {
    let cache = Cache::new().await;
    for n in 0..8 {
        let recipe = recipe(&format!("f{n}"), vec![]);
        cache.land(
            &recipe,
            &resident(&recipe, &bytes(7, 100), Origin::Stored),
            0,
        );
    }
    cache.until(|counts| counts.resident_values == 8).await;
    cache
        .slot
        .cell()
        .unwrap()
        .kill_and_wait(None)
        .await
        .unwrap();
    // This is more than the bound, behind the actor's back.
    for n in 0..8 {
        let recipe = recipe(&format!("g{n}"), vec![]);
        let value = resident(&recipe, &bytes(9, 100), Origin::Stored);
        put(&cache.stand.values, &recipe, &value);
    }
    assert_eq!(cache.stand.values.take_arrivals(8).len(), 8);
    // And nobody hears this bell.
    let late = recipe("late", vec![]);
    let value = resident(&late, &bytes(8, 100), Origin::Stored);
    assert_eq!(
        cache.stand.values.offer(produced(&late, &value, 0)),
        Landing::Ring
    );
    cache.start().await;
    cache.until(|_| cache.stand.values.arrived() == 0).await;
    assert_eq!(cache.counts().await.resident_values, 8);
    assert_eq!(cache.stand.values.len(), 8);
}

#[tokio::test]
async fn a_store_that_takes_no_writes_costs_only_the_disk_copy() {
    let cache = Cache::new().await;
    let recipe = stored(&cache, "f");
    let full = deriva_system::storage::StorageFault::Full {
        free: 0,
        reserve: 1,
    };
    cache.stand.storage.fail_writes(full);
    cache.land(
        &recipe,
        &resident(&recipe, &bytes(10, 100), Origin::Stored),
        0,
    );
    cache.until(|counts| counts.resident_values == 1).await;
    // An invalidation that cannot be made to last is not acknowledged.
    let refused = cache.invalidate(recipe.address()).await;
    assert_eq!(refused.unwrap_err().reason(), "STORE_FULL");
    assert!(cache.stand.values.get(&recipe.address()).is_none());
    cache.stand.storage.heal();
    assert_eq!(cache.evict_all().await, Evicted::default());
}

#[tokio::test]
async fn nothing_read_from_disk_while_it_is_being_invalidated_comes_in() {
    let cache = Cache::new().await;
    let old = stored(&cache, "old");
    let value = resident(&old, &bytes(1, 100), Origin::Stored);
    cache.land(&old, &value, 0);
    cache.until(|counts| counts.disk_values == 1).await;
    // The disk takes its time: nothing is dropped until it is let go on.
    let (go_on, waiting) = std::sync::mpsc::channel::<()>();
    let commit = cache.stand.commit.clone();
    let slow = tokio::spawn(async move {
        let step = move |_: &mut deriva_system::storage::commit::Step<'_>| {
            waiting.recv().unwrap();
            Ok(())
        };
        commit
            .commit(deriva_system::storage::Durability::Behind, step)
            .await
    });
    let slot = cache.slot.clone();
    let address = old.address();
    let invalidated = tokio::spawn(async move {
        let invalidate = |reply| CacheMessage::Invalidate { address, reply };
        slot.call::<Evicted>(PATIENCE, invalidate).await
    });
    let gone = async {
        while cache.stand.values.peek(&address).is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    // A Get that begins now still finds the record on disk, and may answer by it.
    let begun = cache.stand.values.invalidation_number();
    let key = layout::address_key(&address);
    assert!(
        cache
            .stand
            .storage
            .get(Space::Records, &key)
            .unwrap()
            .is_some()
    );
    assert_eq!(cache.land(&old, &value, begun), Landing::Stale);
    let consumer = recipe("consumer", vec![address]);
    cache.stand.store_recipe(&consumer);
    let made = resident(&consumer, &bytes(2, 100), Origin::Stored);
    assert_eq!(cache.land(&consumer, &made, begun), Landing::Stale);
    // What has nothing to do with it is recorded all the while.
    let other = stored(&cache, "other");
    let begun_too = cache.stand.values.invalidation_number();
    let beside = resident(&other, &bytes(3, 100), Origin::Stored);
    assert_eq!(cache.land(&other, &beside, begun_too), Landing::Ring);
    go_on.send(()).unwrap();
    slow.await.unwrap().unwrap();
    assert_eq!(invalidated.await.unwrap().unwrap().values, 1);
    assert!(cache.stand.values.get(&address).is_none());
    // Nor does one that was read before and arrives after.
    assert_eq!(cache.land(&old, &value, begun), Landing::Stale);
    let now = cache.stand.values.invalidation_number();
    let landing = cache.land(&old, &value, now);
    assert!(
        matches!(landing, Landing::Ring | Landing::Queued),
        "{landing:?}"
    );
}

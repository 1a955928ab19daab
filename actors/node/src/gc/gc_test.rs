//! Collections over the real graph, shards and cache: what lives stays, what is dead goes, whatever
//! happens in between.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{GcArgs, GcCoordinator, Membership};
use crate::{
    blob::stand_test::{PATIENCE, Stand, bytes, produced, recipe, resident},
    cache::{CacheActor, CacheArgs, CacheConfig},
    dag::{DagActor, DagArgs, DagConfig},
};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    cache::CacheMessage,
    dag::{Consumers, DagMessage, Forgotten, Imported, MissingInputs, OldRecipe},
    gc::{Collect, Collected, Extent, GcMessage},
};
use deriva_model::{CAddr, SealedRecipe, legacy_address};
use deriva_system::{
    Clock, ManualClock,
    lane::Lane,
    storage::{
        Batch, CommitLane, CommitLimits, Durability, Entry, MemoryStorage, Reading, Space, Storage,
        StorageFault, commit::read_number, layout, layout::Counter,
    },
    supervise::{Slot, SlotLimits},
    view::{Holds, Landing, Origin, RecipeView},
};
use ractor::Actor;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

const HOUR: Duration = Duration::from_secs(3600);
pub(super) const NO_GRACE: Collect = Collect {
    grace: Duration::ZERO,
    extent: Extent::Remove,
    max_removals: None,
    detail: 1000,
};

/// A node without gateways and evaluator.
pub(super) struct Stage {
    pub(super) stand: Stand,
    pub(super) clock: Arc<ManualClock>,
    pub(super) recipes: Arc<RecipeView>,
    pub(super) holds: Arc<Holds>,
    pub(super) dag: Slot<DagMessage>,
    pub(super) cache: Slot<CacheMessage>,
    pub(super) gc: Slot<GcMessage>,
    pub(super) turn: Arc<Semaphore>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let memory = Arc::new(MemoryStorage::default());
        Self::over(memory.clone(), 1, memory).await
    }

    /// `seen` is what the collection works on: the memory, or something that cuts its power.
    pub(super) async fn over(
        memory: Arc<MemoryStorage>,
        boot: u64,
        seen: Arc<dyn Storage>,
    ) -> Self {
        let stand = Stand::over(memory, boot);
        stand.start_shards().await;
        let stage = Self {
            clock: Arc::default(),
            recipes: Arc::default(),
            holds: Arc::default(),
            dag: Slot::new("dag", SlotLimits::default()),
            cache: Slot::new("cache", SlotLimits::default()),
            gc: Slot::new("gc", SlotLimits::default()),
            turn: Arc::new(Semaphore::new(1)),
            stand,
        };
        stage.start(seen, Membership::Alone).await;
        stage
    }

    pub(super) async fn start(&self, seen: Arc<dyn Storage>, membership: Membership) {
        let stand = &self.stand;
        self.start_dag(stand.storage.clone(), DagConfig::default())
            .await;
        self.start_cache().await;
        self.start_gc(seen, membership).await;
    }

    pub(super) async fn start_dag(&self, storage: Arc<dyn Storage>, config: DagConfig) {
        let stand = &self.stand;
        let args = DagArgs {
            storage,
            commit: stand.commit.clone(),
            view: self.recipes.clone(),
            holds: self.holds.clone(),
            reading: Lane::start("graph", 16).unwrap(),
            config,
        };
        self.dag
            .seat(Actor::spawn(None, DagActor, args).await.unwrap().0);
    }

    pub(super) async fn start_cache(&self) {
        let stand = &self.stand;
        let args = CacheArgs {
            values: stand.values.clone(),
            commit: stand.commit.clone(),
            storage: stand.storage.clone(),
            lane: stand.lane.clone(),
            blobs: stand.blobs.clone(),
            config: CacheConfig {
                memory_bytes: 1 << 20,
                memory_values: 1000,
                disk_bytes: 1 << 20,
            },
        };
        self.cache
            .seat(Actor::spawn(None, CacheActor, args).await.unwrap().0);
    }

    pub(super) async fn start_gc(&self, seen: Arc<dyn Storage>, membership: Membership) {
        let stand = &self.stand;
        // Over storage of its own kind a lane of its own; else the node's one order.
        let commit = match Arc::ptr_eq(&(stand.storage.clone() as Arc<dyn Storage>), &seen) {
            true => stand.commit.clone(),
            false => {
                let limits = CommitLimits::default();
                CommitLane::start(seen.clone(), self.clock.clone(), limits).unwrap()
            }
        };
        let args = GcArgs {
            storage: seen,
            commit,
            clock: self.clock.clone(),
            lane: Lane::start("gc", 16).unwrap(),
            recipes: self.recipes.clone(),
            cache: self.cache.clone(),
            values: stand.values.clone(),
            holds: self.holds.clone(),
            membership,
            turn: self.turn.clone(),
        };
        self.gc
            .seat(Actor::spawn(None, GcCoordinator, args).await.unwrap().0);
        // What an earlier start left has been ended.
        drop(self.turn.acquire().await.unwrap());
    }

    pub(super) async fn collect(&self, request: Collect) -> Result<Collected, Fault> {
        let collect = |reply| GcMessage::Collect { request, reply };
        self.gc.call(PATIENCE, collect).await
    }

    pub(super) async fn leaf(&self, seed: u8, len: usize) -> CAddr {
        self.stand.put(&bytes(seed, len)).await.unwrap().address
    }

    pub(super) async fn put(&self, recipe: &SealedRecipe) {
        let recipes = vec![Arc::new(recipe.clone())];
        let missing = MissingInputs::Refuse;
        let put = |reply| DagMessage::Put {
            recipes,
            missing,
            decided: None,
            reply,
        };
        self.dag.call::<()>(PATIENCE, put).await.unwrap();
    }

    pub(super) async fn over_inputs(&self, name: &str, inputs: &[CAddr]) -> SealedRecipe {
        let recipe = recipe(name, inputs.to_vec());
        self.put(&recipe).await;
        recipe
    }

    pub(super) async fn import(&self, old: CAddr, recipe: &Arc<SealedRecipe>) -> Imported {
        let recipe = recipe.clone();
        let import = |reply| DagMessage::Import {
            recipes: vec![OldRecipe { old, recipe }],
            missing: MissingInputs::Refuse,
            reply,
        };
        let done: Vec<Result<Imported, Fault>> = self.dag.call(PATIENCE, import).await.unwrap();
        done.into_iter().next().unwrap().unwrap()
    }

    pub(super) async fn forget(&self, address: CAddr, consumers: Consumers) {
        let forget = |reply| DagMessage::Forget {
            address,
            consumers,
            reply,
        };
        self.dag.call::<Forgotten>(PATIENCE, forget).await.unwrap();
    }

    pub(super) async fn pin(&self, address: CAddr) {
        let pin = |reply| DagMessage::Pin { address, reply };
        assert!(self.dag.call::<bool>(PATIENCE, pin).await.unwrap());
    }

    pub(super) async fn value(&self, recipe: &SealedRecipe) {
        let value = resident(recipe, &bytes(9, 100), Origin::Stored);
        let begun = self.stand.values.invalidation_number();
        let landing = self.stand.values.offer(produced(recipe, &value, begun));
        assert_ne!(landing, Landing::Stale);
        self.cache.ring(CacheMessage::Landed).unwrap();
        let key = layout::address_key(&recipe.address());
        let on_disk = async {
            while self
                .stand
                .storage
                .get(Space::Records, &key)
                .unwrap()
                .is_none()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, on_disk).await.unwrap();
    }

    pub(super) fn holds(&self, address: CAddr) -> bool {
        holds(&self.stand.storage, address)
    }
}

pub(super) fn holds(memory: &MemoryStorage, address: CAddr) -> bool {
    let key = layout::address_key(&address);
    [Space::Leaves, Space::Recipes, Space::Aliases]
        .iter()
        .any(|space| memory.get(*space, &key).unwrap().is_some())
}

#[tokio::test]
async fn orphans_go_and_what_a_root_reaches_or_somebody_pinned_stays() {
    let stage = Stage::new().await;
    let (orphan, large) = (stage.leaf(1, 10).await, stage.leaf(2, 12_000).await);
    let (used, pinned) = (stage.leaf(3, 10).await, stage.leaf(4, 12_000).await);
    let root = stage.over_inputs("root", &[used]).await;
    stage.pin(pinned).await;
    let dry = Collect {
        extent: Extent::DryRun,
        ..NO_GRACE
    };
    let told = stage.collect(dry).await.unwrap();
    assert!(stage.holds(orphan), "a dry run removes nothing");
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.leaves, done.recipes, done.leaf_bytes), (2, 0, 12_010));
    assert_eq!(
        (done.live_leaves, done.live_recipes, done.pinned),
        (2, 1, 1)
    );
    let sorted = |mut told: Collected| {
        told.removed.sort_unstable();
        told
    };
    assert_eq!(sorted(told), sorted(done));
    assert!(!stage.holds(orphan) && !stage.holds(large));
    assert!(stage.holds(used) && stage.holds(pinned) && stage.holds(root.address()));
    assert_eq!(stage.stand.count(Counter::Leaves), 2);
    assert_eq!(
        stage.stand.keys(Space::Contents, &[]),
        2,
        "the bytes went, too"
    );
    assert_eq!(
        stage.stand.keys(Space::Chunks, &[]),
        1,
        "that of the pinned leaf is left"
    );
    assert_eq!(stage.stand.keys(Space::Meta, layout::TOMB_PREFIX), 2);
    assert_eq!(stage.stand.keys(Space::Meta, layout::META_COLLECTION), 0);
    // What was removed can be put again.
    assert!(stage.stand.put(&bytes(1, 10)).await.unwrap().was_new);
    assert_eq!(stage.leaf(1, 10).await, orphan);
}

#[tokio::test]
async fn forgotten_recipes_go_with_what_only_they_held_values_and_view_included() {
    let stage = Stage::new().await;
    let (shared, own) = (stage.leaf(1, 10).await, stage.leaf(2, 20).await);
    let live = stage.over_inputs("live", &[shared]).await;
    let low = stage.over_inputs("low", &[shared, own, own]).await;
    let high = stage.over_inputs("high", &[low.address()]).await;
    stage.value(&high).await;
    stage.forget(low.address(), Consumers::Forget).await;
    let dry = Collect {
        extent: Extent::DryRun,
        ..NO_GRACE
    };
    let told = stage.collect(dry).await.unwrap();
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.leaves, done.values), (2, 1, 1));
    assert_eq!((done.leaf_bytes, done.value_bytes), (20, 100));
    assert_eq!((told.recipes, told.leaves, told.values), (2, 1, 1));
    assert_eq!((told.live_leaves, told.live_recipes), (1, 1));
    for gone in [low.address(), high.address(), own] {
        assert!(!stage.holds(gone));
    }
    assert!(
        stage.stand.values.get(&high.address()).is_none(),
        "not from memory either"
    );
    assert!(!stage.recipes.contains(&high.address()));
    assert!(stage.holds(shared) && stage.holds(live.address()));
    let edges = stage.stand.keys(Space::Edges, &[]);
    assert_eq!(edges, 2, "those of the live recipe");
    for space in [Space::Values, Space::Records, Space::Cutoffs] {
        assert_eq!(stage.stand.keys(space, &[]), 0, "{space:?}");
    }
    assert_eq!(stage.stand.keys(Space::Meta, layout::FORGOTTEN_PREFIX), 0);
}

#[tokio::test]
async fn a_forgotten_recipe_stays_while_a_live_one_depends_on_it() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(1, 10).await;
    let low = stage.over_inputs("low", &[leaf]).await;
    stage.forget(low.address(), Consumers::Refuse).await;
    let high = stage.over_inputs("high", &[low.address()]).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.leaves), (0, 0));
    stage.forget(high.address(), Consumers::Refuse).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.leaves), (2, 1));
    assert!(!stage.holds(leaf));
}

#[tokio::test]
async fn an_alias_goes_with_its_recipe_unless_somebody_names_it() {
    let stage = Stage::new().await;
    let make = |name| Arc::new(recipe(name, vec![]));
    let (free, named) = (make("free"), make("named"));
    let mut olds = Vec::new();
    for recipe in [&free, &named] {
        let old = legacy_address(recipe.recipe()).unwrap();
        stage.import(old, recipe).await;
        stage.forget(old, Consumers::Refuse).await;
        olds.push(old);
    }
    let over = stage.over_inputs("over", &[olds[1]]).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!(done.recipes, 1);
    assert!(!stage.holds(olds[0]) && !stage.holds(free.address()));
    assert!(stage.holds(olds[1]) && stage.holds(named.address()));
    stage.forget(over.address(), Consumers::Refuse).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.live_recipes), (2, 0));
    assert_eq!(stage.stand.keys(Space::Edges, &[]), 0);
}

#[tokio::test]
async fn what_was_imported_is_forgotten_collected_and_imported_again() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(1, 10).await;
    let low = Arc::new(recipe("low", vec![leaf]));
    let old_low = legacy_address(low.recipe()).unwrap();
    // As an old store has it: the consumer names the old address.
    let high = Arc::new(recipe("high", vec![old_low]));
    let old_high = legacy_address(high.recipe()).unwrap();
    assert_eq!(stage.import(old_low, &low).await, Imported::New);
    assert_eq!(stage.import(old_high, &high).await, Imported::New);
    let state = |stage: &Stage| {
        let aliases = Counter::Aliases.key();
        read_number(stage.stand.storage.as_ref(), &aliases).unwrap()
    };
    assert_eq!(state(&stage), 2);

    // The old address stands for the recipe, and its consumer is a reason to refuse.
    let refused = |reply| DagMessage::Forget {
        address: old_low,
        consumers: Consumers::Refuse,
        reply,
    };
    let refused = stage.dag.call::<Forgotten>(PATIENCE, refused).await;
    let in_use = Fault::InUse {
        address: old_low,
        by: high.address(),
    };
    assert_eq!(refused, Err(in_use));
    stage.forget(old_high, Consumers::Refuse).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.leaves, done.live_recipes), (1, 0, 1));
    assert!(stage.holds(old_low) && stage.holds(low.address()) && stage.holds(leaf));
    assert!(!stage.holds(old_high) && !stage.holds(high.address()));
    assert_eq!(state(&stage), 1);

    stage.forget(old_low, Consumers::Refuse).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.leaves, done.live_recipes), (1, 1, 0));
    assert_eq!(state(&stage), 0);
    for space in [Space::Aliases, Space::Edges, Space::Recipes, Space::Leaves] {
        assert_eq!(stage.stand.keys(space, &[]), 0, "{space:?}");
    }

    // Nothing of the removal stands in the way of the same import.
    assert_eq!(stage.leaf(1, 10).await, leaf);
    assert_eq!(stage.import(old_low, &low).await, Imported::New);
    assert_eq!(stage.import(old_low, &low).await, Imported::Known);
    assert_eq!(state(&stage), 1);
    assert_eq!(stage.collect(NO_GRACE).await.unwrap().recipes, 0);
}

#[tokio::test]
async fn grace_counts_from_the_epoch_after_the_last_touch() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(1, 10).await;
    let day = Collect {
        grace: HOUR * 24,
        ..NO_GRACE
    };
    // The epoch after the touch opens with the first collection.
    assert_eq!(stage.collect(day).await.unwrap().leaves, 0);
    stage.clock.advance(HOUR * 24);
    assert_eq!(
        stage.collect(day).await.unwrap().leaves,
        0,
        "not older than the grace"
    );
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(stage.collect(day).await.unwrap().leaves, 1);
    assert!(!stage.holds(leaf));
}

#[tokio::test]
async fn a_bound_on_removals_leaves_the_rest_to_the_next() {
    let stage = Stage::new().await;
    for seed in 0..7 {
        stage.leaf(seed, 10).await;
    }
    let three = Collect {
        max_removals: Some(3),
        ..NO_GRACE
    };
    for (removed, left) in [(3, 4), (3, 1), (1, 0)] {
        let done = stage.collect(three).await.unwrap();
        assert_eq!((done.leaves, done.live_leaves), (removed, left));
    }
}

#[tokio::test]
async fn what_a_request_uses_stays_with_all_it_needs() {
    let stage = Stage::new().await;
    let (leaf, other) = (stage.leaf(1, 10).await, stage.leaf(2, 10).await);
    let low = stage.over_inputs("low", &[leaf]).await;
    stage.forget(low.address(), Consumers::Refuse).await;
    let held = stage.holds.hold(vec![low.address(), other]).await;
    assert_eq!(stage.collect(NO_GRACE).await.unwrap().removed, []);
    drop(held);
    assert_eq!(stage.collect(NO_GRACE).await.unwrap().removed.len(), 3);
    // Nobody is kept waiting for what is gone.
    drop(stage.holds.hold(vec![low.address(), leaf]).await);
}

#[tokio::test]
async fn a_deep_chain_of_forgotten_recipes_goes_in_one_collection() {
    let stage = Stage::new().await;
    let mut last = stage.leaf(1, 10).await;
    let bottom = stage.over_inputs("bottom", &[last]).await.address();
    last = bottom;
    for number in 0..600 {
        last = stage
            .over_inputs(&format!("f{number}"), &[last])
            .await
            .address();
    }
    stage.forget(bottom, Consumers::Forget).await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!((done.recipes, done.leaves, done.live_recipes), (601, 1, 0));
    assert_eq!(stage.stand.keys(Space::Edges, &[]), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_writer_that_puts_the_same_again_during_the_sweep_keeps_it() {
    const LEAVES: u8 = 200;
    let stage = Arc::new(Stage::new().await);
    for seed in 0..LEAVES {
        stage.leaf(seed, 20).await;
    }
    let forgotten = recipe("forgotten", vec![]);
    stage.put(&forgotten).await;
    stage.forget(forgotten.address(), Consumers::Refuse).await;
    let collecting = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.collect(NO_GRACE).await })
    };
    let began = async {
        let memory = &stage.stand.storage;
        while memory
            .get(Space::Meta, layout::META_LONGEST_GRACE)
            .unwrap()
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, began).await.unwrap();
    // What is put from here on is touched in the collection's own epochs.
    let mut kept = Vec::new();
    for seed in (0..LEAVES).rev().step_by(2) {
        kept.push(stage.leaf(seed, 20).await);
    }
    stage.put(&forgotten).await;
    let done = collecting.await.unwrap().unwrap();
    for leaf in &kept {
        assert!(stage.holds(*leaf));
        stage.stand.read(leaf, 0).await.unwrap();
    }
    assert!(stage.holds(forgotten.address()));
    assert!(done.leaves >= u64::from(LEAVES) / 2, "{done:?}");
    let left = stage.stand.keys(Space::Leaves, &[]) as u64;
    assert_eq!(
        (stage.stand.count(Counter::Leaves), left),
        (left, kept.len() as u64)
    );
}

#[tokio::test]
async fn one_collection_at_a_time() {
    let stage = Stage::new().await;
    let turn = stage.turn.clone().acquire_owned().await.unwrap();
    let refused = stage.collect(NO_GRACE).await;
    assert!(
        matches!(refused, Err(Fault::Overloaded { .. })),
        "{refused:?}"
    );
    drop(turn);
    stage.collect(NO_GRACE).await.unwrap();
}

/// Storage whose power goes after so many writes.
pub(super) struct Cutting {
    pub(super) memory: Arc<MemoryStorage>,
    pub(super) left: AtomicU64,
}

impl Reading for Cutting {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        self.memory.get(space, key)
    }

    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StorageFault> {
        self.memory.get_many(space, keys)
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault> {
        self.memory.scan(space, prefix, from, limit)
    }
}

impl Storage for Cutting {
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StorageFault> {
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        match left {
            Ok(_) => self.memory.write(batch, durability),
            Err(_) => Err(StorageFault::Stopped {
                why: "the power went".to_owned(),
            }),
        }
    }

    fn refuses_writes(&self) -> Option<StorageFault> {
        None
    }
}

#[tokio::test]
async fn a_power_cut_at_any_step_loses_nothing_live_and_the_next_start_ends_the_collection() {
    for writes in 0.. {
        let memory = Arc::new(MemoryStorage::default());
        let stage = Stage::over(memory.clone(), 1, memory.clone()).await;
        let used = stage.leaf(1, 10).await;
        let live = stage.over_inputs("live", &[used]).await.address();
        let mut dead = Vec::new();
        for seed in 2..9 {
            dead.push(stage.leaf(seed, 12_000).await);
        }
        let mut last = dead[0];
        for number in 0..200 {
            last = stage
                .over_inputs(&format!("f{number}"), &[last])
                .await
                .address();
            dead.push(last);
        }
        stage.forget(dead[7], Consumers::Forget).await;
        drop(stage);
        let cutting = Arc::new(Cutting {
            memory: memory.clone(),
            left: AtomicU64::new(writes),
        });
        let stage = Stage::over(memory.clone(), 2, cutting).await;
        let cut = stage.collect(NO_GRACE).await;
        memory.cut_power();
        let begun = memory
            .get(Space::Meta, layout::META_COLLECTION)
            .unwrap()
            .is_some();
        drop(stage);
        let stage = Stage::over(memory.clone(), 3, memory.clone()).await;
        assert!(
            holds(&memory, used) && holds(&memory, live),
            "after {writes} writes"
        );
        assert_eq!(stage.stand.keys(Space::Meta, layout::META_COLLECTION), 0);
        if begun || cut.is_ok() {
            assert!(
                dead.iter().all(|dead| !stage.holds(*dead)),
                "after {writes} writes"
            );
        }
        stage.collect(NO_GRACE).await.unwrap();
        let left = [Space::Leaves, Space::Recipes, Space::Contents].map(|space| {
            let keys = stage.stand.keys(space, &[]);
            u64::try_from(keys).unwrap()
        });
        assert_eq!(left, [1, 1, 1], "after {writes} writes");
        assert_eq!(stage.stand.keys(Space::Chunks, &[]), 0);
        assert_eq!(stage.stand.count(Counter::Recipes), 1);
        if cut.is_ok() {
            assert!(writes > 3, "the power was cut within the collection");
            return;
        }
    }
}

#[tokio::test]
async fn tombstones_go_when_they_are_older_than_the_longest_grace() {
    let stage = Stage::new().await;
    stage.leaf(1, 10).await;
    stage.collect(NO_GRACE).await.unwrap();
    stage.clock.advance(HOUR * 24);
    stage.collect(NO_GRACE).await.unwrap();
    assert_eq!(stage.stand.keys(Space::Meta, layout::TOMB_PREFIX), 1);
    stage.clock.advance(Duration::from_millis(1));
    assert!(stage.clock.wall_millis() > 0);
    stage.collect(NO_GRACE).await.unwrap();
    assert_eq!(stage.stand.keys(Space::Meta, layout::TOMB_PREFIX), 0);
}

//! A function that was caught: what it made goes, however far it went, and stays gone.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    blob::stand_test::{PATIENCE, Stand, bytes, produced, recipe, resident},
    cache::{CacheActor, CacheArgs, CacheConfig},
    sources::{NodeSources, SourcesArgs},
};
use deriva_messages::{
    Fault,
    cache::{CacheCounts, CacheMessage},
    verify::{VerifyMessage, Violation},
};
use deriva_model::{CAddr, Epoch, FunctionId, SealedRecipe};
use deriva_system::{
    compute::{Known, Look, Patience, Sources},
    lane::Lane,
    storage::{Batch, Durability, MemoryStorage, Space, Storage, StorageFault, layout},
    supervise::{Slot, SlotLimits},
    view::{Landing, Marks, Origin, RecipeView},
};
use ractor::Actor;
use std::sync::Arc;

struct Node {
    stand: Stand,
    marks: Arc<Marks>,
    cache: Slot<CacheMessage>,
    verify: Slot<VerifyMessage>,
    sources: Arc<NodeSources>,
    _spills: tempfile::TempDir,
}

impl Node {
    async fn new() -> Self {
        let node = Self::without_cache(Stand::new());
        node.stand.start_shards().await;
        node.start_cache().await;
        node.start_verify().await;
        node
    }

    fn without_cache(stand: Stand) -> Self {
        let limits = SlotLimits::default();
        let marks = Arc::new(Marks::new(stand.values.invalidations()));
        load(stand.storage.as_ref(), &marks).unwrap();
        let (cache, verify) = (Slot::new("cache", limits), Slot::new("verify", limits));
        let spills = tempfile::tempdir().unwrap();
        let args = SourcesArgs {
            recipes: Arc::new(RecipeView::default()),
            recipe_bytes: 1 << 20,
            values: stand.values.clone(),
            storage: stand.storage.clone(),
            reader: stand.reader.clone(),
            cache: cache.clone(),
            blobs: stand.blobs.clone(),
            marks: marks.clone(),
            verify: verify.clone(),
            scratch_directory: spills.path().to_owned(),
            scratch_bytes: 1000,
        };
        Self {
            sources: Arc::new(NodeSources::open(args).unwrap()),
            stand,
            marks,
            cache,
            verify,
            _spills: spills,
        }
    }

    async fn start_cache(&self) {
        let args = CacheArgs {
            values: self.stand.values.clone(),
            commit: self.stand.commit.clone(),
            storage: self.stand.storage.clone(),
            lane: Lane::start("cache", 8).unwrap(),
            blobs: self.stand.blobs.clone(),
            config: CacheConfig {
                memory_bytes: 1 << 20,
                memory_values: 100,
                disk_bytes: 1 << 20,
            },
        };
        let (actor, _) = Actor::spawn(None, CacheActor, args).await.unwrap();
        self.cache.seat(actor);
    }

    async fn start_verify(&self) {
        let args = VerifyArgs {
            marks: self.marks.clone(),
            commit: self.stand.commit.clone(),
            cache: self.cache.clone(),
        };
        let (actor, _) = Actor::spawn(None, VerifyActor, args).await.unwrap();
        self.verify.seat(actor);
    }

    /// Stores a recipe with its edges, as the `DagActor` would.
    fn stored(&self, function: &str, inputs: Vec<CAddr>) -> SealedRecipe {
        let recipe = recipe(function, inputs);
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

    fn land(&self, recipe: &SealedRecipe, origin: Origin) {
        let begun = self.stand.values.invalidation_number();
        self.sources.produced(produced(
            recipe,
            &resident(recipe, &bytes(1, 100), origin),
            begun,
        ));
    }

    async fn counts(&self) -> CacheCounts {
        let count = |reply| CacheMessage::Count { reply };
        self.cache.call(PATIENCE, count).await.unwrap()
    }

    async fn until(&self, so: impl Fn(CacheCounts) -> bool) {
        let waiting = async {
            while !so(self.counts().await) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }

    /// As the evaluator does it, on a thread of its own.
    async fn catch(&self, violation: &Violation) -> Result<(), Fault> {
        let (sources, violation) = (self.sources.clone(), violation.clone());
        tokio::task::spawn_blocking(move || {
            sources.distrust(&violation);
            sources.void(&violation)
        })
        .await
        .unwrap()
    }

    async fn clear(&self, function: &FunctionId) -> Result<bool, Fault> {
        let function = function.clone();
        let clear = |reply| VerifyMessage::Clear { function, reply };
        self.verify.call(PATIENCE, clear).await
    }

    fn is_known(&self, recipe: &SealedRecipe) -> bool {
        let found = self
            .sources
            .fetch(&[recipe.address()], Look::ForValues)
            .unwrap();
        matches!(found[..], [Known::Value(_)])
    }
}

fn caught(recipe: &SealedRecipe) -> Violation {
    Violation {
        function: recipe.recipe().function().clone(),
        recipe: recipe.address(),
        first: Some(CAddr::of_leaf(b"a").as_content()),
        second: None,
    }
}

fn refusal(violation: &Violation) -> Option<Fault> {
    let violation = Box::new(violation.clone());
    Some(Fault::Nondeterministic { violation })
}

/// Two recipes of a function over other leaves, one above each, and one that has nothing to do with it.
struct Graph {
    bad: [SealedRecipe; 2],
    above: [SealedRecipe; 2],
    innocent: SealedRecipe,
}

impl Graph {
    fn over(node: &Node) -> Self {
        let leaf = |name: &[u8]| CAddr::of_leaf(name);
        let bad = [leaf(b"1"), leaf(b"2")].map(|leaf| node.stored("bad", vec![leaf]));
        let above = [0, 1].map(|at| node.stored("good", vec![bad[at].address(), leaf(b"3")]));
        let innocent = node.stored("good", vec![leaf(b"4")]);
        Self {
            bad,
            above,
            innocent,
        }
    }

    fn derived(&self) -> impl Iterator<Item = &SealedRecipe> {
        self.bad.iter().chain(&self.above)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_function_made_goes_from_memory_and_disk_and_the_rest_stays() {
    let node = Node::new().await;
    let graph = Graph::over(&node);
    // The second's own value was never kept; what was made from it lives on.
    for recipe in [
        &graph.bad[0],
        &graph.above[0],
        &graph.above[1],
        &graph.innocent,
    ] {
        node.land(recipe, Origin::Stored);
    }
    let travelling = recipe("good", vec![graph.innocent.address()]);
    node.land(&travelling, Origin::Transient);
    node.until(|counts| counts.resident_values == 5 && counts.disk_values == 4)
        .await;
    let violation = caught(&graph.bad[0]);
    node.catch(&violation).await.unwrap();
    assert_eq!(
        node.sources.refusal(&violation.function),
        refusal(&violation)
    );
    let counts = node.counts().await;
    assert_eq!((counts.resident_values, counts.disk_values), (1, 1));
    assert!(node.is_known(&graph.innocent));
    for recipe in graph.derived() {
        assert!(!node.is_known(recipe));
        assert!(node.sources.standing(&recipe.address()).is_none());
        let cutoff = resident(recipe, &bytes(1, 100), Origin::Stored).cutoff;
        assert!(node.sources.cutoff(&cutoff, Patience::Disk).is_none());
    }
    assert_eq!(node.stand.keys(Space::Records, &[]), 1);
    assert_eq!(node.stand.keys(Space::Cutoffs, &[]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begun_before_comes_in_behind() {
    let node = Node::new().await;
    let graph = Graph::over(&node);
    let begun = node.stand.values.invalidation_number();
    node.catch(&caught(&graph.bad[0])).await.unwrap();
    for recipe in graph.derived().chain([&graph.innocent]) {
        let value = resident(recipe, &bytes(1, 100), Origin::Stored);
        let landing = node.stand.values.offer(produced(recipe, &value, begun));
        assert_eq!(landing, Landing::Stale);
    }
    node.land(&graph.innocent, Origin::Stored);
    node.until(|counts| counts.resident_values == 1 && counts.disk_values == 1)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_moment_until_the_end_no_cached_value_is_true() {
    let node = Node::without_cache(Stand::new());
    node.stand.start_shards().await;
    node.start_cache().await;
    let graph = Graph::over(&node);
    node.land(&graph.above[0], Origin::Stored);
    node.until(|counts| counts.disk_values == 1).await;
    let violation = caught(&graph.bad[0]);
    // Nobody stands in the verifier's slot: the voiding waits, the distrust does not.
    assert!(node.catch(&violation).await.is_err());
    let above = graph.above[0].address();
    assert!(!node.is_known(&graph.above[0]));
    assert!(node.stand.values.warm(&above).is_none());
    assert!(node.sources.travelling(&above).is_none());
    assert!(node.sources.standing(&above).is_none());
    assert_eq!(
        node.sources.refusal(&violation.function),
        refusal(&violation)
    );
    assert!(
        node.stand.values.peek(&above).is_some(),
        "it is still there"
    );
    // Whoever takes the place goes on with it.
    node.start_verify().await;
    let done = async {
        while !node.marks.unfinished().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    assert!(node.stand.values.peek(&above).is_none());
    assert!(!node.is_known(&graph.above[0]));
    node.land(&graph.innocent, Origin::Stored);
    assert!(node.is_known(&graph.innocent), "others are trusted again");
}

/// The same disk after a power cut.
fn after_a_power_cut(node: &Node) -> Arc<MemoryStorage> {
    node.stand.storage.cut_power();
    node.stand.storage.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_outlive_a_power_cut_until_they_are_cleared() {
    let node = Node::new().await;
    let graph = Graph::over(&node);
    node.land(&graph.above[0], Origin::Stored);
    node.until(|counts| counts.disk_values == 1).await;
    let violation = caught(&graph.bad[0]);
    node.catch(&violation).await.unwrap();
    let second = Node::without_cache(Stand::over(after_a_power_cut(&node), 2));
    assert_eq!(second.marks.all(), std::slice::from_ref(&violation));
    assert!(second.marks.unfinished().is_empty());
    assert!(!second.is_known(&graph.above[0]));
    second.start_verify().await;
    let function = &violation.function;
    assert_eq!(second.clear(&FunctionId::new("bad", "2")).await, Ok(false));
    assert_eq!(second.clear(function).await, Ok(true));
    assert_eq!(second.clear(function).await, Ok(false));
    assert_eq!(second.sources.refusal(function), None);
    let third = Node::without_cache(Stand::over(after_a_power_cut(&second), 3));
    assert!(third.marks.all().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voiding_that_a_power_cut_ended_goes_on_before_anything_is_served() {
    let node = Node::new().await;
    let graph = Graph::over(&node);
    for recipe in graph.derived() {
        node.land(recipe, Origin::Stored);
    }
    node.until(|counts| counts.disk_values == 4).await;
    // The mark was written, and then the power went.
    let violation = caught(&graph.bad[0]);
    let stage = layout::MarkStage::Voiding;
    let entry = layout::MarkEntry::of(&violation, stage, Epoch::new(1));
    let mut batch = Batch::default();
    batch.put(
        Space::Meta,
        layout::marked_key(&violation.function),
        entry.encode(),
    );
    node.stand
        .storage
        .write(&batch, Durability::Synced)
        .unwrap();
    let second = Node::without_cache(Stand::over(after_a_power_cut(&node), 2));
    assert_eq!(second.stand.keys(Space::Records, &[]), 4);
    assert!(graph.derived().all(|recipe| !second.is_known(recipe)));
    second.stand.start_shards().await;
    second.start_cache().await;
    second.start_verify().await;
    let done = async {
        while !second.marks.unfinished().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    assert_eq!(second.stand.keys(Space::Records, &[]), 0);
    assert!(graph.derived().all(|recipe| !second.is_known(recipe)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_no_writes_leaves_the_distrust_in_force() {
    let node = Node::new().await;
    let graph = Graph::over(&node);
    node.land(&graph.above[0], Origin::Stored);
    node.until(|counts| counts.disk_values == 1).await;
    node.stand.storage.fail_writes(StorageFault::Full {
        free: 0,
        reserve: 1,
    });
    let violation = caught(&graph.bad[0]);
    assert!(node.catch(&violation).await.is_err());
    assert!(!node.is_known(&graph.above[0]));
    assert!(node.clear(&violation.function).await.is_err());
    assert_eq!(
        node.sources.refusal(&violation.function),
        refusal(&violation)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_meanwhile_never_sees_a_voided_value_afterwards() {
    let node = Arc::new(Node::new().await);
    let graph = Graph::over(&node);
    for recipe in graph.derived() {
        node.land(recipe, Origin::Stored);
    }
    node.until(|counts| counts.disk_values == 4).await;
    let violation = caught(&graph.bad[0]);
    let addresses: Vec<CAddr> = graph.derived().map(SealedRecipe::address).collect();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (node, addresses, stop) = (node.clone(), addresses.clone(), stop.clone());
            let function = violation.function.clone();
            std::thread::spawn(move || {
                let mut late = 0_u64;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let is_marked = node.sources.refusal(&function).is_some();
                    let found = node.sources.fetch(&addresses, Look::ForValues).unwrap();
                    let values = found
                        .iter()
                        .filter(|known| matches!(known, Known::Value(_)));
                    let warm = addresses.iter().filter_map(|at| node.stand.values.warm(at));
                    if is_marked {
                        late += (values.count() + warm.count()) as u64;
                    }
                }
                late
            })
        })
        .collect();
    node.catch(&violation).await.unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        assert_eq!(reader.join().unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_stays_with_its_value_on_disk_and_goes_with_it() {
    let node = Node::new().await;
    let recipe = node.stored("good", vec![CAddr::of_leaf(b"1")]);
    let look = |node: &Node, look| {
        let found = node.sources.fetch(&[recipe.address()], look).unwrap();
        matches!(found[..], [Known::Value(_)])
    };
    node.land(&recipe, Origin::Stored);
    node.until(|counts| counts.disk_values == 1).await;
    assert!(!look(&node, Look::ForVerified) && look(&node, Look::ForValues));
    // Executed twice later: the value is there, the agreement is new.
    let value = resident(&recipe, &bytes(1, 100), Origin::Stored);
    value.mark_verified();
    let begun = node.stand.values.invalidation_number();
    node.sources.produced(produced(&recipe, &value, begun));
    let key = layout::agreed_key(&recipe.address());
    let written = async {
        while node.stand.keys(Space::Meta, &key) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.unwrap();
    assert!(look(&node, Look::ForVerified));
    let second = Node::without_cache(Stand::over(node.stand.storage.clone(), 2));
    assert!(look(&second, Look::ForVerified), "after a start, too");
    let address = recipe.address();
    let invalidate = |reply| CacheMessage::Invalidate { address, reply };
    node.cache.call(PATIENCE, invalidate).await.unwrap();
    assert_eq!(node.stand.keys(Space::Meta, &key), 0);
}

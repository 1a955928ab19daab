//! Collections under attack: over random graphs, among writers, readers and forgets, cut off and
//! gone on with; afterwards the whole store is gone through and has to agree with itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{
    Membership,
    gc_test::{Cutting, NO_GRACE, Stage},
};
use crate::blob::stand_test::{PATIENCE, bytes, costing, produced, recipe, resident};
use crate::dag::DagConfig;
use bytes::Bytes;
use deriva_messages::{
    Fault,
    cache::{CacheMessage, CascadePolicy, CascadeRoot, Cascaded, Evicted},
    dag::{Consumers, DagMessage, Forgotten, GraphNode, GraphQuestion, MissingInputs},
    gc::{Collect, Collected, Extent},
};
use deriva_model::{CAddr, Record, SealedRecipe, legacy_address};
use deriva_system::{
    storage::{
        Batch, Durability, Entry, MemoryStorage, Reading, Space, Storage, StorageFault,
        layout::{self, CollectionEntry, ContentEntry, Counter, ValueMarker},
    },
    view::{Landing, Origin},
};
use std::{
    collections::HashSet,
    sync::{Arc, mpsc},
    time::Duration,
};

/// Numbers that are the same at every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap() % end
    }

    fn one_of(&mut self, from: &[CAddr]) -> CAddr {
        from[self.below(from.len())]
    }
}

/// Goes through the whole store: what is counted is there, every edge stands in both directions,
/// nothing dangles and nothing is left over.
fn audit(memory: &MemoryStorage) {
    let all = |space: Space, prefix: &[u8]| memory.scan(space, prefix, &[], usize::MAX).unwrap();
    let count = |counter: Counter| {
        let raw = memory.get(Space::Meta, &counter.key()).unwrap();
        raw.map_or(0, |raw| layout::parse_number(&raw).unwrap())
    };
    let address = |key: &[u8]| CAddr::try_from_slice(key).unwrap();
    let sizes = |entries: &[Entry]| -> u64 {
        let size = |(_, raw): &Entry| layout::parse_leaf_marker(raw).unwrap().1;
        entries.iter().map(size).sum()
    };
    let leaves = all(Space::Leaves, &[]);
    assert_eq!(count(Counter::Leaves), leaves.len() as u64);
    assert_eq!(count(Counter::LeafBytes), sizes(&leaves));
    let recipes = all(Space::Recipes, &[]);
    assert_eq!(count(Counter::Recipes), recipes.len() as u64);
    let aliases = all(Space::Aliases, &[]);
    assert_eq!(count(Counter::Aliases), aliases.len() as u64);
    assert_eq!(count(Counter::Pins), all(Space::Pins, &[]).len() as u64);
    let values = all(Space::Values, &[]);
    assert_eq!(count(Counter::Values), values.len() as u64);
    let marked = values
        .iter()
        .map(|(_, raw)| ValueMarker::parse(raw).unwrap().size);
    assert_eq!(count(Counter::ValueBytes), marked.sum::<u64>());
    for space in [Space::Records, Space::Cutoffs] {
        assert_eq!(all(space, &[]).len(), values.len(), "{space:?}");
    }
    assert_eq!(all(Space::Meta, layout::AGE_PREFIX).len(), values.len());
    let stored: HashSet<CAddr> = leaves
        .iter()
        .chain(&recipes)
        .chain(&aliases)
        .map(|(key, _)| address(key))
        .collect();
    assert_eq!(stored.len(), leaves.len() + recipes.len() + aliases.len());
    let mut edges = HashSet::new();
    for (key, raw) in &recipes {
        let (_, document) = layout::parse_stamped(raw).unwrap();
        let recipe = SealedRecipe::open(document.to_vec()).unwrap();
        assert_eq!(recipe.address(), address(key));
        let inputs = memory
            .get(Space::Edges, &layout::inputs_key(&recipe.address()))
            .unwrap()
            .unwrap();
        assert_eq!(
            layout::parse_inputs(&inputs).unwrap(),
            recipe.recipe().inputs()
        );
        for input in recipe.recipe().inputs() {
            assert!(
                stored.contains(input),
                "an input of a stored recipe is gone"
            );
            edges.insert(layout::dependent_key(input, &recipe.address()));
        }
    }
    for (key, raw) in &aliases {
        let (_, to) = layout::parse_alias(raw).unwrap();
        assert!(stored.contains(&to), "an alias leads nowhere");
        edges.insert(layout::dependent_key(&to, &address(key)));
    }
    let dependents: HashSet<Vec<u8>> = all(Space::Edges, &[1])
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(dependents, edges);
    assert_eq!(all(Space::Edges, &[0]).len(), recipes.len());
    for (key, _) in all(Space::Meta, layout::FORGOTTEN_PREFIX) {
        assert!(stored.contains(&layout::last_address(&key).unwrap()));
    }
    for (key, _) in all(Space::Pins, &[]) {
        assert!(stored.contains(&address(&key)), "what was pinned is gone");
    }
    audit_contents(memory, &leaves, &values);
}

fn audit_contents(memory: &MemoryStorage, leaves: &[Entry], values: &[Entry]) {
    let all = |space: Space, prefix: &[u8]| memory.scan(space, prefix, &[], usize::MAX).unwrap();
    let mut held: HashSet<Vec<u8>> = leaves.iter().map(|(key, _)| key.clone()).collect();
    for (key, _) in values {
        let record = memory
            .get(Space::Records, &key[CAddr::LEN..])
            .unwrap()
            .unwrap();
        let record = Record::decode(&record).unwrap();
        assert_eq!(layout::value_key(&record.output, &record.recipe), *key);
        held.insert(key[..CAddr::LEN].to_vec());
    }
    let contents = all(Space::Contents, &[]);
    let there: HashSet<Vec<u8>> = contents.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(there, held, "contents and their holders");
    let chunks = contents
        .iter()
        .map(|(_, raw)| match ContentEntry::decode(raw).unwrap() {
            ContentEntry::Inline(_) => 0,
            ContentEntry::Chunked { manifest, .. } => manifest.chunk_count(),
        });
    assert_eq!(chunks.sum::<u64>(), all(Space::Chunks, &[]).len() as u64);
    assert_eq!(all(Space::Meta, layout::STAGED_PREFIX).len(), 0);
}

impl Stage {
    async fn try_forget(&self, address: CAddr) -> Result<Forgotten, Fault> {
        let consumers = Consumers::Forget;
        let forget = |reply| DagMessage::Forget {
            address,
            consumers,
            reply,
        };
        self.dag.call(PATIENCE, forget).await
    }

    async fn try_pin(&self, address: CAddr) -> Result<bool, Fault> {
        self.dag
            .call(PATIENCE, |reply| DagMessage::Pin { address, reply })
            .await
    }

    async fn unpin(&self, address: CAddr) -> bool {
        let unpin = |reply| DagMessage::Unpin { address, reply };
        self.dag.call(PATIENCE, unpin).await.unwrap()
    }

    async fn try_put(&self, recipe: &SealedRecipe) -> Result<(), Fault> {
        let recipes = vec![Arc::new(recipe.clone())];
        let missing = MissingInputs::Refuse;
        let put = |reply| DagMessage::Put {
            recipes,
            missing,
            decided: None,
            reply,
        };
        self.dag.call(PATIENCE, put).await
    }

    async fn alias(&self, recipe: &SealedRecipe) -> CAddr {
        let old = legacy_address(recipe.recipe()).unwrap();
        self.import(old, &Arc::new(recipe.clone())).await;
        old
    }

    async fn ask(&self, address: CAddr, question: GraphQuestion) -> Result<Vec<GraphNode>, Fault> {
        let ask = |reply| DagMessage::Ask {
            address,
            question,
            reply,
        };
        self.dag.call(PATIENCE, ask).await
    }

    /// A value too cheap for the disk.
    async fn value_in_memory(&self, recipe: &SealedRecipe, size: usize) {
        let cheap = Duration::from_micros(1);
        let value = costing(recipe, &bytes(3, size), Origin::Stored, cheap);
        let begun = self.stand.values.invalidation_number();
        assert_ne!(
            self.stand.values.offer(produced(recipe, &value, begun)),
            Landing::Stale
        );
        self.cache.ring(CacheMessage::Landed).unwrap();
    }

    async fn settled(&self) {
        let landed = async {
            while self.stand.values.arrived() > 0 {
                self.cache.ring(CacheMessage::Landed).unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, landed).await.unwrap();
    }
}

const DRY: Collect = Collect {
    extent: Extent::DryRun,
    ..NO_GRACE
};

#[tokio::test]
async fn a_node_on_which_nothing_was_written_has_nothing_to_collect() {
    let stage = Stage::new().await;
    let dry = stage.collect(DRY).await.unwrap();
    assert_eq!(dry, Collected::default());
    assert_eq!(
        stage.stand.keys(Space::Meta, layout::META_EPOCH),
        0,
        "a dry run writes nothing"
    );
    assert_eq!(stage.collect(NO_GRACE).await.unwrap(), dry);
}

#[tokio::test]
async fn values_that_are_only_in_memory_are_counted_once_like_the_others() {
    let stage = Stage::new().await;
    let make = |name| recipe(name, vec![]);
    let [cheap, dear, none] = [make("cheap"), make("dear"), make("none")];
    for recipe in [&cheap, &dear, &none] {
        stage.put(recipe).await;
    }
    stage.value_in_memory(&cheap, 70).await;
    stage.value(&dear).await;
    stage.settled().await;
    for recipe in [&cheap, &dear, &none] {
        stage.forget(recipe.address(), Consumers::Refuse).await;
    }
    for asked in [DRY, NO_GRACE] {
        let told = stage.collect(asked).await.unwrap();
        assert_eq!(
            (told.recipes, told.values, told.value_bytes),
            (3, 2, 170),
            "{asked:?}"
        );
    }
    assert!(stage.stand.values.is_empty());
}

#[tokio::test]
async fn a_node_of_a_cluster_neither_begins_a_collection_nor_goes_on_with_one() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(1, 10).await;
    let left = CollectionEntry {
        epoch: deriva_model::Epoch::new(50),
        grace: 0,
        left: 9,
    };
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::META_COLLECTION.to_vec(), left.encode());
    stage
        .stand
        .storage
        .write(&batch, Durability::Synced)
        .unwrap();
    stage.gc.cell().unwrap().kill_and_wait(None).await.unwrap();
    stage
        .start_gc(stage.stand.storage.clone(), Membership::InCluster)
        .await;
    assert!(stage.holds(leaf));
    assert_eq!(stage.stand.keys(Space::Meta, layout::META_COLLECTION), 0);
    for asked in [DRY, NO_GRACE] {
        let refused = stage.collect(asked).await;
        assert!(
            matches!(refused, Err(Fault::Unsupported { .. })),
            "{refused:?}"
        );
    }
    assert!(stage.holds(leaf));
    assert_eq!(
        stage.stand.keys(Space::Meta, layout::META_LONGEST_GRACE),
        0,
        "nothing was begun"
    );
}

#[tokio::test]
async fn a_bound_counts_aliases_and_still_gets_on() {
    let stage = Stage::new().await;
    let one = recipe("one", vec![]);
    let old = stage.alias(&one).await;
    stage.forget(one.address(), Consumers::Refuse).await;
    let bounded = |extent| Collect {
        max_removals: Some(1),
        extent,
        ..NO_GRACE
    };
    for (removed, recipes) in [(old, 0), (one.address(), 1)] {
        for extent in [Extent::DryRun, Extent::Remove] {
            let done = stage.collect(bounded(extent)).await.unwrap();
            assert_eq!((done.removed, done.recipes), (vec![removed], recipes));
        }
        audit(&stage.stand.storage);
    }
}

/// Puts a random graph; every address, and the recipes among them.
async fn random_graph(stage: &Stage, chance: &mut Chance) -> (Vec<CAddr>, Vec<SealedRecipe>) {
    let mut known = Vec::new();
    let mut recipes = Vec::new();
    for seed in 0..12 {
        let length = if seed % 5 == 0 { 12_000 } else { 30 };
        known.push(stage.leaf(seed, length).await);
    }
    for number in 0..40 {
        let inputs = (0..chance.below(4))
            .map(|_| chance.one_of(&known))
            .collect();
        let made = recipe(&format!("f{number}"), inputs);
        if chance.below(5) == 0 {
            known.push(stage.alias(&made).await);
        }
        stage.put(&made).await;
        match chance.below(4) {
            0 => stage.value(&made).await,
            1 => stage.value_in_memory(&made, 50).await,
            _ => {}
        }
        known.push(made.address());
        recipes.push(made);
    }
    stage.settled().await;
    (known, recipes)
}

#[tokio::test]
async fn a_dry_run_tells_to_the_last_address_what_the_real_one_does() {
    let mut removed = 0;
    for seed in 0..25 {
        let mut chance = Chance(seed);
        let stage = Stage::new().await;
        let (known, recipes) = random_graph(&stage, &mut chance).await;
        for _ in 0..3 {
            stage.try_pin(chance.one_of(&known)).await.unwrap();
        }
        for _ in 0..8 {
            let at = chance.below(recipes.len());
            stage.try_forget(recipes[at].address()).await.unwrap();
        }
        let held = stage.holds.hold(vec![chance.one_of(&known)]).await;
        for max_removals in [Some(1), Some(2), Some(7), Some(20), None] {
            let dry = Collect {
                max_removals,
                ..DRY
            };
            let told = stage.collect(dry).await.unwrap();
            let done = stage
                .collect(Collect {
                    max_removals,
                    ..NO_GRACE
                })
                .await
                .unwrap();
            assert_eq!(told, done, "graph {seed}, at most {max_removals:?}");
            let most = max_removals.unwrap_or(u64::MAX);
            assert!(done.removed.len() as u64 <= most);
            removed += done.removed.len();
            audit(&stage.stand.storage);
        }
        drop(held);
    }
    assert!(removed > 400, "only {removed}");
}

/// Storage that tells of the second time that edges are read, and waits to be let on.
struct Pausing {
    memory: Arc<MemoryStorage>,
    reads: parking_lot::Mutex<u32>,
    paused: tokio::sync::Notify,
    go_on: parking_lot::Mutex<mpsc::Receiver<()>>,
}

impl Reading for Pausing {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        self.memory.get(space, key)
    }

    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StorageFault> {
        if space == Space::Edges {
            let mut reads = self.reads.lock();
            *reads += 1;
            if *reads == 2 {
                self.paused.notify_one();
                self.go_on.lock().recv().unwrap();
            }
        }
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

impl Storage for Pausing {
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StorageFault> {
        self.memory.write(batch, durability)
    }

    fn refuses_writes(&self) -> Option<StorageFault> {
        None
    }
}

#[tokio::test]
async fn a_question_about_a_graph_that_is_collected_meanwhile_is_answered_whole() {
    let stage = Stage::new().await;
    let (let_on, go_on) = mpsc::channel();
    let pausing = Arc::new(Pausing {
        memory: stage.stand.storage.clone(),
        reads: parking_lot::Mutex::default(),
        paused: tokio::sync::Notify::default(),
        go_on: parking_lot::Mutex::new(go_on),
    });
    // Nothing stays in the view, so every level is read from the store.
    let config = DagConfig {
        recipe_budget_bytes: 0,
        ..DagConfig::default()
    };
    stage.start_dag(pausing.clone(), config).await;
    let leaf = stage.leaf(1, 10).await;
    let low = stage.over_inputs("low", &[leaf]).await;
    let high = stage.over_inputs("high", &[low.address()]).await;
    stage.forget(low.address(), Consumers::Forget).await;
    let dag = stage.dag.clone();
    let address = high.address();
    let asking = tokio::spawn(async move {
        let question = GraphQuestion::TopologicalOrder;
        let ask = |reply| DagMessage::Ask {
            address,
            question,
            reply,
        };
        dag.call::<Vec<GraphNode>>(PATIENCE, ask).await
    });
    pausing.paused.notified().await;
    let done = stage.collect(NO_GRACE).await.unwrap();
    let_on.send(()).unwrap();
    let order: Vec<CAddr> = asking
        .await
        .unwrap()
        .unwrap()
        .iter()
        .map(|node| node.address)
        .collect();
    assert_eq!(order, [leaf, low.address(), high.address()]);
    assert_eq!(done.removed, [], "it was asked about");
    // Asked again after its removal, the answer is that there is nothing.
    assert_eq!(stage.collect(NO_GRACE).await.unwrap().removed.len(), 3);
    let gone = stage.ask(address, GraphQuestion::TopologicalOrder).await;
    assert_eq!(gone, Err(Fault::NotFound { address }));
}

#[tokio::test]
async fn a_bound_holds_over_a_power_cut_at_any_step() {
    const MOST: u64 = 150;
    for writes in 0.. {
        let memory = Arc::new(MemoryStorage::default());
        let stage = Stage::over(memory.clone(), 1, memory.clone()).await;
        let mut chance = Chance(5);
        let (_, recipes) = random_graph(&stage, &mut chance).await;
        for seed in 20..200 {
            stage.leaf(seed, 30).await;
        }
        for recipe in recipes.iter().step_by(7) {
            stage.try_forget(recipe.address()).await.unwrap();
        }
        let objects = |stage: &Stage| {
            let spaces = [Space::Leaves, Space::Recipes, Space::Aliases];
            let keys = spaces.map(|space| stage.stand.keys(space, &[]) as u64);
            keys.iter().sum::<u64>()
        };
        let before = objects(&stage);
        drop(stage);
        let cutting = Arc::new(Cutting {
            memory: memory.clone(),
            left: writes.into(),
        });
        let stage = Stage::over(memory.clone(), 2, cutting).await;
        let bounded = Collect {
            max_removals: Some(MOST),
            ..NO_GRACE
        };
        let cut = stage.collect(bounded).await;
        memory.cut_power();
        let begun = stage.stand.keys(Space::Meta, layout::META_COLLECTION) > 0;
        drop(stage);
        let stage = Stage::over(memory.clone(), 3, memory.clone()).await;
        let removed = before - objects(&stage);
        let expected = if begun || cut.is_ok() { MOST } else { 0 };
        assert_eq!(removed, expected, "after {writes} writes");
        audit(&memory);
        if cut.is_ok() {
            assert!(writes > 3, "the power was cut within the collection");
            return;
        }
    }
}

#[tokio::test]
async fn wide_recipes_go_in_steps_of_bounded_work() {
    const WIDE: u32 = 40_000;
    let stage = Stage::new().await;
    let mut last = None;
    for number in 0..4_u32 {
        // Inputs that never came: an import brings them later.
        let inputs = (0..WIDE).map(|at| CAddr::of_leaf(&(number * WIDE + at).to_be_bytes()));
        let wide = recipe("wide", inputs.chain(last).collect());
        last = Some(wide.address());
        let recipes = vec![Arc::new(wide)];
        let missing = MissingInputs::Allow;
        let put = |reply| DagMessage::Put {
            recipes,
            missing,
            decided: None,
            reply,
        };
        stage.dag.call::<()>(PATIENCE, put).await.unwrap();
    }
    let flat = (0..3_u32).map(|number| {
        let inputs = (0..WIDE).map(|at| CAddr::of_leaf(&(!(number * WIDE + at)).to_be_bytes()));
        Arc::new(recipe("flat", inputs.collect()))
    });
    for wide in flat {
        let (recipes, missing) = (vec![wide.clone()], MissingInputs::Allow);
        let put = |reply| DagMessage::Put {
            recipes,
            missing,
            decided: None,
            reply,
        };
        stage.dag.call::<()>(PATIENCE, put).await.unwrap();
        stage.try_forget(wide.address()).await.unwrap();
    }
    stage.try_forget(last.unwrap()).await.unwrap();
    let told = stage.collect(DRY).await.unwrap();
    let done = stage.collect(NO_GRACE).await.unwrap();
    assert_eq!(told, done);
    assert_eq!((done.recipes, done.live_recipes), (4, 3));
    assert_eq!(
        stage.stand.keys(Space::Edges, &[0]),
        3,
        "those that were not forgotten"
    );
}

#[tokio::test]
async fn a_value_that_ends_while_its_recipe_is_removed_is_not_taken_and_others_are() {
    let stage = Arc::new(Stage::new().await);
    let (going, other) = (recipe("going", vec![]), recipe("other", vec![]));
    stage.put(&going).await;
    stage.put(&other).await;
    stage.forget(going.address(), Consumers::Refuse).await;
    // The cache is away, so the collection stands between its step and the end of it.
    let cache = stage.cache.cell().unwrap();
    cache.kill_and_wait(None).await.unwrap();
    let collecting = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.collect(NO_GRACE).await })
    };
    let removed = async {
        while stage.holds(going.address()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, removed).await.unwrap();
    let offer = |recipe: &SealedRecipe| {
        let value = resident(recipe, &bytes(9, 100), Origin::Stored);
        let begun = stage.stand.values.invalidation_number();
        stage.stand.values.offer(produced(recipe, &value, begun))
    };
    assert_eq!(offer(&going), Landing::Stale);
    assert_eq!(offer(&other), Landing::Ring, "it has nothing to do with it");
    stage.start_cache().await;
    assert_eq!(collecting.await.unwrap().unwrap().recipes, 1);
    stage.settled().await;
    assert!(stage.stand.values.get(&going.address()).is_none());
    assert!(stage.stand.values.get(&other.address()).is_some());
}

/// What a Get uses is there, and stays there while it is held.
async fn get(stage: &Stage, root: CAddr) {
    let held = stage.holds.hold(vec![root]).await;
    let memory = &stage.stand.storage;
    if stage.holds(root) {
        let mut open = vec![root];
        while let Some(address) = open.pop() {
            assert!(stage.holds(address), "what a request uses is gone");
            if let Some(inputs) = memory
                .get(Space::Edges, &layout::inputs_key(&address))
                .unwrap()
            {
                open.extend(layout::parse_inputs(&inputs).unwrap());
            }
            tokio::task::yield_now().await;
        }
        let nodes = stage
            .ask(root, GraphQuestion::TransitiveInputs)
            .await
            .unwrap();
        assert!(nodes.iter().all(|node| stage.holds(node.address)));
    }
    drop(held);
}

async fn act(stage: &Stage, chance: &mut Chance) {
    let leaf = u8::try_from(chance.below(24)).unwrap();
    let length = if leaf % 6 == 0 { 12_000 } else { 30 };
    let leaf_address = CAddr::of_leaf(&bytes(leaf, length));
    // Layered names, so that inputs are known without asking.
    let named = |layer: usize, number: usize| layered(layer, number);
    let (layer, number) = (chance.below(4), chance.below(8));
    let some = named(layer, number);
    let begun = stage.stand.values.invalidation_number();
    match chance.below(12) {
        0..3 => {
            stage.leaf(leaf, length).await;
            // Acknowledged in its epoch, so a collection under way leaves it.
        }
        3..6 => match stage.try_put(&some).await {
            Ok(()) | Err(Fault::MissingInputs { .. }) => {}
            Err(fault) => panic!("{fault}"),
        },
        6 => match stage.try_forget(some.address()).await {
            Ok(_) | Err(Fault::NotFound { .. }) => {}
            Err(fault) => panic!("{fault}"),
        },
        7 => match stage
            .try_pin(if number % 2 == 0 {
                some.address()
            } else {
                leaf_address
            })
            .await
        {
            Ok(_) | Err(Fault::NotFound { .. }) => {}
            Err(fault) => panic!("{fault}"),
        },
        8 => {
            stage
                .unpin(if number % 2 == 0 {
                    some.address()
                } else {
                    leaf_address
                })
                .await;
        }
        9 => {
            let address = some.address();
            let stale = match number % 2 {
                0 => {
                    let ask = |reply| CacheMessage::Invalidate { address, reply };
                    stage.cache.call::<Evicted>(PATIENCE, ask).await.map(|_| ())
                }
                _ => {
                    let ask = |reply| CacheMessage::Cascade {
                        address,
                        root: CascadeRoot::Included,
                        policy: if number % 4 == 1 {
                            CascadePolicy::Deferred
                        } else {
                            CascadePolicy::Immediate
                        },
                        detail: 0,
                        reply,
                    };
                    stage
                        .cache
                        .call::<Cascaded>(PATIENCE, ask)
                        .await
                        .map(|_| ())
                }
            };
            stale.unwrap();
        }
        _ => {
            let held = stage.holds.hold(vec![some.address()]).await;
            if stage.holds(some.address()) {
                let value = resident(&some, &bytes(9, 100), Origin::Stored);
                stage.stand.values.offer(produced(&some, &value, begun));
                stage.cache.ring(CacheMessage::Landed).unwrap();
            }
            drop(held);
            get(stage, some.address()).await;
        }
    }
}

fn layered(layer: usize, number: usize) -> SealedRecipe {
    let inputs = match layer {
        0 => (0..3)
            .map(|next| u8::try_from((number * 3 + next) % 24).unwrap())
            .map(|leaf| CAddr::of_leaf(&bytes(leaf, if leaf % 6 == 0 { 12_000 } else { 30 })))
            .collect(),
        _ => vec![
            layered(layer - 1, number).address(),
            layered(layer - 1, (number + 1) % 8).address(),
        ],
    };
    recipe(&format!("l{layer}n{number}"), inputs)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_storm_of_writers_readers_forgets_and_collections_the_store_agrees_with_itself() {
    const ROUNDS: usize = 400;
    let stage = Arc::new(Stage::new().await);
    let mut actors = Vec::new();
    for seed in 0..6 {
        let stage = stage.clone();
        actors.push(tokio::spawn(async move {
            let mut chance = Chance(seed);
            for _ in 0..ROUNDS {
                act(&stage, &mut chance).await;
            }
        }));
    }
    let mut chance = Chance(99);
    let mut told = Collected::default();
    while actors.iter().any(|actor| !actor.is_finished()) {
        let max_removals = (chance.below(3) == 0).then(|| 1 + chance.next() % 5);
        let extent = if chance.below(4) == 0 {
            Extent::DryRun
        } else {
            Extent::Remove
        };
        let done = stage
            .collect(Collect {
                max_removals,
                extent,
                ..NO_GRACE
            })
            .await
            .unwrap();
        if extent == Extent::Remove {
            told.leaves += done.leaves;
            told.recipes += done.recipes;
        }
    }
    for actor in actors {
        actor.await.unwrap();
    }
    stage.settled().await;
    let cascades = async {
        while stage.stand.keys(Space::Meta, layout::CASCADES_PREFIX) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, cascades).await.unwrap();
    // What waits for the disk is through after this.
    stage
        .cache
        .call::<Evicted>(PATIENCE, |reply| CacheMessage::EvictAll { reply })
        .await
        .unwrap();
    assert!(told.leaves > 0 && told.recipes > 0, "{told:?}");
    audit(&stage.stand.storage);
    stage.collect(NO_GRACE).await.unwrap();
    audit(&stage.stand.storage);
}

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    blob::stand_test::{CHUNK, Stand, bytes, produced, put, recipe, resident},
    cache::{CacheActor, CacheArgs, CacheConfig},
};
use deriva_messages::blob::{DropReason, KeptValue};
use deriva_model::{CAddr, Epoch, SealedRecipe, legacy_address};
use deriva_system::{
    lane::Lane,
    storage::{
        Batch, Durability, Space,
        layout::{self, Counter},
    },
    supervise::SlotLimits,
    view::Origin,
};
use ractor::Actor;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

struct Node {
    stand: Stand,
    sources: NodeSources,
    recipes: Arc<RecipeView>,
    cache: Slot<CacheMessage>,
    _spills: tempfile::TempDir,
}

impl Node {
    async fn new() -> Self {
        let stand = Stand::with_shards().await;
        let spills = tempfile::tempdir().unwrap();
        let recipes = Arc::new(RecipeView::default());
        let cache = Slot::new("cache", SlotLimits::default());
        let args = SourcesArgs {
            recipes: recipes.clone(),
            recipe_bytes: 10_000,
            values: stand.values.clone(),
            storage: stand.storage.clone(),
            reader: stand.reader.clone(),
            cache: cache.clone(),
            blobs: stand.blobs.clone(),
            marks: Arc::new(Marks::new(stand.values.invalidations())),
            verify: Slot::new("verify", SlotLimits::default()),
            scratch_directory: spills.path().to_owned(),
            scratch_bytes: 1000,
        };
        Self {
            sources: NodeSources::open(args).unwrap(),
            stand,
            recipes,
            cache,
            _spills: spills,
        }
    }

    async fn with_cache() -> Self {
        let node = Self::new().await;
        let args = CacheArgs {
            values: node.stand.values.clone(),
            commit: node.stand.commit.clone(),
            storage: node.stand.storage.clone(),
            lane: Lane::start("cache", 8).unwrap(),
            blobs: node.stand.blobs.clone(),
            config: CacheConfig {
                memory_bytes: 1 << 20,
                memory_values: 100,
                disk_bytes: 1 << 20,
            },
        };
        let (actor, _) = Actor::spawn(None, CacheActor, args).await.unwrap();
        node.cache.seat(actor);
        node
    }

    fn stored(&self, name: &str, inputs: Vec<CAddr>) -> SealedRecipe {
        let recipe = recipe(name, inputs);
        self.stand.store_recipe(&recipe);
        recipe
    }

    /// On disk only.
    async fn keep(&self, recipe: &SealedRecipe, bytes: &Bytes) {
        let value = resident(recipe, bytes, Origin::Stored);
        let values = vec![KeptValue {
            record: value.record.clone(),
            bytes: bytes.clone(),
            cutoff: value.cutoff,
            begun: self.stand.values.invalidation_number(),
            worth: 0,
            is_verified: false,
        }];
        let keep = |reply| BlobMessage::Keep { values, reply };
        self.stand.blobs[0].call(PATIENCE, keep).await.unwrap();
    }

    fn one(&self, address: CAddr, look: Look) -> Result<Known, Fault> {
        let mut found = self.sources.fetch(&[address], look)?;
        assert_eq!(found.len(), 1);
        Ok(found.remove(0))
    }

    /// Waits until the value's record is off the disk.
    async fn until_dropped(&self, recipe: &SealedRecipe) {
        let key = layout::address_key(&recipe.address());
        let waiting = async {
            while self.stand.keys(Space::Records, &key) > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }
}

#[tokio::test]
async fn an_alias_is_checked_on_every_read_until_the_import_is_complete() {
    let node = Node::new().await;
    let (one, two) = (node.stored("one", vec![]), node.stored("two", vec![]));
    let old = legacy_address(one.recipe()).unwrap();
    let put = |space, key, value: Vec<u8>| {
        let mut batch = Batch::default();
        batch.put(space, key, value);
        let written = node.stand.storage.write(&batch, Durability::Synced);
        written.unwrap();
    };
    let lead = |to: &SealedRecipe| {
        let entry = layout::alias_value(Epoch::new(1), &to.address());
        put(Space::Aliases, layout::address_key(&old), entry);
    };
    for look in [Look::ForValues, Look::ForRecipes] {
        lead(&one);
        let found = node.one(old, look).unwrap();
        assert!(matches!(found, Known::Alias(to) if to == one.address()));
        lead(&two);
        let lost = node.one(old, look);
        assert!(
            matches!(&lost, Err(Fault::DataLoss { address, .. }) if *address == old),
            "{lost:?}"
        );
    }
    let declared = layout::META_IMPORT.to_vec();
    put(Space::Meta, declared, layout::number(1));
    let found = node.one(old, Look::ForValues).unwrap();
    assert!(matches!(found, Known::Alias(to) if to == two.address()));
}

fn as_value(known: &Known) -> &Bytes {
    match known {
        Known::Value(value) => &value.bytes,
        other => panic!("no value: {other:?}"),
    }
}

fn is_recipe(known: &Known, recipe: &SealedRecipe) -> bool {
    matches!(known, Known::Recipe(found) if **found == *recipe)
}

#[tokio::test]
async fn every_kind_of_address_is_told_in_the_order_asked() {
    let node = Node::new().await;
    let (small, large) = (bytes(1, CHUNK), bytes(2, CHUNK - 1));
    let small = node.stand.put(&small).await.unwrap();
    let large = node.stand.put(&large).await.unwrap();
    let (plain, kept) = (
        node.stored("plain", vec![]),
        node.stored("kept", vec![small.address]),
    );
    node.keep(&kept, &bytes(3, 3 * CHUNK)).await;
    let old = legacy_address(plain.recipe()).unwrap();
    let mut batch = Batch::default();
    let alias = layout::alias_value(Epoch::new(1), &plain.address());
    batch.put(Space::Aliases, layout::address_key(&old), alias);
    node.stand
        .storage
        .write(&batch, Durability::Synced)
        .unwrap();
    let nothing = CAddr::of_leaf(b"nothing");
    let asked = [
        nothing,
        kept.address(),
        old,
        plain.address(),
        small.address,
        large.address,
        plain.address(),
    ];
    let found = node.sources.fetch(&asked, Look::ForValues).unwrap();
    assert!(matches!(found[0], Known::Nothing));
    assert_eq!(as_value(&found[1]), &bytes(3, 3 * CHUNK));
    assert!(matches!(found[2], Known::Alias(to) if to == plain.address()));
    assert!(is_recipe(&found[3], &plain) && is_recipe(&found[6], &plain));
    for (at, len) in [(4, CHUNK), (5, CHUNK - 1)] {
        let Known::Leaf { content, bytes } = &found[at] else {
            panic!("no leaf: {:?}", found[at])
        };
        assert_eq!((ContentHash::of(bytes), bytes.len()), (*content, len));
    }
    // For recipes, the value does not count.
    assert!(is_recipe(
        &node.one(kept.address(), Look::ForRecipes).unwrap(),
        &kept
    ));
    assert!(node.sources.fetch(&[], Look::ForValues).unwrap().is_empty());
}

#[tokio::test]
async fn larger_leaves_stay_on_disk_until_they_are_loaded() {
    let node = Node::new().await;
    let whole = bytes(4, 65_537);
    let upload = |reply| BlobMessage::Open { reply };
    let upload = node.stand.blobs[0].call(PATIENCE, upload).await.unwrap();
    for (chunk, index) in whole.chunks(CHUNK).zip(0..) {
        let bytes = whole.slice_ref(chunk);
        let stage = |reply| BlobMessage::Stage {
            upload,
            index,
            bytes,
            reply,
        };
        node.stand.blobs[0].call(PATIENCE, stage).await.unwrap();
    }
    let size = deriva_model::ChunkSize::new(14).unwrap();
    let manifest = Arc::new(deriva_model::Manifest::of(&whole, size));
    let seal = |reply| BlobMessage::Seal {
        upload,
        manifest,
        reply,
    };
    let leaf = node.stand.blobs[1].call(PATIENCE, seal).await.unwrap();
    let Known::StoredLeaf(stored) = node.one(leaf.address, Look::ForValues).unwrap() else {
        panic!("it came along")
    };
    assert_eq!((stored.owner, stored.size), (leaf.address, 65_537));
    assert_eq!(node.sources.load(&stored).unwrap(), whole);
    let longer = StoredContent {
        size: 65_538,
        ..stored
    };
    assert_eq!(
        node.sources.load(&longer).unwrap_err().reason(),
        "DATA_LOSS"
    );
    node.stand.damage(&stored.content);
    let lost = node.sources.load(&stored).unwrap_err();
    assert_eq!(
        (lost.reason(), lost.address()),
        ("DATA_LOSS", Some(leaf.address))
    );
}

#[tokio::test]
async fn a_damaged_leaf_is_data_loss_and_healed_by_putting_it_again() {
    let node = Node::new().await;
    for len in [10, CHUNK] {
        let bytes = bytes(5, len);
        let leaf = node.stand.put(&bytes).await.unwrap().address;
        node.stand.damage(&leaf.as_content());
        let lost = node.one(leaf, Look::ForValues).unwrap_err();
        assert_eq!((lost.reason(), lost.address()), ("DATA_LOSS", Some(leaf)));
        node.stand.put(&bytes).await.unwrap();
        assert!(matches!(
            node.one(leaf, Look::ForValues),
            Ok(Known::Leaf { .. })
        ));
    }
}

#[tokio::test]
async fn what_the_disk_itself_finds_damaged_is_treated_the_same() {
    let node = Node::new().await;
    let sound = node.stand.put(&bytes(20, 100)).await.unwrap().address;
    for len in [10, CHUNK] {
        let bytes = bytes(21, len);
        let leaf = node.stand.put(&bytes).await.unwrap().address;
        for space in [Space::Contents, Space::Leaves, Space::Chunks] {
            match space {
                Space::Chunks => node.stand.corrupt(&leaf.as_content()),
                space => node.stand.storage.corrupt(space, leaf.as_bytes()),
            }
            let lost = node
                .sources
                .fetch(&[sound, leaf], Look::ForValues)
                .unwrap_err();
            assert_eq!((lost.reason(), lost.address()), ("DATA_LOSS", Some(leaf)));
            node.stand.put(&bytes).await.unwrap();
            let healed = node.one(leaf, Look::ForValues);
            assert!(
                matches!(healed, Ok(Known::Leaf { .. })),
                "{space:?} {healed:?}"
            );
        }
        let recipe = node.stored(&format!("f{len}"), vec![sound]);
        let value = self::bytes(22, len);
        node.keep(&recipe, &value).await;
        node.stand.corrupt(&ContentHash::of(&value));
        let found = node
            .sources
            .fetch(&[sound, recipe.address()], Look::ForValues)
            .unwrap();
        assert!(matches!(found[0], Known::Leaf { .. }) && is_recipe(&found[1], &recipe));
        node.until_dropped(&recipe).await;
        node.keep(&recipe, &value).await;
        assert_eq!(
            as_value(&node.one(recipe.address(), Look::ForValues).unwrap()),
            &value
        );
    }
}

#[tokio::test]
async fn a_damaged_value_is_dropped_and_its_recipe_answers() {
    let node = Node::new().await;
    for (name, len) in [("small", 10), ("chunk", CHUNK), ("large", 3 * CHUNK)] {
        let (recipe, bytes) = (node.stored(name, vec![]), bytes(6, len));
        node.keep(&recipe, &bytes).await;
        node.stand.damage(&ContentHash::of(&bytes));
        assert!(is_recipe(
            &node.one(recipe.address(), Look::ForValues).unwrap(),
            &recipe
        ));
        node.until_dropped(&recipe).await;
    }
    assert_eq!(node.stand.keys(Space::Contents, &[]), 0);
    // A record that is another recipe's, or none at all, is treated the same. It is met where there
    // are values at all.
    let sound = node.stored("sound", vec![]);
    node.keep(&sound, &bytes(8, 10)).await;
    let recipe = node.stored("record", vec![]);
    for record in [resident(
        &self::recipe("x", vec![]),
        &bytes(7, 1),
        Origin::Stored,
    )] {
        let key = layout::address_key(&recipe.address());
        node.stand
            .storage
            .damage(Space::Records, &key, record.record.encode().unwrap());
        assert!(is_recipe(
            &node.one(recipe.address(), Look::ForValues).unwrap(),
            &recipe
        ));
        node.until_dropped(&recipe).await;
        node.stand.storage.damage(Space::Records, &key, "no record");
        assert!(is_recipe(
            &node.one(recipe.address(), Look::ForValues).unwrap(),
            &recipe
        ));
        node.until_dropped(&recipe).await;
    }
}

#[tokio::test]
async fn a_count_that_cannot_be_read_hides_no_value() {
    let node = Node::new().await;
    let (recipe, bytes) = (node.stored("kept", vec![]), bytes(6, 10));
    node.keep(&recipe, &bytes).await;
    let counter = Counter::Values.key();
    node.stand
        .storage
        .damage(Space::Meta, &counter, "no number");
    let found = node.one(recipe.address(), Look::ForValues).unwrap();
    assert!(matches!(found, Known::Value(value) if value.bytes == bytes));
}

#[tokio::test]
async fn dropping_a_value_keeps_the_leaf_of_the_same_bytes() {
    let node = Node::new().await;
    let (recipe, bytes) = (node.stored("identity", vec![]), bytes(8, CHUNK));
    node.keep(&recipe, &bytes).await;
    let leaf = node.stand.put(&bytes).await.unwrap().address;
    let (recipes, why) = (vec![recipe.address()], DropReason::Evicted);
    let drop = |reply| BlobMessage::Drop {
        recipes,
        why,
        reply,
    };
    assert_eq!(
        node.stand.blobs[0]
            .call(PATIENCE, drop)
            .await
            .unwrap()
            .values(),
        1
    );
    assert!(is_recipe(
        &node.one(recipe.address(), Look::ForValues).unwrap(),
        &recipe
    ));
    assert!(matches!(
        node.one(leaf, Look::ForValues),
        Ok(Known::Leaf { .. })
    ));
}

#[tokio::test]
async fn a_damaged_recipe_is_not_answered() {
    let node = Node::new().await;
    let (recipe, other) = (node.stored("f", vec![]), recipe("g", vec![]));
    let key = layout::address_key(&recipe.address());
    let foreign = layout::stamped(Epoch::new(1), other.bytes());
    for damage in [foreign, layout::stamped(Epoch::new(1), b"DCF?"), vec![1]] {
        node.stand.storage.damage(Space::Recipes, &key, damage);
        let lost = node.one(recipe.address(), Look::ForValues).unwrap_err();
        assert_eq!(
            (lost.reason(), lost.address()),
            ("DATA_LOSS", Some(recipe.address()))
        );
    }
    assert!(!node.recipes.contains(&recipe.address()));
}

#[tokio::test]
async fn recipes_that_are_read_stay_in_memory_within_the_budget() {
    let node = Node::new().await;
    let recipes: Vec<_> = (0..100)
        .map(|n| node.stored(&format!("f{n}"), vec![]))
        .collect();
    let asked: Vec<_> = recipes.iter().map(SealedRecipe::address).collect();
    let found = node.sources.fetch(&asked, Look::ForRecipes).unwrap();
    assert!(
        found
            .iter()
            .zip(&recipes)
            .all(|(known, recipe)| is_recipe(known, recipe))
    );
    assert!(node.recipes.bytes() <= 10_000);
    assert!(node.recipes.bytes() > 5000);
}

#[tokio::test]
async fn a_value_that_came_with_a_request_answers_only_once_its_recipe_is_stored() {
    let node = Node::new().await;
    let recipe = recipe("transient", vec![]);
    let address = recipe.address();
    let value = resident(&recipe, &bytes(9, 10), Origin::Transient);
    node.sources.produced(produced(&recipe, &value, 0));
    assert!(node.sources.resident(&address, Look::ForValues).is_none());
    assert!(matches!(
        node.one(address, Look::ForValues).unwrap(),
        Known::Nothing
    ));
    assert!(node.sources.travelling(&address).is_some());
    assert!(node.stand.values.warm(&address).is_none());
    node.stand.store_recipe(&recipe);
    assert_eq!(
        as_value(&node.one(address, Look::ForValues).unwrap()),
        &value.bytes
    );
    assert!(node.stand.values.warm(&address).is_some());
}

#[tokio::test]
async fn a_value_from_disk_comes_back_to_memory() {
    let node = Node::with_cache().await;
    let (recipe, bytes) = (node.stored("f", vec![]), bytes(10, 100));
    node.keep(&recipe, &bytes).await;
    assert_eq!(
        as_value(&node.one(recipe.address(), Look::ForValues).unwrap()),
        &bytes
    );
    let second = Duration::from_secs(1);
    assert_eq!(node.stand.values.saved(), second, "which it cost");
    // Already while the cache is on its way.
    assert_eq!(
        node.stand.values.warm(&recipe.address()).unwrap().bytes,
        bytes
    );
    assert!(
        node.sources
            .resident(&recipe.address(), Look::ForValues)
            .is_some()
    );
    assert!(node.sources.travelling(&recipe.address()).is_some());
    assert_eq!(node.stand.values.saved(), 4 * second);
    let count = |reply| CacheMessage::Count { reply };
    let waiting = async {
        while node
            .cache
            .call(PATIENCE, count)
            .await
            .unwrap()
            .resident_values
            == 0
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    // It was on disk, so it was not written again.
    assert_eq!(node.stand.keys(Space::Meta, layout::AGE_PREFIX), 1);
}

#[tokio::test]
async fn evicting_everything_never_fails_a_fetch() {
    let node = Node::with_cache().await;
    let (recipe, bytes) = (node.stored("f", vec![]), bytes(11, 2 * CHUNK));
    for _ in 0..20 {
        node.keep(&recipe, &bytes).await;
        let evict = |reply| CacheMessage::EvictAll { reply };
        let cache = node.cache.clone();
        let evicting = tokio::spawn(async move { cache.call(PATIENCE, evict).await });
        loop {
            let known = node.one(recipe.address(), Look::ForValues).unwrap();
            assert!(is_recipe(&known, &recipe) || as_value(&known) == &bytes);
            if evicting.is_finished() {
                break;
            }
            tokio::task::yield_now().await;
        }
        evicting.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_value_that_is_invalidated_while_it_is_read_does_not_come_back() {
    let node = Node::new().await;
    let (recipe, bytes) = (node.stored("f", vec![]), bytes(12, 10));
    let value = resident(&recipe, &bytes, Origin::Stored);
    let begun = node.sources.invalidations();
    let window = node.stand.values.invalidations();
    drop(window.begin(vec![recipe.address()]));
    node.sources.produced(produced(&recipe, &value, begun));
    assert!(
        node.sources
            .resident(&recipe.address(), Look::ForValues)
            .is_none()
    );
    node.sources
        .produced(produced(&recipe, &value, node.sources.invalidations()));
    assert!(
        node.sources
            .resident(&recipe.address(), Look::ForValues)
            .is_some()
    );
}

#[tokio::test]
async fn the_same_computation_over_the_same_contents_is_found() {
    let node = Node::new().await;
    let recipe = node.stored("f", vec![CAddr::of_leaf(b"input")]);
    let bytes = bytes(13, 100);
    let value = resident(&recipe, &bytes, Origin::Stored);
    let found = Some((ContentHash::of(&bytes), bytes.clone()));
    let key = value.cutoff;
    assert_eq!(node.sources.cutoff(&key, Patience::Disk), None);
    node.keep(&recipe, &bytes).await;
    assert_eq!(node.sources.cutoff(&key, Patience::Memory), None);
    assert_eq!(node.sources.cutoff(&key, Patience::Disk), found);
    // An entry that leads to another computation is not believed.
    let wrong = resident(&self::recipe("g", vec![]), &bytes, Origin::Stored).cutoff;
    let entry = layout::cutoff_key(&wrong, &recipe.address());
    node.stand.storage.damage(Space::Cutoffs, &entry, "");
    assert_eq!(node.sources.cutoff(&wrong, Patience::Disk), None);
    node.until_dropped(&recipe).await;
    node.keep(&recipe, &bytes).await;
    node.stand.damage(&value.content());
    assert_eq!(node.sources.cutoff(&key, Patience::Disk), None);
    node.until_dropped(&recipe).await;
    put(&node.stand.values, &recipe, &value);
    assert_eq!(node.sources.cutoff(&key, Patience::Memory), found);
}

#[tokio::test]
async fn scratch_files_are_bounded_through_the_sources() {
    let node = Node::new().await;
    let bytes = bytes(14, 900);
    let file = node.sources.scratch().file().unwrap();
    file.push(&bytes).unwrap();
    assert_eq!(file.piece(0).unwrap().unwrap(), bytes);
    assert_eq!(file.push(&bytes).unwrap_err().reason(), "OVER_LIMIT");
}

#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::{
    admit::Leaf,
    stand_test::{CHUNK, Stand, bytes, recipe, resident},
};
use bytes::Bytes;
use deriva_messages::blob::{DropReason, Dropped, Locator};
use deriva_model::{CAddr, ChunkSize, Manifest, SealedRecipe};
use deriva_system::{
    storage::{Batch, Durability, Storage, layout::Counter},
    view::Origin,
};
use std::sync::Arc;

/// Chunks written behind, as `place` does.
fn stage(stand: &Stand, bytes: &Bytes) -> Incoming {
    let locator = stand.uploads.locator().unwrap();
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::staged_key(locator), Bytes::new());
    for (chunk, index) in bytes.chunks(CHUNK).zip(0..) {
        batch.put(
            Space::Chunks,
            layout::chunk_key(locator, index),
            chunk.to_vec(),
        );
    }
    stand.storage.write(&batch, Durability::Behind).unwrap();
    let manifest = Arc::new(Manifest::of(bytes, ChunkSize::new(14).unwrap()));
    Incoming::Staged { locator, manifest }
}

fn brought(stand: &Stand, bytes: &Bytes) -> Incoming {
    if bytes.len() <= layout::INLINE_MAX {
        return Incoming::Inline(bytes.clone());
    }
    stage(stand, bytes)
}

async fn put_leaf(stand: &Stand, bytes: &Bytes, incoming: Incoming) -> Result<LeafPut, Fault> {
    let leaf = Leaf::of(bytes).unwrap();
    let step = move |step: &mut Step<'_>| put_leaf_step(step, &leaf, &incoming);
    stand.commit(Durability::Synced, step).await
}

async fn keep(stand: &Stand, recipe: &SealedRecipe, bytes: &Bytes, incoming: Incoming) -> u64 {
    let value = resident(recipe, bytes, Origin::Stored);
    let keeping = Keeping {
        document: value.record.encode().unwrap().into(),
        record: value.record.clone(),
        cutoff: value.cutoff,
        age: stand.uploads.age().unwrap(),
        begun: 0,
        is_verified: false,
    };
    let invalidations = stand.values.invalidations();
    let step = move |step: &mut Step<'_>| keep_step(step, &keeping, &incoming, &invalidations);
    stand.commit(Durability::Behind, step).await.unwrap()
}

async fn take(stand: &Stand, recipe: CAddr, why: DropReason, sync: Durability) -> Dropped {
    let step = move |step: &mut Step<'_>| drop_step(step, &[recipe], why);
    stand.commit(sync, step).await.unwrap()
}

fn is_new(put: Result<LeafPut, Fault>) -> bool {
    match put.unwrap() {
        LeafPut::Stored(leaf) => leaf.was_new,
        LeafPut::Vanished => panic!("it was brought"),
    }
}

/// Keys of everything that a value or leaf leaves behind.
fn remains(stand: &Stand) -> Vec<(Space, usize)> {
    use Space::{Chunks, Contents, Cutoffs, Leaves, Records, Values};
    let mut remains: Vec<_> = [Contents, Chunks, Leaves, Values, Records, Cutoffs]
        .map(|space| (space, stand.keys(space, &[])))
        .into();
    let meta = stand.keys(Space::Meta, layout::AGE_PREFIX)
        + stand.keys(Space::Meta, layout::STAGED_PREFIX);
    remains.push((Space::Meta, meta));
    remains.retain(|(_, keys)| *keys > 0);
    remains
}

const SIZES: [usize; 4] = [0, 10, CHUNK, 3 * CHUNK + 1];

#[tokio::test]
async fn a_leaf_is_new_once_and_counted_once() {
    for len in SIZES {
        let stand = Stand::new();
        let bytes = bytes(1, len);
        assert!(is_new(
            put_leaf(&stand, &bytes, brought(&stand, &bytes)).await
        ));
        assert!(!is_new(
            put_leaf(&stand, &bytes, brought(&stand, &bytes)).await
        ));
        assert!(!is_new(put_leaf(&stand, &bytes, Incoming::Verified).await));
        assert_eq!(stand.count(Counter::Leaves), 1);
        assert_eq!(stand.count(Counter::LeafBytes), len as u64);
        // One copy of the bytes, and nothing staged.
        let chunks = if len > layout::INLINE_MAX {
            len.div_ceil(CHUNK)
        } else {
            0
        };
        assert_eq!(stand.keys(Space::Chunks, &[]), chunks);
        assert_eq!(stand.keys(Space::Meta, layout::STAGED_PREFIX), 0);
        let read = stand.reader.whole(&ContentHash::of(&bytes), len as u64);
        assert_eq!(read.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_value_comes_and_goes_without_a_trace() {
    for len in SIZES {
        let stand = Stand::new();
        let (bytes, recipe) = (bytes(2, len), recipe("identity", vec![]));
        stand.store_recipe(&recipe);
        let kept = keep(&stand, &recipe, &bytes, brought(&stand, &bytes)).await;
        assert_eq!(kept, len as u64);
        assert_eq!(stand.count(Counter::Values), 1);
        // A second time nothing is added, and what was staged for it goes.
        let before = remains(&stand);
        assert_eq!(
            keep(&stand, &recipe, &bytes, brought(&stand, &bytes)).await,
            0
        );
        assert_eq!(remains(&stand), before);
        let dropped = take(
            &stand,
            recipe.address(),
            DropReason::Evicted,
            Durability::Behind,
        )
        .await;
        let expected = Dropped {
            sizes: vec![Some(len as u64)],
        };
        assert_eq!(dropped, expected);
        assert_eq!(remains(&stand), []);
        assert_eq!(stand.count(Counter::Values), 0);
        assert_eq!(stand.count(Counter::ValueBytes), 0);
    }
}

#[tokio::test]
async fn content_lives_as_long_as_somebody_holds_it() {
    for len in SIZES {
        let stand = Stand::new();
        let bytes = bytes(3, len);
        let (one, two) = (recipe("identity", vec![]), recipe("concat", vec![]));
        for recipe in [&one, &two] {
            stand.store_recipe(recipe);
            keep(&stand, recipe, &bytes, brought(&stand, &bytes)).await;
        }
        let content = ContentHash::of(&bytes);
        let stands = || stand.reader.whole(&content, len as u64).is_ok();
        take(
            &stand,
            one.address(),
            DropReason::Evicted,
            Durability::Behind,
        )
        .await;
        assert!(stands(), "the other value holds it");
        put_leaf(&stand, &bytes, Incoming::Verified).await.unwrap();
        take(
            &stand,
            two.address(),
            DropReason::Evicted,
            Durability::Behind,
        )
        .await;
        assert!(stands(), "the leaf holds it");
        assert_eq!(stand.count(Counter::Leaves), 1);
    }
}

#[tokio::test]
async fn a_leaf_over_an_unsynced_value_survives_a_power_cut() {
    for len in SIZES {
        let stand = Stand::new();
        let (bytes, recipe) = (bytes(4, len), recipe("identity", vec![]));
        stand.store_recipe(&recipe);
        keep(&stand, &recipe, &bytes, brought(&stand, &bytes)).await;
        put_leaf(&stand, &bytes, Incoming::Verified).await.unwrap();
        stand.storage.cut_power();
        let read = stand.reader.whole(&ContentHash::of(&bytes), len as u64);
        assert_eq!(read.unwrap(), bytes);
        assert_eq!(stand.count(Counter::Leaves), 1);
    }
}

#[tokio::test]
async fn a_value_lost_to_a_power_cut_is_lost_whole() {
    let stand = Stand::new();
    let (bytes, recipe) = (bytes(5, 2 * CHUNK), recipe("identity", vec![]));
    stand.store_recipe(&recipe);
    keep(&stand, &recipe, &bytes, stage(&stand, &bytes)).await;
    stand.storage.cut_power();
    assert_eq!(remains(&stand), []);
    assert_eq!(stand.count(Counter::Values), 0);
}

#[tokio::test]
async fn what_was_verified_and_vanished_is_asked_for() {
    let stand = Stand::new();
    let bytes = bytes(6, 10);
    let put = put_leaf(&stand, &bytes, Incoming::Verified).await;
    assert_eq!(put, Ok(LeafPut::Vanished));
    assert_eq!(remains(&stand), []);
}

#[tokio::test]
async fn a_put_heals_what_is_damaged() {
    for len in SIZES.into_iter().filter(|len| *len > 0) {
        let stand = Stand::new();
        let bytes = bytes(7, len);
        put_leaf(&stand, &bytes, brought(&stand, &bytes))
            .await
            .unwrap();
        let content = ContentHash::of(&bytes);
        stand.damage(&content);
        assert!(stand.reader.whole(&content, len as u64).is_err());
        put_leaf(&stand, &bytes, brought(&stand, &bytes))
            .await
            .unwrap();
        assert_eq!(stand.reader.whole(&content, len as u64).unwrap(), bytes);
        assert_eq!(stand.count(Counter::Leaves), 1);
    }
}

#[tokio::test]
async fn values_without_a_stored_recipe_are_not_kept() {
    let stand = Stand::new();
    let (bytes, recipe) = (bytes(8, CHUNK), recipe("identity", vec![]));
    assert_eq!(
        keep(&stand, &recipe, &bytes, stage(&stand, &bytes)).await,
        0
    );
    assert_eq!(remains(&stand), []);
}

#[tokio::test]
async fn what_was_invalidated_since_it_began_is_not_kept() {
    let stand = Stand::new();
    let input = CAddr::of_leaf(b"input");
    let (bytes, recipe) = (bytes(9, CHUNK), recipe("identity", vec![input]));
    stand.store_recipe(&recipe);
    drop(stand.values.invalidations().begin(vec![input]));
    assert_eq!(
        keep(&stand, &recipe, &bytes, stage(&stand, &bytes)).await,
        0
    );
    assert_eq!(remains(&stand), []);
}

#[tokio::test]
async fn a_recipe_that_came_out_otherwise_leaves_nothing_of_before() {
    let stand = Stand::new();
    let recipe = recipe("identity", vec![]);
    stand.store_recipe(&recipe);
    let (before, after) = (bytes(10, CHUNK), bytes(11, 2 * CHUNK));
    keep(&stand, &recipe, &before, stage(&stand, &before)).await;
    keep(&stand, &recipe, &after, stage(&stand, &after)).await;
    assert_eq!(stand.keys(Space::Chunks, &[]), 2);
    assert_eq!(stand.keys(Space::Meta, layout::AGE_PREFIX), 1);
    assert_eq!(stand.count(Counter::ValueBytes), after.len() as u64);
    take(
        &stand,
        recipe.address(),
        DropReason::Evicted,
        Durability::Behind,
    )
    .await;
    assert_eq!(remains(&stand), []);
}

#[tokio::test]
async fn an_invalidation_outlives_a_power_cut_even_of_what_was_evicted_before() {
    let stand = Stand::new();
    let (bytes, recipe) = (bytes(12, 10), recipe("identity", vec![]));
    stand.store_recipe(&recipe);
    keep(&stand, &recipe, &bytes, brought(&stand, &bytes)).await;
    // Something synced puts the value on disk for good.
    put_leaf(
        &stand,
        &Bytes::from_static(b"other"),
        Incoming::Inline("other".into()),
    )
    .await
    .unwrap();
    take(
        &stand,
        recipe.address(),
        DropReason::Evicted,
        Durability::Behind,
    )
    .await;
    let dropped = take(
        &stand,
        recipe.address(),
        DropReason::Invalidated,
        Durability::Synced,
    )
    .await;
    assert_eq!(dropped.values(), 0);
    stand.storage.cut_power();
    assert_eq!(stand.keys(Space::Values, &[]), 0);
    assert_eq!(stand.keys(Space::Records, &[]), 0);
}

#[tokio::test]
async fn given_up_chunks_go_unless_they_were_sealed() {
    let stand = Stand::new();
    let bytes = bytes(13, 2 * CHUNK);
    let abandon = async |incoming: &Incoming| {
        let Incoming::Staged { locator, .. } = *incoming else {
            panic!("staged")
        };
        let step = move |step: &mut Step<'_>| abandon_step(step, Chunks { locator, count: 2 });
        stand.commit(Durability::Behind, step).await.unwrap()
    };
    let given_up = stage(&stand, &bytes);
    assert!(abandon(&given_up).await);
    assert_eq!(remains(&stand), []);
    // What was given up cannot be sealed any more.
    assert!(put_leaf(&stand, &bytes, given_up).await.is_err());
    assert_eq!(remains(&stand), []);
    let sealed = stage(&stand, &bytes);
    put_leaf(&stand, &bytes, sealed.clone()).await.unwrap();
    assert!(!abandon(&sealed).await);
    assert!(
        stand
            .reader
            .whole(&ContentHash::of(&bytes), bytes.len() as u64)
            .is_ok()
    );
}

#[tokio::test]
async fn a_small_upload_stands_in_its_entry_and_leaves_no_chunk() {
    let stand = Stand::new();
    let bytes = bytes(14, 10);
    let Incoming::Staged { locator, .. } = stage(&stand, &bytes) else {
        panic!("staged")
    };
    let seal = async |locator: Locator| {
        let (leaf, incoming) = (Leaf::of(&bytes).unwrap(), Incoming::Inline(bytes.clone()));
        let step = move |step: &mut Step<'_>| seal_step(step, &leaf, &incoming, locator, 1);
        stand.commit(Durability::Synced, step).await
    };
    assert!(is_new(seal(locator).await));
    assert_eq!(stand.keys(Space::Chunks, &[]), 0);
    assert_eq!(stand.keys(Space::Meta, layout::STAGED_PREFIX), 0);
    // Sealed once is sealed.
    assert!(seal(locator).await.is_err());
}

#[tokio::test]
async fn a_value_whose_record_is_damaged_is_kept_afresh_and_counted_once() {
    for damage in ["no record", ""] {
        let stand = Stand::new();
        let (bytes, recipe) = (bytes(15, CHUNK), recipe("identity", vec![]));
        stand.store_recipe(&recipe);
        keep(&stand, &recipe, &bytes, stage(&stand, &bytes)).await;
        let key = layout::address_key(&recipe.address());
        if damage.is_empty() {
            stand.storage.corrupt(Space::Records, &key);
        } else {
            stand.storage.damage(Space::Records, &key, damage);
        }
        let kept = keep(&stand, &recipe, &bytes, stage(&stand, &bytes)).await;
        assert_eq!(kept, CHUNK as u64);
        assert_eq!(stand.count(Counter::Values), 1);
        assert_eq!(stand.keys(Space::Meta, layout::AGE_PREFIX), 1);
        assert_eq!(stand.keys(Space::Chunks, &[]), 1);
    }
}

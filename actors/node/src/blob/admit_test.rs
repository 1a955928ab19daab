#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::stand_test::{CHUNK, bytes, recipe};
use deriva_model::{ChunkSize, SealedRecipe, encode_legacy};
use deriva_system::storage::{Batch, Durability, MemoryStorage};

const UPLOAD: Locator = Locator(5);

fn wide() -> SealedRecipe {
    // Its bytes take several chunks of 16 KiB.
    let inputs = (0..2000u32)
        .map(|n| CAddr::of_leaf(&n.to_be_bytes()))
        .collect();
    recipe("concat", inputs)
}

fn staged(bytes: &[u8]) -> (MemoryStorage, Manifest) {
    let manifest = Manifest::of(bytes, ChunkSize::new(14).unwrap());
    let storage = MemoryStorage::default();
    let mut batch = Batch::default();
    for (chunk, index) in bytes.chunks(CHUNK).zip(0..) {
        batch.put(
            Space::Chunks,
            layout::chunk_key(UPLOAD, index),
            chunk.to_vec(),
        );
    }
    storage.write(&batch, Durability::Behind).unwrap();
    (storage, manifest)
}

#[test]
fn a_recipe_is_no_leaf_in_any_spelling_and_on_any_way_in() {
    for recipe in [recipe("identity", vec![]), wide()] {
        let legacy = encode_legacy(recipe.recipe()).unwrap();
        for bytes in [recipe.bytes(), &legacy] {
            let address = CAddr::of_leaf(bytes);
            let refused = Fault::LeafIsRecipe { address };
            assert_eq!(Leaf::of(bytes), Err(refused.clone()));
            let (storage, manifest) = staged(bytes);
            let uploaded = Leaf::of_upload(&storage, UPLOAD, &manifest);
            assert_eq!(uploaded, Err(refused));
        }
    }
}

#[test]
fn what_only_begins_like_a_recipe_is_a_leaf() {
    let mut almost = wide().bytes().to_vec();
    almost.push(0);
    let (storage, manifest) = staged(&almost);
    let (leaf, whole) = Leaf::of_upload(&storage, UPLOAD, &manifest).unwrap();
    assert_eq!(leaf.address(), CAddr::of_leaf(&almost));
    assert_eq!(leaf.size(), almost.len() as u64);
    assert_eq!(whole, None);
    assert_eq!(Leaf::of(&almost), Ok(leaf));
}

#[test]
fn small_uploads_come_along_whole() {
    for len in [0, 1, layout::INLINE_MAX] {
        let bytes = bytes(1, len);
        let (storage, manifest) = staged(&bytes);
        let (leaf, whole) = Leaf::of_upload(&storage, UPLOAD, &manifest).unwrap();
        assert_eq!((leaf, whole), (Leaf::of(&bytes).unwrap(), Some(bytes)));
    }
}

#[test]
fn chunks_that_are_not_the_manifests_are_refused() {
    let (storage, manifest) = staged(b"some bytes");
    storage.damage(Space::Chunks, &layout::chunk_key(UPLOAD, 0), "same bytes");
    let changed = Leaf::of_upload(&storage, UPLOAD, &manifest);
    assert!(matches!(changed, Err(Fault::Malformed { .. })));
    let (_, longer) = staged(&bytes(1, CHUNK + 1));
    let missing = Leaf::of_upload(&MemoryStorage::default(), UPLOAD, &longer);
    assert!(matches!(missing, Err(Fault::Malformed { .. })));
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Upload, put};
use crate::grpc::test_node::{TestNode, until};
use bytes::Bytes;
use deriva_model::{CAddr, FunctionId, Recipe, SealedRecipe, Value};
use std::collections::BTreeMap;

const CHUNK: usize = 1 << 14;

fn bytes(length: usize) -> Bytes {
    (0..length)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect()
}

/// A recipe whose document is longer than some chunks.
fn long_recipe() -> SealedRecipe {
    let function = FunctionId::new("identity", "1.0.0");
    let params = BTreeMap::from([("x".to_owned(), Value::String("y".repeat(3 * CHUNK)))]);
    SealedRecipe::seal(Recipe::new(function, vec![], params).unwrap())
}

#[tokio::test]
async fn a_leaf_of_any_length_comes_in_whole() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 7] {
        let node = TestNode::start().await;
        let leaf = put(&node.call(), bytes(length)).await.unwrap();
        assert_eq!(leaf.address, CAddr::of_leaf(&bytes(length)));
        assert_eq!(node.script.leaves.lock()[&leaf.address], bytes(length));
        assert!(node.script.abandoned.lock().is_empty());
    }
}

#[tokio::test]
async fn pieces_of_any_length_make_the_same_leaf() {
    for piece in [1_000, CHUNK, 3 * CHUNK + 1] {
        let node = TestNode::start().await;
        let all = bytes(4 * CHUNK + 5);
        let mut upload = Upload::new(node.call());
        for part in all.chunks(piece) {
            upload.push(part).await.unwrap();
        }
        let leaf = upload.finish().await.unwrap();
        assert_eq!(leaf.address, CAddr::of_leaf(&all));
    }
}

#[tokio::test]
async fn what_is_given_up_is_thrown_away() {
    let node = TestNode::start().await;
    let mut upload = Upload::new(node.call());
    upload.push(&bytes(3 * CHUNK)).await.unwrap();
    drop(upload);
    until(|| !node.script.abandoned.lock().is_empty()).await;
    assert_eq!(*node.script.abandoned.lock(), [7]);
    assert_eq!(
        node.script.staged.lock().len(),
        2,
        "the third chunk had not ended"
    );
    assert!(node.script.leaves.lock().is_empty());
}

#[tokio::test]
async fn a_leaf_that_is_a_recipe_is_refused_however_it_comes() {
    let node = TestNode::start().await;
    let recipe = long_recipe();
    let fault = put(&node.call(), Bytes::copy_from_slice(recipe.bytes()))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.reason(), fault.address()),
        ("LEAF_IS_RECIPE", Some(recipe.address()))
    );
    let function = FunctionId::new("identity", "1.0.0");
    let short = SealedRecipe::seal(Recipe::new(function, vec![], BTreeMap::new()).unwrap());
    let fault = put(&node.call(), Bytes::copy_from_slice(short.bytes()))
        .await
        .unwrap_err();
    assert_eq!(fault.address(), Some(short.address()));
    assert_eq!(node.script.leaves.lock().len(), 0);
    // One byte more and it is bytes like any other.
    let longer = [recipe.bytes(), b"!"].concat();
    put(&node.call(), Bytes::from(longer)).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_a_recipe_is_not_kept() {
    let node = TestNode::start().await;
    let mut upload = Upload::new(node.call());
    upload.push(&vec![0xff; 4 * CHUNK]).await.unwrap();
    assert!(upload.suspect.is_none());
    let mut upload = Upload::new(node.call());
    upload
        .push(&long_recipe().bytes()[..2 * CHUNK])
        .await
        .unwrap();
    assert!(upload.suspect.is_some());
}

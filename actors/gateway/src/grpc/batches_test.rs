//! Batches at the entrance: their order, what is refused, and what stands then.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::INLINE_MAX;
use crate::grpc::test_node::{Served, TestNode};
use bytes::Bytes;
use deriva_model::{CAddr, FunctionId, Recipe, Value};
use deriva_proto::{PutGraphRequest, PutGraphResponse, PutRecipeRequest};
use std::collections::BTreeMap;
use tonic::Status;

fn recipe(name: &str, number: usize) -> PutRecipeRequest {
    let params = [("n".to_owned(), number.to_string())].into();
    PutRecipeRequest {
        function_name: name.to_owned(),
        function_version: "1.0.0".to_owned(),
        params,
        ..PutRecipeRequest::default()
    }
}

fn address(number: usize) -> CAddr {
    let params = BTreeMap::from([("n".to_owned(), Value::from(number.to_string().as_str()))]);
    let recipe = Recipe::new(FunctionId::new("identity", "1.0.0"), vec![], params);
    recipe.unwrap().address()
}

fn leaf(number: usize, length: usize) -> Bytes {
    let mut bytes = format!("leaf {number} ").into_bytes();
    bytes.resize(bytes.len().max(length), b'.');
    bytes.into()
}

async fn put(
    served: &mut Served,
    batches: Vec<PutGraphRequest>,
) -> (Vec<PutGraphResponse>, Option<Status>) {
    let stream = tokio_stream::iter(batches);
    let mut answers = served.client.put_graph(stream).await.unwrap().into_inner();
    let mut told = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => told.push(answer),
            Ok(None) => return (told, None),
            Err(status) => return (told, Some(status)),
        }
    }
}

#[tokio::test]
async fn each_batch_is_answered_in_its_turn_with_every_address() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let lengths = [10, INLINE_MAX, INLINE_MAX + 1, 12, 3 << 20];
    let batch = |at: usize| PutGraphRequest {
        leaves: (0..at)
            .map(|n| leaf(10 * at + n, lengths[n % lengths.len()]))
            .collect(),
        recipes: (0..at * at)
            .map(|n| recipe("identity", 100 * at + n))
            .collect(),
    };
    let batches: Vec<_> = (0..6).map(batch).collect();
    let (told, end) = put(&mut served, batches.clone()).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(told.len(), batches.len());
    for (at, (told, sent)) in told.iter().zip(&batches).enumerate() {
        let leaves = sent.leaves.iter().map(|leaf| CAddr::of_leaf(leaf));
        let leaves: Vec<Bytes> = leaves.map(|addr| addr.as_bytes().to_vec().into()).collect();
        assert_eq!(told.leaf_addrs, leaves);
        let recipes = (0..sent.recipes.len()).map(|n| address(100 * at + n));
        let recipes: Vec<Bytes> = recipes
            .map(|addr| addr.as_bytes().to_vec().into())
            .collect();
        assert_eq!(told.recipe_addrs, recipes);
    }
    let stored: usize = batches.iter().map(|batch| batch.leaves.len()).sum();
    assert_eq!(node.script.leaves.lock().len(), stored);
    assert_eq!(*node.script.puts.lock(), [1, 4, 9, 16, 25]);
}

#[tokio::test]
async fn a_refused_batch_ends_the_stream_after_those_before_it() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    node.script.refused.lock().push(address(21));
    let of = |recipes: Vec<PutRecipeRequest>| PutGraphRequest {
        leaves: vec![leaf(recipes.len(), 10)],
        recipes,
    };
    let good = of(vec![recipe("identity", 1)]);
    let allowing = PutRecipeRequest {
        allow_missing_inputs: true,
        ..recipe("identity", 3)
    };
    let table = [
        (
            of(vec![recipe("identity", 20), recipe("identity", 21)]),
            "MISSING_INPUTS",
        ),
        (
            of(vec![recipe("identity", 2), recipe("nope", 3)]),
            "REFUSED_RECIPE",
        ),
        (of(vec![recipe("identity", 2), allowing]), "MALFORMED"),
    ];
    for (bad, reason) in table {
        node.script.recipes.lock().clear();
        let (told, end) = put(&mut served, vec![good.clone(), bad, good.clone()]).await;
        assert_eq!(told.len(), 1, "{reason}");
        let details = tonic_types::StatusExt::get_details_error_info(&end.unwrap());
        assert_eq!(details.unwrap().reason, reason);
        assert_eq!(*node.script.recipes.lock(), [address(1)], "{reason}");
    }
}

#[tokio::test]
async fn a_batch_is_sent_when_the_one_before_is_decided_and_answered_after_it() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    // The first two are answered only once the third was put.
    node.script.slow.lock().extend([address(1), address(2)]);
    let batch = |numbers: Vec<usize>| PutGraphRequest {
        leaves: vec![leaf(numbers.len(), 10)],
        recipes: numbers.into_iter().map(|n| recipe("identity", n)).collect(),
    };
    let batches = [vec![1], vec![2], vec![3, 4]].map(batch).to_vec();
    let (told, end) = put(&mut served, batches).await;
    assert!(end.is_none(), "{end:?}");
    let counts: Vec<usize> = told.iter().map(|one| one.recipe_addrs.len()).collect();
    assert_eq!(counts, [1, 1, 2]);
    assert_eq!(*node.script.puts.lock(), [1, 1, 2]);
    // One without recipes stands in nobody's way.
    let batches = [vec![1], vec![], vec![3]].map(batch).to_vec();
    let (told, end) = put(&mut served, batches).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn a_batch_that_was_decided_and_not_written_is_told_at_once() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    // The first fails when the second comes, and the second is never answered.
    node.script.lost.lock().push(address(1));
    node.script.slow.lock().push(address(2));
    let batch = |number| PutGraphRequest {
        leaves: Vec::new(),
        recipes: vec![recipe("identity", number)],
    };
    let (told, end) = put(&mut served, vec![batch(1), batch(2)]).await;
    assert!(told.is_empty());
    let details = tonic_types::StatusExt::get_details_error_info(&end.unwrap());
    assert_eq!(details.unwrap().reason, "STORE_FAILED");
}

#[tokio::test]
async fn a_client_may_wait_for_each_answer_before_it_sends_on() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    node.script.refused.lock().push(address(9));
    let (give, taken) = tokio::sync::mpsc::channel(1);
    let stream = tokio_stream::wrappers::ReceiverStream::new(taken);
    let mut answers = served.client.put_graph(stream).await.unwrap().into_inner();
    for number in 0..10 {
        let batch = PutGraphRequest {
            leaves: vec![leaf(number, 10)],
            recipes: vec![recipe("identity", number)],
        };
        give.send(batch).await.unwrap();
        match answers.message().await {
            Ok(answer) => assert_eq!((number < 9, answer.unwrap().leaf_addrs.len()), (true, 1)),
            Err(_) => assert_eq!(number, 9),
        }
    }
}

//! What is explained stays as it is until all of it is told.
#![allow(clippy::unwrap_used)]

use super::{super::test_node::TestNode, *};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};
use tokio_stream::StreamExt;

#[tokio::test]
async fn what_is_explained_is_held_until_the_last_node_and_waited_for_while_it_is_removed() {
    let node = TestNode::start().await;
    let holds = node.context.node.holds.clone();
    let root = CAddr::from_bytes([3; 32]);
    assert!(holds.condemn(&root));
    let message = ExplainRequest {
        addr: address::write(&root),
    };
    let mut explaining = pin!(explain(node.call(), message));
    let early = poll_fn(|context| Poll::Ready(explaining.as_mut().poll(context).is_ready())).await;
    assert!(!early, "it is being removed");
    holds.bury(&[root]);
    let mut told = explaining.await.unwrap();
    assert!(holds.is_held(&root));
    let mut nodes = 0;
    while let Some(explained) = told.next().await {
        explained.unwrap();
        nodes += 1;
    }
    assert_eq!(nodes, 2);
    super::super::test_node::until(|| !holds.is_held(&root)).await;
}

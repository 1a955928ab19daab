#![allow(clippy::unwrap_used)]

use super::Holds;
use deriva_model::CAddr;
use std::sync::Arc;

#[tokio::test]
async fn what_is_held_is_not_condemned_until_the_last_hold_goes() {
    let holds = Arc::new(Holds::default());
    let one = CAddr::of_leaf(b"one");
    let (first, second) = (holds.hold(vec![one]).await, holds.hold(vec![one]).await);
    assert!(!holds.condemn(&one));
    drop(first);
    assert!(!holds.condemn(&one));
    drop(second);
    assert!(!holds.is_held(&one));
    assert!(holds.condemn(&one));
}

#[tokio::test]
async fn whoever_would_hold_what_is_dying_waits_for_its_end() {
    let holds = Arc::new(Holds::default());
    let (one, two) = (CAddr::of_leaf(b"one"), CAddr::of_leaf(b"two"));
    assert!(holds.condemn(&one));
    let late = holds.clone();
    let waiting = tokio::spawn(async move { late.hold(vec![two, one]).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert!(!holds.is_held(&two), "all or nothing");
    holds.bury(&[one]);
    let held = waiting.await.unwrap();
    assert!(holds.is_held(&one) && holds.is_held(&two));
    drop(held);
}

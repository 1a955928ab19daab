//! One request and its ends: done, refused, left, late, dead; and the limit on their number.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::MaterializeConfig;
use super::stage_test::{CURSED, PATIENCE, Stage, asked};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Materialize},
};
use deriva_model::ContentHash;
use deriva_system::compute::Outcome;
use std::time::Duration;

fn value() -> Outcome {
    Outcome::Bytes {
        content: ContentHash::of(b"value"),
        bytes: Bytes::from_static(b"value"),
    }
}

#[tokio::test]
async fn what_is_evaluated_is_answered_whole() {
    let mut stage = Stage::plain().await;
    let asking = stage.ask(asked(b"root"));
    let mut begun = stage.next_begun().await;
    let withdrawn = std::mem::replace(&mut begun.withdrawn, tokio::sync::oneshot::channel().1);
    begun.give(value());
    let (_interest, answer) = asking.await.unwrap().unwrap();
    let whole = answer.whole.unwrap();
    assert_eq!((whole.content, whole.size), (ContentHash::of(b"value"), 5));
    assert!(matches!(answer.body, Body::Resident(bytes) if bytes == "value"));
    assert!(answer.trace.is_none());
    // Its interest held or not, the request is over and its ticket gone.
    assert!(withdrawn.await.is_err());
}

#[tokio::test]
async fn a_fault_reaches_the_caller_as_it_is() {
    let mut stage = Stage::plain().await;
    let asking = stage.ask(asked(b"root"));
    let address = asked(b"root").root;
    (stage.next_begun().await.done)(Err(Fault::NotFound { address }));
    let refused = asking.await.unwrap().unwrap_err();
    assert_eq!(refused, Fault::NotFound { address });
}

#[tokio::test]
async fn a_caller_that_leaves_withdraws_its_request() {
    let mut stage = Stage::plain().await;
    let (leaving, staying) = (stage.ask(asked(b"root")), stage.ask(asked(b"root")));
    let (first, second) = (stage.next_begun().await, stage.next_begun().await);
    leaving.abort();
    // Which of the two evaluations is the leaver's depends on which was begun first.
    let mut ends = (first.withdrawn, second.withdrawn);
    let done = tokio::select! {
        _ = &mut ends.0 => { assert!(ends.1.try_recv().is_err()); second.done }
        _ = &mut ends.1 => first.done,
    };
    done(Err(Fault::Draining));
    assert_eq!(staying.await.unwrap().unwrap_err(), Fault::Draining);
}

#[tokio::test]
async fn a_deadline_is_told_and_withdraws() {
    let mut stage = Stage::plain().await;
    let asking = stage.ask(Materialize {
        deadline: Some(Duration::from_millis(1)),
        ..asked(b"root")
    });
    let begun = stage.next_begun().await;
    let late = asking.await.unwrap().unwrap_err();
    assert_eq!(late, Fault::DeadlineExceeded);
    assert!(begun.withdrawn.await.is_err());
    // An evaluation that ends afterwards is heard by nobody and harms nobody.
    (begun.done)(Err(Fault::Draining));
}

#[tokio::test]
async fn a_panic_of_the_evaluator_ends_one_request_only() {
    let mut stage = Stage::plain().await;
    let dead = stage.ask(asked(CURSED)).await.unwrap().unwrap_err();
    assert!(matches!(dead, Fault::Unavailable { .. }), "{dead}");
    assert!(dead.is_retryable());
    let asking = stage.ask(asked(b"root"));
    stage.next_begun().await.give(value());
    asking.await.unwrap().unwrap();
    assert_eq!(stage.slot.generation(), 1);
}

#[tokio::test]
async fn an_evaluation_dropped_without_a_word_is_told() {
    let mut stage = Stage::plain().await;
    let asking = stage.ask(asked(b"root"));
    drop(stage.next_begun().await.done);
    let lost = asking.await.unwrap().unwrap_err();
    let what = "the evaluator".to_owned();
    assert_eq!(lost, Fault::Unavailable { what });
}

#[tokio::test]
async fn requests_over_the_limit_are_refused_until_one_ends() {
    let config = MaterializeConfig {
        max_requests: 2,
        ..MaterializeConfig::default()
    };
    let mut stage = Stage::new(config, Vec::new()).await;
    let first = stage.ask(asked(b"one"));
    let begun = stage.next_begun().await;
    let _second = stage.ask(asked(b"two"));
    let _held = stage.next_begun().await;
    let refused = stage.ask(asked(b"three")).await.unwrap().unwrap_err();
    assert!(matches!(refused, Fault::Overloaded { .. }), "{refused}");
    begun.give(value());
    first.await.unwrap().unwrap();
    let (_third, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn a_dead_request_makes_room_too() {
    let config = MaterializeConfig {
        max_requests: 1,
        ..MaterializeConfig::default()
    };
    let mut stage = Stage::new(config, Vec::new()).await;
    let dead = stage.ask(asked(CURSED)).await.unwrap();
    assert!(dead.is_err());
    let (_next, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn requests_end_with_their_supervisor() {
    let mut stage = Stage::plain().await;
    let asking = stage.ask(asked(b"root"));
    let begun = stage.next_begun().await;
    let killed = stage.supervisor.kill_and_wait(Some(PATIENCE)).await;
    killed.unwrap();
    let lost = asking.await.unwrap().unwrap_err();
    assert!(matches!(lost, Fault::Unavailable { .. }), "{lost}");
    assert!(begun.withdrawn.await.is_err());
}

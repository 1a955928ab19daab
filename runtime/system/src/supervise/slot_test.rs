//! The slot's promises to callers: credit, deadlines, and a typed word for every way to fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::stage_test::{Ask, Diary, Life, PATIENCE, Worker};
use super::{Slot, SlotLimits};
use deriva_messages::Fault;
use ractor::{Actor, ActorCell};
use std::time::Duration;
use tokio::{sync::oneshot, task::JoinHandle};

const SHORT: Duration = Duration::from_millis(5);

async fn seat(slot: &Slot<Ask>) -> ActorCell {
    let life = Life::new("worker", &Diary::default());
    let (actor, _) = Actor::spawn(None, Worker, life).await.unwrap();
    slot.seat(actor.clone());
    actor.get_cell()
}

fn slot(credit: usize, patience: Duration) -> Slot<Ask> {
    Slot::new("worker", SlotLimits { credit, patience })
}

/// A call that is being handled until the sender is used or dropped.
async fn hold(slot: &Slot<Ask>) -> (JoinHandle<Result<u64, Fault>>, oneshot::Sender<()>) {
    let (entered, inside) = oneshot::channel();
    let (release, until) = oneshot::channel();
    let slot = slot.clone();
    let call = tokio::spawn(async move {
        let hold = |reply| Ask::Hold {
            entered,
            until,
            reply,
        };
        slot.call(PATIENCE, hold).await
    });
    inside.await.unwrap();
    (call, release)
}

fn unavailable() -> Fault {
    Fault::Unavailable {
        what: "worker".to_owned(),
    }
}

#[tokio::test]
async fn a_call_is_answered_and_gives_its_credit_back() {
    let slot = slot(1, PATIENCE);
    seat(&slot).await;
    for number in 0..10 {
        let echo = slot.call(PATIENCE, |reply| Ask::Echo(number, reply)).await;
        assert_eq!(echo, Ok(number));
    }
    // The handler drops its credit a little after it has answered.
    while slot.depth() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_credit_a_caller_is_refused_by_name() {
    let slot = slot(1, SHORT);
    seat(&slot).await;
    let (held, release) = hold(&slot).await;
    assert_eq!(slot.depth(), 1);
    let refused = slot.call(PATIENCE, |reply| Ask::Echo(1, reply)).await;
    assert!(matches!(refused, Err(Fault::Overloaded { ref what, .. }) if what == "worker"));
    release.send(()).unwrap();
    assert_eq!(held.await.unwrap(), Ok(0));
}

#[tokio::test]
async fn a_bell_needs_no_credit() {
    let slot = slot(1, SHORT);
    seat(&slot).await;
    let (_held, release) = hold(&slot).await;
    let (answer, answered) = oneshot::channel();
    slot.ring(Ask::Echo(5, answer.into())).unwrap();
    release.send(()).unwrap();
    assert_eq!(answered.await.unwrap(), Ok(5));
}

#[tokio::test]
async fn an_empty_slot_is_unavailable_after_its_patience() {
    let slot = slot(1, SHORT);
    let refused = slot.call(PATIENCE, |reply| Ask::Echo(1, reply)).await;
    assert_eq!(refused, Err(unavailable()));
    let (answer, _answered) = oneshot::channel();
    assert_eq!(slot.ring(Ask::Echo(1, answer.into())), Err(unavailable()));
    assert_eq!(slot.depth(), 0, "a refused call keeps no credit");
}

#[tokio::test]
async fn a_caller_waits_for_an_actor_that_is_being_started() {
    let slot = slot(4, PATIENCE);
    let waiting = tokio::spawn({
        let slot = slot.clone();
        async move { slot.call(PATIENCE, |reply| Ask::Echo(9, reply)).await }
    });
    while slot.depth() == 0 {
        tokio::task::yield_now().await;
    }
    seat(&slot).await;
    assert_eq!(waiting.await.unwrap(), Ok(9));
    assert_eq!(slot.generation(), 1);
}

#[tokio::test]
async fn a_deadline_covers_the_whole_call() {
    let slot = slot(4, PATIENCE);
    seat(&slot).await;
    let (_held, release) = hold(&slot).await;
    let late = slot.call(SHORT, |reply| Ask::Echo(1, reply)).await;
    assert_eq!(late, Err(Fault::DeadlineExceeded));
    release.send(()).unwrap();
}

#[tokio::test]
async fn whoever_waits_on_an_actor_that_dies_hears_of_it() {
    let slot = slot(4, SHORT);
    let cell = seat(&slot).await;
    let (held, _release) = hold(&slot).await;
    let queued = tokio::spawn({
        let slot = slot.clone();
        async move { slot.call(PATIENCE, |reply| Ask::Echo(1, reply)).await }
    });
    while slot.depth() < 2 {
        tokio::task::yield_now().await;
    }
    cell.kill_and_wait(Some(PATIENCE)).await.unwrap();
    assert_eq!(held.await.unwrap(), Err(unavailable()));
    assert_eq!(queued.await.unwrap(), Err(unavailable()));
    while slot.depth() > 0 {
        tokio::task::yield_now().await;
    }
    seat(&slot).await;
    let echo = slot.call(PATIENCE, |reply| Ask::Echo(2, reply)).await;
    assert_eq!(echo, Ok(2));
    assert_eq!(slot.generation(), 2);
}

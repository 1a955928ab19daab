//! Restarts, their limit, and the order of starts and stops.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::stage_test::{Ask, Diary, Life, PATIENCE};
use super::{
    Child, Intensity, Slot, SlotLimits, Supervisor, SupervisorMessage, SupervisorSeat,
    SupervisorSpec,
};
use crate::{Clock, ManualClock};
use deriva_messages::Fault;
use ractor::{Actor, ActorRef, ActorStatus};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

type Running = (ActorRef<SupervisorMessage>, JoinHandle<()>);

fn slot(name: &str) -> Slot<Ask> {
    let limits = SlotLimits {
        patience: PATIENCE,
        ..SlotLimits::default()
    };
    Slot::new(name, limits)
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

fn spec(children: Vec<Child>, restarts: usize) -> SupervisorSpec {
    SupervisorSpec::new("top", clock(), children).intensity(Intensity {
        restarts,
        within: Duration::from_secs(10),
    })
}

async fn start(spec: SupervisorSpec) -> Running {
    Actor::spawn(None, Supervisor, spec).await.unwrap()
}

/// A supervisor whose children are named as their slots.
fn below<const N: usize>(seat: &SupervisorSeat, diary: &Diary, slots: [&Slot<Ask>; N]) -> Child {
    let slots = slots.map(Clone::clone);
    let diary = diary.clone();
    Child::supervisor(seat, clock(), move || {
        let child = |slot: &Slot<Ask>| Life::new(slot.name(), &diary).child(slot);
        slots.iter().map(child).collect()
    })
}

/// Asks until the answer is no passing fault, as a client does.
async fn insist(slot: &Slot<Ask>, number: u64) -> u64 {
    loop {
        match slot.call(PATIENCE, |reply| Ask::Echo(number, reply)).await {
            Ok(number) => return number,
            Err(fault) => assert!(fault.is_retryable(), "{fault}"),
        }
    }
}

#[tokio::test]
async fn children_start_in_order_and_stop_in_reverse() {
    let diary = Diary::default();
    let slots = ["one", "two", "three"].map(slot);
    let mut children: Vec<_> = ["one", "two", "three"]
        .iter()
        .zip(&slots)
        .map(|(name, slot)| Life::new(name, &diary).child(slot))
        .collect();
    let drained = diary.clone();
    let last = children.pop().unwrap().before_stop(move || {
        let drained = drained.clone();
        async move { drained.write("three drains".to_owned()) }
    });
    children.push(last);
    let (supervisor, ended) = start(spec(children, 3)).await;
    supervisor.cast(SupervisorMessage::Shutdown).unwrap();
    ended.await.unwrap();
    let expected = [
        "one starts",
        "two starts",
        "three starts",
        "three drains",
        "three stops",
        "two stops",
        "one stops",
    ];
    assert_eq!(diary.lines(), expected);
}

#[tokio::test]
async fn whatever_ends_a_child_it_comes_back_alone() {
    let diary = Diary::default();
    let (one, two) = (slot("one"), slot("two"));
    let children = vec![
        Life::new("one", &diary).child(&one),
        Life::new("two", &diary).child(&two),
    ];
    let (supervisor, _) = start(spec(children, 10)).await;
    let seat = SupervisorSeat::new("top");
    seat.take(supervisor);
    let lost = one.call(PATIENCE, Ask::Panic).await;
    assert!(matches!(lost, Err(Fault::Unavailable { .. })), "{lost:?}");
    assert_eq!(insist(&one, 1).await, 1);
    let lost = one.call(PATIENCE, Ask::Fail).await;
    assert!(matches!(lost, Err(Fault::Unavailable { .. })), "{lost:?}");
    assert_eq!(insist(&one, 2).await, 2);
    let cell = one.cell().unwrap();
    cell.kill_and_wait(Some(PATIENCE)).await.unwrap();
    assert_eq!(insist(&one, 3).await, 3);
    assert_eq!((one.generation(), two.generation()), (4, 1));
    let report = seat.report(PATIENCE).await.unwrap();
    let short: Vec<_> = report
        .iter()
        .map(|child| (child.name.as_str(), child.running, child.restarts))
        .collect();
    assert_eq!(short, [("one", true, 3), ("two", true, 0)]);
}

#[tokio::test]
async fn a_restart_that_fails_is_tried_again() {
    let diary = Diary::default();
    let one = slot("one");
    let life = Life::new("one", &diary);
    let (_supervisor, _) = start(spec(vec![life.child(&one)], 10)).await;
    life.stillbirths.store(3, Ordering::SeqCst);
    assert!(one.call(PATIENCE, Ask::Panic).await.is_err());
    assert_eq!(insist(&one, 1).await, 1);
    assert_eq!(life.stillbirths.load(Ordering::SeqCst), 0);
    assert_eq!(one.generation(), 2);
}

#[tokio::test]
async fn too_many_restarts_end_the_supervisor_and_its_children() {
    let diary = Diary::default();
    let (one, two) = (slot("one"), slot("two"));
    let children = vec![
        Life::new("one", &diary).child(&one),
        Life::new("two", &diary).child(&two),
    ];
    let (supervisor, ended) = start(spec(children, 2)).await;
    for _ in 0..2 {
        assert!(one.call(PATIENCE, Ask::Panic).await.is_err());
        insist(&one, 1).await;
    }
    assert!(one.call(PATIENCE, Ask::Panic).await.is_err());
    ended.await.unwrap();
    assert_eq!(supervisor.get_status(), ActorStatus::Stopped);
    let other = two.cell().unwrap();
    other.wait(Some(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn a_supervisor_that_ended_is_started_anew_with_its_children() {
    let diary = Diary::default();
    let one = slot("one");
    let seat = SupervisorSeat::new("below");
    let (above, _) = start(spec(vec![below(&seat, &diary, [&one])], 3)).await;
    let first = seat.cell().unwrap();
    first.kill_and_wait(Some(PATIENCE)).await.unwrap();
    while one.generation() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(insist(&one, 7).await, 7);
    assert_ne!(seat.cell().unwrap().get_id(), first.get_id());
    let top = SupervisorSeat::new("top");
    top.take(above);
    let report = top.report(PATIENCE).await.unwrap();
    assert_eq!((report[0].name.as_str(), report[0].restarts), ("below", 1));
}

#[tokio::test]
async fn a_shutdown_reaches_the_children_of_supervisors_below() {
    let diary = Diary::default();
    let (one, two, three) = (slot("one"), slot("two"), slot("three"));
    let seat = SupervisorSeat::new("below");
    let children = vec![
        Life::new("one", &diary).child(&one),
        below(&seat, &diary, [&two, &three]),
    ];
    let (supervisor, ended) = start(spec(children, 3)).await;
    supervisor.cast(SupervisorMessage::Shutdown).unwrap();
    ended.await.unwrap();
    let stops: Vec<_> = diary.lines().split_off(3);
    assert_eq!(stops, ["three stops", "two stops", "one stops"]);
}

#[tokio::test]
async fn a_failed_first_start_leaves_nothing_running() {
    let diary = Diary::default();
    let (one, two) = (slot("one"), slot("two"));
    let stillborn = Life::new("two", &diary);
    stillborn.stillbirths.store(1, Ordering::SeqCst);
    let children = vec![Life::new("one", &diary).child(&one), stillborn.child(&two)];
    let failed = Actor::spawn(None, Supervisor, spec(children, 3)).await;
    assert!(failed.is_err());
    let first = one.cell().unwrap();
    first.wait(Some(PATIENCE)).await.unwrap();
    assert_eq!(first.get_status(), ActorStatus::Stopped);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_under_load_live_through_restarts() {
    const CALLERS: u64 = 8;
    const CALLS: u64 = 50;
    let diary = Diary::default();
    let one = slot("one");
    let children = vec![Life::new("one", &diary).child(&one)];
    let (_supervisor, _) = start(spec(children, 100)).await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let one = one.clone();
            tokio::spawn(async move {
                for number in 0..CALLS {
                    assert_eq!(insist(&one, number).await, number);
                }
            })
        })
        .collect();
    for killed in 1..=3 {
        one.cell().unwrap().kill();
        while one.generation() <= killed {
            tokio::task::yield_now().await;
        }
    }
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(one.generation(), 4);
}

const SHORT: Duration = Duration::from_millis(5);

/// A handler that does not come back, which the actor has entered when this returns.
async fn stick(slot: &Slot<Ask>) -> oneshot::Sender<()> {
    let (entered, inside) = oneshot::channel();
    let (release, until) = oneshot::channel();
    let (answer, _unheard) = oneshot::channel();
    let reply = answer.into();
    let hold = Ask::Hold {
        entered,
        until,
        reply,
    };
    slot.send(hold).await.unwrap();
    inside.await.unwrap();
    release
}

#[tokio::test]
async fn a_child_that_never_stops_is_killed_and_the_others_stop_in_order() {
    let diary = Diary::default();
    let slots = ["one", "two", "three"].map(slot);
    let mut children: Vec<_> = slots
        .iter()
        .map(|slot| Life::new(slot.name(), &diary).child(slot))
        .collect();
    let last = children.pop().unwrap().before_stop(std::future::pending);
    children.push(last.stops_within(SHORT));
    children[1] = children[1].clone().stops_within(SHORT);
    let (supervisor, ended) = start(spec(children, 3)).await;
    let _stuck = stick(&slots[1]).await;
    supervisor.cast(SupervisorMessage::Shutdown).unwrap();
    ended.await.unwrap();
    assert_eq!(diary.lines().split_off(3), ["three stops", "one stops"]);
    let stuck = slots[1].cell().unwrap();
    stuck.wait(Some(PATIENCE)).await.unwrap();
}

#[tokio::test]
async fn a_supervisor_below_may_take_as_long_as_all_its_children() {
    let diary = Diary::default();
    let slots = ["one", "two", "three"].map(slot);
    let seat = SupervisorSeat::new("below");
    let (stuck, lives) = (slots.clone(), diary.clone());
    let below = Child::supervisor(&seat, clock(), move || {
        let child = |slot: &Slot<Ask>| {
            let child = Life::new(slot.name(), &lives).child(slot);
            child.stops_within(SHORT)
        };
        stuck.iter().map(child).collect()
    });
    let (supervisor, ended) = start(spec(vec![below], 3)).await;
    let _two = stick(&slots[1]).await;
    let _three = stick(&slots[2]).await;
    supervisor.cast(SupervisorMessage::Shutdown).unwrap();
    ended.await.unwrap();
    assert_eq!(diary.lines().split_off(3), ["one stops"]);
}

#[tokio::test]
async fn who_stops_while_a_child_is_to_be_restarted_does_not_start_it_again() {
    let diary = Diary::default();
    let (one, two) = (slot("one"), slot("two"));
    let life = Life::new("two", &diary);
    let drained = diary.clone();
    let restarted = life.child(&two).before_stop(move || {
        drained.write("drains".to_owned());
        std::future::ready(())
    });
    let children = vec![Life::new("one", &diary).child(&one), restarted];
    let (supervisor, ended) = start(spec(children, 1000)).await;
    life.stillbirths.store(usize::MAX, Ordering::SeqCst);
    assert!(two.call(PATIENCE, Ask::Panic).await.is_err());
    while life.stillbirths.load(Ordering::SeqCst) > usize::MAX - 3 {
        tokio::task::yield_now().await;
    }
    supervisor.cast(SupervisorMessage::Shutdown).unwrap();
    ended.await.unwrap();
    assert_eq!(diary.lines().split_off(2), ["one stops"]);
    assert_eq!((one.generation(), two.generation()), (1, 1));
}

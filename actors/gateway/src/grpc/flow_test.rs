#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Flow, Time};
use crate::{
    edge::{Deadline, Gate},
    grpc::answers::of_iter,
};
use deriva_messages::Fault;
use deriva_system::SystemClock;
use std::{future::poll_fn, sync::Arc, time::Duration};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(20);

fn time(asked: Duration, silence: Duration) -> Time {
    let clock = Arc::new(SystemClock::default());
    Time {
        deadline: Deadline::new(clock, Some(asked), LONG),
        silence,
    }
}

/// An endless answer of which one item was taken; whether the gate is free again, when it is.
async fn left_unread(time: Time) -> Flow<u32> {
    let gate = Gate::new(1, Arc::new(SystemClock::default()));
    let flow = Flow::new(of_iter(0..), gate.admit("Get").unwrap(), time);
    let first = poll_fn(|cx| flow.poll(cx)).await;
    assert_eq!(first.unwrap().unwrap(), 0);
    assert!(gate.admit("Get").is_err(), "the place is taken");
    let freed = async {
        while gate.admit("Get").is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed)
        .await
        .expect("the place was never given back");
    flow
}

#[tokio::test]
async fn an_answer_that_nobody_reads_gives_its_place_back() {
    let flow = left_unread(time(LONG, SHORT)).await;
    let last = poll_fn(|cx| flow.poll(cx)).await;
    assert_eq!(last, Some(Err(Fault::Cancelled)));
    assert_eq!(poll_fn(|cx| flow.poll(cx)).await, None);
}

#[tokio::test]
async fn a_deadline_ends_an_answer_that_nobody_reads() {
    let flow = left_unread(time(SHORT, LONG)).await;
    let last = poll_fn(|cx| flow.poll(cx)).await;
    assert_eq!(last, Some(Err(Fault::DeadlineExceeded)));
}

#[tokio::test]
async fn an_answer_that_is_slow_to_come_is_not_one_that_is_not_read() {
    let gate = Gate::new(1, Arc::new(SystemClock::default()));
    let (give, take) = tokio::sync::mpsc::channel(1);
    let items = tokio_stream::wrappers::ReceiverStream::new(take);
    let admitted = gate.admit("Get").unwrap();
    let flow = Flow::new(Box::pin(items), admitted, time(LONG, SHORT));
    let slept = async {
        tokio::time::sleep(SHORT * 4).await;
        give.send(Ok(7)).await.unwrap();
    };
    let (given, ()) = tokio::join!(poll_fn(|cx| flow.poll(cx)), slept);
    assert_eq!(given, Some(Ok(7)));
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Answers, Items, of_iter, pump};
use crate::edge::{Admitted, Deadline, Gate};
use crate::grpc::flow::Time;
use deriva_messages::Fault;
use deriva_system::{ManualClock, SystemClock};
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tokio_stream::StreamExt;
use tonic::Code;

const LONG: Duration = Duration::from_secs(600);

fn admitted() -> Arc<Admitted> {
    Gate::new(1, Arc::new(SystemClock::default()))
        .admit("Get")
        .unwrap()
}

fn answers<T: Send + 'static>(items: Items<T>) -> Answers<T> {
    let deadline = Deadline::new(Arc::new(SystemClock::default()), None, LONG);
    Answers::new(items, admitted(), within(deadline))
}

fn within(deadline: Deadline) -> Time {
    Time {
        deadline,
        silence: LONG,
    }
}

#[tokio::test]
async fn everything_is_given_in_order() {
    let given: Vec<u32> = answers(of_iter(0..3)).map(Result::unwrap).collect().await;
    assert_eq!(given, [0, 1, 2]);
}

#[tokio::test]
async fn a_fault_is_the_last_word() {
    let items = tokio_stream::iter([Ok(1), Err(Fault::Draining), Ok(2)]);
    let given: Vec<_> = answers(Box::pin(items)).collect().await;
    assert_eq!(given.len(), 2);
    assert_eq!(given[1].as_ref().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_task_that_dies_ends_its_answer_with_an_error() {
    let items = pump::<u32, _>(4, |outlet| async move {
        outlet.give(1).await?;
        panic!("on purpose");
    });
    let given: Vec<_> = answers(items).collect().await;
    assert_eq!(given.len(), 2);
    assert_eq!(given[1].as_ref().unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn a_task_that_fails_says_so() {
    let items = pump::<u32, _>(4, |_| async { Err(Fault::DeadlineExceeded) });
    let given: Vec<_> = answers(items).collect().await;
    assert_eq!(
        given[0].as_ref().unwrap_err().code(),
        Code::DeadlineExceeded
    );
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_task() {
    let (alive, ended) = oneshot::channel::<()>();
    let items = pump::<u32, _>(1, |_| async move {
        let _alive = alive;
        std::future::pending().await
    });
    drop(answers(items));
    assert!(ended.await.is_err(), "the task was dropped");
}

#[tokio::test]
async fn a_deadline_ends_an_answer_that_waits() {
    let clock = Arc::new(SystemClock::default());
    let deadline = Deadline::new(clock, Some(Duration::from_millis(20)), LONG);
    let silent: Items<u32> = Box::pin(tokio_stream::pending());
    let given: Vec<_> = Answers::new(silent, admitted(), within(deadline))
        .collect()
        .await;
    assert_eq!(
        given[0].as_ref().unwrap_err().code(),
        Code::DeadlineExceeded
    );
}

#[tokio::test]
async fn a_deadline_ends_an_answer_that_is_read_too_slowly() {
    let clock = Arc::new(ManualClock::default());
    let deadline = Deadline::new(clock.clone(), Some(Duration::from_secs(1)), LONG);
    let mut given = Answers::new(of_iter(0..), admitted(), within(deadline));
    assert_eq!(given.next().await.unwrap().unwrap(), 0);
    clock.advance(Duration::from_secs(2));
    assert_eq!(
        given.next().await.unwrap().unwrap_err().code(),
        Code::DeadlineExceeded
    );
    assert!(given.next().await.is_none());
}

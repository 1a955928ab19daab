//! The lane's promises: order, survival of a panic, an end after what was queued.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::Lane;
use deriva_messages::Fault;
use std::sync::{Arc, Mutex, mpsc};

#[tokio::test]
async fn work_is_done_in_the_order_it_was_given() {
    let lane = Lane::start("test", 64).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let work: Vec<_> = (0..50)
        .map(|number| {
            let (lane, seen) = (lane.clone(), seen.clone());
            async move { lane.run(move || seen.lock().unwrap().push(number)).await }
        })
        .collect();
    for one in work {
        one.await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_panic_is_one_callers_and_the_lane_lives_on() {
    let lane = Lane::start("test", 4).unwrap();
    let lost = lane.run(|| -> u8 { panic!("as the test asked") }).await;
    assert!(matches!(lost, Err(Fault::Unavailable { .. })), "{lost:?}");
    assert_eq!(lane.run(|| 7).await, Ok(7));
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_take_its_work_along() {
    let lane = Lane::start("test", 4).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (did, done) = mpsc::channel();
    let (inside, entered) = tokio::sync::oneshot::channel();
    let caller = tokio::spawn({
        let lane = lane.clone();
        async move {
            let work = move || {
                inside.send(()).unwrap();
                held.recv().unwrap();
                did.send(()).unwrap();
            };
            lane.run(work).await
        }
    });
    entered.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    // The next piece runs after the abandoned one, which ran to its end.
    lane.run(|| ()).await.unwrap();
    done.try_recv().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_makes_its_callers_wait() {
    let lane = Lane::start("test", 1).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (inside, entered) = tokio::sync::oneshot::channel();
    let run = |work: Box<dyn FnOnce() + Send>| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.run(work).await })
    };
    let first = run(Box::new(move || {
        inside.send(()).unwrap();
        held.recv().unwrap();
    }));
    entered.await.unwrap();
    let queued = run(Box::new(|| ()));
    while lane.queue.capacity() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = run(Box::new(|| ()));
    tokio::task::yield_now().await;
    assert_eq!(lane.queue.capacity(), 0);
    assert!(!queued.is_finished() && !waiting.is_finished());
    release.send(()).unwrap();
    for done in [first, queued, waiting] {
        done.await.unwrap().unwrap();
    }
}

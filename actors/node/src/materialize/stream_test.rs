//! Streams from the disk: order, backpressure, and their early ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::MaterializeConfig;
use super::stage_test::{Stage, asked, chunks, stored};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Interest, Materialize},
};
use deriva_model::CAddr;
use deriva_system::compute::Outcome;
use std::time::Duration;
use tokio::sync::mpsc;

const WINDOW: usize = 2;

type Chunks = mpsc::Receiver<Result<Bytes, Fault>>;

fn narrow() -> MaterializeConfig {
    MaterializeConfig {
        max_requests: 1,
        stream_window: WINDOW,
    }
}

async fn streaming(
    shelf: Vec<Result<Bytes, Fault>>,
    request: Materialize,
) -> (Stage, Interest, Chunks) {
    let content = stored(&shelf);
    let mut stage = Stage::new(narrow(), shelf).await;
    let asking = stage.ask(request);
    stage.next_begun().await.give(Outcome::Stored(content));
    let (interest, answer) = asking.await.unwrap().unwrap();
    assert_eq!(
        (answer.content, answer.size),
        (content.content, content.size)
    );
    let Body::Chunks(reader) = answer.body else {
        panic!("{:?}", answer.body)
    };
    (stage, interest, reader)
}

/// Lets everything else that can run do so.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn chunks_come_whole_and_in_order() {
    let shelf = chunks(10);
    let (mut stage, _interest, mut reader) = streaming(shelf.clone(), asked(b"root")).await;
    for chunk in shelf {
        assert_eq!(reader.recv().await, Some(chunk));
    }
    assert_eq!(reader.recv().await, None);
    let (_next, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn an_empty_content_is_an_empty_stream() {
    let (stage, _interest, mut reader) = streaming(Vec::new(), asked(b"root")).await;
    assert_eq!(reader.recv().await, None);
    assert_eq!(*stage.reads.borrow(), 0);
}

#[tokio::test]
async fn a_slow_reader_holds_no_more_than_its_window() {
    let (mut stage, _interest, mut reader) = streaming(chunks(10), asked(b"root")).await;
    for taken in 0..4 {
        let window = taken + WINDOW;
        stage
            .reads
            .wait_for(|reads| *reads == window)
            .await
            .unwrap();
        settle().await;
        assert_eq!(*stage.reads.borrow(), window);
        assert!(reader.recv().await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_stream() {
    let (mut stage, _interest, mut reader) = streaming(chunks(10), asked(b"root")).await;
    assert!(reader.recv().await.unwrap().is_ok());
    drop(reader);
    // Only one request may be under way, so that this one is over when the next is let in.
    let (_next, _begun) = stage.ask_until_let_in().await;
    assert!(*stage.reads.borrow() <= WINDOW + 1);
}

#[tokio::test]
async fn a_reader_that_goes_away_waits_for_no_disk() {
    let mut stage = Stage::new(narrow(), chunks(1)).await;
    let asking = stage.ask(asked(b"root"));
    // The shard has one chunk of the two and never answers for the other.
    let content = stored(&chunks(2));
    stage.next_begun().await.give(Outcome::Stored(content));
    let (_interest, answer) = asking.await.unwrap().unwrap();
    stage.reads.wait_for(|reads| *reads == 2).await.unwrap();
    drop(answer);
    let (_next, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn a_dropped_interest_ends_the_stream() {
    let (mut stage, interest, mut reader) = streaming(chunks(10), asked(b"root")).await;
    drop(interest);
    let (_next, _begun) = stage.ask_until_let_in().await;
    let mut whole = 0;
    while let Some(chunk) = reader.recv().await {
        match chunk {
            Ok(_) => whole += 1,
            Err(fault) => assert_eq!(fault, Fault::Cancelled),
        }
    }
    assert!(whole <= WINDOW);
}

#[tokio::test]
async fn a_deadline_ends_the_stream_too() {
    let request = Materialize {
        deadline: Some(Duration::from_millis(500)),
        ..asked(b"root")
    };
    let (mut stage, mut interest, mut reader) = streaming(chunks(10), request).await;
    // The request listens to its caller until the deadline.
    interest.held.closed().await;
    let (_next, _begun) = stage.ask_until_let_in().await;
    let mut got = 0;
    while let Some(chunk) = reader.recv().await {
        got += chunk.map_or(0, |bytes| bytes.len());
    }
    assert!(got < 10 * 1024);
}

#[tokio::test]
async fn damage_on_the_way_is_the_last_word() {
    let damage = Fault::DataLoss {
        address: CAddr::of_leaf(b"owner"),
        what: "chunk 1".to_owned(),
    };
    let mut shelf = chunks(3);
    let content = stored(&shelf);
    shelf[1] = Err(damage.clone());
    let mut stage = Stage::new(narrow(), shelf).await;
    let asking = stage.ask(asked(b"root"));
    stage.next_begun().await.give(Outcome::Stored(content));
    let (_interest, answer) = asking.await.unwrap().unwrap();
    let Body::Chunks(mut reader) = answer.body else {
        panic!("{:?}", answer.body)
    };
    assert!(reader.recv().await.unwrap().is_ok());
    assert_eq!(reader.recv().await, Some(Err(damage)));
    assert_eq!(reader.recv().await, None);
}

#[tokio::test]
async fn chunks_that_do_not_add_up_are_damage() {
    for wrong in [Bytes::new(), vec![0; 4096].into()] {
        let mut shelf = chunks(3);
        let content = stored(&shelf);
        shelf[1] = Ok(wrong);
        let mut stage = Stage::new(narrow(), shelf).await;
        let asking = stage.ask(asked(b"root"));
        stage.next_begun().await.give(Outcome::Stored(content));
        let (_interest, answer) = asking.await.unwrap().unwrap();
        let Body::Chunks(mut reader) = answer.body else {
            panic!("{:?}", answer.body)
        };
        assert!(reader.recv().await.unwrap().is_ok());
        let damage = reader.recv().await.unwrap().unwrap_err();
        assert!(matches!(damage, Fault::DataLoss { .. }), "{damage}");
    }
}

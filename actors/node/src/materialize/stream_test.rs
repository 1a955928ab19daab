//! Streams from the disk: order, backpressure, and their early ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::MaterializeConfig;
use super::stage_test::{Stage, asked, chunks, stored};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Interest, Materialize, Part, Whole},
};
use deriva_model::CAddr;
use deriva_model::ContentHash;
use deriva_system::{
    compute::{Next, Outcome, Tail},
    scratch::{MemoryScratch, Scratch},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::mpsc;

const WINDOW: usize = 2;

type Parts = mpsc::Receiver<Result<Part, Fault>>;

fn narrow() -> MaterializeConfig {
    MaterializeConfig {
        max_requests: 1,
        stream_window: WINDOW,
        ..MaterializeConfig::default()
    }
}

async fn streaming(
    shelf: Vec<Result<Bytes, Fault>>,
    request: Materialize,
) -> (Stage, Interest, Parts) {
    let content = stored(&shelf);
    let mut stage = Stage::new(narrow(), shelf).await;
    let asking = stage.ask(request);
    stage.next_begun().await.give(Outcome::Stored(content));
    let (interest, answer) = asking.await.unwrap().unwrap();
    let whole = answer.whole.unwrap();
    assert_eq!((whole.content, whole.size), (content.content, content.size));
    let Body::Parts(reader) = answer.body else {
        panic!("{:?}", answer.body)
    };
    (stage, interest, reader)
}

fn length(part: Part) -> usize {
    match part {
        Part::Bytes(bytes) => bytes.len(),
        Part::Whole(_) => 0,
    }
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
        assert_eq!(reader.recv().await, Some(chunk.map(Part::Bytes)));
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
        got += chunk.map_or(0, length);
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
    let Body::Parts(mut reader) = answer.body else {
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
        let Body::Parts(mut reader) = answer.body else {
            panic!("{:?}", answer.body)
        };
        assert!(reader.recv().await.unwrap().is_ok());
        let damage = reader.recv().await.unwrap().unwrap_err();
        assert!(matches!(damage, Fault::DataLoss { .. }), "{damage}");
    }
}

/// Whether a production says that it waits for its reader, and how often it was asked.
#[derive(Clone, Default)]
struct Awaited {
    says: bool,
    asked: Arc<AtomicU64>,
}

/// A production that the test scripted: what it gives, and whether it waits for its reader.
struct Script {
    next: VecDeque<Result<Next, Fault>>,
    awaited: Awaited,
}

impl Tail for Script {
    fn poll_next(&mut self, _context: &mut Context<'_>) -> Poll<Result<Next, Fault>> {
        self.next.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn is_awaited(&self) -> bool {
        self.awaited.asked.fetch_add(1, Ordering::Relaxed);
        self.awaited.says
    }
}

async fn following(next: Vec<Result<Next, Fault>>, awaited: &Awaited) -> (Stage, Interest, Parts) {
    let config = MaterializeConfig {
        reader_patience: Duration::from_millis(20),
        ..narrow()
    };
    let mut stage = Stage::new(config, Vec::new()).await;
    let asking = stage.ask(asked(b"root"));
    let tail = Script {
        next: next.into(),
        awaited: awaited.clone(),
    };
    let outcome = Outcome::Production(Box::new(tail));
    stage.next_begun().await.give(outcome);
    let (interest, answer) = asking.await.unwrap().unwrap();
    assert_eq!(answer.whole, None);
    let Body::Parts(reader) = answer.body else {
        panic!("{:?}", answer.body)
    };
    (stage, interest, reader)
}

fn pieces(count: usize) -> Vec<Result<Next, Fault>> {
    let piece = |_| Ok(Next::Piece(Bytes::from_static(b"piece")));
    (0..count).map(piece).collect()
}

#[tokio::test]
async fn what_is_being_computed_comes_in_order_from_memory_and_from_files() {
    let file = MemoryScratch::new(100).file().unwrap();
    file.push(b"first").unwrap();
    let content = ContentHash::of(b"firstpiece");
    let mut next = pieces(1);
    next.insert(0, Ok(Next::Away { file, number: 0 }));
    next.push(Ok(Next::End { content, size: 10 }));
    let (mut stage, _interest, mut reader) = following(next, &Awaited::default()).await;
    for expected in [
        Part::Bytes(Bytes::from_static(b"first")),
        Part::Bytes(Bytes::from_static(b"piece")),
        Part::Whole(Whole { content, size: 10 }),
    ] {
        assert_eq!(reader.recv().await, Some(Ok(expected)));
    }
    assert_eq!(reader.recv().await, None);
    let (_next, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn a_computation_that_fails_says_so_at_the_end_of_its_stream() {
    let mut next = pieces(1);
    next.push(Err(Fault::Draining));
    let (_stage, _interest, mut reader) = following(next, &Awaited::default()).await;
    assert!(reader.recv().await.unwrap().is_ok());
    assert_eq!(reader.recv().await, Some(Err(Fault::Draining)));
    assert_eq!(reader.recv().await, None);
}

#[tokio::test]
async fn a_reader_who_takes_nothing_while_the_computation_waits_is_left() {
    let awaited = Awaited {
        says: true,
        ..Awaited::default()
    };
    let (mut stage, _interest, mut reader) = following(pieces(10), &awaited).await;
    // Its place is free though it holds the stream and its interest.
    let (_next, _begun) = stage.ask_until_let_in().await;
    let mut got = 0;
    while let Some(part) = reader.recv().await {
        got += part.map_or(0, length);
    }
    assert_eq!(got, WINDOW * b"piece".len());
}

#[tokio::test]
async fn a_reader_whom_nothing_waits_for_may_take_its_time() {
    let awaited = Awaited::default();
    let (mut stage, _interest, mut reader) = following(pieces(10), &awaited).await;
    let refused = stage.ask(asked(b"other"));
    assert!(refused.await.unwrap().is_err(), "the place is taken");
    while awaited.asked.load(Ordering::Relaxed) < 3 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        assert!(reader.recv().await.unwrap().is_ok());
    }
    drop(reader);
    let (_next, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn a_reader_that_leaves_withdraws_from_the_computation() {
    let (mut stage, interest, reader) = following(pieces(1), &Awaited::default()).await;
    drop((interest, reader));
    let (_next, _begun) = stage.ask_until_let_in().await;
}

#[tokio::test]
async fn what_a_request_uses_is_held_until_its_last_byte_is_on_its_way() {
    let root = CAddr::of_leaf(b"root");
    // From the disk, as slowly as the reader likes.
    let (mut stage, _interest, mut reader) = streaming(chunks(10), asked(b"root")).await;
    for _ in 0..2 {
        assert!(reader.recv().await.unwrap().is_ok());
        settle().await;
        assert!(stage.holds.is_held(&root));
    }
    while reader.recv().await.is_some() {}
    let (_next, _begun) = stage.ask_until_let_in().await;
    assert!(!stage.holds.is_held(&root));

    // While it is being computed; a computation that nobody follows any more holds nothing.
    let (mut stage, interest, mut reader) = following(pieces(3), &Awaited::default()).await;
    for _ in 0..3 {
        assert!(reader.recv().await.unwrap().is_ok());
        settle().await;
        assert!(stage.holds.is_held(&root), "the production has not ended");
    }
    drop((interest, reader));
    let (_next, _begun) = stage.ask_until_let_in().await;
    assert!(!stage.holds.is_held(&root));
}

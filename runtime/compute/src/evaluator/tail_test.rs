//! The tail as plain data: who sees what, when the production waits, what leaves memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use compute::Tail as _;
use deriva_system::scratch::{MemoryScratch, Scratch};
use std::sync::atomic::{AtomicU64, Ordering};

/// Pieces that stay in memory when all lie in a file.
const RECENT: usize = 2 * AHEAD_MAX as usize;

fn tail() -> Arc<Tail> {
    Tail::new(Meter::default())
}

fn unheard() -> Resume {
    Box::new(|| {})
}

fn piece(number: u64) -> Bytes {
    Bytes::from(number.to_string())
}

fn next(reader: &mut Reader) -> Poll<Result<Next, Fault>> {
    reader.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn taken(reader: &mut Reader) -> Bytes {
    match next(reader) {
        Poll::Ready(Ok(Next::Piece(piece))) => piece,
        Poll::Ready(Ok(Next::Away { file, number })) => file.piece(number).unwrap().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn readers_see_every_piece_in_order_whenever_they_come() {
    let tail = tail();
    let mut early = tail.reader(unheard()).unwrap();
    assert!(next(&mut early).is_pending());
    tail.give(piece(0), RECENT);
    tail.give(piece(1), RECENT);
    let mut late = tail.reader(unheard()).unwrap();
    for number in 0..2 {
        assert_eq!(taken(&mut early), piece(number));
        assert_eq!(taken(&mut late), piece(number));
    }
    let content = ContentHash::of(b"01");
    assert!(next(&mut late).is_pending());
    tail.end(Ok((content, 2)));
    tail.end(Err(Fault::Cancelled));
    let last = next(&mut late);
    assert!(
        matches!(&last, Poll::Ready(Ok(Next::End { content: c, size: 2 })) if *c == content),
        "{last:?}"
    );
}

#[test]
fn a_failure_comes_after_what_was_there() {
    let tail = tail();
    tail.give(piece(0), RECENT);
    let mut reader = tail.reader(unheard()).unwrap();
    tail.end(Err(Fault::Cancelled));
    assert_eq!(taken(&mut reader), piece(0));
    assert!(matches!(
        next(&mut reader),
        Poll::Ready(Err(Fault::Cancelled))
    ));
}

#[test]
fn the_production_waits_for_its_fastest_reader_and_is_woken_once() {
    let woken = Arc::new(AtomicU64::new(0));
    let count = woken.clone();
    let tail = tail();
    assert!(!tail.park(), "nobody reads, nobody is waited for");
    let mut fast = tail
        .reader(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }))
        .unwrap();
    let slow = tail.reader(unheard()).unwrap();
    for number in 0..AHEAD_MAX - 1 {
        tail.give(piece(number), RECENT);
    }
    assert!(!tail.park());
    tail.give(piece(AHEAD_MAX - 1), RECENT);
    assert!(tail.park());
    assert!(fast.is_awaited() && slow.is_awaited());
    let until_low = AHEAD_MAX - AHEAD_LOW;
    for _ in 1..until_low {
        taken(&mut fast);
    }
    assert_eq!(woken.load(Ordering::Relaxed), 0);
    taken(&mut fast);
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert!(!fast.is_awaited());
    for _ in until_low..AHEAD_MAX {
        taken(&mut fast);
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert!(!tail.park(), "the slow one is not waited for");
    drop(fast);
    assert!(tail.park(), "it is the fastest now");
}

#[test]
fn what_lies_in_a_file_leaves_memory_and_is_read_from_there() {
    let meter = Meter::default();
    let tail = Tail::new(meter.clone());
    let file = MemoryScratch::new(1 << 20).file().unwrap();
    let many = 3 * RECENT as u64;
    for number in 0..many {
        if number == 5 {
            for piece in tail.whole().unwrap() {
                file.push(&piece).unwrap();
            }
            tail.moved(file.clone(), RECENT);
        }
        if number >= 5 {
            file.push(&piece(number)).unwrap();
        }
        tail.give(piece(number), RECENT);
    }
    let recent: u64 = (many - RECENT as u64..many)
        .map(|number| piece(number).len() as u64)
        .sum();
    assert_eq!(tail.in_memory(), recent);
    assert!(meter.is_over(recent - 1, 0) && !meter.is_over(recent, 0));
    assert_eq!(tail.whole(), None);
    let mut reader = tail.reader(unheard()).unwrap();
    for number in 0..many {
        assert_eq!(taken(&mut reader), piece(number));
    }
    drop((reader, tail));
    assert!(!meter.is_over(0, 0));
}

#[test]
fn without_a_file_who_is_behind_is_told_so() {
    let tail = tail();
    let mut behind = tail.reader(unheard()).unwrap();
    tail.unsaved(RECENT);
    for number in 0..=RECENT as u64 {
        tail.give(piece(number), RECENT);
    }
    let told = next(&mut behind);
    assert!(
        matches!(told, Poll::Ready(Err(Fault::Overloaded { .. }))),
        "{told:?}"
    );
    assert!(tail.reader(unheard()).is_err());
}

#[test]
fn what_is_pulled_leaves_memory_at_once() {
    let tail = tail();
    tail.give(piece(7), RECENT);
    tail.give(piece(8), RECENT);
    assert_eq!(tail.take_first(), Some(piece(7)));
    assert_eq!(tail.in_memory(), 1);
    assert_eq!(tail.take_first(), Some(piece(8)));
    assert_eq!((tail.take_first(), tail.in_memory()), (None, 0));
}

//! A value's bytes on their way to a client, in chunks cut from what is in memory without copying.
//!
//! It refuses to end well unless every byte was given: a source that stops early is a fault.

use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Interest, Materialized},
};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::sync::mpsc;
use tokio_stream::Stream;

/// The bytes of one value.
#[derive(Debug)]
pub(super) struct Pieces {
    /// What is at hand and not yet given.
    at_hand: Bytes,
    rest: Option<mpsc::Receiver<Result<Bytes, Fault>>>,
    /// Bytes that are not at hand yet.
    missing: u64,
    /// Bytes of one piece; at least 1.
    piece: usize,
    /// Its drop ends the request behind the bytes.
    _interest: Option<Interest>,
}

impl Pieces {
    /// Bytes in memory.
    pub(super) fn of(bytes: Bytes, piece: usize) -> Self {
        Self {
            at_hand: bytes,
            rest: None,
            missing: 0,
            piece: piece.max(1),
            _interest: None,
        }
    }

    /// An answer of the evaluator, and the interest that keeps it coming.
    pub(super) fn of_answer(answer: Materialized, interest: Interest, piece: usize) -> Self {
        let mut pieces = match answer.body {
            Body::Resident(bytes) => Self::of(bytes, piece),
            Body::Chunks(chunks) => Self {
                rest: Some(chunks),
                missing: answer.size,
                ..Self::of(Bytes::new(), piece)
            },
        };
        pieces._interest = Some(interest);
        pieces
    }

    /// Takes the next chunk in; `None` when all were there.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Fault>>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let chunk = match ready!(rest.poll_recv(cx)) {
            Some(Ok(chunk)) => chunk,
            Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
            None if self.missing == 0 => return Poll::Ready(None),
            None => return Poll::Ready(Some(Err(self.cut_off()))),
        };
        let Some(missing) = self.missing.checked_sub(chunk.len() as u64) else {
            let what = "a value came with more bytes than it has".to_owned();
            return Poll::Ready(Some(Err(Fault::Breach { what })));
        };
        self.missing = missing;
        self.at_hand = chunk;
        Poll::Ready(Some(Ok(())))
    }

    fn cut_off(&self) -> Fault {
        Fault::Unavailable {
            what: format!("the rest of the value ({} bytes)", self.missing),
        }
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.at_hand.is_empty() {
            match ready!(self.poll_more(cx)) {
                Some(Ok(())) => {}
                Some(Err(fault)) => {
                    // A fault is the last word: what is asked after it is the end.
                    self.rest = None;
                    return Poll::Ready(Some(Err(fault)));
                }
                None => return Poll::Ready(None),
            }
        }
        let length = self.piece.min(self.at_hand.len());
        Poll::Ready(Some(Ok(self.at_hand.split_to(length))))
    }
}

#[cfg(test)]
#[path = "pieces_test.rs"]
mod pieces_test;

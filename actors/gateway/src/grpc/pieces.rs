//! A value's bytes on their way to a client, in chunks cut from what is in memory without copying.
//!
//! It refuses to end well unless every byte was given: a source that stops early is a fault.

use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Body, Interest, Materialized, Part, Whole},
};
use deriva_model::ContentHash;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::sync::mpsc;
use tokio_stream::Stream;

/// One piece. What the value is stands on the last, which may have no bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) content: Option<ContentHash>,
}

/// The bytes of one value.
#[derive(Debug)]
pub(super) struct Pieces {
    /// What is at hand and not yet given.
    at_hand: Bytes,
    rest: Option<mpsc::Receiver<Result<Part, Fault>>>,
    /// Bytes that came in so far.
    taken: u64,
    /// What the value is, as far as that is known, until it was told.
    whole: Option<Whole>,
    /// Bytes of one piece; at least 1.
    piece: usize,
    /// Its drop ends the request behind the bytes.
    _interest: Option<Interest>,
}

impl Pieces {
    /// A value in memory.
    pub(super) fn of_value(content: ContentHash, bytes: Bytes, piece: usize) -> Self {
        let whole = Whole {
            content,
            size: bytes.len() as u64,
        };
        Self {
            whole: Some(whole),
            ..Self::of(bytes, piece)
        }
    }

    /// Bytes in memory that are no value: nothing is said about them.
    pub(super) fn of(bytes: Bytes, piece: usize) -> Self {
        Self {
            taken: bytes.len() as u64,
            at_hand: bytes,
            rest: None,
            whole: None,
            piece: piece.max(1),
            _interest: None,
        }
    }

    /// An answer of the evaluator, and the interest that keeps it coming.
    pub(super) fn of_answer(answer: Materialized, interest: Interest, piece: usize) -> Self {
        let pieces = match answer.body {
            Body::Resident(bytes) => Self::of(bytes, piece),
            Body::Parts(parts) => Self {
                rest: Some(parts),
                ..Self::of(Bytes::new(), piece)
            },
        };
        Self {
            whole: answer.whole,
            _interest: Some(interest),
            ..pieces
        }
    }

    /// Takes the next part in; `None` when all were there.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), Fault>>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let part = match ready!(rest.poll_recv(cx)) {
            Some(Ok(part)) => part,
            Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
            None if self.is_complete() => return Poll::Ready(None),
            None => return Poll::Ready(Some(Err(self.cut_off()))),
        };
        match part {
            Part::Bytes(bytes) => {
                self.taken += bytes.len() as u64;
                self.at_hand = bytes;
            }
            Part::Whole(whole) => self.whole = Some(whole),
        }
        match self.whole {
            Some(whole) if self.taken > whole.size => {
                let what = "a value came with more bytes than it has".to_owned();
                Poll::Ready(Some(Err(Fault::Breach { what })))
            }
            _ => Poll::Ready(Some(Ok(()))),
        }
    }

    fn is_complete(&self) -> bool {
        self.whole.is_some_and(|whole| whole.size == self.taken)
    }

    fn cut_off(&self) -> Fault {
        let what = match self.whole {
            Some(whole) => format!("the rest of the value ({} bytes)", whole.size - self.taken),
            None => "the rest of the value".to_owned(),
        };
        Fault::Unavailable { what }
    }

    /// What the value is, once, when its last byte is being given.
    fn told(&mut self) -> Option<ContentHash> {
        if !self.at_hand.is_empty() || !self.is_complete() {
            return None;
        }
        self.whole.take().map(|whole| whole.content)
    }
}

impl Stream for Pieces {
    type Item = Result<Piece, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.at_hand.is_empty() {
            if let Some(content) = self.told() {
                // The last word; whoever asks on is told the end.
                self.rest = None;
                return Poll::Ready(Some(Ok(Piece {
                    bytes: Bytes::new(),
                    content: Some(content),
                })));
            }
            match ready!(self.poll_more(cx)) {
                Some(Ok(())) => {}
                Some(Err(fault)) => {
                    // A fault is the last word: what is asked after it is the end.
                    self.rest = None;
                    self.whole = None;
                    return Poll::Ready(Some(Err(fault)));
                }
                None => return Poll::Ready(None),
            }
        }
        let length = self.piece.min(self.at_hand.len());
        let bytes = self.at_hand.split_to(length);
        let content = self.told();
        if content.is_some() {
            self.rest = None;
        }
        Poll::Ready(Some(Ok(Piece { bytes, content })))
    }
}

#[cfg(test)]
#[path = "pieces_test.rs"]
mod pieces_test;

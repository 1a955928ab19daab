//! The streams of one request: stored content chunk by chunk, or what is being computed piece by
//! piece, as fast as the reader takes it.
//!
//! It refuses to read before there is room, so a slow reader holds no more than its window, and to let
//! a computation wait for ever for a reader who takes nothing.

use super::{
    actor::Notice,
    decide::Heard,
    perform::{Task, tell},
};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::BlobMessage,
    materialize::{Part, Whole},
};
use deriva_system::{
    compute::{Next, StoredContent, Tail},
    scratch::ScratchFile,
    supervise::Slot,
};
use ractor::ActorRef;
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::sync::mpsc::{self, Permit};
use tracing::{Instrument, Span};

/// How long one chunk may take to come from its shard: long enough for a disk that others keep busy.
const READ_DEADLINE: Duration = Duration::from_secs(30);

type Given = Result<Part, Fault>;

/// Where the bytes come from.
pub(super) enum Source {
    Stored {
        slot: Option<Slot<BlobMessage>>,
        stored: StoredContent,
    },
    Followed {
        tail: Box<dyn Tail>,
        /// How long a computation that stands still waits for this reader.
        patience: Duration,
    },
}

/// A stream under way. It ends with its handle.
pub(super) struct Pump {
    _task: Task,
    /// To say why a stream was cut; does not keep it open.
    reader: mpsc::WeakSender<Given>,
}

impl Pump {
    /// `window` is how many parts may wait for their reader.
    pub(super) fn start(
        request: &ActorRef<Notice>,
        source: Source,
        window: usize,
        span: Span,
    ) -> (Self, mpsc::Receiver<Given>) {
        let (sender, parts) = mpsc::channel(window.max(1));
        let (request, reader) = (request.clone(), sender.downgrade());
        let work = async move {
            match source {
                Source::Stored { slot, stored } => pump(slot, stored, sender).await,
                Source::Followed { tail, patience } => follow(tail, patience, sender).await,
            }
            tell(&request, Heard::Streamed);
        };
        let _task = Task::spawn(work.instrument(span));
        (Self { _task, reader }, parts)
    }

    /// Ends the stream early. A reader that leaves no room for the reason sees too few bytes.
    pub(super) fn cut(self, why: Fault) {
        let Some(reader) = self.reader.upgrade() else {
            return;
        };
        if reader.try_send(Err(why)).is_err() {
            metrics::counter!("materialize_cuts_unheard_total").increment(1);
        }
    }
}

/// Stored content. It waits for room before it reads.
async fn pump(slot: Option<Slot<BlobMessage>>, stored: StoredContent, reader: mpsc::Sender<Given>) {
    let (mut sent, mut index) = (0_u64, 0_u32);
    while sent < stored.size {
        let Ok(room) = reader.reserve().await else {
            return;
        };
        let read = tokio::select! {
            read = read(slot.as_ref(), &stored, index) => read,
            () = reader.closed() => return,
        };
        let chunk = read.and_then(|bytes| fitting(&stored, sent, bytes));
        match chunk {
            Ok(bytes) => {
                sent += bytes.len() as u64;
                index = index.saturating_add(1);
                room.send(Ok(Part::Bytes(bytes)));
            }
            Err(fault) => return room.send(Err(fault)),
        }
    }
}

async fn read(
    slot: Option<&Slot<BlobMessage>>,
    stored: &StoredContent,
    index: u32,
) -> Result<Bytes, Fault> {
    let slot = slot.ok_or_else(|| Fault::Unavailable {
        what: "a blob shard".to_owned(),
    })?;
    slot.call(READ_DEADLINE, |reply| BlobMessage::Read {
        owner: stored.owner,
        content: stored.content,
        index,
        reply,
    })
    .await
}

/// A chunk that ends the stream neither early nor late; one that is empty would never end it.
fn fitting(stored: &StoredContent, sent: u64, bytes: Bytes) -> Result<Bytes, Fault> {
    let after = sent.saturating_add(bytes.len() as u64);
    if bytes.is_empty() || after > stored.size {
        return Err(Fault::DataLoss {
            address: stored.owner,
            what: format!("its chunks do not add up to {} bytes", stored.size),
        });
    }
    Ok(bytes)
}

/// What is being computed. A reader who takes nothing while the computation waits for it is left.
async fn follow(mut tail: Box<dyn Tail>, patience: Duration, reader: mpsc::Sender<Given>) {
    while let Some(room) = room(&reader, tail.as_mut(), patience).await {
        let next = tokio::select! {
            next = poll_fn(|context| tail.poll_next(context)) => next,
            () = reader.closed() => return,
        };
        match next {
            Ok(Next::Piece(bytes)) => room.send(Ok(Part::Bytes(bytes))),
            Ok(Next::Away { file, number }) => match brought_back(file, number).await {
                Ok(bytes) => room.send(Ok(Part::Bytes(bytes))),
                Err(fault) => return room.send(Err(fault)),
            },
            Ok(Next::End { content, size }) => {
                return room.send(Ok(Part::Whole(Whole { content, size })));
            }
            Err(fault) => return room.send(Err(fault)),
        }
    }
}

/// Room for one part; `None` when the reader is gone, or out of patience with.
async fn room<'a>(
    reader: &'a mpsc::Sender<Given>,
    tail: &mut dyn Tail,
    patience: Duration,
) -> Option<Permit<'a, Given>> {
    loop {
        match tokio::time::timeout(patience, reader.reserve()).await {
            Ok(room) => return room.ok(),
            Err(_) if tail.is_awaited() => {
                metrics::counter!("materialize_readers_left_total").increment(1);
                tracing::info!("a reader took nothing while its computation waited");
                return None;
            }
            // Others drive the computation, or it has ended: waiting costs nobody anything.
            Err(_) => {}
        }
    }
}

async fn brought_back(file: Arc<dyn ScratchFile>, number: u64) -> Result<Bytes, Fault> {
    let read = tokio::task::spawn_blocking(move || file.piece(number)).await;
    let lost = |what: String| Fault::StoreFailed { why: what };
    read.map_err(|error| lost(format!("a scratch file could not be read: {error}")))??
        .ok_or_else(|| lost("a scratch file is shorter than it was".to_owned()))
}

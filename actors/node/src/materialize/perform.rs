//! The hands: the tasks that belong to one request and end with it, and its answer.

use super::{MaterializeArgs, actor::Notice, decide::Heard};
use bytes::Bytes;
use deriva_messages::{
    Fault, Reply,
    blob::BlobMessage,
    materialize::{Materialize, Materialized},
};
use deriva_model::CAddr;
use deriva_system::{
    compute::{Done, StoredContent},
    shard::shard_of,
    supervise::Slot,
};
use ractor::ActorRef;
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tracing::{Instrument, Span};

/// How long one chunk may take to come from its shard: long enough for a disk that others keep busy.
const READ_DEADLINE: Duration = Duration::from_secs(30);
/// Digits of an address in a span: enough to find it in a log.
const SHORT: usize = 12;

type Chunk = Result<Bytes, Fault>;

/// The span of one request; it goes along into the evaluation and the stream.
pub(super) fn span_of(request: &Materialize) -> Span {
    let root = request.root.to_hex();
    tracing::info_span!("materialize", root = root.get(..SHORT))
}

/// What a request uses of the store: its root, and whatever the recipes that travel with it name.
/// Stored recipes hold their inputs by themselves.
pub(super) fn used_by(request: &Materialize) -> Vec<CAddr> {
    let travelling = request.transient.values();
    let named = travelling.flat_map(|recipe| recipe.recipe().inputs().iter().copied());
    let named = named.filter(|input| !request.transient.contains_key(input));
    std::iter::once(request.root).chain(named).collect()
}

/// A caller that went away does not hear the answer; that is counted, not an error.
pub(super) fn answer(reply: Reply<Materialized>, answer: Result<Materialized, Fault>) {
    if reply.send(answer).is_err() {
        metrics::counter!("materialize_answers_unheard_total").increment(1);
    }
}

fn tell(request: &ActorRef<Notice>, heard: Heard) {
    if request.cast(Notice(heard)).is_err() {
        // The request ended by itself first, and was answered then.
        metrics::counter!("materialize_notices_unheard_total").increment(1);
    }
}

/// Tells a request how its evaluation ended, also when that was dropped without a word.
pub(super) struct Bell(Option<ActorRef<Notice>>);

impl Bell {
    pub(super) fn of(request: &ActorRef<Notice>) -> Self {
        Self(Some(request.clone()))
    }

    pub(super) fn into_done(mut self) -> Done {
        Box::new(move |result| {
            if let Some(request) = self.0.take() {
                tell(&request, Heard::Evaluated(result));
            }
        })
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(request) = self.0.take() {
            let fault = Fault::Unavailable {
                what: "the evaluator".to_owned(),
            };
            tell(&request, Heard::Evaluated(Err(fault)));
        }
    }
}

/// A task that ends when its handle goes.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches for the caller's leaving and for the deadline.
pub(super) struct Watch {
    _task: Task,
}

impl Watch {
    pub(super) fn over(
        request: &ActorRef<Notice>,
        gone: oneshot::Receiver<()>,
        deadline: Option<Duration>,
    ) -> Self {
        let request = request.clone();
        let watch = async move {
            let heard = match deadline {
                None => left(gone).await,
                Some(deadline) => tokio::time::timeout(deadline, left(gone))
                    .await
                    .unwrap_or(Heard::Late),
            };
            tell(&request, heard);
        };
        Self {
            _task: Task(tokio::spawn(watch)),
        }
    }
}

/// Nothing is ever sent on the channel, so however it resolves, its other end is gone.
async fn left(gone: oneshot::Receiver<()>) -> Heard {
    match gone.await {
        Ok(()) | Err(_) => Heard::Gone,
    }
}

/// Brings stored content chunk by chunk, as fast as its reader takes it.
pub(super) struct Pump {
    _task: Task,
    /// To say why a stream was cut; does not keep it open.
    reader: mpsc::WeakSender<Chunk>,
}

impl Pump {
    pub(super) fn start(
        request: &ActorRef<Notice>,
        tools: &MaterializeArgs,
        stored: StoredContent,
        span: Span,
    ) -> (Self, mpsc::Receiver<Chunk>) {
        let (sender, chunks) = mpsc::channel(tools.config.stream_window.max(1));
        let shard = shard_of(&stored.content, tools.blobs.len());
        let slot = tools.blobs.get(shard).cloned();
        let (request, reader) = (request.clone(), sender.downgrade());
        let work = async move {
            pump(slot, stored, sender).await;
            tell(&request, Heard::Streamed);
        };
        let _task = Task(tokio::spawn(work.instrument(span)));
        (Self { _task, reader }, chunks)
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

/// The pump's loop. It waits for room before it reads, so a slow reader holds no more than its window.
async fn pump(slot: Option<Slot<BlobMessage>>, stored: StoredContent, reader: mpsc::Sender<Chunk>) {
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
                room.send(Ok(bytes));
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

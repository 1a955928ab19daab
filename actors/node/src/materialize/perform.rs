//! The hands: the tasks that belong to one request and end with it, and its answer. `pump` has the
//! streams.

use super::{actor::Notice, decide::Heard};
use deriva_messages::{
    Fault, Reply,
    materialize::{Materialize, Materialized},
};
use deriva_model::CAddr;
use deriva_system::compute::Done;
use ractor::ActorRef;
use std::time::Duration;
use tokio::{sync::oneshot, task::JoinHandle};
use tracing::Span;

/// Digits of an address in a span: enough to find it in a log.
const SHORT: usize = 12;

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

pub(super) fn tell(request: &ActorRef<Notice>, heard: Heard) {
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
pub(super) struct Task(JoinHandle<()>);

impl Task {
    pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

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
            _task: Task::spawn(watch),
        }
    }
}

/// Nothing is ever sent on the channel, so however it resolves, its other end is gone.
async fn left(gone: oneshot::Receiver<()>) -> Heard {
    match gone.await {
        Ok(()) | Err(_) => Heard::Gone,
    }
}

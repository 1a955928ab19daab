//! The short-lived half: one request from its start to its answer, or to the end of its stream.

use super::{
    MaterializeArgs,
    decide::{self, Effect, Heard, Phase},
    perform::{self, Bell, Watch},
    pump::{Pump, Source},
};
use deriva_messages::{
    Fault, Reply,
    materialize::{Body, Materialize, Materialized, Whole},
};
use deriva_model::Trace;
use deriva_system::{
    compute::{Compute, StoredContent, Tail, Ticket},
    shard::shard_of,
    view::Held,
};
use ractor::{Actor, ActorProcessingErr, ActorRef, Message};
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::Span;

pub(super) struct RequestArgs {
    pub(super) tools: MaterializeArgs,
    pub(super) request: Materialize,
    pub(super) gone: oneshot::Receiver<()>,
    pub(super) reply: Reply<Materialized>,
    pub(super) span: Span,
}

/// What the request's own tasks tell it.
pub(super) struct Notice(pub(super) Heard);

impl Message for Notice {}

pub(super) struct MaterializeActor;

pub(super) struct Request {
    tools: MaterializeArgs,
    span: Span,
    phase: Phase,
    started: Duration,
    reply: Option<Reply<Materialized>>,
    /// Withdraws from the evaluation when it goes.
    ticket: Option<Box<dyn Ticket>>,
    /// Ends with the request.
    watch: Option<Watch>,
    pump: Option<Pump>,
    /// What no collection removes while the request lasts.
    held: Option<Held>,
}

impl Actor for MaterializeActor {
    type Msg = Notice;
    type State = (Option<Materialize>, Request);
    type Arguments = RequestArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<Notice>,
        args: RequestArgs,
    ) -> Result<Self::State, ActorProcessingErr> {
        let request = Request {
            started: args.tools.clock.monotonic(),
            watch: Some(Watch::over(&myself, args.gone, args.request.deadline)),
            tools: args.tools,
            span: args.span,
            phase: Phase::Computing,
            reply: Some(args.reply),
            ticket: None,
            pump: None,
            held: None,
        };
        Ok((Some(args.request), request))
    }

    /// The evaluation begins after the supervisor was told that the actor stands, so that whatever
    /// the compute port does, panicking included, happens here and not there.
    async fn post_start(
        &self,
        myself: ActorRef<Notice>,
        (asked, request): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        if let Some(asked) = asked.take() {
            let used = perform::used_by(&asked);
            request.held = Some(request.tools.holds.hold(used).await);
            let done = Bell::of(&myself).into_done();
            let compute: &dyn Compute = request.tools.compute.as_ref();
            request.ticket = Some(request.span.in_scope(|| compute.start(asked, done)));
        }
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Notice>,
        Notice(heard): Notice,
        (_, request): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match decide::next(request.phase, heard) {
            Effect::Whole {
                content,
                bytes,
                trace,
            } => {
                let whole = Some(Whole {
                    content,
                    size: bytes.len() as u64,
                });
                request.answer(Ok(Materialized {
                    whole,
                    body: Body::Resident(bytes),
                    trace,
                }));
                request.end(&myself);
            }
            Effect::Stream { stored, trace } => {
                let whole = Some(Whole {
                    content: stored.content,
                    size: stored.size,
                });
                let source = request.stored(stored);
                request.stream(&myself, source, (whole, trace));
            }
            Effect::Follow { tail, trace } => {
                let source = request.followed(tail);
                request.stream(&myself, source, (None, trace));
            }
            Effect::Refuse(fault) => {
                request.answer(Err(fault));
                request.end(&myself);
            }
            Effect::Cut(fault) => {
                if let Some(pump) = request.pump.take() {
                    pump.cut(fault);
                }
                request.end(&myself);
            }
            Effect::End => request.end(&myself),
            Effect::Nothing => {}
        }
        Ok(())
    }
}

impl Request {
    fn answer(&mut self, answer: Result<Materialized, Fault>) {
        let took = self.tools.clock.monotonic().saturating_sub(self.started);
        metrics::histogram!("materialize_request_seconds").record(took.as_secs_f64());
        let _entered = self.span.enter();
        if let Err(fault) = &answer {
            tracing::debug!(reason = fault.reason(), "the request failed");
        }
        if let Some(reply) = self.reply.take() {
            perform::answer(reply, answer);
        }
    }

    fn stored(&self, stored: StoredContent) -> Source {
        let shard = shard_of(&stored.content, self.tools.blobs.len());
        Source::Stored {
            slot: self.tools.blobs.get(shard).cloned(),
            stored,
        }
    }

    fn followed(&self, tail: Box<dyn Tail>) -> Source {
        Source::Followed {
            tail,
            patience: self.tools.config.reader_patience,
        }
    }

    fn stream(
        &mut self,
        myself: &ActorRef<Notice>,
        source: Source,
        (whole, trace): (Option<Whole>, Option<Trace>),
    ) {
        let window = self.tools.config.stream_window;
        let (pump, parts) = Pump::start(myself, source, window, self.span.clone());
        self.pump = Some(pump);
        self.phase = Phase::Streaming;
        self.answer(Ok(Materialized {
            whole,
            body: Body::Parts(parts),
            trace,
        }));
    }

    /// What the request holds goes now, not when its supervisor has heard of its end.
    fn end(&mut self, myself: &ActorRef<Notice>) {
        self.ticket = None;
        self.watch = None;
        self.pump = None;
        self.held = None;
        myself.stop(None);
    }
}

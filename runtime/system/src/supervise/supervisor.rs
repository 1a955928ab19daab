//! A one-for-one supervisor: starts its children in order, restarts those that end, and stops them
//! in reverse order.
//!
//! It refuses to hide a fault that restarts do not heal: past the intensity it fails itself, and
//! its own supervisor (at the root: the process) decides.

use super::Child;
use super::policy::{Backoff, History, Intensity, Verdict};
use crate::Clock;
use arc_swap::ArcSwapOption;
use deriva_messages::Fault;
use ractor::{
    Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, Message, RpcReplyPort,
    SupervisionEvent, rpc::CallResult,
};
use std::{sync::Arc, time::Duration};

/// The stable place of a supervisor, for those who ask it for its children.
#[derive(Clone)]
pub struct SupervisorSeat {
    name: Arc<str>,
    actor: Arc<ArcSwapOption<ActorRef<SupervisorMessage>>>,
}

impl SupervisorSeat {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            actor: Arc::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whoever started the supervisor says so here.
    pub fn take(&self, actor: ActorRef<SupervisorMessage>) {
        self.actor.store(Some(Arc::new(actor)));
    }

    /// The supervisor that stands here now.
    #[must_use]
    pub fn cell(&self) -> Option<ActorCell> {
        let actor = self.actor.load();
        actor.as_ref().map(|actor| actor.get_cell())
    }

    /// Its children, in the order of their start.
    ///
    /// # Errors
    /// `Unavailable` while it is being restarted, `DeadlineExceeded`.
    pub async fn report(&self, deadline: Duration) -> Result<Order, Fault> {
        let unavailable = || Fault::Unavailable {
            what: self.name.to_string(),
        };
        let actor = self.actor.load_full().ok_or_else(unavailable)?;
        let asked = actor
            .call(|reply| SupervisorMessage::Report { reply }, Some(deadline))
            .await;
        match asked {
            Ok(CallResult::Success(children)) => Ok(children),
            Ok(CallResult::Timeout) => Err(Fault::DeadlineExceeded),
            Ok(CallResult::SenderError) | Err(_) => Err(unavailable()),
        }
    }
}

/// What a supervisor starts with.
pub struct SupervisorSpec {
    name: String,
    children: Vec<Child>,
    clock: Arc<dyn Clock>,
    intensity: Intensity,
    backoff: Backoff,
}

impl SupervisorSpec {
    #[must_use]
    pub fn new(name: &str, clock: Arc<dyn Clock>, children: Vec<Child>) -> Self {
        Self {
            name: name.to_owned(),
            children,
            clock,
            intensity: Intensity::default(),
            backoff: Backoff::default(),
        }
    }

    #[must_use]
    pub const fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = intensity;
        self
    }
}

/// The order in which an answer lists children: that of their start.
pub type Order = Vec<ChildReport>;

/// One child as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildReport {
    pub supervisor: String,
    pub name: String,
    pub running: bool,
    pub restarts: u64,
}

pub enum SupervisorMessage {
    Restart {
        child: usize,
    },
    Report {
        reply: RpcReplyPort<Order>,
    },
    /// Stops the children in reverse order, then itself.
    Shutdown,
}

impl Message for SupervisorMessage {}

struct Seat {
    child: Child,
    cell: Option<ActorCell>,
    history: History,
    restarts: u64,
}

pub struct SupervisorState {
    spec_name: String,
    clock: Arc<dyn Clock>,
    intensity: Intensity,
    backoff: Backoff,
    seats: Vec<Seat>,
}

/// The actor.
pub struct Supervisor;

impl Actor for Supervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = SupervisorSpec;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        spec: SupervisorSpec,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let mut seats = Vec::with_capacity(spec.children.len());
        for child in spec.children {
            let cell = (child.start)(myself.get_cell()).await?;
            seats.push(Seat {
                child,
                cell: Some(cell),
                history: History::default(),
                restarts: 0,
            });
        }
        Ok(SupervisorState {
            spec_name: spec.name,
            clock: spec.clock,
            intensity: spec.intensity,
            backoff: spec.backoff,
            seats,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SupervisorMessage::Restart { child } => state.restart(&myself, child).await,
            SupervisorMessage::Report { reply } => state.report(reply),
            SupervisorMessage::Shutdown => {
                myself.stop(Some("shutdown".to_owned()));
                Ok(())
            }
        }
    }

    /// An orderly stop takes the children along, in reverse order of their start.
    async fn post_stop(
        &self,
        _myself: ActorRef<Self::Msg>,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        state.stop_children().await;
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(cell, why) => {
                state.ended(&myself, cell.get_id(), &why.to_string())
            }
            SupervisionEvent::ActorTerminated(cell, _, why) => {
                state.ended(&myself, cell.get_id(), why.as_deref().unwrap_or("stopped"))
            }
            _ => Ok(()),
        }
    }
}

impl SupervisorState {
    fn ended(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        id: ActorId,
        why: &str,
    ) -> Result<(), ActorProcessingErr> {
        let found = self
            .seats
            .iter()
            .position(|seat| seat.cell.as_ref().is_some_and(|cell| cell.get_id() == id));
        let Some(child) = found else {
            return Ok(());
        };
        self.schedule(myself, child, why)
    }

    fn schedule(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        child: usize,
        why: &str,
    ) -> Result<(), ActorProcessingErr> {
        let (intensity, backoff) = (self.intensity, self.backoff);
        let now = self.clock.monotonic();
        let Some(seat) = self.seats.get_mut(child) else {
            return Ok(());
        };
        seat.cell = None;
        tracing::warn!(actor = seat.child.name, why, "an actor ended");
        match seat.history.ended(now, intensity, backoff) {
            Verdict::RestartAfter(pause) => {
                myself.send_after(pause, move || SupervisorMessage::Restart { child });
                Ok(())
            }
            Verdict::GiveUp => {
                Err(format!("{} ends too often, the last time: {why}", seat.child.name).into())
            }
        }
    }

    async fn restart(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        child: usize,
    ) -> Result<(), ActorProcessingErr> {
        let Some(seat) = self.seats.get_mut(child) else {
            return Ok(());
        };
        if seat.cell.is_some() {
            return Ok(());
        }
        seat.restarts += 1;
        metrics::counter!("actor_restarts_total", "actor" => seat.child.name.clone()).increment(1);
        match (seat.child.start)(myself.get_cell()).await {
            Ok(cell) => {
                seat.cell = Some(cell);
                Ok(())
            }
            Err(error) => {
                let why = format!("its restart failed: {error}");
                self.schedule(myself, child, &why)
            }
        }
    }

    fn report(&self, reply: RpcReplyPort<Order>) -> Result<(), ActorProcessingErr> {
        let children = self.seats.iter().map(|seat| ChildReport {
            supervisor: self.spec_name.clone(),
            name: seat.child.name.clone(),
            running: seat.cell.is_some(),
            restarts: seat.restarts,
        });
        if reply.send(children.collect()).is_err() {
            metrics::counter!("actor_answers_unheard_total").increment(1);
        }
        Ok(())
    }

    async fn stop_children(&mut self) {
        while let Some(Seat { child, cell, .. }) = self.seats.pop() {
            // One that is between two lives has nothing to end.
            let Some(cell) = cell else { continue };
            if let Some(drain) = &child.before_stop
                && tokio::time::timeout(child.patience, drain()).await.is_err()
            {
                tracing::warn!(actor = child.name, "an actor did not end its work in time");
            }
            let stopped = cell
                .stop_and_wait(Some("shutdown".to_owned()), Some(child.patience))
                .await;
            if let Err(error) = stopped {
                tracing::warn!(actor = child.name, %error, "an actor did not stop in time");
                cell.kill();
            }
        }
    }
}

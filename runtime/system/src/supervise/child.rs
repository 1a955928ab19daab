//! A child as its supervisor knows it: how it is started, and how long it may take to stop.
//!
//! It refuses to be unbounded: a child that does not end its work is stopped, one that does not stop
//! is killed, and a supervisor's bound covers its children's.

use super::{Envelope, Slot, Supervisor, SupervisorSeat, SupervisorSpec};
use crate::Clock;
use ractor::{Actor, ActorCell, SpawnErr};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// How long a child may take to end its work before it is stopped, and as long again to stop before
/// it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

type Starting = Pin<Box<dyn Future<Output = Result<ActorCell, SpawnErr>> + Send>>;
type Start = Arc<dyn Fn(ActorCell) -> Starting + Send + Sync>;
type Stopping = Pin<Box<dyn Future<Output = ()> + Send>>;
type BeforeStop = Arc<dyn Fn() -> Stopping + Send + Sync>;

/// How to start one child.
#[derive(Clone)]
pub struct Child {
    pub(super) name: String,
    pub(super) start: Start,
    pub(super) before_stop: Option<BeforeStop>,
    pub(super) patience: Duration,
}

impl Child {
    /// A child that stands in `slot`; `make` builds it anew for every start.
    pub fn in_slot<A, M>(
        slot: &Slot<M>,
        make: impl Fn() -> (A, A::Arguments) + Send + Sync + 'static,
    ) -> Self
    where
        A: Actor<Msg = Envelope<M>>,
        M: Send + 'static,
    {
        let slot = slot.clone();
        let name = slot.name().to_owned();
        let start: Start = Arc::new(move |supervisor| {
            let (actor, arguments) = make();
            let slot = slot.clone();
            Box::pin(async move {
                let (actor, _) = Actor::spawn_linked(None, actor, arguments, supervisor).await?;
                let cell = actor.get_cell();
                slot.seat(actor);
                Ok(cell)
            })
        });
        Self {
            name,
            start,
            before_stop: None,
            patience: STOP_PATIENCE,
        }
    }

    /// A supervisor below this one, seen through `seat`. `children` is asked anew for every start.
    pub fn supervisor(
        seat: &SupervisorSeat,
        clock: Arc<dyn Clock>,
        children: impl Fn() -> Vec<Self> + Send + Sync + 'static,
    ) -> Self {
        // Its children stop one after the other, each within its own bounds.
        let below: Duration = children().iter().map(|child| child.patience * 2).sum();
        let taken = seat.clone();
        let start: Start = Arc::new(move |above| {
            let spec = SupervisorSpec::new(taken.name(), clock.clone(), children());
            let seat = taken.clone();
            Box::pin(async move {
                let (actor, _) = Actor::spawn_linked(None, Supervisor, spec, above).await?;
                let cell = actor.get_cell();
                seat.take(actor);
                Ok(cell)
            })
        });
        Self {
            name: seat.name().to_owned(),
            start,
            before_stop: None,
            patience: below + STOP_PATIENCE,
        }
    }

    /// Another bound than the usual 30 s (for a supervisor: with its children's) on how long the child
    /// may take to end its work, and as long again to stop.
    #[must_use]
    pub const fn stops_within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What to await before the child is stopped in an orderly shutdown, within its patience.
    #[must_use]
    pub fn before_stop<F: Future<Output = ()> + Send + 'static>(
        mut self,
        drain: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self {
        self.before_stop = Some(Arc::new(move || Box::pin(drain())));
        self
    }
}

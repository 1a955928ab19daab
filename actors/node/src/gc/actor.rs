//! The ear: one message, one task; and at the start, the collection that an earlier one left.

use super::perform::{self, Collector};
use deriva_messages::{Fault, cache::CacheMessage, gc::GcMessage};
use deriva_system::{
    Clock,
    lane::Lane,
    storage::{CommitLane, Storage},
    supervise::{Envelope, Slot},
    view::{Holds, RecipeView, ValueView},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a client is told to wait while another collection runs.
const RETRY_AFTER_MS: u64 = 1000;

/// Whether a node is alone, as its settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Alone,
    InCluster,
}

impl Membership {
    /// # Errors
    /// `Unsupported` in a cluster: what no node references here, another may.
    pub(super) fn may_collect(self) -> Result<(), Fault> {
        match self {
            Self::Alone => Ok(()),
            Self::InCluster => Err(Fault::Unsupported {
                what: "a collection on a node of a cluster".to_owned(),
            }),
        }
    }
}

/// What the coordinator works on; nothing of it is the actor's alone.
#[derive(Clone)]
pub struct GcArgs {
    pub storage: Arc<dyn Storage>,
    pub commit: CommitLane,
    pub clock: Arc<dyn Clock>,
    /// The collection's own reads.
    pub lane: Lane,
    pub recipes: Arc<RecipeView>,
    pub cache: Slot<CacheMessage>,
    /// The node's; the collection reads it and opens its invalidations.
    pub values: Arc<ValueView>,
    /// The node's.
    pub holds: Arc<Holds>,
    pub membership: Membership,
    /// One permit: outlives the actor as a collection does.
    pub turn: Arc<Semaphore>,
}

/// The actor.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcCoordinator;

impl Actor for GcCoordinator {
    type Msg = Envelope<GcMessage>;
    type State = GcArgs;
    type Arguments = GcArgs;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        args: GcArgs,
    ) -> Result<GcArgs, ActorProcessingErr> {
        if let Ok(turn) = args.turn.clone().try_acquire_owned() {
            let collector = Collector::new(args.clone());
            tokio::spawn(async move {
                perform::go_on(collector).await;
                drop(turn);
            });
        }
        Ok(args)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut GcArgs,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, credit } = envelope;
        let GcMessage::Collect { request, reply } = message;
        if let Err(fault) = state.membership.may_collect() {
            perform::answer(reply, Err(fault));
            return Ok(());
        }
        let Ok(turn) = state.turn.clone().try_acquire_owned() else {
            perform::answer(reply, Err(busy()));
            return Ok(());
        };
        let collector = Collector::new(state.clone());
        tokio::spawn(async move {
            let done = perform::collect(collector, request).await;
            drop(turn);
            perform::answer(reply, done);
            drop(credit);
        });
        Ok(())
    }
}

fn busy() -> Fault {
    Fault::Overloaded {
        what: "the collector, which is at it already,".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    }
}

//! The ear: each message becomes a task that carries the reply and its credit, so that puts which
//! wait together share an fsync, and a long question delays nobody's put.

use super::{DagConfig, perform};
use deriva_messages::{Fault, Reply, dag::DagMessage};
use deriva_system::{
    lane::Lane,
    storage::{CommitLane, Storage},
    supervise::Envelope,
    view::{Holds, RecipeView},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{future::Future, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// What the actor works on; nothing of it is the actor's alone, so it survives the actor.
#[derive(Clone)]
pub struct DagArgs {
    pub storage: Arc<dyn Storage>,
    pub commit: CommitLane,
    pub view: Arc<RecipeView>,
    /// The node's: no collection takes apart what a question is about.
    pub holds: Arc<Holds>,
    /// Where questions about the graph read; they may take long.
    pub reading: Lane,
    pub config: DagConfig,
}

/// The actor of recipes and edges.
pub struct DagActor;

impl Actor for DagActor {
    type Msg = Envelope<DagMessage>;
    type State = DagArgs;
    type Arguments = DagArgs;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        args: DagArgs,
    ) -> Result<DagArgs, ActorProcessingErr> {
        Ok(args)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Envelope<DagMessage>,
        state: &mut DagArgs,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, credit } = envelope;
        let args = state.clone();
        match message {
            DagMessage::Put {
                recipes,
                missing,
                decided,
                reply,
            } => in_task(credit, perform::put(args, recipes, missing, decided, reply)),
            DagMessage::Import {
                recipes,
                missing,
                reply,
            } => answered(credit, reply, perform::import(args, recipes, missing)),
            DagMessage::CompleteImport { reply } => {
                answered(credit, reply, perform::complete_import(args));
            }
            DagMessage::Pin { address, reply } => {
                answered(credit, reply, perform::pin(args, address));
            }
            DagMessage::Unpin { address, reply } => {
                answered(credit, reply, perform::unpin(args, address));
            }
            DagMessage::ListPins {
                after,
                limit,
                reply,
            } => answered(credit, reply, perform::list_pins(args, after, limit)),
            DagMessage::Forget {
                address,
                consumers,
                reply,
            } => answered(credit, reply, perform::forget(args, address, consumers)),
            DagMessage::Ask {
                address,
                question,
                reply,
            } => in_task(credit, perform::ask(args, address, question, reply)),
        }
        Ok(())
    }
}

fn answered<T: Send + 'static>(
    credit: Option<OwnedSemaphorePermit>,
    reply: Reply<T>,
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) {
    in_task(credit, async move { perform::answer(reply, work.await) });
}

/// The task outlives the actor if that ends first: what was heard is still answered.
fn in_task(credit: Option<OwnedSemaphorePermit>, work: impl Future<Output = ()> + Send + 'static) {
    let task = async move {
        work.await;
        drop(credit);
    };
    tokio::spawn(task.in_current_span());
}

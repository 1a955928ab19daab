//! The long-lived half: hears requests, lets them in up to the limit, and outlives whatever becomes
//! of them.

use super::{
    actor::{MaterializeActor, RequestArgs},
    decide::{self, MaterializeConfig},
    perform,
};
use deriva_messages::{
    Reply,
    blob::BlobMessage,
    materialize::{Materialize, MaterializeMessage, Materialized},
};
use deriva_system::{
    Clock,
    compute::Compute,
    supervise::{Envelope, Slot},
    view::Holds,
};
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use std::{collections::HashSet, sync::Arc};
use tokio::sync::oneshot;

/// What requests are carried out with.
#[derive(Clone)]
pub struct MaterializeArgs {
    pub compute: Arc<dyn Compute>,
    /// The blob shards, in the order by which contents find theirs.
    pub blobs: Vec<Slot<BlobMessage>>,
    pub clock: Arc<dyn Clock>,
    /// The node's.
    pub holds: Arc<Holds>,
    pub config: MaterializeConfig,
}

/// The actor that starts a [`MaterializeActor`] a request.
pub struct MaterializeSupervisor;

pub struct MaterializeState {
    args: MaterializeArgs,
    under_way: HashSet<ActorId>,
}

impl Actor for MaterializeSupervisor {
    type Msg = Envelope<MaterializeMessage>;
    type State = MaterializeState;
    type Arguments = MaterializeArgs;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        args: MaterializeArgs,
    ) -> Result<MaterializeState, ActorProcessingErr> {
        Ok(MaterializeState {
            args,
            under_way: HashSet::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Envelope<MaterializeMessage>,
        state: &mut MaterializeState,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            MaterializeMessage::Start {
                request,
                gone,
                reply,
            } => state.start(&myself, request, gone, reply).await,
        }
        Ok(())
    }

    /// A request that ended, however it ended, only makes room.
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Self::Msg>,
        event: SupervisionEvent,
        state: &mut MaterializeState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(cell, _, _) => state.ended(cell.get_id()),
            SupervisionEvent::ActorFailed(cell, why) => {
                tracing::error!(%why, "a request's actor died");
                metrics::counter!("materialize_actors_failed_total").increment(1);
                state.ended(cell.get_id());
            }
            _ => {}
        }
        Ok(())
    }
}

impl MaterializeState {
    async fn start(
        &mut self,
        myself: &ActorRef<Envelope<MaterializeMessage>>,
        request: Materialize,
        gone: oneshot::Receiver<()>,
        reply: Reply<Materialized>,
    ) {
        let mode = decide::mode_label(&request.mode);
        metrics::counter!("materialize_requests_total", "mode" => mode).increment(1);
        if let Err(fault) = decide::let_in(self.under_way.len(), self.args.config) {
            return perform::answer(reply, Err(fault));
        }
        let args = RequestArgs {
            span: perform::span_of(&request),
            tools: self.args.clone(),
            request,
            gone,
            reply,
        };
        match Actor::spawn_linked(None, MaterializeActor, args, myself.get_cell()).await {
            Ok((actor, _)) => {
                self.under_way.insert(actor.get_id());
                self.show();
            }
            // The reply went with the arguments; its caller hears the drop as `Unavailable`.
            Err(error) => tracing::error!(%error, "a request's actor did not start"),
        }
    }

    fn ended(&mut self, request: ActorId) {
        self.under_way.remove(&request);
        self.show();
    }

    fn show(&self) {
        metrics::gauge!("materialize_requests_in_flight").set(self.under_way.len() as f64);
    }
}

//! The actor of the admin listener: starts the server on its port, drains it, and ends with it.

use super::{metrics::upkeep, routes::router};
use crate::{
    context::GatewayContext,
    edge::{Incoming, Patience, Port, Serving},
};
use deriva_messages::gateway::GatewayMessage;
use deriva_system::supervise::Envelope;
use metrics_exporter_prometheus::PrometheusHandle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use tokio::sync::oneshot;

const LISTENER: &str = "admin";

/// What every start of the gateway needs.
#[derive(Clone)]
pub struct AdminArguments {
    pub context: Arc<GatewayContext>,
    pub port: Port,
    /// Renders what the process has measured.
    pub metrics: PrometheusHandle,
}

/// The gateway.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdminGateway;

/// What it holds between messages.
pub struct AdminState {
    arguments: AdminArguments,
    serving: Serving,
}

impl Actor for AdminGateway {
    type Msg = Envelope<GatewayMessage>;
    type State = AdminState;
    type Arguments = AdminArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: AdminArguments,
    ) -> Result<AdminState, ActorProcessingErr> {
        let limits = &arguments.context.node.limits;
        let incoming = Incoming::new(
            LISTENER,
            arguments.port.open()?,
            limits.admin_connections,
            Patience::Always(limits.admin_silence),
        );
        let serving = Serving::start(myself, |stop| serve(arguments.clone(), incoming, stop));
        Ok(AdminState { arguments, serving })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut AdminState,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            GatewayMessage::Drain { reply } => {
                state.drain().await;
                if reply.send(Ok(())).is_err() {
                    metrics::counter!("actor_answers_unheard_total").increment(1);
                }
                Ok(())
            }
            GatewayMessage::Ended { .. } if state.serving.is_draining() => Ok(()),
            GatewayMessage::Ended { why } => Err(format!("the admin listener ended: {why}").into()),
        }
    }
}

impl AdminState {
    async fn drain(&mut self) {
        self.arguments.port.close();
        let patience = self.arguments.context.node.limits.drain_patience;
        if !self.serving.drain(patience).await {
            tracing::warn!("admin requests were still under way when the drain's patience ended");
        }
    }
}

async fn serve(
    arguments: AdminArguments,
    incoming: Incoming,
    stop: oneshot::Receiver<()>,
) -> std::io::Result<()> {
    let stopped = async {
        // A sender that is dropped says the same as one that sends.
        stop.await.unwrap_or(());
    };
    let router = router(arguments.context, arguments.metrics.clone());
    let server = axum::serve(incoming, router).with_graceful_shutdown(stopped);
    tokio::select! {
        served = server => served,
        never = upkeep(arguments.metrics) => match never {},
    }
}

//! The actor of the gRPC listener: starts the server on its port, drains it, and ends with it.

use super::{entrance::EntranceLayer, service::Service, tls::TlsMaterial};
use crate::{
    context::GatewayContext,
    edge::{Incoming, Patience, Port, Serving},
};
use deriva_messages::gateway::GatewayMessage;
use deriva_proto::deriva_server::DerivaServer;
use deriva_system::supervise::Envelope;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::sync::Arc;
use tokio::sync::oneshot;
use tonic::transport::{Server, server::Router};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::layer::util::{Identity, Stack};

const LISTENER: &str = "grpc";
/// The name under which health speaks of the whole server.
const WHOLE_SERVER: &str = "";

/// What every start of the gateway needs.
#[derive(Clone, Debug)]
pub struct GrpcArguments {
    pub context: Arc<GatewayContext>,
    pub port: Port,
    pub tls: Option<TlsMaterial>,
}

/// The gateway.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcGateway;

/// What it holds between messages.
pub struct GrpcState {
    arguments: GrpcArguments,
    health: HealthReporter,
    serving: Serving,
}

impl Actor for GrpcGateway {
    type Msg = Envelope<GatewayMessage>;
    type State = GrpcState;
    type Arguments = GrpcArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        arguments: GrpcArguments,
    ) -> Result<GrpcState, ActorProcessingErr> {
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<DerivaServer<Service>>().await;
        let router = server(&arguments)?
            .add_service(health_service)
            .add_service(reflection()?.build_v1()?)
            .add_service(reflection()?.build_v1alpha()?)
            .add_service(deriva(&arguments));
        let incoming = incoming(&arguments)?;
        let serving = Serving::start(myself, |stop| serve(router, incoming, stop));
        Ok(GrpcState {
            arguments,
            health,
            serving,
        })
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut GrpcState,
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
            GatewayMessage::Ended { why } => Err(format!("the gRPC listener ended: {why}").into()),
        }
    }
}

impl GrpcState {
    /// Those who watch the health are told first, so that they send nobody here any more.
    async fn drain(&mut self) {
        self.health
            .set_service_status(WHOLE_SERVER, ServingStatus::NotServing)
            .await;
        self.health.set_not_serving::<DerivaServer<Service>>().await;
        self.arguments.context.drain();
        self.arguments.port.close();
        let patience = self.arguments.context.node.limits.drain_patience;
        if !self.serving.drain(patience).await {
            tracing::warn!("requests were still under way when the drain's patience ended");
        }
    }
}

type Layered = Stack<EntranceLayer, Identity>;

fn server(arguments: &GrpcArguments) -> Result<Server<Layered>, tonic::transport::Error> {
    let limits = &arguments.context.node.limits;
    let mut server = Server::builder();
    if let Some(tls) = &arguments.tls {
        server = server.tls_config(tls.config().timeout(limits.opening))?;
    }
    Ok(server
        .max_concurrent_streams(limits.streams_per_connection)
        .http2_max_header_list_size(limits.header_bytes)
        .http2_keepalive_interval(Some(limits.keepalive_interval))
        .http2_keepalive_timeout(Some(limits.keepalive_patience))
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .layer(EntranceLayer::new(arguments.context.clone())))
}

fn deriva(arguments: &GrpcArguments) -> DerivaServer<Service> {
    let limit = arguments.context.node.limits.message_bytes;
    DerivaServer::new(Service::new(arguments.context.clone())).max_decoding_message_size(limit)
}

fn reflection() -> Result<tonic_reflection::server::Builder<'static>, ActorProcessingErr> {
    Ok(tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(deriva_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET))
}

fn incoming(arguments: &GrpcArguments) -> std::io::Result<Incoming> {
    let limits = &arguments.context.node.limits;
    let listener = arguments.port.open()?;
    let patience = Patience::Opening(limits.opening);
    Ok(Incoming::new(
        LISTENER,
        listener,
        limits.connections,
        patience,
    ))
}

async fn serve(
    router: Router<Layered>,
    incoming: Incoming,
    stop: oneshot::Receiver<()>,
) -> Result<(), tonic::transport::Error> {
    let stopped = async {
        // A sender that is dropped says the same as one that sends.
        stop.await.unwrap_or(());
    };
    router.serve_with_incoming_shutdown(incoming, stopped).await
}

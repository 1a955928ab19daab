//! The assembly: starts the actors over the parts in the order of their dependencies, and stops them
//! in the reverse order.

use super::{
    config::NodeConfig,
    entrances::{listen, read_tls, warn_if_open},
    parts::{NodeSlots, Parts},
    ready::Ready,
    start_error::StartError,
    telemetry,
};
use deriva_actors::{
    blob::{BlobArgs, BlobShardActor},
    cache::{CacheActor, CacheArgs, CacheConfig},
    dag::{DagActor, DagArgs, DagConfig},
    gc::{GcArgs, GcCoordinator},
    materialize::{MaterializeArgs, MaterializeConfig, MaterializeSupervisor},
    verify::{VerifyActor, VerifyArgs},
};
use deriva_compute::Registry;
use deriva_gateway::{
    GatewayContext, GatewayLimits, Identity, NodeParts, Slots,
    admin::{AdminArguments, AdminGateway},
    edge::Port,
    grpc::{GrpcArguments, GrpcGateway},
};
use deriva_messages::gateway::GatewayMessage;
use deriva_system::{
    storage::Storage,
    supervise::{Child, Root, Slot, SupervisorSeat, SupervisorSpec},
    view::ValueView,
};
use std::{sync::Arc, time::Duration};

/// How long a supervisor may take to tell of its children.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);
/// How long a gateway may take to end the requests under way; its own patience is shorter.
const DRAIN_PATIENCE: Duration = Duration::from_secs(25);
/// How long the threads that use the store may take to end: a function that runs looks at its
/// cancellation far more often.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const CLOSE_LOOK: Duration = Duration::from_millis(1);
/// What a value costs in memory at least: bounds how many of the smallest there are.
const LEAST_VALUE_BYTES: u64 = 256;

/// A running node.
pub struct Node {
    ready: Ready,
    slots: NodeSlots,
    values: Arc<ValueView>,
    supervisors: [SupervisorSeat; 2],
    data_dir: std::path::PathBuf,
    storage: Arc<dyn Storage>,
    root: Root,
}

impl Node {
    /// Starts everything, with the functions that come with the node; answers when clients are served.
    ///
    /// # Errors
    /// What stood in the way, and what to do about it.
    pub async fn start(config: NodeConfig) -> Result<Self, StartError> {
        Self::start_with(config, Registry::builtin()).await
    }

    /// The same with functions of the caller's choice.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(config: NodeConfig, registry: Registry) -> Result<Self, StartError> {
        let tls = config.tls_dir.as_deref().map(read_tls).transpose()?;
        warn_if_open(&config);
        let grpc = listen("gRPC", config.grpc_listen)?;
        let admin = listen("admin", config.admin_listen)?;
        let metrics = telemetry::metrics().map_err(StartError::Assembly)?;
        let parts = Arc::new(Parts::build(&config, registry)?);
        let seats = [SupervisorSeat::new("node"), SupervisorSeat::new("gateways")];
        let context = context(&config, &parts, &seats, &grpc)?;
        let gateways = Gateways {
            grpc: GrpcArguments {
                context: context.clone(),
                port: grpc.clone(),
                tls,
            },
            admin: AdminArguments {
                context,
                port: admin.clone(),
                metrics,
            },
        };
        let ready = Ready {
            grpc: grpc.address().to_string(),
            admin: admin.address().to_string(),
            cluster: None,
            node_id: parts.node_id.clone(),
            pid: std::process::id(),
        };
        let slots = parts.slots.clone();
        let values = parts.views.values.clone();
        let storage = parts.views.storage.clone();
        let children = children(&config, &parts, &seats, gateways);
        let spec = SupervisorSpec::new("node", parts.clock.clone(), children);
        let [node, _] = &seats;
        let root = Root::start(spec, node).await?;
        ready.write(&config.data_dir)?;
        tracing::info!(grpc = ready.grpc, admin = ready.admin, "ready");
        Ok(Self {
            ready,
            slots,
            values,
            supervisors: seats,
            data_dir: config.data_dir,
            storage,
            root,
        })
    }

    #[must_use]
    pub const fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The places of the actors, for tests that end them.
    #[must_use]
    pub const fn slots(&self) -> &NodeSlots {
        &self.slots
    }

    /// The values in memory, for benchmarks that read them as a gateway does.
    #[must_use]
    pub const fn values(&self) -> &Arc<ValueView> {
        &self.values
    }

    /// The node's supervisor, then that of the gateways.
    #[must_use]
    pub const fn supervisors(&self) -> &[SupervisorSeat; 2] {
        &self.supervisors
    }

    /// Resolves when the node's supervisor has given up.
    pub async fn failed(&mut self) -> String {
        self.root.failed().await
    }

    /// Drains the gateways, stops every actor, and closes the store.
    pub async fn stop(self) {
        if let Err(error) = Ready::remove(&self.data_dir) {
            tracing::warn!(%error, "ready.json could not be removed");
        }
        self.root.stop().await;
        close(self.storage).await;
        tracing::info!("stopped");
    }
}

/// Closes the store here, once the threads of lanes and evaluator have let go of it: a process that
/// ends while another thread closes it aborts, and a directory that is still held starts no node.
async fn close(storage: Arc<dyn Storage>) {
    let mut looks = CLOSE_PATIENCE.as_millis() / CLOSE_LOOK.as_millis();
    while Arc::strong_count(&storage) > 1 {
        if looks == 0 {
            tracing::warn!("the store is still in use and could not be closed in order");
            return;
        }
        looks -= 1;
        tokio::time::sleep(CLOSE_LOOK).await;
    }
    drop(storage);
}

fn context(
    config: &NodeConfig,
    parts: &Arc<Parts>,
    seats: &[SupervisorSeat; 2],
    grpc: &Port,
) -> Result<Arc<GatewayContext>, StartError> {
    let seats = seats.clone();
    let slots = &parts.slots;
    let node = NodeParts {
        slots: Slots {
            blobs: slots.blobs.to_vec(),
            dag: slots.dag.clone(),
            cache: slots.cache.clone(),
            materialize: slots.materialize.clone(),
            gc: slots.gc.clone(),
            verify: slots.verify.clone(),
        },
        recipes: parts.views.recipes.clone(),
        values: parts.views.values.clone(),
        holds: parts.holds.clone(),
        marks: parts.views.marks.clone(),
        verification: config.verification,
        storage: parts.views.storage.clone(),
        compute: parts.compute.clone(),
        clock: parts.clock.clone(),
        chunk_size: config.chunk_size,
        limits: GatewayLimits {
            message_bytes: config.max_message.saturating_add(64 << 10),
            ..GatewayLimits::default()
        },
        identity: Identity {
            node_name: name(config),
            node_id: parts.node_id.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            grpc_addr: grpc.address().to_string(),
        },
        reports: Arc::new(move || {
            let seats = seats.clone();
            Box::pin(async move {
                let mut all = Vec::new();
                for seat in &seats {
                    all.extend(seat.report(REPORT_PATIENCE).await?);
                }
                Ok(all)
            })
        }),
    };
    Ok(GatewayContext::new(node)?)
}

fn name(config: &NodeConfig) -> String {
    if !config.node_name.is_empty() {
        return config.node_name.clone();
    }
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "deriva".to_owned())
}

struct Gateways {
    grpc: GrpcArguments,
    admin: AdminArguments,
}

/// The children of the node's supervisor, in the order of their dependencies.
fn children(
    config: &NodeConfig,
    parts: &Arc<Parts>,
    seats: &[SupervisorSeat; 2],
    gateways: Gateways,
) -> Vec<Child> {
    let mut children = blob_children(parts);
    children.push(dag_child(config, parts));
    children.push(cache_child(config, parts));
    children.push(verify_child(parts));
    children.push(materialize_child(config, parts));
    children.push(gc_child(config, parts));
    let [_, seat] = seats;
    children.push(gateway_child(parts, seat, gateways));
    children
}

fn blob_children(parts: &Arc<Parts>) -> Vec<Child> {
    let lanes = parts.slots.blobs.iter().zip(&parts.blob_lanes).enumerate();
    lanes
        .map(|(shard, (slot, lane))| {
            let args = BlobArgs {
                shard,
                storage: parts.views.storage.clone(),
                commit: parts.commit.clone(),
                lane: lane.clone(),
                uploads: parts.uploads.clone(),
                reader: parts.views.reader.clone(),
                invalidations: parts.views.values.invalidations(),
            };
            Child::in_slot(slot, move || (BlobShardActor, args.clone()))
        })
        .collect()
}

fn dag_child(config: &NodeConfig, parts: &Arc<Parts>) -> Child {
    let args = DagArgs {
        storage: parts.views.storage.clone(),
        commit: parts.commit.clone(),
        view: parts.views.recipes.clone(),
        holds: parts.holds.clone(),
        reading: parts.graph_lane.clone(),
        config: DagConfig {
            recipe_budget_bytes: config.recipe_memory,
            ..DagConfig::default()
        },
    };
    Child::in_slot(&parts.slots.dag, move || (DagActor, args.clone()))
}

fn cache_child(config: &NodeConfig, parts: &Arc<Parts>) -> Child {
    let values = usize::try_from(config.cache_memory / LEAST_VALUE_BYTES).unwrap_or(usize::MAX);
    let args = CacheArgs {
        values: parts.views.values.clone(),
        storage: parts.views.storage.clone(),
        commit: parts.commit.clone(),
        lane: parts.cache_lane.clone(),
        blobs: parts.slots.blobs.clone(),
        config: CacheConfig {
            memory_bytes: config.cache_memory,
            memory_values: values,
            disk_bytes: config.cache_disk,
        },
    };
    Child::in_slot(&parts.slots.cache, move || (CacheActor, args.clone()))
}

fn verify_child(parts: &Arc<Parts>) -> Child {
    let args = VerifyArgs {
        marks: parts.views.marks.clone(),
        commit: parts.commit.clone(),
        cache: parts.slots.cache.clone(),
    };
    Child::in_slot(&parts.slots.verify, move || (VerifyActor, args.clone()))
}

fn materialize_child(config: &NodeConfig, parts: &Arc<Parts>) -> Child {
    let args = MaterializeArgs {
        compute: parts.compute.clone(),
        blobs: parts.slots.blobs.to_vec(),
        clock: parts.clock.clone(),
        holds: parts.holds.clone(),
        config: MaterializeConfig {
            max_requests: config.max_requests,
            ..MaterializeConfig::default()
        },
    };
    let slot = &parts.slots.materialize;
    Child::in_slot(slot, move || (MaterializeSupervisor, args.clone()))
}

fn gc_child(config: &NodeConfig, parts: &Arc<Parts>) -> Child {
    let args = GcArgs {
        storage: parts.views.storage.clone(),
        commit: parts.commit.clone(),
        clock: parts.clock.clone(),
        lane: parts.gc_lane.clone(),
        recipes: parts.views.recipes.clone(),
        cache: parts.slots.cache.clone(),
        values: parts.views.values.clone(),
        holds: parts.holds.clone(),
        membership: config.membership,
        turn: parts.gc_turn.clone(),
    };
    Child::in_slot(&parts.slots.gc, move || (GcCoordinator, args.clone()))
}

fn gateway_child(parts: &Arc<Parts>, seat: &SupervisorSeat, gateways: Gateways) -> Child {
    let slots = parts.slots.clone();
    let Gateways { grpc, admin } = gateways;
    Child::supervisor(seat, parts.clock.clone(), move || {
        let (grpc, admin) = (grpc.clone(), admin.clone());
        // The admin listener starts first and stops last: it tells of the others.
        vec![
            drained(
                Child::in_slot(&slots.admin, move || (AdminGateway, admin.clone())),
                &slots.admin,
            ),
            drained(
                Child::in_slot(&slots.grpc, move || (GrpcGateway, grpc.clone())),
                &slots.grpc,
            ),
        ]
    })
}

/// Before a gateway is stopped, the requests under way may end.
fn drained(child: Child, slot: &Slot<GatewayMessage>) -> Child {
    let slot = slot.clone();
    child.before_stop(move || {
        let slot = slot.clone();
        async move {
            let drained = slot.call(DRAIN_PATIENCE, |reply| GatewayMessage::Drain { reply });
            if let Err(fault) = drained.await {
                tracing::warn!(gateway = slot.name(), %fault, "a gateway did not drain");
            }
        }
    })
}

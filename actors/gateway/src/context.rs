//! What a gateway works with: the parts of the node that the assembly hands in, and the gate that
//! all its requests pass.
//!
//! It refuses to know concrete parts: slots, views and ports only.

use crate::{edge::Gate, limits::GatewayLimits};
use deriva_messages::{
    Fault,
    blob::BlobMessage,
    cache::CacheMessage,
    dag::DagMessage,
    gc::GcMessage,
    materialize::MaterializeMessage,
    verify::{Verification, VerifyMessage},
};
use deriva_model::ChunkSize;
use deriva_system::{
    Clock,
    compute::Compute,
    storage::Storage,
    supervise::{ChildReport, Slot},
    view::{Holds, Marks, RecipeView, ValueView},
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The answer of [`Reports`].
pub type Reporting = Pin<Box<dyn Future<Output = Result<Vec<ChildReport>, Fault>> + Send>>;

/// Asks every supervisor of the node for its children.
pub type Reports = Arc<dyn Fn() -> Reporting + Send + Sync>;

/// The stable places of the actors that a gateway asks.
#[derive(Clone)]
pub struct Slots {
    /// One a shard, in shard order; never empty.
    pub blobs: Vec<Slot<BlobMessage>>,
    pub dag: Slot<DagMessage>,
    pub cache: Slot<CacheMessage>,
    pub materialize: Slot<MaterializeMessage>,
    pub gc: Slot<GcMessage>,
    pub verify: Slot<VerifyMessage>,
}

/// How one slot stands at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotState {
    pub(crate) name: String,
    /// Messages that hold credit.
    pub(crate) depth: usize,
    /// Whether an actor stands in it.
    pub(crate) seated: bool,
}

impl Slots {
    fn states(&self) -> Vec<SlotState> {
        let mut states: Vec<SlotState> = self.blobs.iter().map(state).collect();
        states.push(state(&self.dag));
        states.push(state(&self.cache));
        states.push(state(&self.materialize));
        states.push(state(&self.gc));
        states.push(state(&self.verify));
        states
    }
}

fn state<M: Send + 'static>(slot: &Slot<M>) -> SlotState {
    let alive = |cell: ractor::ActorCell| cell.get_status() <= ractor::ActorStatus::Running;
    SlotState {
        name: slot.name().to_owned(),
        depth: slot.depth(),
        seated: slot.cell().is_some_and(alive),
    }
}

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub node_name: String,
    pub node_id: String,
    /// Of the release.
    pub version: String,
    /// Where its gRPC listener really listens.
    pub grpc_addr: String,
}

/// The parts of a node, as its assembly hands them in.
#[derive(Clone)]
pub struct NodeParts {
    pub slots: Slots,
    pub recipes: Arc<RecipeView>,
    pub values: Arc<ValueView>,
    /// The node's.
    pub holds: Arc<Holds>,
    pub marks: Arc<Marks>,
    /// What every request is verified by at least.
    pub verification: Verification,
    pub storage: Arc<dyn Storage>,
    pub compute: Arc<dyn Compute>,
    pub clock: Arc<dyn Clock>,
    /// How stored leaves are cut.
    pub chunk_size: ChunkSize,
    pub limits: GatewayLimits,
    pub identity: Identity,
    pub reports: Reports,
}

/// The parts and the gate; one a node, shared by its gateways and their restarts.
pub struct GatewayContext {
    pub(crate) node: NodeParts,
    pub(crate) gate: Gate,
    /// Spreads leaves, whose content is not known yet, over the shards.
    uploads: AtomicUsize,
    started: Duration,
}

impl fmt::Debug for GatewayContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayContext")
            .field("identity", &self.node.identity)
            .finish_non_exhaustive()
    }
}

impl GatewayContext {
    /// Uptime is counted from here.
    ///
    /// # Errors
    /// `Breach` when there is no blob shard.
    pub fn new(node: NodeParts) -> Result<Arc<Self>, Fault> {
        if node.slots.blobs.is_empty() {
            let what = "a node without a blob shard cannot serve".to_owned();
            return Err(Fault::Breach { what });
        }
        Ok(Arc::new(Self {
            gate: Gate::new(node.limits.requests, node.clock.clone()),
            uploads: AtomicUsize::new(0),
            started: node.clock.monotonic(),
            node,
        }))
    }

    /// Refuses new requests from now on; what is under way goes on.
    pub fn drain(&self) {
        self.gate.close();
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.gate.is_closed()
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.node.clock.monotonic().saturating_sub(self.started)
    }

    pub(crate) fn slot_states(&self) -> Vec<SlotState> {
        self.node.slots.states()
    }

    /// Runs `work`, which may block on the disk, where blocking harms nobody. The gate bounds how
    /// many there are at once.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let context = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&context)).await;
        done.map_err(|error| Fault::Breach {
            what: format!("a read by the gateway did not end: {error}"),
        })?
    }

    /// The shard that takes the next leaf.
    pub(crate) fn next_shard(&self) -> Slot<BlobMessage> {
        let blobs = &self.node.slots.blobs;
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        blobs[number % blobs.len()].clone()
    }
}

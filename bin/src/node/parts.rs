//! The concrete parts of a node: store, views, lanes, evaluator. No actor is started here.

use super::{config::NodeConfig, start_error::StartError};
use deriva_actors::{
    blob::{StoredReader, Uploads},
    sources::{NodeSources, SourcesArgs},
    verify,
};
use deriva_compute::{BudgetLimits, Evaluator, EvaluatorConfig, Registry};
use deriva_messages::{
    blob::BlobMessage, cache::CacheMessage, dag::DagMessage, gateway::GatewayMessage,
    gc::GcMessage, materialize::MaterializeMessage, verify::VerifyMessage,
};
use deriva_store::{RocksStorage, StoreOptions};
use deriva_system::{
    Clock, SystemClock,
    compute::Compute,
    lane::Lane,
    storage::{
        Batch, CommitLane, CommitLimits, Durability, Space, Storage, StorageFault,
        commit::read_number, layout,
    },
    supervise::{Slot, SlotLimits},
    view::{Holds, Marks, RecipeView, ValueView},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Pieces of work that may wait for one lane.
const LANE_DEPTH: usize = 256;
/// Of the cache's memory, so much may be in the view before the cache has booked it.
const ARRIVALS_SHARE: u64 = 4;
/// The node's identity in its meta space: 16 random bytes, made once.
const META_NODE_ID: &[u8] = b"node_id";

/// The slots of a node's actors.
#[derive(Clone)]
pub struct NodeSlots {
    pub blobs: Arc<[Slot<BlobMessage>]>,
    pub dag: Slot<DagMessage>,
    pub cache: Slot<CacheMessage>,
    pub materialize: Slot<MaterializeMessage>,
    pub gc: Slot<GcMessage>,
    pub verify: Slot<VerifyMessage>,
    pub grpc: Slot<GatewayMessage>,
    pub admin: Slot<GatewayMessage>,
}

impl NodeSlots {
    fn new(shards: usize) -> Self {
        let limits = SlotLimits::default();
        Self {
            blobs: (0..shards)
                .map(|shard| Slot::new(format!("blob-{shard}"), limits))
                .collect(),
            dag: Slot::new("dag", limits),
            cache: Slot::new("cache", limits),
            materialize: Slot::new("materialize", limits),
            gc: Slot::new("gc", limits),
            verify: Slot::new("verify", limits),
            grpc: Slot::new("grpc", limits),
            admin: Slot::new("admin", limits),
        }
    }
}

/// What everybody reads.
pub(super) struct Views {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) recipes: Arc<RecipeView>,
    pub(super) values: Arc<ValueView>,
    pub(super) marks: Arc<Marks>,
    pub(super) reader: Arc<StoredReader>,
}

pub(super) struct Parts {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) views: Views,
    pub(super) commit: CommitLane,
    pub(super) uploads: Arc<Uploads>,
    pub(super) compute: Arc<dyn Compute>,
    pub(super) slots: NodeSlots,
    pub(super) blob_lanes: Vec<Lane>,
    pub(super) graph_lane: Lane,
    pub(super) cache_lane: Lane,
    pub(super) gc_lane: Lane,
    pub(super) holds: Arc<Holds>,
    /// Of collections: one at a time, over restarts of their actor.
    pub(super) gc_turn: Arc<Semaphore>,
    pub(super) node_id: String,
}

impl Parts {
    pub(super) fn build(config: &NodeConfig, registry: Registry) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let storage = open(config, clock.clone())?;
        let (boot, node_id) = introduce(storage.as_ref())?;
        let commit = CommitLane::start(storage.clone(), clock.clone(), CommitLimits::default())?;
        let values = Arc::new(ValueView::new(config.cache_memory / ARRIVALS_SHARE));
        let marks = Arc::new(Marks::new(values.invalidations()));
        verify::load(storage.as_ref(), &marks)?;
        let views = Views {
            recipes: Arc::new(RecipeView::default()),
            values,
            marks,
            reader: Arc::new(StoredReader::new(storage.clone())),
            storage,
        };
        let slots = NodeSlots::new(config.shards);
        let sources = sources(config, &views, &slots)?;
        let compute = evaluator(config, registry, Arc::new(sources), clock.clone())?;
        Ok(Self {
            uploads: Arc::new(Uploads::new(boot, config.chunk_size)),
            blob_lanes: (0..config.shards)
                .map(|shard| Lane::start(&format!("blob-{shard}"), LANE_DEPTH))
                .collect::<Result<_, _>>()?,
            graph_lane: Lane::start("graph", LANE_DEPTH)?,
            cache_lane: Lane::start("cache", LANE_DEPTH)?,
            gc_lane: Lane::start("gc", LANE_DEPTH)?,
            holds: Arc::default(),
            gc_turn: Arc::new(Semaphore::new(1)),
            clock,
            views,
            commit,
            compute,
            slots,
            node_id,
        })
    }
}

fn open(config: &NodeConfig, clock: Arc<dyn Clock>) -> Result<Arc<dyn Storage>, StartError> {
    let options = StoreOptions {
        memory_bytes: usize::try_from(config.store_memory).unwrap_or(usize::MAX),
        reserve_bytes: config.min_free_disk,
        log_damage: config.damaged_log,
        what: "deriva-actor-node".to_owned(),
        clock,
        ..StoreOptions::default()
    };
    Ok(Arc::new(RocksStorage::open(&config.data_dir, options)?))
}

/// Counts this start, and gives the node its identity at its first.
fn introduce(storage: &dyn Storage) -> Result<(u64, String), StartError> {
    let boot = read_number(storage, layout::META_BOOT)? + 1;
    let mut batch = Batch::default();
    batch.put(
        Space::Meta,
        layout::META_BOOT.to_vec(),
        layout::number(boot),
    );
    let id = match storage.get(Space::Meta, META_NODE_ID)? {
        Some(id) => id.to_vec(),
        None => {
            let id = random::<16>()?.to_vec();
            batch.put(Space::Meta, META_NODE_ID.to_vec(), id.clone());
            id
        }
    };
    storage.write(&batch, Durability::Synced)?;
    Ok((boot, id.iter().map(|byte| format!("{byte:02x}")).collect()))
}

fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    let chance = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    chance.fill(&mut bytes).map_err(|_| {
        StartError::Store(StorageFault::Io {
            why: "the system gave no random bytes".to_owned(),
        })
    })?;
    Ok(bytes)
}

/// What the evaluator sees of the node.
fn sources(
    config: &NodeConfig,
    views: &Views,
    slots: &NodeSlots,
) -> Result<NodeSources, StartError> {
    Ok(NodeSources::open(SourcesArgs {
        recipes: views.recipes.clone(),
        recipe_bytes: config.recipe_memory,
        values: views.values.clone(),
        storage: views.storage.clone(),
        reader: views.reader.clone(),
        cache: slots.cache.clone(),
        blobs: slots.blobs.clone(),
        marks: views.marks.clone(),
        verify: slots.verify.clone(),
        scratch_directory: config.data_dir.join("spill"),
        scratch_bytes: config.spill_disk,
    })?)
}

fn evaluator(
    config: &NodeConfig,
    registry: Registry,
    sources: Arc<NodeSources>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Compute>, StartError> {
    let settings = EvaluatorConfig {
        workers: config.workers,
        in_flight_bytes: config.in_flight_memory,
        stream_bytes: config.stream_output,
        budget: BudgetLimits {
            output_bytes: config.function_output,
            wall: config.function_wall,
            ..BudgetLimits::default()
        },
        salt: u64::from_le_bytes(random()?),
    };
    let registry = Arc::new(registry);
    Ok(Arc::new(Evaluator::start(
        registry, sources, clock, settings,
    )?))
}

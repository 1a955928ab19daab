//! A node of fakes: slots with actors that answer as told, a store in memory, a compute port that
//! knows one function. It proves the gateway, not the actors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::{GrpcArguments, GrpcGateway, call::Call};
use crate::{
    GatewayLimits,
    context::{GatewayContext, Identity, NodeParts, Slots},
    edge::{Deadline, Port},
};
use bytes::Bytes;
use deriva_messages::{
    Fault, Reply,
    blob::{BlobMessage, Locator, StoredLeaf},
    cache::{CacheCounts, CacheMessage, CascadePolicy, Cascaded, Evicted},
    dag::{
        Consumers, DagMessage, Forgotten, GraphNode, GraphQuestion, ImportState, Imported,
        OldRecipe, PinPage,
    },
    gateway::GatewayMessage,
    gc::{Collected, GcMessage},
    materialize::{Body, Depth, MaterializeMessage, Materialized, Mode, Part, Whole},
    verify::{Verification, VerifyMessage, Violation},
};
use deriva_model::{CAddr, ChunkSize, ContentHash, Epoch, FunctionId, Recipe, Trace};
use deriva_proto::deriva_client::DerivaClient;
use deriva_system::{
    SystemClock,
    compute::{Compute, ComputeCounts, Done, FunctionDescription, Ticket},
    storage::MemoryStorage,
    supervise::{Envelope, Slot, SlotLimits},
    view::{Marks, RecipeView, ValueView},
};
use parking_lot::Mutex;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;
use tonic::transport::Channel;

/// What the fakes have seen and will say.
#[derive(Default)]
pub(crate) struct Script {
    /// Leaves by address.
    pub(crate) leaves: Mutex<HashMap<CAddr, Bytes>>,
    /// Chunks of uploads under way.
    pub(crate) staged: Mutex<BTreeMap<(u64, u32), Bytes>>,
    pub(crate) abandoned: Mutex<Vec<u64>>,
    /// How many recipes each Put brought.
    pub(crate) puts: Mutex<Vec<usize>>,
    pub(crate) recipes: Mutex<Vec<CAddr>>,
    pub(crate) pins: Mutex<BTreeSet<CAddr>>,
    /// A Put of such a recipe is decided, and not answered before another is.
    pub(crate) slow: Mutex<Vec<CAddr>>,
    pub(crate) unanswered: Mutex<Vec<Reply<()>>>,
    /// A Put of such a recipe is decided, and fails when another comes.
    pub(crate) lost: Mutex<Vec<CAddr>>,
    pub(crate) failing: Mutex<Vec<Reply<()>>>,
    /// A recipe whose address is here is refused.
    pub(crate) refused: Mutex<Vec<CAddr>>,
    /// Values by root; what is not here is not found.
    pub(crate) values: Mutex<HashMap<CAddr, Said>>,
    /// Told when a client went away.
    pub(crate) gone: Mutex<Option<mpsc::UnboundedSender<CAddr>>>,
    pub(crate) modes: Mutex<Vec<&'static str>>,
    pub(crate) verifications: Mutex<Vec<Verification>>,
}

/// What the fake evaluator says about a root.
#[derive(Clone)]
pub(crate) enum Said {
    Whole(Bytes),
    Chunks(Vec<Bytes>),
    Fails(Fault),
    /// Never answers.
    Silence,
}

impl Script {
    fn blob(&self, message: BlobMessage) {
        match message {
            BlobMessage::PutLeaf { bytes, reply } => reply.send(Ok(self.leaf(bytes))).unwrap(),
            BlobMessage::PutLeaves { leaves, reply } => {
                let stored = leaves.into_iter().map(|leaf| self.leaf(leaf)).collect();
                reply.send(Ok(stored)).unwrap();
            }
            BlobMessage::Open { reply } => reply.send(Ok(Locator(7))).unwrap(),
            BlobMessage::Stage {
                upload,
                index,
                bytes,
                reply,
            } => {
                self.staged.lock().insert((upload.0, index), bytes);
                reply.send(Ok(())).unwrap();
            }
            BlobMessage::Seal {
                manifest, reply, ..
            } => {
                let staged = self.staged.lock();
                assert_eq!(staged.len() as u64, manifest.chunk_count());
                let chunks: Vec<&[u8]> = staged.values().map(|chunk| &chunk[..]).collect();
                let bytes = Bytes::from(chunks.concat());
                assert_eq!(ContentHash::of(&bytes), manifest.content());
                reply.send(Ok(self.leaf(bytes))).unwrap();
            }
            BlobMessage::Abandon { upload } => self.abandoned.lock().push(upload.0),
            _ => unreachable!("the gateway does not say this"),
        }
    }

    fn leaf(&self, bytes: Bytes) -> StoredLeaf {
        let (address, size) = (CAddr::of_leaf(&bytes), bytes.len() as u64);
        let was_new = self.leaves.lock().insert(address, bytes).is_none();
        StoredLeaf {
            address,
            size,
            was_new,
        }
    }

    fn dag(&self, message: DagMessage) {
        match message {
            DagMessage::Put {
                recipes,
                decided,
                reply,
                ..
            } => {
                let addresses: Vec<CAddr> = recipes.iter().map(|recipe| recipe.address()).collect();
                let refused = self
                    .refused
                    .lock()
                    .iter()
                    .copied()
                    .find(|bad| addresses.contains(bad));
                if let Some(bad) = refused {
                    reply
                        .send(Err(Fault::missing_inputs(bad, vec![bad])))
                        .unwrap();
                    return;
                }
                let is_slow = addresses.iter().any(|one| self.slow.lock().contains(one));
                let is_lost = addresses.iter().any(|one| self.lost.lock().contains(one));
                self.puts.lock().push(recipes.len());
                self.recipes.lock().extend(addresses);
                // Whoever put last waits for the answer only.
                drop(decided.map(|decided| decided.send(Ok(()))));
                for failing in self.failing.lock().drain(..) {
                    let why = "the disk is gone".to_owned();
                    failing.send(Err(Fault::StoreFailed { why })).unwrap();
                }
                if is_lost {
                    return self.failing.lock().push(reply);
                }
                let mut unanswered = self.unanswered.lock();
                unanswered.push(reply);
                if !is_slow {
                    unanswered
                        .drain(..)
                        .for_each(|reply| reply.send(Ok(())).unwrap());
                }
            }
            DagMessage::Ask {
                address,
                question,
                reply,
            } => {
                let node = |address| GraphNode { address, depth: 0 };
                let answer = match question {
                    GraphQuestion::TopologicalOrder => {
                        vec![node(CAddr::from_bytes([9; 32])), node(address)]
                    }
                    _ => return reply.send(Err(Fault::NotFound { address })).unwrap(),
                };
                reply.send(Ok(answer)).unwrap();
            }
            DagMessage::Pin { address, reply } => {
                let was_new = self.pins.lock().insert(address);
                reply.send(Ok(was_new)).unwrap();
            }
            DagMessage::Unpin { address, reply } => {
                let was_pinned = self.pins.lock().remove(&address);
                reply.send(Ok(was_pinned)).unwrap();
            }
            DagMessage::ListPins {
                after,
                limit,
                reply,
            } => {
                let pins = self.pins.lock();
                let above = pins.iter().copied().filter(|pin| Some(*pin) > after);
                let addresses: Vec<CAddr> = above.clone().take(limit).collect();
                let page = PinPage {
                    more: above.count() > addresses.len(),
                    addresses,
                    total: pins.len() as u64,
                };
                reply.send(Ok(page)).unwrap();
            }
            DagMessage::Forget {
                address,
                consumers,
                reply,
            } => {
                let answer = match consumers {
                    Consumers::Refuse => Err(Fault::InUse {
                        address,
                        by: address,
                    }),
                    Consumers::Forget => Ok(Forgotten { recipes: 2 }),
                };
                reply.send(answer).unwrap();
            }
            DagMessage::Import { recipes, reply, .. } => {
                self.puts.lock().push(recipes.len());
                let outcomes = recipes.iter().map(|one| self.import(one)).collect();
                reply.send(Ok(outcomes)).unwrap();
            }
            DagMessage::CompleteImport { reply } => {
                let state = ImportState {
                    declared: Some(Epoch::new(3)),
                    aliases: 5,
                };
                reply.send(Ok(state)).unwrap();
            }
        }
    }

    fn import(&self, one: &OldRecipe) -> Result<Imported, Fault> {
        let address = one.recipe.address();
        if self.refused.lock().contains(&address) {
            return Err(Fault::missing_inputs(address, vec![address; 20]));
        }
        let mut stored = self.recipes.lock();
        if stored.contains(&address) {
            return Ok(Imported::Known);
        }
        stored.push(address);
        Ok(Imported::New)
    }

    fn cache(message: CacheMessage) {
        match message {
            CacheMessage::Count { reply } => {
                let counts = CacheCounts {
                    resident_values: 3,
                    disk_values: 5,
                    ..CacheCounts::default()
                };
                reply.send(Ok(counts)).unwrap();
            }
            CacheMessage::EvictAll { reply } => {
                reply
                    .send(Ok(Evicted {
                        values: 4,
                        bytes: 99,
                    }))
                    .unwrap();
            }
            CacheMessage::Invalidate { reply, .. } => {
                reply
                    .send(Ok(Evicted {
                        values: 1,
                        bytes: 9,
                    }))
                    .unwrap();
            }
            CacheMessage::Cascade { policy, reply, .. } => {
                let evicted = match policy {
                    CascadePolicy::None => 1,
                    CascadePolicy::Immediate => 2,
                    CascadePolicy::Deferred => 3,
                    CascadePolicy::DryRun => 4,
                };
                let done = Cascaded {
                    evicted,
                    ..Cascaded::default()
                };
                reply.send(Ok(done)).unwrap();
            }
            CacheMessage::Unlink { .. } | CacheMessage::Void { .. } => {
                unreachable!("the gateway does not say this")
            }
            CacheMessage::Landed => {}
        }
    }

    fn materialize(self: &Arc<Self>, message: MaterializeMessage) {
        let MaterializeMessage::Start {
            request,
            gone,
            reply,
        } = message;
        self.modes.lock().push(match request.mode {
            Mode::Parallel => "parallel",
            Mode::Sequential => "sequential",
            Mode::Record => "record",
            Mode::Replay(_) => "replay",
            Mode::Verify(Depth::Root) => "verify",
            Mode::Verify(Depth::Graph) => "verify deep",
        });
        self.verifications.lock().push(request.verification);
        let root = request.root;
        if let Some(tell) = self.gone.lock().clone() {
            tokio::spawn(async move {
                assert!(gone.await.is_err());
                tell.send(root).unwrap();
            });
        }
        let said = self.values.lock().get(&root).cloned();
        let recording = matches!(request.mode, Mode::Record);
        let trace = recording.then(|| Trace {
            root,
            steps: Vec::new(),
        });
        let answer = |size: usize, body| Materialized {
            whole: Some(Whole {
                content: ContentHash::of(b""),
                size: size as u64,
            }),
            body,
            trace,
        };
        match said {
            None => reply.send(Err(Fault::NotFound { address: root })).unwrap(),
            Some(Said::Fails(fault)) => reply.send(Err(fault)).unwrap(),
            Some(Said::Silence) => drop(tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(reply);
            })),
            Some(Said::Whole(bytes)) => {
                reply
                    .send(Ok(answer(bytes.len(), Body::Resident(bytes))))
                    .unwrap();
            }
            Some(Said::Chunks(chunks)) => {
                let size = chunks.iter().map(Bytes::len).sum();
                let (give, take) = mpsc::channel(1);
                tokio::spawn(async move {
                    for chunk in chunks {
                        if give.send(Ok(Part::Bytes(chunk))).await.is_err() {
                            return;
                        }
                    }
                });
                reply.send(Ok(answer(size, Body::Parts(take)))).unwrap();
            }
        }
    }
}

/// An actor that hands every message to a function.
struct Fake<M>(Box<dyn Fn(M) + Send + Sync>);

impl<M: Send + 'static> Actor for Fake<M> {
    type Msg = Envelope<M>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        (self.0)(envelope.message);
        Ok(())
    }
}

async fn slot<M: Send + 'static>(name: &str, hear: impl Fn(M) + Send + Sync + 'static) -> Slot<M> {
    let patience = Duration::from_millis(200);
    let slot = Slot::new(
        name,
        SlotLimits {
            credit: 64,
            patience,
        },
    );
    let (actor, _) = Actor::spawn(None, Fake(Box::new(hear)), ()).await.unwrap();
    slot.seat(actor);
    slot
}

/// How the function `marked` was caught.
pub(crate) fn caught() -> Violation {
    Violation {
        function: FunctionId::new("marked", "1"),
        recipe: CAddr::of_leaf(b"a recipe"),
        first: Some(CAddr::of_leaf(b"a").as_content()),
        second: Some(CAddr::of_leaf(b"b").as_content()),
    }
}

/// Knows every function but `nope`.
struct FakeCompute;

struct NoTicket;

impl Ticket for NoTicket {}

impl Compute for FakeCompute {
    fn start(&self, _: deriva_messages::materialize::Materialize, _: Done) -> Box<dyn Ticket> {
        Box::new(NoTicket)
    }

    fn check(&self, recipe: &Recipe) -> Result<Arc<FunctionId>, Fault> {
        if recipe.function().name == "nope" {
            let reason = format!("no function {}", recipe.function());
            return Err(Fault::RefusedRecipe { reason });
        }
        Ok(recipe.shared_function())
    }

    fn functions(&self) -> Vec<FunctionDescription> {
        let described = |name: &str| FunctionDescription {
            name: name.to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            min_inputs: 0,
            max_inputs: None,
            params: Vec::new(),
            example: String::new(),
        };
        vec![described("honest"), described("marked")]
    }

    fn counts(&self) -> ComputeCounts {
        ComputeCounts {
            executions: 11,
            agreed: 3,
            differed: 1,
            ..ComputeCounts::default()
        }
    }
}

/// A gateway over fakes.
pub(crate) struct TestNode {
    pub(crate) script: Arc<Script>,
    pub(crate) storage: Arc<MemoryStorage>,
    pub(crate) context: Arc<GatewayContext>,
}

impl TestNode {
    pub(crate) async fn start() -> Self {
        Self::with(GatewayLimits::default()).await
    }

    pub(crate) async fn with(limits: GatewayLimits) -> Self {
        let script = Arc::new(Script::default());
        let storage = Arc::new(MemoryStorage::default());
        let (blob, dag, mat) = (script.clone(), script.clone(), script.clone());
        let slots = Slots {
            blobs: vec![slot("blob-0", move |message| blob.blob(message)).await],
            dag: slot("dag", move |message| dag.dag(message)).await,
            cache: slot("cache", Script::cache).await,
            verify: slot("verify", |message| {
                if let VerifyMessage::Clear { function, reply } = message {
                    reply.send(Ok(function.name == "marked")).unwrap();
                }
            })
            .await,
            materialize: slot("materialize", move |message| mat.materialize(message)).await,
            gc: slot("gc", |message| {
                let GcMessage::Collect { request, reply } = message;
                let done = Collected {
                    leaves: request.max_removals.unwrap_or(99),
                    ..Collected::default()
                };
                reply.send(Ok(done)).unwrap();
            })
            .await,
        };
        let values = Arc::new(ValueView::new(1 << 20));
        let marks = Arc::new(Marks::new(values.invalidations()));
        marks.restore(caught());
        let context = GatewayContext::new(NodeParts {
            slots,
            recipes: Arc::new(RecipeView::default()),
            holds: Arc::default(),
            values,
            marks,
            verification: Verification::Off,
            storage: storage.clone(),
            compute: Arc::new(FakeCompute),
            clock: Arc::new(SystemClock::default()),
            chunk_size: ChunkSize::new(14).unwrap(),
            limits,
            identity: Identity {
                node_name: "one".to_owned(),
                node_id: "1".to_owned(),
                version: "0.1.0".to_owned(),
                grpc_addr: "127.0.0.1:1".to_owned(),
            },
            reports: Arc::new(|| Box::pin(async { Ok(Vec::new()) })),
        });
        Self {
            script,
            storage,
            context: context.unwrap(),
        }
    }

    pub(super) fn call(&self) -> Call {
        let longest = Duration::from_secs(60);
        Call {
            context: self.context.clone(),
            deadline: Deadline::new(self.context.node.clock.clone(), None, longest),
        }
    }

    pub(crate) fn arguments(&self) -> GrpcArguments {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        GrpcArguments {
            context: self.context.clone(),
            port: Port::new(listener).unwrap(),
            tls: None,
        }
    }

    /// A gateway that listens, and a client of it.
    pub(crate) async fn serve(&self) -> Served {
        let arguments = self.arguments();
        let url = format!("http://{}", arguments.port.address());
        let (actor, _) = Actor::spawn(None, GrpcGateway, arguments.clone())
            .await
            .unwrap();
        let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
        let client = DerivaClient::new(channel.clone());
        Served {
            actor,
            arguments,
            channel,
            client,
        }
    }
}

/// A listening gateway.
pub(crate) struct Served {
    pub(crate) actor: ActorRef<Envelope<GatewayMessage>>,
    pub(crate) arguments: GrpcArguments,
    pub(crate) channel: Channel,
    pub(crate) client: DerivaClient<Channel>,
}

/// Lets the others run until it is so.
pub(crate) async fn until(so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it never was so");
}

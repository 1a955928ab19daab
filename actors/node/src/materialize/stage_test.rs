//! What the tests of this room stand on: an evaluator that does what the test says, and a shard that
//! gives the chunks it was given.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{MaterializeArgs, MaterializeConfig, MaterializeSupervisor};
use bytes::Bytes;
use deriva_messages::{
    Fault, Reply,
    blob::BlobMessage,
    materialize::{Interest, Materialize, MaterializeMessage, Materialized, Mode},
    verify::Verification,
};
use deriva_model::{CAddr, ContentHash, FunctionId, Recipe};
use deriva_system::{
    ManualClock, ask,
    compute::{
        Compute, ComputeCounts, Done, Evaluated, FunctionDescription, Outcome, StoredContent,
        Ticket,
    },
    supervise::{Envelope, Slot, SlotLimits},
    view::Holds,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

/// Longer than any test may take; what waits for it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// The root whose evaluation panics when it is begun.
pub(super) const CURSED: &[u8] = b"cursed";

pub(super) fn asked(root: &[u8]) -> Materialize {
    Materialize {
        root: CAddr::of_leaf(root),
        mode: Mode::Parallel,
        verification: Verification::Off,
        transient: Arc::default(),
        deadline: None,
    }
}

/// An evaluation that the test ends.
pub(super) struct Begun {
    pub(super) done: Done,
    /// Resolves when its ticket went.
    pub(super) withdrawn: oneshot::Receiver<()>,
}

impl Begun {
    pub(super) fn give(self, outcome: Outcome) {
        (self.done)(Ok(Evaluated {
            outcome,
            trace: None,
        }));
    }
}

struct Fake {
    begun: mpsc::UnboundedSender<Begun>,
}

struct Held {
    _end: oneshot::Sender<()>,
}

impl Ticket for Held {}

impl Compute for Fake {
    fn start(&self, request: Materialize, done: Done) -> Box<dyn Ticket> {
        assert!(request.root != CAddr::of_leaf(CURSED), "as the test asked");
        let (_end, withdrawn) = oneshot::channel();
        self.begun.send(Begun { done, withdrawn }).ok().unwrap();
        Box::new(Held { _end })
    }

    fn check(&self, recipe: &Recipe) -> Result<Arc<FunctionId>, Fault> {
        Ok(recipe.shared_function())
    }

    fn functions(&self) -> Vec<FunctionDescription> {
        Vec::new()
    }

    fn counts(&self) -> ComputeCounts {
        ComputeCounts::default()
    }
}

/// A shard that answers with these chunks and says how many it was asked for.
pub(super) struct Shard;

pub(super) struct Shelf {
    chunks: Vec<Result<Bytes, Fault>>,
    reads: watch::Sender<usize>,
    /// Readers of chunks that are not there, who wait for ever.
    held: Vec<Reply<Bytes>>,
}

impl Actor for Shard {
    type Msg = Envelope<BlobMessage>;
    type State = Shelf;
    type Arguments = Shelf;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        shelf: Shelf,
    ) -> Result<Shelf, ActorProcessingErr> {
        Ok(shelf)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Envelope<BlobMessage>,
        shelf: &mut Shelf,
    ) -> Result<(), ActorProcessingErr> {
        let BlobMessage::Read { index, reply, .. } = envelope.message else {
            return Err("only reads were expected".into());
        };
        shelf.reads.send_modify(|reads| *reads += 1);
        match shelf.chunks.get(index as usize) {
            // A reader that went away while it waited is one of the things tested.
            Some(chunk) => drop(reply.send(chunk.clone())),
            None => shelf.held.push(reply),
        }
        Ok(())
    }
}

pub(super) struct Stage {
    pub(super) slot: Slot<MaterializeMessage>,
    pub(super) holds: Arc<Holds>,
    pub(super) begun: mpsc::UnboundedReceiver<Begun>,
    pub(super) reads: watch::Receiver<usize>,
    pub(super) supervisor: ActorRef<Envelope<MaterializeMessage>>,
}

pub(super) type Asking = JoinHandle<Result<(Interest, Materialized), Fault>>;

impl Stage {
    pub(super) async fn new(config: MaterializeConfig, chunks: Vec<Result<Bytes, Fault>>) -> Self {
        let (sender, begun) = mpsc::unbounded_channel();
        let holds = Arc::<Holds>::default();
        let (read, reads) = watch::channel(0);
        let shelf = Shelf {
            chunks,
            reads: read,
            held: Vec::new(),
        };
        let (shard, _) = Actor::spawn(None, Shard, shelf).await.unwrap();
        let blob = Slot::new("blob", SlotLimits::default());
        blob.seat(shard);
        let args = MaterializeArgs {
            compute: Arc::new(Fake { begun: sender }),
            blobs: vec![blob],
            clock: Arc::new(ManualClock::default()),
            holds: holds.clone(),
            config,
        };
        let spawned = Actor::spawn(None, MaterializeSupervisor, args).await;
        let (supervisor, _) = spawned.unwrap();
        let slot = Slot::new("materialize", SlotLimits::default());
        slot.seat(supervisor.clone());
        Self {
            slot,
            holds,
            begun,
            reads,
            supervisor,
        }
    }

    pub(super) async fn plain() -> Self {
        Self::new(MaterializeConfig::default(), Vec::new()).await
    }

    /// Asks in a task of its own, as a client's connection does.
    pub(super) fn ask(&self, request: Materialize) -> Asking {
        let slot = self.slot.clone();
        tokio::spawn(async move { ask::materialize(&slot, request, PATIENCE).await })
    }

    pub(super) async fn next_begun(&mut self) -> Begun {
        self.begun.recv().await.unwrap()
    }

    /// Asks until there is room: the end of an earlier request is heard in its own time.
    pub(super) async fn ask_until_let_in(&mut self) -> (Asking, Begun) {
        for _ in 0..100_000 {
            let mut asking = self.ask(asked(b"next"));
            tokio::select! {
                begun = self.begun.recv() => return (asking, begun.unwrap()),
                refused = &mut asking => {
                    let refused = refused.unwrap().unwrap_err();
                    assert!(matches!(refused, Fault::Overloaded { .. }), "{refused}");
                }
            }
            tokio::task::yield_now().await;
        }
        panic!("the place of an ended request was never free again")
    }
}

/// The content that these chunks are.
pub(super) fn stored(chunks: &[Result<Bytes, Fault>]) -> StoredContent {
    let sizes = chunks.iter().flatten().map(|chunk| chunk.len() as u64);
    StoredContent {
        owner: CAddr::of_leaf(b"owner"),
        content: ContentHash::of(b"content"),
        size: sizes.sum(),
    }
}

pub(super) fn chunks(count: u8) -> Vec<Result<Bytes, Fault>> {
    (0..count).map(|at| Ok(vec![at; 1024].into())).collect()
}

//! A node in this process, asked through its actors' ports: what the node costs without its listeners.

use crate::Failure;
use bytes::Bytes;
use deriva_bin::node::{
    Node, NodeConfig,
    settings::{Origin, Settings},
};
use deriva_messages::{
    Fault,
    blob::BlobMessage,
    dag::{DagMessage, MissingInputs},
    materialize::{Body, Materialize, Mode, Transient},
    verify::Verification,
};
use deriva_model::{CAddr, Recipe, SealedRecipe};
use deriva_system::ask;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Recipes, or leaves, of one message.
const BATCH: usize = 4096;
const ANY_PORT: &str = "127.0.0.1:0";

/// The node.
pub(super) struct Inside(Node);

impl Inside {
    /// Over a data directory, with the defaults but for its ports.
    pub(super) async fn start(data: &Path) -> Result<Self, Failure> {
        let mut settings = Settings::default();
        let data = data.to_str().ok_or("a path in UTF-8")?;
        for (key, value) in [
            ("data_dir", data),
            ("grpc_listen", ANY_PORT),
            ("admin_listen", ANY_PORT),
        ] {
            settings.set(key, value.to_owned(), Origin::Flag)?;
        }
        Ok(Self(Node::start(NodeConfig::try_from(&settings)?).await?))
    }

    pub(super) async fn stop(self) {
        self.0.stop().await;
    }

    /// Puts small leaves, some thousands a message; each message is durable when it is answered.
    pub(super) async fn put_leaves(&self, leaves: Vec<Vec<u8>>) -> Result<(), Failure> {
        let mut leaves = leaves.into_iter().map(Bytes::from);
        loop {
            let batch: Vec<Bytes> = leaves.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let put = |reply| BlobMessage::PutLeaves {
                leaves: batch,
                reply,
            };
            self.0.slots().blobs[0].call(PATIENCE, put).await?;
        }
    }

    /// Hashes and puts recipes, inputs before consumers, some thousands a message; each message is
    /// durable when it is answered. As a `PutGraph` stream does it, the next is made while one is
    /// under way, and sent when that one is decided.
    pub(super) async fn put_recipes(&self, recipes: Vec<Recipe>) -> Result<(), Failure> {
        let mut recipes = recipes.into_iter().map(SealedRecipe::seal).map(Arc::new);
        let mut before: Option<(JoinHandle<_>, _)> = None;
        loop {
            let batch: Vec<Arc<SealedRecipe>> = recipes.by_ref().take(BATCH).collect();
            let is_last = batch.is_empty();
            let slot = self.0.slots().dag.clone();
            let (decided, is_decided) = oneshot::channel::<Result<(), Fault>>();
            let put = async move {
                let put = |reply| DagMessage::Put {
                    recipes: batch,
                    missing: MissingInputs::Refuse,
                    decided: Some(decided.into()),
                    reply,
                };
                slot.call(PATIENCE, put).await
            };
            let (answer, turn) = match before.take() {
                None => (None, Ok(Ok(()))),
                Some((answer, turn)) => (Some(answer), turn.await),
            };
            // What was not decided is explained by its answer.
            if turn.is_ok() && !is_last {
                before = Some((tokio::spawn(put), is_decided));
            }
            if let Some(answer) = answer {
                answer.await??;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// The value of an address that is small enough to come whole.
    pub(super) async fn get(&self, root: CAddr) -> Result<Bytes, Failure> {
        let request = Materialize {
            root,
            mode: Mode::Parallel,
            verification: Verification::Off,
            transient: Transient::default(),
            deadline: None,
        };
        let slot = &self.0.slots().materialize;
        let (_, answer) = ask::materialize(slot, request, PATIENCE).await?;
        match answer.body {
            Body::Resident(bytes) => Ok(bytes),
            Body::Parts(_) => Err("a small value came in parts".into()),
        }
    }
}

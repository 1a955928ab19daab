//! A node in this process, asked through its actors' ports: what the node costs without its listeners.

use crate::Failure;
use bytes::Bytes;
use deriva_bin::node::{
    Node, NodeConfig,
    settings::{Origin, Settings},
};
use deriva_messages::{
    blob::BlobMessage,
    dag::{DagMessage, MissingInputs},
    materialize::{Body, Materialize, Mode, Transient},
    verify::Verification,
};
use deriva_model::{CAddr, Recipe, SealedRecipe};
use deriva_system::ask;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Recipes, or leaves, of one message.
const BATCH: usize = 16_384;
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
    /// durable when it is answered. The next is made while one is under way.
    pub(super) async fn put_recipes(&self, recipes: Vec<Recipe>) -> Result<(), Failure> {
        let mut recipes = recipes.into_iter().map(SealedRecipe::seal).map(Arc::new);
        let mut under_way: Option<JoinHandle<_>> = None;
        loop {
            let batch: Vec<Arc<SealedRecipe>> = recipes.by_ref().take(BATCH).collect();
            if let Some(put) = under_way.take() {
                put.await??;
            }
            if batch.is_empty() {
                return Ok(());
            }
            let slot = self.0.slots().dag.clone();
            under_way = Some(tokio::spawn(async move {
                let put = |reply| DagMessage::Put {
                    recipes: batch,
                    missing: MissingInputs::Refuse,
                    reply,
                };
                slot.call(PATIENCE, put).await
            }));
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

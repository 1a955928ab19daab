//! A whole node in this process: its store, its actors, its evaluator and its listeners, with the
//! settings that a node has by default but for a larger cache, so that nothing is evicted while it is
//! measured.
//!
//! It is asked as its own gateway asks it: through the slots of its actors and the view of its values.

use crate::{Failure, functions, graphs::Graph, setting::Setting};
use bytes::Bytes;
use deriva_bin::node::{
    Node, NodeConfig,
    settings::{Origin, Settings},
};
use deriva_messages::{
    Fault,
    blob::BlobMessage,
    cache::{CacheCounts, CacheMessage, CascadePolicy, CascadeRoot, Cascaded},
    dag::{DagMessage, MissingInputs},
    materialize::{Body, Materialize, Mode, Part, Transient},
    verify::Verification,
};
use deriva_model::{CAddr, ContentHash, SealedRecipe};
use deriva_system::{ask, shard::shard_of, view::ValueView};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::task::{JoinError, JoinSet};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Recipes of one put.
const PUT: usize = 4096;
/// Leaves on their way at once: fewer than a slot has credit.
const LEAVES_AT_ONCE: usize = 512;

/// A node, and the directory that goes with it.
pub struct Stand<'a> {
    node: Node,
    setting: &'a Setting,
    _data: TempDir,
}

impl<'a> Stand<'a> {
    /// # Errors
    /// The node did not start.
    pub fn start(setting: &'a Setting) -> Result<Self, Failure> {
        let data = setting.directory()?;
        let mut settings = Settings::default();
        for (key, value) in [
            ("data_dir", data.path().to_str().ok_or("a path of no text")?),
            ("grpc_listen", "127.0.0.1:0"),
            ("admin_listen", "127.0.0.1:0"),
            ("cache_memory", "8GiB"),
        ] {
            settings.set(key, value.to_owned(), Origin::Flag)?;
        }
        let config = NodeConfig::try_from(&settings)?;
        let node = setting.block_on(Node::start_with(config, functions::registry()?))?;
        Ok(Self {
            node,
            setting,
            _data: data,
        })
    }

    /// Stops the node in order.
    pub fn stop(self) {
        self.setting.block_on(self.node.stop());
    }

    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    #[must_use]
    pub fn values(&self) -> &Arc<ValueView> {
        self.node.values()
    }

    /// The value of a graph that travels with the request.
    ///
    /// # Errors
    /// What became of the evaluation.
    pub fn evaluate(&self, graph: &Graph) -> Result<Bytes, Failure> {
        self.materialize(graph.root, graph.recipes.clone(), Verification::default())
    }

    /// The value of what is stored.
    ///
    /// # Errors
    /// What became of the evaluation.
    pub fn get(&self, address: CAddr) -> Result<Bytes, Failure> {
        self.materialize(address, Transient::default(), Verification::default())
    }

    /// The value of a root, verified as asked.
    ///
    /// # Errors
    /// What became of the evaluation.
    pub fn materialize(
        &self,
        root: CAddr,
        transient: Transient,
        verification: Verification,
    ) -> Result<Bytes, Failure> {
        let request = Materialize {
            root,
            mode: Mode::Parallel,
            verification,
            transient,
            deadline: Some(PATIENCE),
        };
        let slot = &self.node.slots().materialize;
        Ok(self.setting.block_on(async {
            let (_interest, answer) = ask::materialize(slot, request, PATIENCE).await?;
            whole(answer.body).await
        })?)
    }

    /// Stores a leaf, durably.
    ///
    /// # Errors
    /// What its shard says.
    pub fn put_leaf(&self, bytes: &[u8]) -> Result<CAddr, Failure> {
        self.put_leaves(vec![Bytes::copy_from_slice(bytes)])?;
        Ok(CAddr::of_leaf(bytes))
    }

    /// Stores leaves, durably. Their addresses, in their order.
    ///
    /// # Errors
    /// What the shards say.
    pub fn put_leaves(&self, leaves: Vec<Bytes>) -> Result<Vec<CAddr>, Failure> {
        let addresses = leaves.iter().map(|bytes| CAddr::of_leaf(bytes)).collect();
        let blobs = self.node.slots().blobs.clone();
        let put = async {
            let mut under_way = JoinSet::new();
            for bytes in leaves {
                if under_way.len() >= LEAVES_AT_ONCE {
                    ended(under_way.join_next().await)?;
                }
                let shard = shard_of(&ContentHash::of(&bytes), blobs.len());
                let slot = blobs[shard].clone();
                under_way.spawn(async move {
                    let put = |reply| BlobMessage::PutLeaf { bytes, reply };
                    slot.call(PATIENCE, put).await.map(|_| ())
                });
            }
            while let Some(done) = under_way.join_next().await {
                ended(Some(done))?;
            }
            Ok::<_, Failure>(())
        };
        self.setting.block_on(put)?;
        Ok(addresses)
    }

    /// Stores recipes, durably, inputs before consumers.
    ///
    /// # Errors
    /// What the graph says.
    pub fn put_recipes(&self, recipes: &[Arc<SealedRecipe>]) -> Result<(), Failure> {
        let dag = &self.node.slots().dag;
        for some in recipes.chunks(PUT) {
            let put = |reply| DagMessage::Put {
                recipes: some.to_vec(),
                missing: MissingInputs::Refuse,
                decided: None,
                reply,
            };
            self.setting.block_on(dag.call(PATIENCE, put))?;
        }
        Ok(())
    }

    /// Has everything forgotten that depends on an address, and its own value.
    ///
    /// # Errors
    /// What the cache says.
    pub fn cascade(&self, address: CAddr) -> Result<Cascaded, Failure> {
        let cache = &self.node.slots().cache;
        let cascade = |reply| CacheMessage::Cascade {
            address,
            root: CascadeRoot::Included,
            policy: CascadePolicy::Immediate,
            detail: 0,
            reply,
        };
        Ok(self.setting.block_on(cache.call(PATIENCE, cascade))?)
    }

    /// What the cache holds.
    ///
    /// # Errors
    /// The cache does not answer.
    pub fn counts(&self) -> Result<CacheCounts, Failure> {
        let cache = &self.node.slots().cache;
        let count = |reply| CacheMessage::Count { reply };
        Ok(self.setting.block_on(cache.call(PATIENCE, count))?)
    }

    /// Waits until the cache has so many values in memory, all of them settled there.
    ///
    /// # Errors
    /// They do not come: some were refused.
    pub fn settle(&self, values: usize) -> Result<(), Failure> {
        let begun = Instant::now();
        let (mut held, mut booked) = (self.values().len(), 0);
        while held < values || booked < values as u64 {
            if begun.elapsed() > PATIENCE {
                return Err(format!("the cache holds {held} values instead of {values}").into());
            }
            booked = self.counts()?.resident_values;
            held = self.values().len();
        }
        Ok(())
    }
}

async fn whole(body: Body) -> Result<Bytes, Fault> {
    let mut parts = match body {
        Body::Resident(bytes) => return Ok(bytes),
        Body::Parts(parts) => parts,
    };
    let mut bytes = Vec::new();
    while let Some(part) = parts.recv().await {
        match part? {
            Part::Bytes(some) => bytes.extend_from_slice(&some),
            Part::Whole(_) => break,
        }
    }
    Ok(bytes.into())
}

fn ended(done: Option<Result<Result<(), Fault>, JoinError>>) -> Result<(), Failure> {
    match done {
        Some(done) => Ok(done??),
        None => Ok(()),
    }
}

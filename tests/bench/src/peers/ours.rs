//! Deriva's side: a whole node in this process, whose recipes travel with the request, and a node of its
//! own process behind the public client, whose recipes are durable.
//!
//! The clock starts when the leaves are there, as it does for the peers; making the recipes, and with
//! them their addresses, is within it.

use super::{
    Run,
    graph::{Graph, Nodes, VALUE_BYTES},
};
use crate::{
    Failure, graphs::Sealed, rows::node::process::Process, setting::Setting, stand::Stand,
};
use deriva_client::{Batch, Client, MissingInputs};
use deriva_model::SealedRecipe;
use std::{sync::Arc, time::Instant};
use tempfile::TempDir;

/// Recipes of one batch.
const BATCH: usize = 2048;

pub(super) struct Ours<'a> {
    setting: &'a Setting,
    stand: Stand<'a>,
    process: Process,
    client: Client,
    _place: TempDir,
}

impl<'a> Ours<'a> {
    pub(super) fn start(setting: &'a Setting) -> Result<Self, Failure> {
        let place = setting.directory()?;
        let data = place.path().join("data");
        let process = setting.block_on(Process::node(&setting.program, &data))?;
        Ok(Self {
            setting,
            stand: Stand::start(setting)?,
            client: setting.block_on(process.client())?,
            process,
            _place: place,
        })
    }

    pub(super) fn stop(self) -> Result<(), Failure> {
        self.stand.stop();
        self.setting.block_on(self.process.stop())
    }

    /// In this process, transient.
    pub(super) fn inside(&self, graph: &Arc<Graph>) -> Result<Run, Failure> {
        self.stand.put_leaves(graph.leaves.clone())?;
        let begun = Instant::now();
        let travelling = Sealed(Nodes::of(graph).map(Arc::new).collect()).travelling()?;
        let root = self.stand.evaluate(&travelling)?;
        Ok(Run {
            seconds: begun.elapsed().as_secs_f64(),
            root,
        })
    }

    /// Through the public client, every recipe durable before the root is asked for.
    pub(super) fn through_client(&self, graph: &Arc<Graph>) -> Result<Run, Failure> {
        self.setting.block_on(through(&self.client, graph))
    }
}

async fn through(client: &Client, graph: &Arc<Graph>) -> Result<Run, Failure> {
    client.put_leaves(graph.leaves.clone()).await?;
    let begun = Instant::now();
    let batches = tokio_stream::iter(Batches(Nodes::of(graph)));
    let mut answers = client.put_graph(batches, MissingInputs::Refuse).await?;
    let mut stored = 0;
    let mut root = None;
    while let Some(batch) = answers.next().await? {
        stored += batch.recipes.len();
        root = batch.recipes.last().copied();
    }
    if stored != graph.wiring.len() {
        let nodes = graph.wiring.len();
        return Err(format!("{stored} of {nodes} recipes were answered").into());
    }
    let value = client.get(&root.ok_or("a graph has a root")?).await?;
    let root = value.collect_to_bytes(VALUE_BYTES).await?;
    Ok(Run {
        seconds: begun.elapsed().as_secs_f64(),
        root,
    })
}

/// The recipes, some at a time, made while the batches before them are stored.
struct Batches(Nodes);

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let recipes = self.0.by_ref().take(BATCH);
        let recipes: Vec<_> = recipes.map(SealedRecipe::into_recipe).collect();
        let leaves = Vec::new();
        (!recipes.is_empty()).then_some(Batch { leaves, recipes })
    }
}

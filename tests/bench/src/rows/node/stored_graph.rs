//! The layered graph with every recipe stored durably and the root materialized: through the actors'
//! ports of a node in this process, and through the public client of a node of its own.

use super::{
    inside::Inside,
    layered::{LEAF_BYTES, Layered},
    process::Process,
};
use crate::{
    Failure,
    row::{Measured, Pairs, Row, Target, Unit},
    setting::Setting,
    statistics::median,
    table::amount,
};
use bytes::Bytes;
use deriva_client::{Batch, MissingInputs};
use deriva_model::{Recipe, SealedRecipe};
use std::{
    fs::File,
    io::{BufWriter, Write},
    time::Instant,
};

/// Recipes that a client sends at a time: some 400 KiB.
const BATCH: usize = 4096;
/// Nodes a second.
const TARGET: f64 = 100_000.0;

pub(super) fn measure_small(setting: &Setting) -> Result<Measured, Failure> {
    measure(setting, setting.of(200, 100_000))
}

pub(super) fn measure_large(setting: &Setting) -> Result<Measured, Failure> {
    measure(setting, setting.of(300, 1_000_000))
}

fn measure(setting: &Setting, nodes: usize) -> Result<Measured, Failure> {
    let mut seed = 0;
    let mut next = move || {
        seed += 1;
        Layered::new(seed, nodes)
    };
    let (mut inside_parts, mut client_parts) = (Vec::new(), Vec::new());
    let inside = setting.paired(
        || {
            took(
                setting.block_on(by_ports(setting, next()))?,
                nodes,
                &mut inside_parts,
            )
        },
        || floor(setting, &Layered::new(0, nodes)),
    )?;
    let client = setting.paired(
        || {
            took(
                setting.block_on(by_client(setting, next()))?,
                nodes,
                &mut client_parts,
            )
        },
        || floor(setting, &Layered::new(0, nodes)),
    )?;
    let by = |how: &str, includes: &str, (pairs, parts): (Pairs, Vec<Parts>)| Row {
        notes: vec![told(&parts)],
        ..row(setting, (nodes, how), includes, pairs)
    };
    Ok(Measured {
        rows: vec![
            by(
                "in process",
                "a node in this process with a new store, asked through its actors' ports: recipes \
                 encoded and hashed, put in messages of some thousands, each durable when answered, \
                 then the root materialized",
                (inside, inside_parts),
            ),
            by(
                "through the client",
                "the public client and a node of its own process with a new store: one PutGraph \
                 stream of batches of some thousand recipes, each batch durable when answered, then \
                 a Get of the root",
                (client, client_parts),
            ),
        ],
        curves: Vec::new(),
    })
}

/// Seconds of putting, and of having the root computed.
type Parts = (f64, f64);

/// Nodes a second.
fn took(parts: Parts, nodes: usize, all: &mut Vec<Parts>) -> Result<f64, Failure> {
    all.push(parts);
    Ok(nodes as f64 / (parts.0 + parts.1))
}

/// The medians of the parts; the first is thrown away with its pair.
fn told(all: &[Parts]) -> String {
    let part = |of: fn(&Parts) -> f64| {
        let seconds: Vec<f64> = all.iter().skip(1).map(of).collect();
        amount(median(&seconds), Unit::Seconds)
    };
    format!(
        "put in {}, computed in {}",
        part(|one| one.0),
        part(|one| one.1)
    )
}

fn row(setting: &Setting, (nodes, how): (usize, &str), includes: &str, pairs: Pairs) -> Row {
    Row {
        figure: format!("layered graph of {nodes} stored recipes, fan-in 2, {how}"),
        floor: "the recipes encoded, hashed and appended to one file, one fsync; nothing computed"
            .to_owned(),
        includes: includes.to_owned(),
        unit: Unit::PerSecond("nodes"),
        pairs,
        targets: vec![Target::AtLeast(TARGET)],
        value_bytes: LEAF_BYTES as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    }
}

async fn by_ports(setting: &Setting, graph: Layered) -> Result<Parts, Failure> {
    let place = setting.directory()?;
    let node = Inside::start(&place.path().join("data")).await?;
    let root = graph.root().ok_or("a graph has a root")?;
    let began = Instant::now();
    node.put_leaves(graph.leaves).await?;
    node.put_recipes(graph.recipes).await?;
    let put = began.elapsed().as_secs_f64();
    node.get(root).await?;
    let took = began.elapsed().as_secs_f64();
    node.stop().await;
    Ok((put, took - put))
}

async fn by_client(setting: &Setting, graph: Layered) -> Result<Parts, Failure> {
    let place = setting.directory()?;
    let node = Process::node(&setting.program, &place.path().join("data")).await?;
    let client = node.client().await?;
    let nodes = graph.recipes.len();
    let root = graph.root().ok_or("a graph has a root")?;
    let began = Instant::now();
    let batches = tokio_stream::iter(Batches::of(graph));
    let mut answers = client.put_graph(batches, MissingInputs::Refuse).await?;
    let mut stored = 0;
    while let Some(batch) = answers.next().await? {
        stored += batch.recipes.len();
    }
    let put = began.elapsed().as_secs_f64();
    let value = client.get(&root).await?;
    value.collect_to_bytes(LEAF_BYTES).await?;
    let took = began.elapsed().as_secs_f64();
    node.stop().await?;
    match stored == nodes {
        true => Ok((put, took - put)),
        false => Err(format!("{stored} of {nodes} recipes were answered").into()),
    }
}

/// The leaves, then the recipes in their order, some at a time.
struct Batches {
    leaves: Vec<Vec<u8>>,
    recipes: std::vec::IntoIter<Recipe>,
}

impl Batches {
    fn of(graph: Layered) -> Self {
        Self {
            leaves: graph.leaves,
            recipes: graph.recipes.into_iter(),
        }
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let leaves = std::mem::take(&mut self.leaves).into_iter();
        let batch = Batch {
            leaves: leaves.map(Bytes::from).collect(),
            recipes: self.recipes.by_ref().take(BATCH).collect(),
        };
        (!batch.recipes.is_empty()).then_some(batch)
    }
}

/// Nodes a second.
fn floor(setting: &Setting, graph: &Layered) -> Result<f64, Failure> {
    let place = setting.directory()?;
    let began = Instant::now();
    let file = File::create(place.path().join("recipes"))?;
    let mut out = BufWriter::with_capacity(64 << 10, file);
    for recipe in &graph.recipes {
        let sealed = SealedRecipe::seal(recipe.clone());
        out.write_all(sealed.address().as_bytes())?;
        out.write_all(sealed.bytes())?;
    }
    out.into_inner()?.sync_all()?;
    Ok(graph.recipes.len() as f64 / began.elapsed().as_secs_f64())
}

//! A leaf of 1 GiB in and a derived value of 1 GiB out, streamed, against a bare tonic stream that is
//! hashed and written to a file with one fsync, and the file streamed back and hashed.

use super::{layered::Dice, process::Process, warm_get::stub};
use crate::{
    Failure,
    row::{Measured, Pairs, Row, Target, Unit},
    setting::Setting,
    statistics::median,
    table::amount,
};
use bytes::Bytes;
use deriva_client::{Client, MissingInputs};
use deriva_model::{CAddr, FunctionId, Recipe};
use deriva_proto::{GetRequest, PutLeafStreamRequest};
use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};
use tokio::io::{AsyncRead, ReadBuf};

/// What the public client sends at a time.
const BLOCK_BYTES: usize = 256 << 10;
/// How much a node's memory may grow.
const GROWTH: f64 = 268_435_456.0;

/// What one side did.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    /// Seconds.
    put: f64,
    get: f64,
    /// Bytes by which the most memory that it ever had grew.
    grown: f64,
}

pub(super) fn measure(setting: &Setting) -> Result<Measured, Failure> {
    let blocks = setting.of(8, 4096);
    let bytes = (blocks * BLOCK_BYTES) as f64;
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    let pairs = setting.paired(
        || {
            let done = setting.block_on(by_node(setting, blocks))?;
            ours.push(done);
            Ok(2.0 * bytes / (done.put + done.get))
        },
        || {
            let done = setting.block_on(by_bare(setting, blocks))?;
            floors.push(done);
            Ok(2.0 * bytes / (done.put + done.get))
        },
    )?;
    let speed = Row {
        figure: format!("a leaf of {} in, a derived value out, streamed", amount(bytes, Unit::Bytes)),
        floor: "a bare tonic stream hashed and written to a file with one fsync, and the file \
                streamed back and hashed"
            .to_owned(),
        includes: "the public client and a node of its own process with a new store: PutLeafStream, \
                   durable when answered, then a Get of `identity` over the leaf; the client hashes \
                   both and compares"
            .to_owned(),
        unit: Unit::PerSecond("B"),
        pairs,
        targets: vec![Target::RatioAtLeast(0.5)],
        value_bytes: bytes as u64,
        workers: setting.workers(),
        notes: vec![format!("{}; the floor's {}", parts(&ours), parts(&floors))],
    };
    let memory = Row {
        figure: "memory that a node grew by meanwhile".to_owned(),
        floor: "the bare server".to_owned(),
        includes:
            "the most that was resident at the end, less the most when it was ready; of every \
                   run the largest"
                .to_owned(),
        unit: Unit::Bytes,
        pairs: Pairs {
            ours: vec![most_grown(&ours); setting.runs],
            floor: vec![most_grown(&floors); setting.runs],
        },
        targets: vec![Target::AtMost(GROWTH)],
        notes: Vec::new(),
        ..speed.clone()
    };
    Ok(Measured {
        rows: vec![speed, memory],
        curves: Vec::new(),
    })
}

/// The medians of the two ways; the first run is thrown away with its pair.
fn parts(all: &[Done]) -> String {
    let part = |of: fn(&Done) -> f64| {
        let seconds: Vec<f64> = all.iter().skip(1).map(of).collect();
        amount(median(&seconds), Unit::Seconds)
    };
    format!(
        "in {}, out {}",
        part(|done| done.put),
        part(|done| done.get)
    )
}

fn most_grown(all: &[Done]) -> f64 {
    all.iter().map(|done| done.grown).fold(1.0, f64::max)
}

async fn by_node(setting: &Setting, blocks: usize) -> Result<Done, Failure> {
    let place = setting.directory()?;
    let node = Process::node(&setting.program, &place.path().join("data")).await?;
    let client = node.client().await?;
    let before = node.peak_bytes()?;
    let began = Instant::now();
    let leaf = client.put_leaf_stream(Blocks::new(blocks)).await?;
    let put = began.elapsed();
    let addr = put_identity(&client, leaf).await?;
    let began = Instant::now();
    let mut value = client.get(&addr).await?;
    while value.chunk().await?.is_some() {}
    let get = began.elapsed();
    if value.content() != Some(leaf.as_content()) {
        return Err("another value came out than went in".into());
    }
    let grown = node.peak_bytes()?.saturating_sub(before);
    node.stop().await?;
    Ok(Done {
        put: put.as_secs_f64(),
        get: get.as_secs_f64(),
        grown: grown as f64,
    })
}

async fn put_identity(client: &Client, leaf: CAddr) -> Result<CAddr, Failure> {
    let function = FunctionId::new("identity", "1.0.0");
    let recipe = Recipe::new(function, vec![leaf], BTreeMap::new())?;
    Ok(client.put_recipe(&recipe, MissingInputs::Refuse).await?)
}

async fn by_bare(setting: &Setting, blocks: usize) -> Result<Done, Failure> {
    let place = setting.directory()?;
    let bare = Process::bare(&setting.program, place.path()).await?;
    let mut stub = stub(&bare).await?;
    let before = bare.peak_bytes()?;
    let began = Instant::now();
    let messages = Blocks::new(blocks).map(|data| PutLeafStreamRequest { data });
    let stored = stub.put_leaf_stream(tokio_stream::iter(messages)).await?;
    let put = began.elapsed();
    let began = Instant::now();
    let mut answers = stub.get(GetRequest::default()).await?.into_inner();
    let mut hasher = blake3::Hasher::new();
    while let Some(answer) = answers.message().await? {
        hasher.update(&answer.chunk);
    }
    let get = began.elapsed();
    if hasher.finalize().as_bytes()[..] != stored.into_inner().addr[..] {
        return Err("another value came out than went in".into());
    }
    let grown = bare.peak_bytes()?.saturating_sub(before);
    Ok(Done {
        put: put.as_secs_f64(),
        get: get.as_secs_f64(),
        grown: grown as f64,
    })
}

/// Bytes without an end in sight, made as they are asked for: no two blocks are the same.
struct Blocks {
    block: Vec<u8>,
    left: usize,
    /// What is not yet read of the block at hand.
    at_hand: Bytes,
}

impl Blocks {
    fn new(blocks: usize) -> Self {
        Self {
            block: Dice(blocks as u64).bytes(BLOCK_BYTES),
            left: blocks,
            at_hand: Bytes::new(),
        }
    }
}

impl Iterator for Blocks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.left = self.left.checked_sub(1)?;
        self.block[..8].copy_from_slice(&self.left.to_be_bytes());
        Some(Bytes::copy_from_slice(&self.block))
    }
}

impl AsyncRead for Blocks {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at_hand.is_empty() {
            self.at_hand = self.next().unwrap_or_default();
        }
        let length = self.at_hand.len().min(into.remaining());
        into.put_slice(&self.at_hand.split_to(length));
        Poll::Ready(Ok(()))
    }
}

//! Ingest of many leaves of 1 KiB, durable at the end, against hashing them and appending them to one
//! file with one fsync.

use super::{layered::Dice, process::Process};
use crate::{
    Failure,
    row::{Measured, Row, Target, Unit},
    setting::Setting,
};
use bytes::Bytes;
use deriva_model::CAddr;
use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    time::Instant,
};

const LEAF_BYTES: usize = 1 << 10;

pub(super) fn measure(setting: &Setting) -> Result<Measured, Failure> {
    let count = setting.of(200, 100_000);
    let leaves = leaves(count);
    let floor_place = setting.directory()?;
    let pairs = setting.paired(
        || setting.block_on(ingest(setting, leaves.clone())),
        || floor(floor_place.path(), &leaves),
    )?;
    Ok(Row {
        figure: format!("ingest of {count} leaves of 1 KiB, durable"),
        floor: "each hashed, hash and bytes appended to one file, one fsync".to_owned(),
        includes: "the public client and a node of its own process with a new store: one PutGraph \
                   stream of batches of a MiB, each durable when answered; the client hashes too, and \
                   compares"
            .to_owned(),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::RatioAtMost(5.0)],
        value_bytes: LEAF_BYTES as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    }
    .into())
}

fn leaves(count: usize) -> Vec<Bytes> {
    let mut dice = Dice(count as u64);
    let leaves = (0..count).map(|_| Bytes::from(dice.bytes(LEAF_BYTES)));
    leaves.collect()
}

/// Seconds of one stream of batches.
async fn ingest(setting: &Setting, leaves: Vec<Bytes>) -> Result<f64, Failure> {
    let place = setting.directory()?;
    let node = Process::node(&setting.program, &place.path().join("data")).await?;
    let client = node.client().await?;
    let count = leaves.len();
    let began = Instant::now();
    let stored = client.put_leaves(leaves).await?;
    let took = began.elapsed();
    node.stop().await?;
    match stored.len() == count {
        true => Ok(took.as_secs_f64()),
        false => Err(format!("{} of {count} leaves were answered", stored.len()).into()),
    }
}

/// Seconds of the least that makes bytes durable under their hashes.
fn floor(place: &Path, leaves: &[Bytes]) -> Result<f64, Failure> {
    let file = place.join("leaves");
    let began = Instant::now();
    let mut out = BufWriter::with_capacity(64 << 10, File::create(&file)?);
    for leaf in leaves {
        out.write_all(CAddr::of_leaf(leaf).as_bytes())?;
        out.write_all(leaf)?;
    }
    out.into_inner()?.sync_all()?;
    let took = began.elapsed();
    std::fs::remove_file(file)?;
    Ok(took.as_secs_f64())
}

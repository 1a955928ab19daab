//! `get` and `trace`: bytes of any size, written only when they are whole where that is possible.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use deriva_client::{Client, GetStream, Mode};
use deriva_messages::verify::Verification;
use deriva_model::{CAddr, limits};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::{address::Target, failure::Failure, output::Answer, sink, sink::Sink};

#[derive(Debug, Args)]
#[command(after_help = "\
Without -o, or with `-o -`, the bytes go to standard output as they come; if the value turns out incomplete the exit code is 1. With -o FILE the file appears only when the value is whole.
JSON: with -o FILE {\"addr\",\"size\",\"file\"}; otherwise nothing but the bytes.")]
pub(super) struct GetArgs {
    /// What to get.
    addr: Target,
    /// The file to write; - is standard output.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// In which order to compute; the bytes are the same.
    #[arg(long, value_enum, default_value_t = Order::Parallel)]
    mode: Order,
    /// Compute in the order of a trace that `deriva trace` saved; every step must agree with it.
    #[arg(long, value_name = "TRACEFILE", conflicts_with = "mode")]
    replay: Option<PathBuf>,
    /// What to execute twice and compare before anything comes: off, dual, or sampled:RATE for a
    /// share from 0 to 1. The node may do more than is asked for.
    #[arg(long, value_name = "MODE", conflicts_with = "replay")]
    verify: Option<Verification>,
}

/// How the steps of a graph follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Order {
    /// Independent branches at once.
    Parallel,
    /// One step at a time, inputs in recipe order.
    Sequential,
}

impl From<Order> for Mode {
    fn from(order: Order) -> Self {
        match order {
            Order::Parallel => Self::Parallel,
            Order::Sequential => Self::Sequential,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "JSON: with -o FILE {\"addr\",\"size\",\"file\"}, the size being the trace's; otherwise nothing but the bytes."
)]
pub(super) struct TraceArgs {
    /// What to compute.
    addr: Target,
    /// The file to write; - is standard output.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: PathBuf,
}

pub(super) async fn get(client: &Client, what: GetArgs) -> Result<Answer, Failure> {
    let mode = match &what.replay {
        None => what.mode.into(),
        Some(file) => Mode::Replay(read(file, limits::TRACE_BYTES).await?.into()),
    };
    let addr = what.addr.find(client).await?;
    let sink = Sink::open(what.out.as_deref())?;
    let verification = what.verify.map(|verify| verify.to_string());
    let verification = verification.unwrap_or_default();
    let stream = client.get_verified(&addr, mode, &verification).await?;
    pour(stream, sink, &addr, "").await
}

pub(super) async fn trace(client: &Client, what: TraceArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    let sink = Sink::open(Some(&what.out))?;
    let stream = client.trace(&addr).await?;
    pour(stream, sink, &addr, "the trace of ").await
}

/// Writes all bytes; `part` says of the address what they are.
async fn pour(
    mut stream: GetStream,
    mut sink: Sink,
    addr: &CAddr,
    part: &str,
) -> Result<Answer, Failure> {
    while let Some(chunk) = stream.chunk().await? {
        sink.write(&chunk)?;
    }
    let (size, file) = sink.keep()?;
    let Some(file) = file else {
        return Ok(Answer::written());
    };
    let file = file.display().to_string();
    Ok(Answer::new(
        format!("{size} bytes of {part}{addr} in {file}"),
        json!({ "addr": addr.to_string(), "size": size, "file": file }),
    ))
}

/// A whole file or standard input, if it is no longer than `limit` bytes.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads and writes its user's files; there is no storage port"
)]
pub(super) async fn read(file: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let room = limit as u64 + 1;
    let source = match file.as_os_str() == "-" {
        true => sink::stdin(),
        false => tokio::fs::File::open(file).await,
    };
    let source = source.map_err(|e| Failure::named(file, &e))?;
    let read = source.take(room).read_to_end(&mut bytes).await;
    // A directory opens, and refuses only to be read.
    let read = read.map_err(|e| Failure::named(file, &e))?;
    if read > limit {
        let words = format!("{}: is longer than {limit} bytes", file.display());
        return Err(Failure::usage(words));
    }
    Ok(bytes)
}

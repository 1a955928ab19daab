//! A peer in a Python process of its own, which lives through all runs: what it takes to start is not
//! counted. It is spoken to line by line (`tests/bench/peers/worker.py` says how).
//!
//! It refuses to kill the process: some peers have processes of their own, which they end when their
//! input ends.

use super::{Run, graph::Shape};
use crate::Failure;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::BTreeMap, fs::File, os::unix::fs::FileExt, path::Path, process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// How long a peer may take to start, to run a graph or to end.
const PATIENCE: Duration = Duration::from_secs(900);
/// Bytes of a peer's last words that are told.
const LAST_WORDS: usize = 2000;

/// What a peer says of itself.
#[derive(Deserialize)]
pub(super) struct Hello {
    pub(super) versions: BTreeMap<String, String>,
    pub(super) settings: String,
}

impl Hello {
    pub(super) fn versions(&self) -> String {
        let versions = self.versions.iter();
        let told: Vec<String> = versions.map(|(name, at)| format!("{name} {at}")).collect();
        told.join(", ")
    }
}

/// What became of a run.
#[derive(Deserialize)]
struct Answer {
    seconds: f64,
    /// In hex.
    root: String,
}

pub(super) struct Worker {
    child: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    said: File,
    hello: Hello,
}

impl Worker {
    /// Starts a peer of `tests/bench/peers` by the name of its file.
    pub(super) async fn start(python: &Path, peer: &str) -> Result<Self, Failure> {
        let said = tempfile::tempfile()?;
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/worker.py"))
            .arg(peer)
            // Processes that a peer starts find its files here.
            .env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said.try_clone()?)
            .spawn()
            .map_err(|why| format!("{}: {why}", python.display()))?;
        let asks = child.stdin.take().ok_or("its input is piped")?;
        let answers = child.stdout.take().ok_or("its output is piped")?;
        let mut worker = Self {
            child,
            asks,
            answers: BufReader::new(answers).lines(),
            said,
            hello: Hello {
                versions: BTreeMap::new(),
                settings: String::new(),
            },
        };
        worker.hello = serde_json::from_str(&worker.line().await?)?;
        Ok(worker)
    }

    /// Runs a graph; the clock is the peer's own.
    pub(super) async fn run(&mut self, shape: Shape, seed: u64) -> Result<Run, Failure> {
        let ask = json!({ "width": shape.width, "layers": shape.layers, "seed": seed });
        let written = self.asks.write_all(format!("{ask}\n").as_bytes()).await;
        // If it is gone, its last words say more than the pipe.
        let line = self.line().await?;
        written?;
        let answer: Answer = serde_json::from_str(&line)?;
        Ok(Run {
            seconds: answer.seconds,
            root: bytes(&answer.root)?,
        })
    }

    async fn line(&mut self) -> Result<String, Failure> {
        match timeout(PATIENCE, self.answers.next_line()).await?? {
            Some(line) => Ok(line),
            None => Err(format!("it ended: {}", self.last_words()?).into()),
        }
    }

    fn last_words(&self) -> Result<String, Failure> {
        let mut said = vec![0; LAST_WORDS];
        let from = self
            .said
            .metadata()?
            .len()
            .saturating_sub(LAST_WORDS as u64);
        let read = self.said.read_at(&mut said, from)?;
        Ok(String::from_utf8_lossy(&said[..read]).into_owned())
    }

    /// Ends its input and waits until it is gone; what it said of itself.
    pub(super) async fn end(mut self) -> Result<Hello, Failure> {
        drop(self.asks);
        let status = timeout(PATIENCE, self.child.wait()).await??;
        match status.success() {
            true => Ok(self.hello),
            false => Err(format!("it did not end well: {status}").into()),
        }
    }
}

/// The bytes that hex digits stand for.
fn bytes(hex: &str) -> Result<Bytes, Failure> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect()
}

//! `put`: a file's bytes become a leaf, streamed, whatever their number.

use std::{
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll, ready},
};

use clap::Args;
use deriva_client::{Client, ClientError};
use indicatif::ProgressBar;
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};

use super::{failure::Failure, output::Answer, sink};

#[derive(Debug, Args)]
#[command(after_help = "\
A put that is interrupted says whether the leaf can have been stored; putting it again is always safe.
JSON: {\"addr\",\"size\"}")]
pub(super) struct PutArgs {
    /// The file to put; - is standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
}

pub(super) async fn run(client: &Client, what: PutArgs) -> Result<Answer, Failure> {
    let (source, total) = open(&what.file).await?;
    let mut counted = Counted {
        source,
        bar: sink::progress(total),
        passed: 0,
        ended: None,
    };
    let stored = tokio::select! {
        stored = client.put_leaf_stream(&mut counted) => stored,
        Ok(()) = tokio::signal::ctrl_c() => return Err(Failure::Interrupted(interrupted(&counted))),
    };
    counted.bar.finish_and_clear();
    match stored {
        Ok(addr) => Ok(Answer::new(
            addr.to_string(),
            json!({ "addr": addr.to_string(), "size": counted.passed }),
        )),
        Err(ClientError::Source(e)) => Err(Failure::file(&what.file, &e)),
        Err(other) => Err(other.into()),
    }
}

/// Only a leaf that was sent to its end can have been stored.
fn interrupted(counted: &Counted) -> String {
    match counted.ended {
        None => "interrupted; the leaf was not sent to its end, and nothing was stored".to_owned(),
        Some(End) => "interrupted after the last byte was read: the leaf may be stored or not; \
                      putting it again is safe, its address is the same"
            .to_owned(),
    }
}

type Source = Pin<Box<dyn AsyncRead + Send>>;

/// The bytes and, for a regular file, their number.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads and writes its user's files; there is no storage port"
)]
async fn open(file: &PathBuf) -> Result<(Source, Option<u64>), Failure> {
    if file.as_os_str() == "-" {
        let source = sink::stdin().map_err(|e| Failure::named(file, &e))?;
        return Ok((Box::pin(source), None));
    }
    let source = tokio::fs::File::open(file)
        .await
        .map_err(|e| Failure::named(file, &e))?;
    let about = source
        .metadata()
        .await
        .map_err(|e| Failure::named(file, &e))?;
    if about.is_dir() {
        return Err(Failure::usage(format!(
            "{}: is a directory",
            file.display()
        )));
    }
    let total = about.is_file().then_some(about.len());
    Ok((Box::pin(source), total))
}

/// Tells the bar what passes.
struct Counted {
    source: Source,
    bar: ProgressBar,
    passed: u64,
    ended: Option<End>,
}

/// The source has said that this was all.
struct End;

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.source.as_mut().poll_read(cx, buf))?;
        let more = buf.filled().len() - before;
        if more == 0 && buf.remaining() > 0 {
            self.ended = Some(End);
        }
        self.passed += more as u64;
        self.bar.set_position(self.passed);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[path = "put_test.rs"]
mod put_test;

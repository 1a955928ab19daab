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
#[command(after_help = "JSON: {\"addr\",\"size\"}")]
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
    };
    let stored = client.put_leaf_stream(&mut counted).await;
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

type Source = Pin<Box<dyn AsyncRead + Send>>;

/// The bytes and, for a regular file, their number.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads and writes its user's files; there is no storage port"
)]
async fn open(file: &PathBuf) -> Result<(Source, Option<u64>), Failure> {
    if file.as_os_str() == "-" {
        let source = sink::stdin().map_err(|e| Failure::file(file, &e))?;
        return Ok((Box::pin(source), None));
    }
    let source = tokio::fs::File::open(file)
        .await
        .map_err(|e| Failure::file(file, &e))?;
    let about = source
        .metadata()
        .await
        .map_err(|e| Failure::file(file, &e))?;
    if about.is_dir() {
        return Err(Failure::local(format!(
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
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.source.as_mut().poll_read(cx, buf))?;
        self.passed += (buf.filled().len() - before) as u64;
        self.bar.set_position(self.passed);
        Poll::Ready(Ok(()))
    }
}

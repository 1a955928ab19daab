//! Sending what was found: leaves as they come, several at once, and recipes in streams of bounded
//! length.
//!
//! It refuses to go on when the node is in trouble, and to stop for what the node refuses.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use bytes::Bytes;
use deriva_client::{
    Client, ClientError, Code, ImportOutcome, ImportedRecipe, Refusal, Resolution,
};
use deriva_model::limits;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Source, died,
    index::{Item, Place},
    report::{Refused, Report},
    survey::Leaf,
};
use crate::cli::failure::Failure;

/// Leaves on their way at once, so that they share the node's fsyncs; small ones, 16 MiB together.
const LEAVES_AT_ONCE: usize = 16;
/// Recipes of one stream: one call must end well within the longest that a node allows.
const STREAM_RECIPES: usize = 8_192;
/// Recipes that are read ahead of the connection: of the largest, 80 MiB.
const RECIPES_AHEAD: usize = 8;

/// What became of one leaf that was sent.
enum Put {
    New,
    Known,
    /// The file is not what it was when it was looked at.
    Changed,
}

/// Leaves on their way.
pub(super) struct Leaves {
    client: Client,
    putting: JoinSet<(String, Result<Put, ClientError>)>,
}

impl Leaves {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            putting: JoinSet::new(),
        }
    }

    /// Waits while too many are on their way.
    pub(super) async fn put(&mut self, leaf: Leaf, report: &mut Report) -> Result<(), Failure> {
        while self.putting.len() >= LEAVES_AT_ONCE {
            self.heard(report).await?;
        }
        let client = self.client.clone();
        self.putting.spawn(async move {
            let at = leaf.path.display().to_string();
            (at, put(&client, leaf).await)
        });
        Ok(())
    }

    /// Waits for all that are on their way.
    pub(super) async fn finish(mut self, report: &mut Report) -> Result<(), Failure> {
        while !self.putting.is_empty() {
            self.heard(report).await?;
        }
        Ok(())
    }

    async fn heard(&mut self, report: &mut Report) -> Result<(), Failure> {
        let Some(put) = self.putting.join_next().await else {
            return Ok(());
        };
        let (at, put) = put.map_err(|e| died(&e))?;
        match put {
            Ok(Put::New) => report.leaves_new += 1,
            Ok(Put::Known) => report.leaves_known += 1,
            Ok(Put::Changed) => report.refuse(changed(at))?,
            Err(ClientError::Source(error)) => {
                report.refuse(Refused::of(at, "UNREADABLE", error.to_string()))?;
            }
            Err(error) => report.refuse(refused(at, error)?)?,
        }
        Ok(())
    }
}

fn changed(at: String) -> Refused {
    let words = "the bytes changed while they were imported; import them again";
    Refused::of(at, "CHANGED", words)
}

/// What the node refuses for good is the leaf's; everything else ends the import.
fn refused(at: String, error: ClientError) -> Result<Refused, Failure> {
    match error {
        ClientError::Refused(refusal) if is_for_good(&refusal) => {
            Ok(Refused::of(at, &refusal.reason, refusal.message))
        }
        other => Err(other.into()),
    }
}

fn is_for_good(refusal: &Refusal) -> bool {
    match refusal.code {
        Code::InvalidArgument => true,
        Code::ResourceExhausted => refusal.retry_after.is_none(),
        _ => false,
    }
}

/// A small leaf is put whether or not it is there: that touches it, heals it, and costs no more than
/// asking. A large one is asked for first, so that an import that is run again sends it once.
async fn put(client: &Client, leaf: Leaf) -> Result<Put, ClientError> {
    if let Some(bytes) = leaf.bytes {
        let stored = client.put_small_leaf(bytes).await?;
        return Ok(match stored.was_new {
            true => Put::New,
            false => Put::Known,
        });
    }
    let there = Resolution::Leaf { size: leaf.size };
    if client.resolve(&leaf.addr).await? == there {
        return Ok(Put::Known);
    }
    let file = open(&leaf.path).await.map_err(ClientError::Source)?;
    let addr = client.put_leaf_stream(file).await?;
    Ok(match addr == leaf.addr {
        true => Put::New,
        false => Put::Changed,
    })
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads its user's files; there is no storage port"
)]
async fn open(path: &std::path::Path) -> io::Result<tokio::fs::File> {
    tokio::fs::File::open(path).await
}

/// Sends recipes in their order and hears what became of each.
pub(super) async fn recipes(
    client: &Client,
    source: &Arc<Source>,
    items: Vec<Item>,
    report: &mut Report,
) -> Result<(), Failure> {
    let bar = super::bar(items.len());
    let mut items = items.into_iter();
    loop {
        let slice: Vec<Item> = items.by_ref().take(STREAM_RECIPES).collect();
        if slice.is_empty() {
            bar.finish_and_clear();
            return Ok(());
        }
        let slice = Arc::new(slice);
        let (out, recipes) = mpsc::channel(RECIPES_AHEAD);
        let (from, sent) = (source.clone(), slice.clone());
        let reading = tokio::task::spawn_blocking(move || read(&from, &sent, &out));
        let mut answers = client.import_recipes(ReceiverStream::new(recipes)).await?;
        let mut heard = 0;
        while let Some(answer) = answers.next().await? {
            let item = slice.get(heard);
            let item =
                item.ok_or_else(|| Failure::local("the node answered more than was sent"))?;
            tell(item, answer, report)?;
            heard += 1;
            bar.inc(1);
        }
        reading.await.map_err(|e| died(&e))??;
        if heard < slice.len() {
            return Err(Failure::local("the node answered less than was sent"));
        }
    }
}

/// Reads recipes until nobody wants them any more.
fn read(source: &Source, items: &[Item], out: &mpsc::Sender<Bytes>) -> Result<(), Failure> {
    for item in items {
        let bytes = bytes_of(source, &item.place);
        let bytes = bytes.map_err(|e| Failure::local(format!("{}: {e}", item.place)))?;
        if out.blocking_send(bytes).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads its user's files; there is no storage port"
)]
fn bytes_of(source: &Source, place: &Place) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    match (place, source) {
        (Place::File(path), _) => {
            let most = limits::LEGACY_BYTES as u64;
            File::open(path)?.take(most).read_to_end(&mut bytes)?;
        }
        (Place::Record { offset, len, .. }, Source::Records { file, .. }) => {
            bytes.resize(*len, 0);
            file.read_exact_at(&mut bytes, *offset)?;
        }
        (Place::Record { .. }, Source::Directory(_)) => {
            return Err(io::Error::other("a directory has no records"));
        }
    }
    Ok(bytes.into())
}

fn tell(item: &Item, answer: ImportedRecipe, report: &mut Report) -> Result<(), Failure> {
    if answer.old_addr != item.old {
        return report.refuse(changed(item.place.to_string()));
    }
    match answer.outcome {
        ImportOutcome::New => report.recipes_new += 1,
        ImportOutcome::Known => report.recipes_known += 1,
        ImportOutcome::Refused {
            reason,
            message,
            missing,
            missing_count,
        } => report.refuse(Refused {
            at: item.place.to_string(),
            reason,
            message,
            old_addr: Some(item.old),
            missing,
            missing_count,
        })?,
    }
    Ok(())
}

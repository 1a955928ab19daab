//! Putting many leaves and recipes at once, in batches, each durable when it is answered.

use bytes::Bytes;
use deriva_model::{CAddr, Recipe};
use deriva_proto::{PutGraphRequest, PutGraphResponse};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};

use crate::{Client, ClientError, MissingInputs, convert, stream::Answers, upload};

/// Batches that may be on their way: a caller who takes no answers sends no more than these.
const BATCHES_AHEAD: usize = 16;
/// Bytes of leaves after which `put_leaves` begins another batch.
const BATCH_BYTES: usize = 1 << 20;
/// Leaves after which it does so.
const BATCH_LEAVES: usize = 4096;

/// Leaves and recipes that travel and are stored together. It has to fit one message, 16 MiB.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Whole leaves.
    pub leaves: Vec<Bytes>,
    /// They may name what stands in this batch, in those before it, and what was stored before.
    pub recipes: Vec<Recipe>,
}

/// Where a batch stands, in its order. It is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredBatch {
    /// Of its leaves.
    pub leaves: Vec<CAddr>,
    /// Of its recipes.
    pub recipes: Vec<CAddr>,
}

/// The batches that were stored, in the order in which they were sent. They have to be taken while
/// further ones are sent.
#[derive(Debug)]
pub struct PutGraphStream {
    answers: Answers<PutGraphResponse, StoredBatch>,
    expected: mpsc::Receiver<StoredBatch>,
}

impl PutGraphStream {
    /// The next batch that is durable; `None` only when the server said that this was all.
    pub async fn next(&mut self) -> Result<Option<StoredBatch>, ClientError> {
        let Some(stored) = self.answers.next().await? else {
            return Ok(None);
        };
        let expected = self.expected.recv().await.unwrap_or_default();
        same(&expected.leaves, &stored.leaves)?;
        same(&expected.recipes, &stored.recipes)?;
        Ok(Some(stored))
    }
}

fn same(expected: &[CAddr], got: &[CAddr]) -> Result<(), ClientError> {
    if expected.len() != got.len() {
        let (sent, told) = (expected.len(), got.len());
        let what = format!("{sent} were sent in a batch, and {told} were answered");
        return Err(ClientError::Malformed(what));
    }
    let mut pairs = expected.iter().zip(got);
    pairs.try_for_each(|(expected, got)| upload::matching(*expected, *got).map(drop))
}

impl Client {
    /// Stores a graph in batches, inputs before consumers; each batch is answered in its turn, once
    /// all of it is durable, and the addresses are compared. What was answered stays stored when the
    /// stream breaks.
    pub async fn put_graph<S>(
        &self,
        batches: S,
        missing: MissingInputs,
    ) -> Result<PutGraphStream, ClientError>
    where
        S: Stream<Item = Batch> + Send + 'static,
    {
        let (told, expected) = mpsc::channel(BATCHES_AHEAD);
        let messages = batches.then(move |batch| {
            let told = told.clone();
            async move {
                let message = message(&batch, missing);
                // Nobody compares any more when the answers are gone.
                match told.send(addresses(&batch)).await {
                    Ok(()) | Err(_) => message,
                }
            }
        });
        let answer = self.stub().put_graph(self.request(messages)).await;
        let inner = answer.map_err(|s| self.fault(s))?.into_inner();
        Ok(PutGraphStream {
            answers: Answers::new(inner, stored, self.url()),
            expected,
        })
    }

    /// Stores many leaves, each of at most 1 MiB, and answers their addresses in order, once all are
    /// durable.
    pub async fn put_leaves(&self, leaves: Vec<Bytes>) -> Result<Vec<CAddr>, ClientError> {
        let mut addresses = Vec::with_capacity(leaves.len());
        let batches = tokio_stream::iter(Batches(leaves.into_iter()));
        let mut answers = self.put_graph(batches, MissingInputs::Refuse).await?;
        while let Some(stored) = answers.next().await? {
            addresses.extend(stored.leaves);
        }
        Ok(addresses)
    }
}

/// Leaves, some at a time.
struct Batches(std::vec::IntoIter<Bytes>);

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while bytes < BATCH_BYTES && batch.leaves.len() < BATCH_LEAVES {
            let Some(leaf) = self.0.next() else { break };
            bytes += leaf.len();
            batch.leaves.push(leaf);
        }
        (!batch.leaves.is_empty()).then_some(batch)
    }
}

fn message(batch: &Batch, missing: MissingInputs) -> PutGraphRequest {
    let recipes = batch.recipes.iter();
    PutGraphRequest {
        leaves: batch.leaves.clone(),
        recipes: recipes
            .map(|recipe| convert::recipe_request(recipe, missing))
            .collect(),
    }
}

fn addresses(batch: &Batch) -> StoredBatch {
    StoredBatch {
        leaves: batch
            .leaves
            .iter()
            .map(|leaf| CAddr::of_leaf(leaf))
            .collect(),
        recipes: batch.recipes.iter().map(Recipe::address).collect(),
    }
}

fn stored(answer: PutGraphResponse) -> Result<StoredBatch, ClientError> {
    Ok(StoredBatch {
        leaves: convert::addresses(&answer.leaf_addrs)?,
        recipes: convert::addresses(&answer.recipe_addrs)?,
    })
}

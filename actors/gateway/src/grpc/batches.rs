//! `PutGraph`: leaves and recipes in batches. Each batch is read off the threads that serve, and while
//! one is being stored those behind it are received, read and hashed.
//!
//! It refuses to hold more than a few batches, each no larger than a message, and to store anything of
//! a batch before all of it was read and found right. Leaves may be stored though a batch before
//! theirs is refused, and recipes though a batch before theirs could not be written: nobody was told of
//! them.

use super::{
    answers::{Items, Outlet, pump},
    call::Call,
    leaves::next,
    recipes, upload,
};
use bytes::{Bytes, BytesMut};
use deriva_messages::{Fault, blob::BlobMessage, dag::MissingInputs};
use deriva_model::{CAddr, SealedRecipe};
use deriva_proto::{PutGraphRequest, PutGraphResponse, PutRecipeRequest};
use deriva_system::storage::layout::INLINE_MAX;
use std::{future::Future, pin::pin, sync::Arc};
use tokio::{
    sync::{Semaphore, oneshot},
    task::{JoinError, JoinHandle},
};
use tonic::Streaming;

/// Batches on their way: one being written, one being hashed, one being received.
const BATCHES_AT_ONCE: usize = 3;
/// Answers that may wait for their client.
const ANSWERS_AHEAD: usize = 4;

pub(super) async fn put_stream(
    call: Call,
    batches: Streaming<PutGraphRequest>,
) -> Result<Items<PutGraphResponse>, Fault> {
    Ok(pump(ANSWERS_AHEAD, |outlet| {
        put_batches(call, batches, outlet)
    }))
}

async fn put_batches(
    call: Call,
    mut stream: Streaming<PutGraphRequest>,
    outlet: Arc<Outlet<PutGraphResponse>>,
) -> Result<(), Fault> {
    let room = Arc::new(Semaphore::new(BATCHES_AT_ONCE));
    let (mut last, mut turn): (Option<Storing>, _) = (None, Turn::first());
    loop {
        let receiving = async {
            let place = room.clone().acquire_owned().await;
            Ok((place, receive(&call, &mut stream).await?))
        };
        match meanwhile(&mut last, receiving).await {
            Ok((place, Some(batch))) => {
                let (this, next) = turn.pass_on();
                turn = next;
                let storing = batch.put(call.clone(), outlet.clone(), last.take(), this);
                last = Some(tokio::spawn(async move {
                    let stored = storing.await;
                    drop(place);
                    stored
                }));
            }
            end => {
                if let Some(last) = last {
                    ended(last.await)?;
                }
                return end.map(drop);
            }
        }
    }
}

/// Whose recipes are sent when: those of a batch when it is decided that those before it, which they
/// may name, are stored.
struct Turn {
    /// None for the first batch.
    comes: Option<oneshot::Receiver<Result<(), Fault>>>,
}

/// What tells the next batch that its turn has come. Dropped, it never comes.
type Next = oneshot::Sender<Result<(), Fault>>;

impl Turn {
    const fn first() -> Self {
        Self { comes: None }
    }

    /// This turn, with what ends it, and the next.
    fn pass_on(self) -> ((Self, Next), Self) {
        let (next, comes) = oneshot::channel();
        ((self, next), Self { comes: Some(comes) })
    }

    async fn come(self) -> Result<(), Fault> {
        match self.comes {
            None => Ok(()),
            Some(comes) => comes.await.unwrap_or(Err(Fault::Cancelled)),
        }
    }
}

/// A batch on its way to the disk, and its answer. It goes on without its client, as every put does.
type Storing = JoinHandle<Result<(), Fault>>;

fn ended(storing: Result<Result<(), Fault>, JoinError>) -> Result<(), Fault> {
    storing.map_err(|error| Fault::Breach {
        what: format!("storing a batch did not end: {error}"),
    })?
}

/// Waits for work, such as the arrival of the next batch. Should the batch before fail meanwhile, its
/// failure is told at once: nobody waits for a client that waits for its answer.
async fn meanwhile<T>(
    before: &mut Option<Storing>,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let mut work = pin!(work);
    if let Some(storing) = before {
        tokio::select! {
            biased;
            stored = storing => {
                *before = None;
                ended(stored)?;
            }
            done = &mut work => return done,
        }
    }
    work.await
}

/// The next batch, read.
async fn receive(
    call: &Call,
    stream: &mut Streaming<PutGraphRequest>,
) -> Result<Option<Batch>, Fault> {
    let Some(message) = next(call, stream).await? else {
        return Ok(None);
    };
    let reader = call.clone();
    let read = call.read(move |_| Batch::read(&reader, message)).await?;
    Ok(Some(read))
}

/// Leaves and recipes that are stored together.
struct Batch {
    leaves: Vec<Bytes>,
    recipes: Vec<Arc<SealedRecipe>>,
    missing: MissingInputs,
}

impl Batch {
    fn read(call: &Call, message: PutGraphRequest) -> Result<Self, Fault> {
        let missing = missing(&message.recipes)?;
        let recipes = message.recipes.into_iter();
        let recipes = recipes.map(|recipe| Ok(recipes::checked(call, recipe)?.0));
        Ok(Self {
            leaves: message.leaves,
            recipes: recipes.collect::<Result<_, Fault>>()?,
            missing,
        })
    }

    /// The leaves at once, for they need nothing; the recipes in their turn. Answered after the batch
    /// before.
    async fn put(
        self,
        call: Call,
        outlet: Arc<Outlet<PutGraphResponse>>,
        mut before: Option<Storing>,
        turn: (Turn, Next),
    ) -> Result<(), Fault> {
        let addresses = self.recipes.iter().map(|recipe| recipe.address()).collect();
        let stored = meanwhile(&mut before, async { Ok(self.store(&call, turn).await) }).await?;
        if let Some(before) = before {
            ended(before.await)?;
        }
        let answer = PutGraphResponse {
            leaf_addrs: written(stored?),
            recipe_addrs: written(addresses),
        };
        outlet.give(answer).await
    }

    /// The addresses of the leaves.
    async fn store(self, call: &Call, (turn, next): (Turn, Next)) -> Result<Vec<CAddr>, Fault> {
        let leaves = match self.leaves.is_empty() {
            true => Vec::new(),
            false => put_leaves(call, self.leaves).await?,
        };
        turn.come().await?;
        if !self.recipes.is_empty() {
            recipes::store(call, self.recipes, self.missing, Some(next)).await?;
        } else if next.send(Ok(())).is_err() {
            tracing::trace!("no batch follows this one");
        }
        Ok(leaves)
    }
}

/// What all recipes of a batch say about missing inputs.
fn missing(recipes: &[PutRecipeRequest]) -> Result<MissingInputs, Fault> {
    let allowing = recipes
        .iter()
        .filter(|one| one.allow_missing_inputs)
        .count();
    match allowing {
        0 => Ok(MissingInputs::Refuse),
        all if all == recipes.len() => Ok(MissingInputs::Allow),
        _ => Err(Fault::Malformed {
            reason: "the recipes of a batch must say the same about missing inputs".to_owned(),
        }),
    }
}

/// The small ones in one step; a larger one goes the way that it would go alone.
async fn put_leaves(call: &Call, leaves: Vec<Bytes>) -> Result<Vec<CAddr>, Fault> {
    let small: Vec<Bytes> = leaves
        .iter()
        .filter(|leaf| leaf.len() <= INLINE_MAX)
        .cloned()
        .collect();
    let mut stored = match small.is_empty() {
        true => Vec::new(),
        false => {
            let put = |reply| BlobMessage::PutLeaves {
                leaves: small,
                reply,
            };
            call.ask(&call.context.next_shard(), put).await?
        }
    }
    .into_iter();
    let mut addresses = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let leaf = match leaf.len() <= INLINE_MAX {
            true => stored.next().ok_or_else(|| Fault::Breach {
                what: "a shard answered short".to_owned(),
            })?,
            false => upload::put(call, leaf).await?,
        };
        addresses.push(leaf.address);
    }
    Ok(addresses)
}

/// Addresses as they travel, over one allocation.
fn written(addresses: Vec<CAddr>) -> Vec<Bytes> {
    let mut all = BytesMut::with_capacity(addresses.len() * CAddr::LEN);
    for address in &addresses {
        all.extend_from_slice(address.as_bytes());
    }
    let mut all = all.freeze();
    addresses.iter().map(|_| all.split_to(CAddr::LEN)).collect()
}

#[cfg(test)]
#[path = "batches_test.rs"]
mod batches_test;

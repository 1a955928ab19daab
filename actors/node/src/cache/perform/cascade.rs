//! Cascades: an address and everything that depends on it leaves memory and disk.
//!
//! From before the walk until all are gone nothing is recorded on this node, so that no value made
//! from one that was still to go comes in behind. It refuses to recurse: a chain may be as long as
//! the graph.

use super::{Disk, answer, deferred, reach::Reached};
use crate::blob::{DROP_MAX, steps::look_many};
use bytes::Bytes;
use deriva_messages::{
    Fault, Reply,
    blob::{DropReason, Dropped},
    cache::{CacheMessage, CascadePolicy, CascadeRoot, Cascaded, Evicted},
};
use deriva_model::{CAddr, Record};
use deriva_system::{
    storage::{Durability, Space, StorageFault, layout},
    supervise::Envelope,
    view::{Cascading, Resident, ValueView},
};
use ractor::ActorRef;
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::{JoinError, JoinHandle},
};

/// Stands where no address of one's own does; nothing hashes to it that anybody knows of.
const NOBODY: CAddr = CAddr::from_bytes([0; CAddr::LEN]);
/// Addresses that wait for deferred cascades, over all of them.
pub(in crate::cache) const DEFERRED_MAX: usize = 1 << 20;
/// Addresses that leave memory at once.
const BATCH: usize = 4096;
/// Steps that are on their way to the disk at once: they share what it costs to reach it.
const DROPS_AT_ONCE: usize = 8;
/// How often what was promised is tried before it is left to the next start.
const CLEAR_TRIES: usize = 3;
/// What a client is told to wait when too much is deferred.
const RETRY_AFTER_MS: u64 = 1000;

/// One cascade, as it was asked for.
pub(in crate::cache) struct Asked {
    pub(in crate::cache) address: CAddr,
    pub(in crate::cache) root: CascadeRoot,
    pub(in crate::cache) policy: CascadePolicy,
    pub(in crate::cache) detail: usize,
    pub(in crate::cache) reply: Reply<Cascaded>,
    pub(in crate::cache) credit: Option<OwnedSemaphorePermit>,
}

/// What a cascade works with.
pub(super) struct Hands {
    pub(super) disk: Arc<Disk>,
    pub(super) owner: Owner,
    pub(super) asked: (CAddr, CascadeRoot, usize),
}

/// A batch that left memory and is leaving the disk.
struct Dropping<'a> {
    batch: &'a [CAddr],
    in_memory: Vec<Option<u64>>,
    drop: JoinHandle<Result<Dropped, Fault>>,
}

/// Who takes values out of memory.
pub(super) enum Owner {
    Actor(ActorRef<Envelope<CacheMessage>>),
    /// The actor has not begun: it counts later what is left.
    Starting,
}

/// Carries a cascade out; answers when all are gone, or found if that is what was asked for.
pub(in crate::cache) async fn cascade(
    disk: Arc<Disk>,
    cache: ActorRef<Envelope<CacheMessage>>,
    deferred: Arc<Semaphore>,
    asked: Asked,
) {
    let window = disk.values.invalidations().cascade();
    let hands = Hands {
        disk,
        owner: Owner::Actor(cache),
        asked: (asked.address, asked.root, asked.detail),
    };
    let reached = match hands.reach(asked.policy, || asked.reply.is_closed()).await {
        Ok(reached) => reached,
        Err(fault) => return answer(asked.reply, Err(fault)),
    };
    match asked.policy {
        CascadePolicy::DryRun => {
            // Nothing goes, so nothing is covered.
            window.finish(&[]);
            answer(asked.reply, hands.tell(&reached).await);
        }
        CascadePolicy::None | CascadePolicy::Immediate => {
            answer(asked.reply, hands.clear(&reached, window).await);
        }
        CascadePolicy::Deferred => {
            let waiting = u32::try_from(reached.order.len()).unwrap_or(u32::MAX);
            let Ok(room) = deferred.try_acquire_many_owned(waiting) else {
                return answer(asked.reply, Err(crowded()));
            };
            let noted = match deferred::note(&hands.disk, asked.address, asked.root).await {
                Ok(noted) => noted,
                Err(fault) => return answer(asked.reply, Err(fault)),
            };
            answer(asked.reply, hands.tell(&reached).await);
            if let Err(fault) = hands.clear_noted(&reached, window, noted).await {
                metrics::counter!("cache_cascades_cut_total").increment(1);
                tracing::error!(%fault, address = %asked.address, "a deferred cascade was cut off; the cache's next start ends it");
            }
            drop(room);
        }
    }
    drop(asked.credit);
}

pub(super) fn crowded() -> Fault {
    Fault::Overloaded {
        what: "the deferred cascades".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    }
}

/// Takes out what depends on many addresses, and these, inside a window that the caller holds.
pub(super) async fn void_from(
    disk: Arc<Disk>,
    cache: &ActorRef<Envelope<CacheMessage>>,
    starts: Vec<CAddr>,
) -> Result<Evicted, Fault> {
    let hands = Hands {
        disk,
        owner: Owner::Actor(cache.clone()),
        asked: (NOBODY, CascadeRoot::Included, 0),
    };
    let reached = hands.reach_from(starts, || false).await?;
    let gone = hands.take_out(&reached).await?;
    Ok(Evicted {
        values: gone.evicted,
        bytes: gone.bytes,
    })
}

/// Takes values out of the view, for their owner.
pub(in crate::cache) fn unlink(
    values: &ValueView,
    addresses: &[CAddr],
) -> Vec<Option<Arc<Resident>>> {
    let addresses = addresses.iter();
    addresses.map(|address| values.unlink(address)).collect()
}

/// What a task came to; one that panicked broke an invariant.
pub(in crate::cache) fn ended<T>(task: Result<T, JoinError>) -> Result<T, Fault> {
    task.map_err(|error| Fault::Breach {
        what: format!("a task of the cache ended: {error}"),
    })
}

impl Hands {
    /// What would go, without changing anything.
    async fn tell(&self, reached: &Reached) -> Result<Cascaded, Fault> {
        let mut told = self.told(reached);
        for batch in reached.order.chunks(BATCH) {
            let on_disk = self.on_disk(batch).await?;
            let in_memory = batch
                .iter()
                .map(|address| self.disk.values.size_of(address));
            self.note(&mut told, batch, in_memory.zip(on_disk));
        }
        Ok(told)
    }

    /// Takes everything reached out of memory and off the disk, then ends the window.
    async fn clear(&self, reached: &Reached, window: Cascading) -> Result<Cascaded, Fault> {
        let told = self.take_out(reached).await?;
        window.finish(&reached.order);
        metrics::counter!("cache_cascaded_values_total").increment(told.evicted);
        self.disk.publish().await;
        Ok(told)
    }

    /// The same for a cascade that was answered: a shard that is being restarted is asked again.
    async fn clear_noted(
        &self,
        reached: &Reached,
        window: Cascading,
        noted: deferred::Noted,
    ) -> Result<(), Fault> {
        let mut tries = CLEAR_TRIES;
        loop {
            tries -= 1;
            match self.take_out(reached).await {
                Err(fault) if tries == 0 => return Err(fault),
                Err(_) => {}
                Ok(told) => {
                    window.finish(&reached.order);
                    metrics::counter!("cache_cascaded_values_total").increment(told.evicted);
                    self.disk.publish().await;
                    return deferred::done(&self.disk, noted, Durability::Behind).await;
                }
            }
        }
    }

    pub(super) async fn take_out(&self, reached: &Reached) -> Result<Cascaded, Fault> {
        let mut told = self.told(reached);
        let mut under_way = VecDeque::with_capacity(DROPS_AT_ONCE);
        for batch in reached.order.chunks(BATCH) {
            let mut in_memory = self.unlink(batch.to_vec()).await?.into_iter();
            for batch in batch.chunks(DROP_MAX) {
                if under_way.len() == DROPS_AT_ONCE {
                    self.ended(&mut told, under_way.pop_front()).await?;
                }
                let (disk, recipes) = (self.disk.clone(), batch.to_vec());
                let why = DropReason::Invalidated;
                let drop = tokio::spawn(async move { disk.drop_values(recipes, why).await });
                under_way.push_back(Dropping {
                    batch,
                    in_memory: in_memory.by_ref().take(batch.len()).collect(),
                    drop,
                });
            }
        }
        while let Some(one) = under_way.pop_front() {
            self.ended(&mut told, Some(one)).await?;
        }
        Ok(told)
    }

    async fn ended(
        &self,
        told: &mut Cascaded,
        dropping: Option<Dropping<'_>>,
    ) -> Result<(), Fault> {
        let Some(Dropping {
            batch,
            in_memory,
            drop,
        }) = dropping
        else {
            return Ok(());
        };
        let dropped = ended(drop.await)??;
        self.note(told, batch, in_memory.into_iter().zip(dropped.sizes));
        Ok(())
    }

    fn told(&self, reached: &Reached) -> Cascaded {
        Cascaded {
            traversed: reached.traversed,
            max_depth: reached.max_depth,
            ..Cascaded::default()
        }
    }

    /// Counts each value once, wherever it was.
    fn note(
        &self,
        told: &mut Cascaded,
        batch: &[CAddr],
        held: impl Iterator<Item = (Option<u64>, Option<u64>)>,
    ) {
        let (root, _, detail) = self.asked;
        for (address, (in_memory, on_disk)) in batch.iter().zip(held) {
            let Some(size) = in_memory.or(on_disk) else {
                continue;
            };
            told.evicted += 1;
            told.bytes = told.bytes.saturating_add(size);
            told.root_evicted |= *address == root;
            if told.addresses.len() < detail {
                told.addresses.push(*address);
            }
        }
    }

    /// The actor alone writes the memory.
    async fn unlink(&self, addresses: Vec<CAddr>) -> Result<Vec<Option<u64>>, Fault> {
        let cache = match &self.owner {
            Owner::Actor(cache) => cache,
            Owner::Starting => {
                let gone = unlink(&self.disk.values, &addresses).into_iter();
                return Ok(gone
                    .map(|value| value.map(|value| value.bytes.len() as u64))
                    .collect());
            }
        };
        let (reply, unlinked) = oneshot::channel();
        let message = CacheMessage::Unlink {
            addresses,
            reply: reply.into(),
        };
        let gone = || Fault::Unavailable {
            what: "the cache".to_owned(),
        };
        let envelope = Envelope {
            message,
            credit: None,
        };
        cache.cast(envelope).map_err(|_| gone())?;
        unlinked.await.map_err(|_| gone())?
    }

    /// Bytes of each value that has a record on disk. A damaged record is of no value any more.
    async fn on_disk(&self, addresses: &[CAddr]) -> Result<Vec<Option<u64>>, Fault> {
        let storage = self.disk.storage.clone();
        let keys: Vec<Vec<u8>> = addresses.iter().map(layout::address_key).collect();
        let read = move || -> Result<Vec<Option<u64>>, StorageFault> {
            let size = |document: &Bytes| Record::decode(document).ok().map(|record| record.size);
            let documents = look_many(storage.as_ref(), Space::Records, &keys)?;
            Ok(documents
                .iter()
                .map(|document| document.as_ref().and_then(size))
                .collect())
        };
        Ok(self.disk.lane.run(read).await??)
    }
}

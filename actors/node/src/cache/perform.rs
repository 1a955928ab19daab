//! The hands of the cache: one task a cache actor keeps and evicts on disk, in the order in which it
//! was told; invalidations do not stand in that queue, because the keeping step itself looks whether
//! a value was invalidated since it began.
//!
//! It refuses to retry: a value that could not be kept is only not kept.

mod cascade;
mod deferred;
mod reach;
mod trim;
mod void;

pub(super) use cascade::{Asked, DEFERRED_MAX, cascade, ended, unlink};
pub(super) use deferred::finish_cascades;
pub(super) use void::void;

use super::{
    CacheArgs,
    decide::{CacheConfig, Inflation, OnDisk},
};
use crate::blob::{KEEP_BYTES_MAX, KEEP_VALUES_MAX, shard_of};
use deriva_messages::{
    Fault, Reply,
    blob::{BlobMessage, DropReason, Dropped, KeptValue},
    cache::Evicted,
};
use deriva_model::CAddr;
use deriva_system::{
    lane::Lane,
    storage::{CommitLane, Storage, StorageFault, commit::read_number, layout::Counter},
    supervise::Slot,
    view::{Resident, ValueView},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Batches on their way to disk; each holds its values in memory.
const JOBS_MAX: usize = 4;
/// How long a shard may take for one batch or page.
const PATIENCE: Duration = Duration::from_secs(60);
/// Values dropped in one step: short enough that puts do not wait for it.
const PAGE: usize = 256;
/// Values weighed in one step.
const WEIGHED_MAX: usize = 1024;

/// One piece of work of the task.
pub(super) enum Job {
    Keep(Vec<KeptValue>),
    /// Values that left memory, and what they are worth on disk by their uses there.
    Weigh(Vec<(CAddr, u64)>),
    EvictAll {
        /// What just left memory, with its bytes.
        memory: HashMap<CAddr, u64>,
        reply: Reply<Evicted>,
        credit: Option<OwnedSemaphorePermit>,
    },
}

/// The disk as the cache reaches it.
pub(super) struct Disk {
    storage: Arc<dyn Storage>,
    commit: CommitLane,
    lane: Lane,
    blobs: Arc<[Slot<BlobMessage>]>,
    values: Arc<ValueView>,
    config: CacheConfig,
    /// The task writes it; the actor reads it.
    inflation: Mutex<Inflation>,
}

/// Starts the task; it ends after what was queued when the actor is gone.
pub(super) fn start(disk: Arc<Disk>) -> mpsc::Sender<Job> {
    let (jobs, mut queue) = mpsc::channel(JOBS_MAX);
    tokio::spawn(async move {
        disk.publish().await;
        while let Some(job) = queue.recv().await {
            disk.work(job).await;
        }
    });
    jobs
}

/// Waits for a place in the queue outside the actor.
pub(super) fn queue_evict_all(jobs: mpsc::Sender<Job>, job: Job) {
    tokio::spawn(async move {
        let unheard = jobs.send(job).await.err().map(|lost| lost.0);
        if let Some(Job::EvictAll { reply, .. }) = unheard {
            let what = "the cache's way to disk".to_owned();
            answer(reply, Err(Fault::Unavailable { what }));
        }
    });
}

/// Cuts values into batches that one step of a shard takes.
pub(super) fn batches(kept: Vec<KeptValue>) -> Vec<Vec<KeptValue>> {
    let mut batches: Vec<Vec<KeptValue>> = Vec::new();
    let mut bytes = 0u64;
    for value in kept {
        let size = value.bytes.len() as u64;
        match batches.last_mut() {
            Some(batch)
                if batch.len() < KEEP_VALUES_MAX
                    && bytes.saturating_add(size) <= KEEP_BYTES_MAX =>
            {
                bytes += size;
                batch.push(value);
            }
            _ => {
                bytes = size;
                batches.push(vec![value]);
            }
        }
    }
    batches
}

/// Cuts worths into what one step of a shard weighs, as far as there is room: values on their way to
/// disk go first.
pub(super) fn queue_weighing(jobs: &mpsc::Sender<Job>, worths: &[(CAddr, u64)]) {
    for worths in worths.chunks(WEIGHED_MAX) {
        let has_room = jobs.capacity() > JOBS_MAX / 2;
        if !has_room || jobs.try_send(Job::Weigh(worths.to_vec())).is_err() {
            let skipped = worths.len() as u64;
            metrics::counter!("cache_weighings_skipped_total").increment(skipped);
        }
    }
}

pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, Fault>) {
    if reply.send(result).is_err() {
        metrics::counter!("actor_answers_unheard_total").increment(1);
    }
}

impl Disk {
    pub(super) async fn open(args: CacheArgs) -> Self {
        let disk = Self {
            storage: args.storage,
            commit: args.commit,
            lane: args.lane,
            blobs: args.blobs,
            values: args.values,
            config: args.config,
            inflation: Mutex::default(),
        };
        let known = disk.take_over().await;
        logged("how far the disk's inflation had come is not known", known);
        disk
    }

    async fn work(&self, job: Job) {
        match job {
            Job::Keep(values) => {
                let kept = self.keep(values).await;
                logged("values were not kept on disk", kept);
                let trimmed = self.trim().await;
                logged("values were not evicted from disk", trimmed);
            }
            Job::Weigh(worths) => {
                let weighed = self.weigh(worths).await;
                logged("values were not weighed on disk", weighed);
            }
            Job::EvictAll {
                memory,
                reply,
                credit,
            } => {
                answer(reply, self.evict_all(&memory).await);
                drop(credit);
            }
        }
        self.publish().await;
    }

    /// What the counters on disk say.
    pub(super) async fn held(&self) -> Result<OnDisk, Fault> {
        let storage = self.storage.clone();
        let read = move || -> Result<OnDisk, StorageFault> {
            Ok(OnDisk {
                values: read_number(storage.as_ref(), &Counter::Values.key())?,
                bytes: read_number(storage.as_ref(), &Counter::ValueBytes.key())?,
            })
        };
        Ok(self.lane.run(read).await??)
    }

    async fn publish(&self) {
        if let Ok(held) = self.held().await {
            metrics::gauge!("cache_disk_bytes").set(held.bytes as f64);
            metrics::gauge!("cache_disk_values").set(held.values as f64);
        }
    }

    async fn keep(&self, values: Vec<KeptValue>) -> Result<(), Fault> {
        let Some(first) = values.first() else {
            return Ok(());
        };
        let shard = shard_of(&first.record.output, self.blobs.len());
        let keep = |reply| BlobMessage::Keep { values, reply };
        let kept = self.shard(shard)?.call(PATIENCE, keep).await?;
        metrics::counter!("cache_kept_bytes_total").increment(kept);
        Ok(())
    }

    fn shard(&self, shard: usize) -> Result<&Slot<BlobMessage>, Fault> {
        self.blobs.get(shard).ok_or_else(|| Fault::Breach {
            what: format!("there is no blob shard {shard}"),
        })
    }

    async fn drop_values(&self, recipes: Vec<CAddr>, why: DropReason) -> Result<Dropped, Fault> {
        let Some(first) = recipes.first() else {
            return Ok(Dropped::default());
        };
        let shard = shard_of(&first.as_content(), self.blobs.len());
        let drop = |reply| BlobMessage::Drop {
            recipes,
            why,
            reply,
        };
        self.shard(shard)?.call(PATIENCE, drop).await
    }

    /// Evicts every value on disk; those that just left memory are counted once.
    async fn evict_all(&self, memory: &HashMap<CAddr, u64>) -> Result<Evicted, Fault> {
        let mut evicted = Evicted {
            values: memory.len() as u64,
            bytes: memory.values().sum(),
        };
        for _ in 0..pages(self.held().await?.values) {
            let page = self.least().await?;
            if page.is_empty() {
                break;
            }
            let recipes = page.iter().map(|aged| aged.recipe);
            let (known, others): (Vec<_>, Vec<_>) =
                recipes.partition(|recipe| memory.contains_key(recipe));
            let known = self.drop_values(known, DropReason::Evicted).await?;
            let others = self.drop_values(others, DropReason::Evicted).await?;
            counted(&known);
            counted(&others);
            evicted.values += others.values();
            evicted.bytes = evicted.bytes.saturating_add(others.bytes());
            let dropped = known.values() + others.values();
            self.forget_ages(page, dropped).await?;
        }
        Ok(evicted)
    }

    /// Takes an address off the disk for good.
    pub(super) async fn invalidate(
        &self,
        address: CAddr,
        in_memory: Option<Arc<Resident>>,
    ) -> Result<Evicted, Fault> {
        let dropped = self
            .drop_values(vec![address], DropReason::Invalidated)
            .await?;
        self.publish().await;
        Ok(match in_memory {
            Some(value) => Evicted {
                values: 1,
                bytes: value.bytes.len() as u64,
            },
            None => Evicted {
                values: dropped.values(),
                bytes: dropped.bytes(),
            },
        })
    }
}

/// Pages that so many values fill, and two more for those that came meanwhile.
const fn pages(values: u64) -> u64 {
    values / PAGE as u64 + 2
}

fn counted(dropped: &Dropped) {
    metrics::counter!("cache_evictions_total", "from" => "disk").increment(dropped.values());
}

fn logged(what: &str, done: Result<(), Fault>) {
    if let Err(fault) = done {
        metrics::counter!("cache_disk_failures_total").increment(1);
        tracing::warn!(%fault, what);
    }
}

#[cfg(test)]
#[path = "perform_test.rs"]
mod perform_test;

//! The commit lane: the node's one serialized order of decisions about what is stored.
//!
//! A step looks, decides and writes while no other step does; steps that wait together share one
//! fsync. While a group is written the next one is decided, over what is on its way. It refuses to
//! reorder steps, to answer before the disk has, and to go on after a write whose fate is unknown.

mod epochs;
mod writer;

use self::{
    epochs::Epochs,
    writer::{Group, Writer},
};
use super::{Batch, Durability, Entry, Overlay, Reading, Space, Storage, StorageFault, layout};
use crate::Clock;
use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::Epoch;
use std::{sync::Arc, thread};
use tokio::sync::{mpsc, oneshot};

/// Bytes of changes from which a group is not held open when it could be written.
const EAGER_BYTES: usize = 1 << 20;

/// Bounds of the lane.
#[derive(Clone, Copy, Debug)]
pub struct CommitLimits {
    /// Steps that may wait; more wait outside.
    pub depth: usize,
    /// Steps that share one write.
    pub group_steps: usize,
    /// Bytes after which a group takes no further step.
    pub group_bytes: usize,
}

impl Default for CommitLimits {
    fn default() -> Self {
        Self {
            depth: 4096,
            group_steps: 1024,
            group_bytes: 8 << 20,
        }
    }
}

/// What a step sees and writes. Its own writes are visible to its later reads.
pub struct Step<'group> {
    seen: Overlay<'group>,
    epoch: Epoch,
    /// Milliseconds since 1970, as the group began.
    wall: u64,
}

impl Step<'_> {
    /// The open epoch: what every acknowledged write is stamped with.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Opens the next epoch: this step and those after it write in it, none before has.
    pub fn open_epoch(&mut self) -> Epoch {
        self.epoch = self.epoch.next();
        let (epoch, wall) = (self.epoch, self.wall);
        self.put(
            Space::Meta,
            layout::epoch_start_key(epoch),
            layout::number(wall),
        );
        let open = layout::epoch_value(epoch, wall);
        self.put(Space::Meta, layout::META_EPOCH.to_vec(), open);
        epoch
    }

    /// Milliseconds since 1970: what an epoch that opened now would start with.
    #[must_use]
    pub const fn wall_millis(&self) -> u64 {
        self.wall
    }

    pub fn put(&mut self, space: Space, key: Vec<u8>, value: impl Into<Bytes>) {
        self.seen.changes_mut().put(space, key, value);
    }

    /// Puts many keys, each there once: much cheaper a key than `put`.
    pub fn put_many(&mut self, space: Space, entries: Vec<(Vec<u8>, Bytes)>) {
        self.seen.changes_mut().put_many(space, entries);
    }

    pub fn delete(&mut self, space: Space, key: Vec<u8>) {
        self.seen.changes_mut().delete(space, key);
    }

    /// Moves a counter; it never falls below zero.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn count(&mut self, counter: layout::Counter, by: i64) -> Result<(), StorageFault> {
        let before = read_number(self, &counter.key())?;
        let after = before.saturating_add_signed(by);
        self.put(Space::Meta, counter.key(), layout::number(after));
        Ok(())
    }
}

impl Reading for Step<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        self.seen.get(space, key)
    }

    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StorageFault> {
        self.seen.get_many(space, keys)
    }

    fn first_under(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageFault> {
        self.seen.first_under(space, prefixes)
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault> {
        self.seen.scan(space, prefix, from, limit)
    }
}

/// A number of the meta space; 0 where none stands.
///
/// # Errors
/// The store could not be read, or holds something else there.
pub fn read_number(store: &dyn Reading, key: &[u8]) -> Result<u64, StorageFault> {
    match store.get(Space::Meta, key)? {
        None => Ok(0),
        Some(bytes) => layout::parse_number(&bytes).ok_or_else(|| StorageFault::Damaged {
            why: format!("meta key {} is no number", String::from_utf8_lossy(key)),
        }),
    }
}

type Tell = Box<dyn FnOnce(Result<(), StorageFault>) + Send>;
type Decide = Box<dyn FnOnce(&mut Step<'_>) -> (Ending, Tell) + Send>;

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With the epoch that was open then.
    Decided(Epoch),
    /// What it wrote is forgotten.
    Refused,
}

struct Pending {
    decide: Decide,
    durability: Durability,
}

/// A handle to the lane. When the last one goes, the lane ends after what was queued.
#[derive(Clone)]
pub struct CommitLane {
    queue: mpsc::Sender<Pending>,
}

impl CommitLane {
    /// Starts the lane and opens an epoch.
    ///
    /// # Errors
    /// The store could not be read or written, or there was no thread.
    pub fn start(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        limits: CommitLimits,
    ) -> Result<Self, StorageFault> {
        let (queue, waiting) = mpsc::channel(limits.depth);
        let epochs = Epochs::open(storage.as_ref(), clock)?;
        let mut lane = Lane {
            writer: Writer::start(storage.clone())?,
            storage,
            epochs,
            limits,
            waiting,
        };
        spawn("commit", move || lane.run())?;
        Ok(Self { queue })
    }

    /// Runs `decide` in the node's one order, and answers when what it wrote, and what it saw of the
    /// steps before it, is as durable as asked. A step that refuses writes nothing, and is answered
    /// when what it saw is written.
    ///
    /// # Errors
    /// What `decide` answered, or why the write failed.
    pub async fn commit<T: Send + 'static>(
        &self,
        durability: Durability,
        decide: impl FnOnce(&mut Step<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        let decide: Decide = Box::new(move |step| match decide(step) {
            Ok(value) => {
                let tell: Tell = Box::new(move |written| {
                    deliver(answer, written.map(|()| value).map_err(Fault::from));
                });
                (Ending::Decided(step.epoch), tell)
            }
            Err(fault) => {
                let tell: Tell = Box::new(move |written| {
                    deliver(answer, Err(written.map_or_else(Fault::from, |()| fault)));
                });
                (Ending::Refused, tell)
            }
        });
        self.queue
            .send(Pending { decide, durability })
            .await
            .map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// How many steps wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StorageFault> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| StorageFault::Io {
        why: error.to_string(),
    })
}

fn gone() -> Fault {
    Fault::Unavailable {
        what: "the commit lane".to_owned(),
    }
}

/// A caller that went away does not hear the answer; that is counted, not an error.
fn deliver<T>(answer: oneshot::Sender<T>, value: T) {
    if answer.send(value).is_err() {
        metrics::counter!("commit_answers_unheard_total").increment(1);
    }
}

struct Lane {
    storage: Arc<dyn Storage>,
    writer: Writer,
    epochs: Epochs,
    limits: CommitLimits,
    waiting: mpsc::Receiver<Pending>,
}

impl Lane {
    fn run(&mut self) {
        while let Some(first) = self.waiting.blocking_recv() {
            self.group(first);
        }
    }

    /// One group: every step decides over those before it, then all are written at once.
    fn group(&mut self, first: Pending) {
        if self.writer.is_ready() && self.writer.settle().is_err() {
            self.epochs.not_written();
        }
        let storage = self.storage.clone();
        let on_its_way = self.writer.on_its_way();
        let is_behind_another = on_its_way.is_some();
        let below = Overlay::over(storage.as_ref(), on_its_way.unwrap_or_default());
        let mut seen = Overlay::new(&below);
        let mut batch = self.opening();
        let (mut epoch, wall) = (self.epochs.open, self.epochs.wall());
        let mut durability = Durability::Behind;
        let mut waiting = Vec::new();
        let mut next = Some(first);
        let mut steps = 0;
        while let Some(pending) = next.take() {
            steps += 1;
            let synced = pending.durability;
            match run_step(&seen, (epoch, wall), pending) {
                Some(Done {
                    ending: Ending::Decided(open),
                    changes,
                    tell,
                }) => {
                    epoch = open;
                    seen.changes_mut().absorb(changes);
                    if synced == Durability::Synced {
                        durability = Durability::Synced;
                    }
                    waiting.push(tell);
                }
                // Nobody's unwritten change can have been the reason.
                Some(refused) if seen.is_unchanged() && !is_behind_another => {
                    (refused.tell)(Ok(()));
                }
                Some(refused) => waiting.push(refused.tell),
                None => {}
            }
            if steps < self.limits.group_steps && !self.is_full(seen.size()) {
                next = self.waiting.try_recv().ok();
            }
        }
        batch.absorb(seen.into_changes());
        self.epochs.opened_by_steps(epoch, wall);
        metrics::histogram!("commit_group_steps").record(steps as f64);
        let group = Group {
            batch: Arc::new(batch),
            durability,
            waiting,
        };
        let filler = |batch: &mut Batch| self.epochs.tell(batch);
        if self.writer.write(group, filler).is_err() {
            self.epochs.not_written();
        }
    }

    /// What opens the epochs that begin with the group.
    fn opening(&mut self) -> Batch {
        let mut batch = Batch::default();
        for (epoch, start) in self.epochs.opening() {
            let key = layout::epoch_start_key(epoch);
            batch.put(Space::Meta, key, layout::number(start));
        }
        if !batch.is_empty() {
            self.epochs.tell(&mut batch);
        }
        batch
    }

    /// Whether a group of this size takes no further step: when it could be written now, or is as
    /// large as one may be.
    fn is_full(&mut self, size: usize) -> bool {
        size >= self.limits.group_bytes || (size >= EAGER_BYTES && self.writer.is_ready())
    }
}

/// What a step did, and whom to tell.
struct Done {
    ending: Ending,
    changes: Batch,
    tell: Tell,
}

/// Runs one step; nothing if it panicked.
fn run_step(seen: &Overlay<'_>, (epoch, wall): (Epoch, u64), pending: Pending) -> Option<Done> {
    let mut step = Step {
        seen: Overlay::new(seen),
        epoch,
        wall,
    };
    let decide = pending.decide;
    // A panic drops the step's answer, which its caller hears as `Unavailable`.
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decide(&mut step)));
    match done {
        Ok((ending, tell)) => Some(Done {
            ending,
            changes: step.seen.into_changes(),
            tell,
        }),
        Err(_) => {
            metrics::counter!("commit_panics_total").increment(1);
            None
        }
    }
}

#[cfg(test)]
#[path = "commit_test.rs"]
mod commit_test;

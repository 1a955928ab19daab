//! The hand of the lane: groups are written one after the other, a large one on a thread of its own,
//! so that the next is decided meanwhile.
//!
//! It refuses to write a group whose forerunner, over which it was decided, was not written: that its
//! steps would have been taken without it cannot be known, for a step is decided once. And it writes
//! nothing more when its thread has died with a write.

use super::{Tell, spawn};
use crate::storage::{Batch, Durability, Storage, StorageFault};
use std::sync::{Arc, mpsc};

/// A smaller batch is written faster than a thread is woken.
const HANDED_OVER_BYTES: usize = 64 << 10;

/// What became of a group.
type Written = Result<(), StorageFault>;

/// What is written at once, shared with whoever decides over it meanwhile, and who waits for it.
pub(super) struct Group {
    pub(super) batch: Arc<Batch>,
    pub(super) durability: Durability,
    pub(super) waiting: Vec<Tell>,
}

pub(super) struct Writer {
    storage: Arc<dyn Storage>,
    handed: mpsc::Sender<Group>,
    /// An answer for each group that was handed over.
    written: mpsc::Receiver<Written>,
    /// One group at a time.
    on_its_way: Option<OnItsWay>,
    /// Whether something was written that no synced write has covered yet.
    behind: bool,
    /// The thread that writes is gone, and with it what became of what it wrote.
    has_ended: bool,
}

/// A group that was handed over and not settled.
struct OnItsWay {
    batch: Arc<Batch>,
    durability: Durability,
    /// What became of it, once that was heard.
    written: Option<Written>,
}

impl Writer {
    pub(super) fn start(storage: Arc<dyn Storage>) -> Result<Self, StorageFault> {
        let (handed, groups) = mpsc::channel::<Group>();
        let (done, written) = mpsc::channel();
        let store = storage.clone();
        spawn("commit-writer", move || {
            while let Ok(group) = groups.recv() {
                let written = write(store.as_ref(), &group.batch, group.durability);
                // The lane first: it may be waiting to hand over the next.
                let is_over = done.send(written.clone()).is_err();
                tell(group.waiting, &written);
                if is_over {
                    break;
                }
            }
        })?;
        Ok(Self {
            storage,
            handed,
            written,
            on_its_way: None,
            behind: false,
            has_ended: false,
        })
    }

    /// The changes that may not be in the store yet.
    pub(super) fn on_its_way(&self) -> Option<Arc<Batch>> {
        self.on_its_way.as_ref().map(|group| group.batch.clone())
    }

    /// Whether a group would be written at once.
    pub(super) fn is_ready(&mut self) -> bool {
        let Some(group) = &mut self.on_its_way else {
            return true;
        };
        if group.written.is_none() {
            match self.written.try_recv() {
                Ok(written) => group.written = Some(written),
                Err(mpsc::TryRecvError::Empty) => return false,
                // Whoever settles it hears that.
                Err(mpsc::TryRecvError::Disconnected) => {}
            }
        }
        true
    }

    /// Waits for what is on its way. Whoever decided over it decides on the outcome.
    ///
    /// # Errors
    /// It was not written; its steps have heard of it.
    pub(super) fn settle(&mut self) -> Written {
        let Some(group) = self.on_its_way.take() else {
            return Ok(());
        };
        let written = match group.written {
            Some(written) => written,
            None => self.written.recv().unwrap_or_else(|_| {
                self.has_ended = true;
                Err(ended())
            }),
        };
        written?;
        self.behind = group.durability != Durability::Synced;
        Ok(())
    }

    /// Writes a group after the one before, or hands it over. `filler` fills a batch where there is
    /// nothing to write and yet something to sync.
    ///
    /// # Errors
    /// The group before was not written, so this one is not either; or this one was not. Its steps
    /// have heard of it.
    pub(super) fn write(&mut self, mut group: Group, filler: impl Fn(&mut Batch)) -> Written {
        let settled = self.settle().and(match self.has_ended {
            true => Err(ended()),
            false => Ok(()),
        });
        if settled.is_err() {
            tell(group.waiting, &settled);
            return settled;
        }
        let is_synced = group.durability == Durability::Synced;
        if group.batch.is_empty() && is_synced && self.behind {
            // A step that found all it wanted may have found it in what is not synced yet, and
            // only a write that writes something is sure to be one.
            filler(Arc::make_mut(&mut group.batch));
        }
        if group.batch.size() >= HANDED_OVER_BYTES {
            return self.hand_over(group);
        }
        let written = match group.batch.is_empty() {
            true => Ok(()),
            false => write(self.storage.as_ref(), &group.batch, group.durability)
                .inspect(|()| self.behind = !is_synced),
        };
        tell(group.waiting, &written);
        written
    }

    fn hand_over(&mut self, group: Group) -> Written {
        self.on_its_way = Some(OnItsWay {
            batch: group.batch.clone(),
            durability: group.durability,
            written: None,
        });
        // Where nobody takes it, its steps hear that their answers are gone.
        self.handed.send(group).map_err(|_| ended())
    }
}

fn tell(waiting: Vec<Tell>, written: &Written) {
    for tell in waiting {
        tell(written.clone());
    }
}

fn write(storage: &dyn Storage, batch: &Batch, durability: Durability) -> Written {
    let written = storage.write(batch, durability);
    if let Err(fault) = &written {
        metrics::counter!("commit_failures_total").increment(1);
        tracing::error!(%fault, "a commit was not written");
    }
    written
}

fn ended() -> StorageFault {
    StorageFault::Io {
        why: "the thread that writes has ended".to_owned(),
    }
}

#[cfg(test)]
#[path = "writer_test.rs"]
mod writer_test;

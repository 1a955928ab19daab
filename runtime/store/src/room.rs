//! How much room the disk has, so that a write is refused while refusing is still harmless.
//!
//! It refuses to be exact: the disk is asked at most every 100 ms while there is plenty, and every
//! time when there is not.

use deriva_system::{
    Clock,
    storage::{Batch, StorageFault},
};
use parking_lot::Mutex;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// An answer of the disk is believed for this long.
const BELIEVED: Duration = Duration::from_millis(100);
/// A batch is written to the log and once more when it is flushed.
const COPIES: u64 = 2;
/// A batch that deletes and puts no more than this frees room, so it may use half the reserve.
const FREEING_PUTS: usize = 64 << 10;

#[derive(Default)]
struct Seen {
    at: Duration,
    /// What was free then, less what was written since. Nothing before the disk is first asked.
    free: u64,
}

pub(crate) struct Room {
    directory: PathBuf,
    reserve: u64,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

impl Room {
    pub(crate) fn new(directory: &Path, reserve: u64, clock: Arc<dyn Clock>) -> Self {
        Self {
            directory: directory.to_owned(),
            reserve,
            clock,
            seen: Mutex::default(),
        }
    }

    /// Takes room for a batch.
    ///
    /// # Errors
    /// `Full` when the batch would reach into the reserve, `Io` when the disk does not say.
    pub(crate) fn take(&self, batch: &Batch) -> Result<(), StorageFault> {
        let needs = Needs::of(batch);
        let reserve = if needs.frees() {
            self.reserve / 2
        } else {
            self.reserve
        };
        let bytes = u64::try_from(needs.bytes).unwrap_or(u64::MAX);
        let wanted = bytes.saturating_mul(COPIES);
        let needed = reserve.saturating_add(wanted);
        let now = self.clock.monotonic();
        let mut seen = self.seen.lock();
        // Twice what is needed is plenty: then an old answer will do.
        let plenty = seen.free >= needed.saturating_mul(2);
        if !plenty || now.saturating_sub(seen.at) > BELIEVED {
            *seen = Seen {
                at: now,
                free: self.ask()?,
            };
        }
        if seen.free < needed {
            return Err(StorageFault::Full {
                free: seen.free,
                reserve: self.reserve,
            });
        }
        seen.free -= wanted;
        Ok(())
    }

    /// `Full` as it stands now.
    pub(crate) fn full(&self) -> StorageFault {
        StorageFault::Full {
            free: self.ask().unwrap_or(0),
            reserve: self.reserve,
        }
    }

    fn ask(&self) -> Result<u64, StorageFault> {
        let disk = rustix::fs::statvfs(&self.directory).map_err(|error| StorageFault::Io {
            why: format!("free room of {}: {error}", self.directory.display()),
        })?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// What a batch writes.
#[derive(Default)]
struct Needs {
    /// Of all keys and values.
    bytes: usize,
    /// Of the keys and values that are put.
    puts: usize,
    deletes: bool,
}

impl Needs {
    fn of(batch: &Batch) -> Self {
        let mut needs = Self::default();
        for (_, key, value) in batch.changes() {
            let bytes = key.len() + value.map_or(0, |value| value.len());
            needs.bytes += bytes;
            match value {
                Some(_) => needs.puts += bytes,
                None => needs.deletes = true,
            }
        }
        needs
    }

    const fn frees(&self) -> bool {
        self.deletes && self.puts <= FREEING_PUTS
    }
}

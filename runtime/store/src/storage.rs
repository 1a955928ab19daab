//! The storage port over an open RocksDB: batches, point reads, bounded scans.
//!
//! It refuses to retry a write that failed: whether it survives is unknown, so nothing more is
//! written until the store is opened again. Reads go on whatever happens to writes.

use crate::{
    error::{OpenError, says_no_room},
    fault,
    lock::DirectoryLock,
    open::{Opened, open},
    options::StoreOptions,
    room::Room,
};
use bytes::Bytes;
use deriva_system::{
    Clock,
    storage::{Batch, Durability, Entry, Reading, Space, Storage, StorageFault},
};
use rocksdb::{
    ColumnFamily, DB, DBRawIterator, ErrorKind, ReadOptions, WriteBatch, WriteOptions, properties,
};
use std::{
    fmt,
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// Keys that are looked up at once; a longer list is looked up in parts.
const GET_MANY_KEYS: usize = 1024;
/// To look for a key costs about as much as so many steps of an iterator.
const NEAR_STEPS: usize = 8;
/// One single read in this many is timed: a read takes some three microseconds.
const TIMED: u64 = 64;
/// When flushes cannot keep up, a write is tried again after this long ...
const STALL_STEP: Duration = Duration::from_millis(5);
/// ... for about half a minute.
const STALL_STEPS: u32 = 6000;

/// RocksDB as storage. Dropping it closes it; the next opening finds all that was written.
pub struct RocksStorage {
    /// Fields are dropped in order: the lock goes when the store is closed.
    database: DB,
    room: Room,
    clock: Arc<dyn Clock>,
    /// Why nothing is written any more.
    stopped: OnceLock<String>,
    /// RocksDB refused the last write because a flush or a compaction had found no room.
    refused: AtomicBool,
    reads: AtomicU64,
    _lock: DirectoryLock,
}

impl RocksStorage {
    /// Opens the store of a data directory, made if it is absent.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing that is stored was changed.
    pub fn open(directory: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let Opened { database, lock } = open(directory, &options)?;
        let room = Room::new(
            database.path(),
            options.reserve_bytes,
            options.clock.clone(),
        );
        let storage = Self {
            database,
            room,
            clock: options.clock,
            stopped: OnceLock::new(),
            refused: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            _lock: lock,
        };
        for space in Space::ALL {
            if storage.database.cf_handle(space.name()).is_none() {
                return Err(OpenError::Damaged {
                    path: directory.to_owned(),
                    why: format!("there is no space named {}", space.name()),
                });
            }
        }
        Ok(storage)
    }

    /// `open` has seen every family.
    fn family(&self, space: Space) -> Result<&ColumnFamily, StorageFault> {
        let family = self.database.cf_handle(space.name());
        family.ok_or_else(|| StorageFault::Damaged {
            why: format!("there is no space named {}", space.name()),
        })
    }

    fn timed_read<T>(&self, read: impl FnOnce() -> T) -> T {
        let start = self.clock.monotonic();
        let value = read();
        metrics::histogram!("store_read_seconds").record(self.since(start));
        value
    }

    fn since(&self, start: Duration) -> f64 {
        self.clock.monotonic().saturating_sub(start).as_secs_f64()
    }

    fn get_one(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        let value = self.database.get_cf(self.family(space)?, key);
        Ok(value.map_err(fault::of_read)?.map(Bytes::from))
    }

    fn may_write(&self) -> Result<(), StorageFault> {
        match self.stopped.get() {
            Some(why) => Err(StorageFault::Stopped { why: why.clone() }),
            None => Ok(()),
        }
    }

    fn stop(&self, why: String) -> StorageFault {
        metrics::counter!("store_stopped_total").increment(1);
        tracing::error!(why, "a write failed; no more is written until a restart");
        StorageFault::Stopped {
            why: self.stopped.get_or_init(|| why).clone(),
        }
    }

    /// Writes without waiting inside RocksDB: it would wait as long as a flush has no room, and a
    /// lane with it. When RocksDB asks to wait, nothing was written, so the batch may be tried again.
    fn write_unless_stalled(
        &self,
        batch: &Batch,
        durability: Durability,
    ) -> Result<(), StorageFault> {
        let mut how = WriteOptions::default();
        how.set_sync(durability == Durability::Synced);
        how.set_no_slowdown(true);
        let start = self.clock.monotonic();
        for _ in 0..STALL_STEPS {
            match self.database.write_opt(self.encode(batch)?, &how) {
                Ok(()) => {
                    metrics::histogram!("store_write_seconds").record(self.since(start));
                    self.refused.store(false, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Incomplete => {}
                Err(error) => return Err(self.failed(error)),
            }
            metrics::counter!("store_stalls_total").increment(1);
            if !self.is_write_stopped() {
                // Only slowed down: RocksDB paces this write for a bounded time.
                how.set_no_slowdown(false);
                continue;
            }
            self.room.take(&Batch::default())?;
            thread::park_timeout(STALL_STEP);
        }
        Err(StorageFault::Io {
            why: "flushes and compactions do not keep up; nothing was written".to_owned(),
        })
    }

    /// After a refusal an empty batch finds out whether RocksDB takes writes again.
    fn is_taken_again(&self) -> Result<(), StorageFault> {
        if !self.refused.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.write_unless_stalled(&Batch::default(), Durability::Behind)
    }

    fn is_write_stopped(&self) -> bool {
        let stopped = self
            .database
            .property_int_value(properties::IS_WRITE_STOPPED);
        // Not to know is to wait: that is bounded.
        !matches!(stopped, Ok(Some(0)))
    }

    fn failed(&self, error: rocksdb::Error) -> StorageFault {
        let why = error.into_string();
        if was_refused_for_a_flush(&why) {
            self.refused.store(true, Ordering::Relaxed);
            return self.room.full();
        }
        self.stop(why)
    }

    fn encode(&self, batch: &Batch) -> Result<WriteBatch, StorageFault> {
        let mut encoded = WriteBatch::with_capacity_bytes(batch.size());
        let (mut space, mut family) = (Space::Meta, self.family(Space::Meta)?);
        for (of, key, value) in batch.changes() {
            if of != space {
                (space, family) = (of, self.family(of)?);
            }
            match value {
                Some(value) => encoded.put_cf(family, key, value),
                None => encoded.delete_cf(family, key),
            }
        }
        Ok(encoded)
    }
}

impl Reading for RocksStorage {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        if self
            .reads
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(TIMED)
        {
            self.timed_read(|| self.get_one(space, key))
        } else {
            self.get_one(space, key)
        }
    }

    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StorageFault> {
        let family = self.family(space)?;
        let plain = ReadOptions::default();
        // RocksDB sorts them itself unless it is told that they are.
        let sorted = keys.is_sorted();
        let mut values = Vec::with_capacity(keys.len());
        self.timed_read(|| {
            for part in keys.chunks(GET_MANY_KEYS) {
                let found = self
                    .database
                    .batched_multi_get_cf_opt(family, part, sorted, &plain);
                for value in found {
                    let value = value.map_err(fault::of_read)?;
                    values.push(value.map(|value| Bytes::copy_from_slice(&value)));
                }
            }
            Ok(values)
        })
    }

    /// One iterator for all of them. A prefix that is near is walked to, which costs less than to be
    /// looked for.
    fn first_under(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageFault> {
        let family = self.family(space)?;
        self.timed_read(|| {
            let mut at = self.database.raw_iterator_cf(family);
            let mut found = Vec::with_capacity(prefixes.len());
            let mut before: Option<&Vec<u8>> = None;
            // Where the iterator stands; behind all keys, once it has come there.
            let (mut stands, mut ended): (Option<Vec<u8>>, bool) = (None, false);
            for prefix in prefixes {
                // What lies behind is never walked back to.
                let is_ahead = before.is_some_and(|before| before <= prefix);
                let is_reached = stands.as_ref().map_or(ended, |key| key >= prefix);
                if !(is_ahead && is_reached) {
                    if !(is_ahead && stands.is_some() && walked_to(&mut at, prefix)) {
                        at.seek(prefix);
                    }
                    stands = at.key().map(<[u8]>::to_vec);
                    // One that met damage stands nowhere, as one that met the end does.
                    ended = stands.is_none();
                    if ended {
                        at.status().map_err(fault::of_read)?;
                    }
                }
                let key = stands.as_ref().filter(|key| key.starts_with(prefix));
                found.push(key.cloned());
                before = Some(prefix);
            }
            Ok(found)
        })
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault> {
        let start = if from > prefix { from } else { prefix };
        if limit == 0 || !start.starts_with(prefix) {
            // A start behind the prefix has nothing to show.
            return Ok(Vec::new());
        }
        let mut bounds = ReadOptions::default();
        bounds.set_iterate_lower_bound(start);
        if let Some(end) = successor(prefix) {
            bounds.set_iterate_upper_bound(end);
        }
        let family = self.family(space)?;
        self.timed_read(|| {
            let mut at = self.database.raw_iterator_cf_opt(family, bounds);
            at.seek_to_first();
            let mut entries = Vec::new();
            while let Some((key, value)) = at.item() {
                entries.push((key.to_vec(), Bytes::copy_from_slice(value)));
                if entries.len() == limit {
                    return Ok(entries);
                }
                at.next();
            }
            // An iterator that met damage ends as one that met the end does, but says so here.
            at.status().map_err(fault::of_read)?;
            Ok(entries)
        })
    }
}

impl Storage for RocksStorage {
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StorageFault> {
        self.may_write()?;
        self.room.take(batch)?;
        self.write_unless_stalled(batch, durability)
    }

    fn refuses_writes(&self) -> Option<StorageFault> {
        self.may_write()
            .and_then(|()| self.room.take(&Batch::default()))
            .and_then(|()| self.is_taken_again())
            .err()
    }
}

/// When a flush or a compaction found no room, RocksDB refuses writes before it tries them, with the
/// words of that failure, and goes on by itself when there is room. A failure of the log is another
/// thing: then the fate of a write is unknown. Words that are neither are taken as the worse one.
fn was_refused_for_a_flush(why: &str) -> bool {
    says_no_room(why) && !why.contains(".log") && (why.contains(".sst") || why.contains(".blob"))
}

/// Steps on until the iterator stands at the first key that is not below `key`; whether it does after
/// a few steps.
fn walked_to(at: &mut DBRawIterator<'_>, key: &[u8]) -> bool {
    for _ in 0..NEAR_STEPS {
        match at.key() {
            Some(stands) if stands < key => at.next(),
            Some(_) => return true,
            None => return false,
        }
    }
    false
}

/// The first key above all that begin with `prefix`; none when there is no such key.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

impl fmt::Debug for RocksStorage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RocksStorage")
            .field("path", &self.database.path())
            .field("stopped", &self.stopped.get())
            .finish_non_exhaustive()
    }
}

//! The uploads that are open on this node, and the numbers that nothing else has.
//!
//! It outlives the shard actors, so that a restarted shard goes on with the uploads of the one
//! before. It refuses an upload whose chunks are not all written, a chunk that comes twice (so that
//! none is being written while its upload is sealed), and more uploads than its bound.

use deriva_messages::{Fault, blob::Locator};
use deriva_model::{ChunkSize, Manifest, limits};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

/// Uploads open at once; each costs a bit or two a chunk here, and disk.
const OPEN_MAX: usize = 4096;
/// Chunks of one upload: as many as a manifest may name.
const CHUNKS_MAX: u32 = (limits::MANIFEST_BYTES / 32) as u32;
/// What a client is told to wait when too many uploads are open.
const RETRY_AFTER_MS: u64 = 500;

/// What was staged of one upload.
#[derive(Debug, Default)]
struct Progress {
    /// One bit a chunk whose writing was begun and did not fail.
    begun: Vec<u64>,
    begun_count: u64,
    written_count: u64,
    /// Bytes written.
    bytes: u64,
    /// One above the highest index that was begun.
    end: u32,
    /// The chunk that is not a whole one: the last, if any.
    short: Option<u32>,
}

/// Numbers that are given out once: `boot` in the upper half keeps those of earlier starts apart.
#[derive(Debug)]
pub struct Uploads {
    boot: u64,
    chunk_size: ChunkSize,
    next_locator: AtomicU64,
    next_age: AtomicU64,
    open: Mutex<HashMap<Locator, Progress>>,
}

impl Uploads {
    /// `boot` is how often the store has been opened, this time included.
    #[must_use]
    pub fn new(boot: u64, chunk_size: ChunkSize) -> Self {
        Self {
            boot,
            chunk_size,
            next_locator: AtomicU64::new(0),
            next_age: AtomicU64::new(0),
            open: Mutex::new(HashMap::new()),
        }
    }

    #[must_use]
    pub const fn chunk_size(&self) -> ChunkSize {
        self.chunk_size
    }

    /// Whether a locator was given out by an earlier start.
    #[must_use]
    pub const fn is_from_before(&self, locator: Locator) -> bool {
        locator.0 >> 32 < self.boot
    }

    /// A locator that nothing has had.
    ///
    /// # Errors
    /// `Unavailable` when this start has used up its four thousand million.
    pub fn locator(&self) -> Result<Locator, Fault> {
        self.number(&self.next_locator).map(Locator)
    }

    /// The number of the next `age/` entry.
    ///
    /// # Errors
    /// As for `locator`.
    pub fn age(&self) -> Result<u64, Fault> {
        self.number(&self.next_age)
    }

    fn number(&self, next: &AtomicU64) -> Result<u64, Fault> {
        let sequence = next.fetch_add(1, Ordering::Relaxed);
        if sequence > u64::from(u32::MAX) || self.boot > u64::from(u32::MAX) {
            return Err(Fault::Unavailable {
                what: "a free storage number; restart the node".to_owned(),
            });
        }
        Ok(self.boot << 32 | sequence)
    }

    /// Opens an upload.
    ///
    /// # Errors
    /// `Overloaded` when too many are open.
    pub fn open(&self) -> Result<Locator, Fault> {
        let locator = self.locator()?;
        let mut open = self.open.lock();
        if open.len() >= OPEN_MAX {
            return Err(Fault::Overloaded {
                what: "the uploads of this node".to_owned(),
                retry_after_ms: RETRY_AFTER_MS,
            });
        }
        open.insert(locator, Progress::default());
        Ok(locator)
    }

    /// A chunk of `len` bytes is about to be written.
    ///
    /// # Errors
    /// `Malformed` when the upload is not open, or the chunk has no place in it.
    pub fn begin(&self, upload: Locator, index: u32, len: usize) -> Result<(), Fault> {
        let whole = self.chunk_size.bytes();
        let mut open = self.open.lock();
        let progress = open.get_mut(&upload).ok_or_else(|| not_open(upload))?;
        if index >= CHUNKS_MAX || len == 0 || len > whole {
            return Err(malformed(format!(
                "chunk {index} of {len} bytes has no place"
            )));
        }
        if len < whole && progress.short.is_some() {
            return Err(malformed(
                "a second chunk that is not a whole one".to_owned(),
            ));
        }
        if !progress.set(index) {
            return Err(malformed(format!("chunk {index} was staged already")));
        }
        if len < whole {
            progress.short = Some(index);
        }
        Ok(())
    }

    /// The chunk is written; whether its upload is still open. If not, the chunk has no owner.
    #[must_use]
    pub fn written(&self, upload: Locator, len: usize) -> bool {
        let mut open = self.open.lock();
        let Some(progress) = open.get_mut(&upload) else {
            return false;
        };
        progress.written_count += 1;
        progress.bytes += len as u64;
        true
    }

    /// The chunk could not be written, and may come again.
    pub fn not_written(&self, upload: Locator, index: u32) {
        if let Some(progress) = self.open.lock().get_mut(&upload) {
            progress.clear(index);
        }
    }

    /// Whether everything that the manifest names is written, and nothing else.
    ///
    /// # Errors
    /// `Malformed` with what differs.
    pub fn check_whole(&self, upload: Locator, manifest: &Manifest) -> Result<(), Fault> {
        if manifest.chunk_size() != self.chunk_size {
            return Err(malformed("the manifest has another chunk size".to_owned()));
        }
        let open = self.open.lock();
        let progress = open.get(&upload).ok_or_else(|| not_open(upload))?;
        let count = manifest.chunk_count();
        let whole = progress.begun_count == count
            && progress.written_count == count
            && u64::from(progress.end) == count
            && progress.bytes == manifest.size()
            && progress
                .short
                .is_none_or(|short| u64::from(short) + 1 == count);
        if !whole {
            return Err(malformed(format!(
                "{} bytes in {} chunks were staged, the manifest names {} in {count}",
                progress.bytes,
                progress.written_count,
                manifest.size(),
            )));
        }
        Ok(())
    }

    /// The upload is over. How many chunk places it has used at most; `None` if it was not open.
    pub fn close(&self, upload: Locator) -> Option<u32> {
        self.open
            .lock()
            .remove(&upload)
            .map(|progress| progress.end)
    }
}

impl Progress {
    /// Whether the bit was clear.
    fn set(&mut self, index: u32) -> bool {
        let (word, bit) = place(index);
        if self.begun.len() <= word {
            self.begun.resize(word + 1, 0);
        }
        let Some(word) = self.begun.get_mut(word).filter(|word| **word & bit == 0) else {
            return false;
        };
        *word |= bit;
        self.begun_count += 1;
        self.end = self.end.max(index + 1);
        true
    }

    fn clear(&mut self, index: u32) {
        let (word, bit) = place(index);
        let Some(word) = self.begun.get_mut(word).filter(|word| **word & bit != 0) else {
            return;
        };
        *word &= !bit;
        self.begun_count -= 1;
        if self.short == Some(index) {
            self.short = None;
        }
    }
}

const fn place(index: u32) -> (usize, u64) {
    ((index / 64) as usize, 1 << (index % 64))
}

fn malformed(reason: String) -> Fault {
    Fault::Malformed { reason }
}

fn not_open(upload: Locator) -> Fault {
    malformed(format!("upload {} is not open", upload.0))
}

#[cfg(test)]
#[path = "uploads_test.rs"]
mod uploads_test;

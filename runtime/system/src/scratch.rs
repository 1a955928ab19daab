//! The scratch port: temporary files that grow piece by piece and go with their last handle.
//!
//! What is too much for memory lies here while it is worked on: values in flight, what a production
//! has given out, the runs of a merge. It refuses to outlive the process, and to give a piece back
//! that changed on the way.

use bytes::Bytes;
use deriva_messages::Fault;
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Gives out scratch files, within a bound that all of them share.
pub trait Scratch: Send + Sync + 'static {
    /// A new file without a name and without bytes.
    ///
    /// # Errors
    /// `StoreFailed`: none could be made.
    fn file(&self) -> Result<Arc<dyn ScratchFile>, Fault>;
}

/// One scratch file. A piece costs some 50 bytes of memory beside its own on disk, so pieces of a
/// few bytes are better gathered first.
pub trait ScratchFile: std::fmt::Debug + Send + Sync {
    /// Appends a piece. May block on the disk. After an error the file holds what it held before.
    ///
    /// # Errors
    /// `OverLimit`: the bound that all files share. `StoreFailed`: the disk refused.
    fn push(&self, piece: &[u8]) -> Result<(), Fault>;

    /// A piece by its number, from 0, verified. May block on the disk. `None` past the last.
    ///
    /// # Errors
    /// `StoreFailed`: it could not be read, or came back changed.
    fn piece(&self, number: u64) -> Result<Option<Bytes>, Fault>;

    /// How many there are.
    fn pieces(&self) -> u64;

    /// Bytes of all pieces.
    fn size(&self) -> u64;
}

/// Bytes that may be taken, shared by all files of one scratch.
#[derive(Clone, Debug)]
pub struct Room {
    limit: u64,
    used: Arc<AtomicU64>,
}

impl Room {
    /// `limit` in bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            used: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Takes `bytes`, which whoever took them gives back.
    ///
    /// # Errors
    /// `OverLimit`.
    pub fn take(&self, bytes: u64) -> Result<(), Fault> {
        let within = |used: u64| used.checked_add(bytes).filter(|after| *after <= self.limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .map(drop)
            .map_err(|used| Fault::OverLimit {
                what: "bytes of scratch files".to_owned(),
                limit: self.limit,
                got: used.saturating_add(bytes),
            })
    }

    pub fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes taken now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// Scratch in memory: for tests, and for whoever has no disk.
#[derive(Clone, Debug)]
pub struct MemoryScratch {
    room: Room,
    files: Arc<AtomicU64>,
}

impl MemoryScratch {
    /// `limit` in bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self {
            room: Room::new(limit),
            files: Arc::default(),
        }
    }

    /// Files made so far.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Bytes in all files that still have a handle.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.room.used()
    }
}

impl Scratch for MemoryScratch {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, Fault> {
        self.files.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(MemoryFile {
            room: self.room.clone(),
            held: Mutex::default(),
        }))
    }
}

#[derive(Debug)]
struct MemoryFile {
    room: Room,
    held: Mutex<(Vec<Bytes>, u64)>,
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.room.give_back(self.size());
    }
}

impl ScratchFile for MemoryFile {
    fn push(&self, piece: &[u8]) -> Result<(), Fault> {
        let size = piece.len() as u64;
        self.room.take(size)?;
        let mut held = self.held.lock();
        held.0.push(Bytes::copy_from_slice(piece));
        held.1 += size;
        Ok(())
    }

    fn piece(&self, number: u64) -> Result<Option<Bytes>, Fault> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(self.held.lock().0.get(number).cloned())
    }

    fn pieces(&self) -> u64 {
        self.held.lock().0.len() as u64
    }

    fn size(&self) -> u64 {
        self.held.lock().1
    }
}

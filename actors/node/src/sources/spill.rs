//! The spill directory: values that are in flight and too much for memory, in files without a name.
//!
//! A file is unlinked as soon as it is open, so it goes with its last handle, whatever happens. It
//! refuses to hold more bytes than its bound, and to give back bytes that changed on the way.

use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::ContentHash;
use deriva_system::compute::Spilled;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Only the node's user reads what it spills.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// What the names of files that lie here while they are opened begin with.
const PREFIX: &str = "spill-";

pub(super) struct SpillDirectory {
    path: PathBuf,
    /// Bytes.
    limit: u64,
    used: Arc<AtomicU64>,
    next: AtomicU64,
}

/// One file without a name.
struct SpillFile {
    file: File,
    content: ContentHash,
    room: Room,
}

/// Bytes taken from the bound; given back when dropped.
struct Room {
    bytes: u64,
    used: Arc<AtomicU64>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl SpillDirectory {
    /// Makes the directory, or empties it of what a crash left between opening and unlinking.
    pub(super) fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(&path)?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            // Only what is ours: the directory comes from a configuration, and may be a mistake.
            if entry.file_name().to_string_lossy().starts_with(PREFIX) {
                unlink(&entry.path())?;
            }
        }
        Ok(Self {
            path,
            limit,
            used: Arc::new(AtomicU64::new(0)),
            next: AtomicU64::new(0),
        })
    }

    pub(super) fn spill(&self, bytes: &Bytes) -> Result<Spilled, Fault> {
        let size = bytes.len() as u64;
        let room = self.room(size)?;
        let file = self.write(bytes).map_err(|error| Fault::StoreFailed {
            why: format!("a value could not be spilled: {error}"),
        })?;
        let spilled = SpillFile {
            file,
            content: ContentHash::of(bytes),
            room,
        };
        Ok(Spilled {
            file: Arc::new(spilled),
            size,
        })
    }

    fn room(&self, bytes: u64) -> Result<Room, Fault> {
        let limit = self.limit;
        let take = |used: u64| used.checked_add(bytes).filter(|after| *after <= limit);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map(|_| Room {
                bytes,
                used: self.used.clone(),
            })
            .map_err(|used| Fault::OverLimit {
                what: "the spill directory".to_owned(),
                limit,
                got: used.saturating_add(bytes),
            })
    }

    fn write(&self, bytes: &Bytes) -> io::Result<File> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{PREFIX}{number}"));
        let mut file = create(&path)?;
        unlink(&path)?;
        file.write_all(bytes)?;
        Ok(file)
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "spilled values are scratch: no store, nothing outlives the process"
)]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

#[allow(
    clippy::disallowed_methods,
    reason = "spilled values are scratch: no store, nothing outlives the process"
)]
fn unlink(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// All bytes of a spilled value, verified.
pub(super) fn unspill(spilled: &Spilled) -> Result<Bytes, Fault> {
    let failed = |why: String| Fault::StoreFailed { why };
    let spill: &SpillFile = spilled
        .file
        .as_ref()
        .downcast_ref()
        .ok_or_else(|| Fault::Breach {
            what: "a spilled value of another node's directory".to_owned(),
        })?;
    let size = usize::try_from(spill.room.bytes).map_err(|error| failed(error.to_string()))?;
    let mut bytes = vec![0; size];
    spill
        .file
        .read_exact_at(&mut bytes, 0)
        .map_err(|error| failed(format!("a spilled value could not be read: {error}")))?;
    if ContentHash::of(&bytes) != spill.content {
        return Err(failed("a spilled value came back changed".to_owned()));
    }
    Ok(bytes.into())
}

#[cfg(test)]
#[path = "spill_test.rs"]
mod spill_test;

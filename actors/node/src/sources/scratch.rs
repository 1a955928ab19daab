//! The scratch directory: what is in flight and too much for memory, in files without a name.
//!
//! A file is unlinked as soon as it is open, so it goes with its last handle, whatever happens. It
//! refuses to hold more bytes than its bound, and to give back a piece that changed on the way.

use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::ContentHash;
use deriva_system::scratch::{Room, Scratch, ScratchFile};
use parking_lot::Mutex;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Only the node's user reads what lies here.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
/// What the names of files that lie here while they are opened begin with.
const PREFIX: &str = "spill-";

pub(super) struct ScratchDirectory {
    path: PathBuf,
    room: Room,
    next: AtomicU64,
}

/// One file without a name.
#[derive(Debug)]
struct Unnamed {
    file: File,
    room: Room,
    index: Mutex<Index>,
}

/// Where the pieces lie, and what they are.
#[derive(Debug, Default)]
struct Index {
    pieces: Vec<Piece>,
    size: u64,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    offset: u64,
    size: u64,
    content: ContentHash,
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        self.room.give_back(self.size());
    }
}

impl ScratchDirectory {
    /// Makes the directory, or empties it of what a crash left between opening and unlinking.
    /// `limit` in bytes, of all files together.
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
            room: Room::new(limit),
            next: AtomicU64::new(0),
        })
    }

    fn unnamed(&self) -> io::Result<File> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{PREFIX}{number}"));
        let file = create(&path)?;
        unlink(&path)?;
        Ok(file)
    }
}

impl Scratch for ScratchDirectory {
    fn file(&self) -> Result<Arc<dyn ScratchFile>, Fault> {
        let file = self.unnamed().map_err(|error| failed("made", &error))?;
        Ok(Arc::new(Unnamed {
            file,
            room: self.room.clone(),
            index: Mutex::default(),
        }))
    }
}

impl ScratchFile for Unnamed {
    fn push(&self, piece: &[u8]) -> Result<(), Fault> {
        let size = piece.len() as u64;
        self.room.take(size)?;
        // Held while writing: pieces lie one after the other in the order of their numbers.
        let mut index = self.index.lock();
        let offset = index.size;
        if let Err(error) = self.file.write_all_at(piece, offset) {
            self.room.give_back(size);
            return Err(failed("written", &error));
        }
        index.pieces.push(Piece {
            offset,
            size,
            content: ContentHash::of(piece),
        });
        index.size += size;
        Ok(())
    }

    fn piece(&self, number: u64) -> Result<Option<Bytes>, Fault> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(piece) = self.index.lock().pieces.get(number).copied() else {
            return Ok(None);
        };
        let mut bytes = vec![0; usize::try_from(piece.size).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, piece.offset)
            .map_err(|error| failed("read", &error))?;
        if ContentHash::of(&bytes) != piece.content {
            let why = "a scratch file came back changed".to_owned();
            return Err(Fault::StoreFailed { why });
        }
        Ok(Some(bytes.into()))
    }

    fn pieces(&self) -> u64 {
        self.index.lock().pieces.len() as u64
    }

    fn size(&self) -> u64 {
        self.index.lock().size
    }
}

fn failed(what: &str, error: &io::Error) -> Fault {
    Fault::StoreFailed {
        why: format!("a scratch file could not be {what}: {error}"),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "scratch: no store, nothing outlives the process"
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
    reason = "scratch: no store, nothing outlives the process"
)]
fn unlink(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

#[cfg(test)]
#[path = "scratch_test.rs"]
mod scratch_test;

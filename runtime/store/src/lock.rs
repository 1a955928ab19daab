//! The lock of a data directory: one process at a time, and the next one is told who it is.
//!
//! The lock is the kernel's, so it goes with the process however that dies. The file stays: its
//! text is only what the holder says of itself, never the lock.

use crate::{date, error::OpenError};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

const NAME: &str = "lock";
/// What is read of the holder's words.
const WORDS_BYTES: u64 = 1024;

#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    /// Milliseconds since 1970.
    started: u64,
    what: String,
}

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    pub(crate) fn take(directory: &Path, what: &str, started: u64) -> Result<Self, OpenError> {
        let path = directory.join(NAME);
        let io = |error: std::io::Error| OpenError::from_io(&path, &error);
        let mut file = open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let path = directory.to_owned();
                let by = holder(&mut file);
                return Err(OpenError::Held { path, by });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let words = Holder {
            pid: std::process::id(),
            started,
            what: what.to_owned(),
        };
        let text = serde_json::to_string(&words).map_err(|error| io(error.into()))?;
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        // A disk without room for these words still holds the lock, and can be read.
        if let Err(error) = writeln!(file, "{text}") {
            tracing::warn!(%error, path = %path.display(), "the lock file does not say who holds it");
        }
        Ok(Self { _file: file })
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this room implements the storage port"
)]
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(WORDS_BYTES).read_to_string(&mut text);
    match read
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok())
    {
        Some(Holder { pid, started, what }) => {
            // What another process wrote is shown without what could move a terminal's cursor.
            let what: String = what.chars().filter(|c| !c.is_control()).collect();
            format!("process {pid} ({what}, since {})", date::utc(started))
        }
        None => "a process that did not say who it is".to_owned(),
    }
}

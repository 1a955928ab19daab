//! Why a store did not open: what happened, where, and what to do about it. It refuses to guess:
//! what it does not recognise is `Io` with the words of whoever reported it.

use rocksdb::ErrorKind;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Nothing was written to the store, unless it is `Io` or `NoSpace`; then what was written is whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    #[error(
        "the data directory {path} is held by {by}; stop that process, or give this node a data directory of its own"
    )]
    Held { path: PathBuf, by: String },
    #[error(
        "the data directory {path} was written by a newer release ({found}; this release reads up to format {supported}); start that release or a newer one, nothing was changed"
    )]
    NewerFormat {
        path: PathBuf,
        found: String,
        supported: u32,
    },
    #[error(
        "the data directory {path} cannot be written ({why}); mount it writable and let this user write there, or name another directory"
    )]
    ReadOnlyDirectory { path: PathBuf, why: String },
    #[error("{path} is no directory; name a directory for the data, it is made if it is absent")]
    NotADirectory { path: PathBuf },
    #[error(
        "the store in {path} is damaged ({why}); check the disk and bring the directory back from a backup, or start with an empty one and put the data again"
    )]
    Damaged { path: PathBuf, why: String },
    #[error(
        "the write-ahead log in {path} is damaged ({why}); acknowledged writes may stand behind the damage: bring the directory back from a backup, or allow the log to be cut off there (a node's setting damaged_log = \"cut_off\") and lose what follows"
    )]
    DamagedLog { path: PathBuf, why: String },
    #[error("no room in {path} to open the store ({why}); free some and start again")]
    NoSpace { path: PathBuf, why: String },
    #[error(
        "the store in {path} did not open: {why}; see what the system says of this path and start again"
    )]
    Io { path: PathBuf, why: String },
}

impl OpenError {
    /// What the system said about a path.
    pub(crate) fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        let why = error.to_string();
        match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Self::NotADirectory { path }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnlyDirectory { path, why }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoSpace { path, why }
            }
            _ => Self::Io { path, why },
        }
    }

    /// What RocksDB said when opening. Its errors carry a kind and, inside the text, the system's.
    pub(crate) fn from_rocks(path: &Path, error: rocksdb::Error) -> Self {
        let path = path.to_owned();
        let kind = error.kind();
        let why = error.into_string();
        if says_no_room(&why) {
            return Self::NoSpace { path, why };
        }
        if why.contains("Read-only file system") || why.contains("Permission denied") {
            return Self::ReadOnlyDirectory { path, why };
        }
        match kind {
            ErrorKind::Corruption => Self::Damaged { path, why },
            // A store that is there lacks a file that it names.
            ErrorKind::IOError if why.contains("No such file") => Self::Damaged { path, why },
            _ => Self::Io { path, why },
        }
    }
}

/// RocksDB passes the system's words on, in English whatever the locale.
pub(crate) fn says_no_room(why: &str) -> bool {
    why.contains("No space left on device") || why.contains("Disk quota exceeded")
}

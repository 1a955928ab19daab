//! The bounds of a store, each with its unit and its reason. It refuses to read a configuration
//! file: whoever puts the node together fills this in.

use deriva_system::{Clock, SystemClock};
use std::{fmt, sync::Arc};

/// The least memory that RocksDB works with sensibly.
const LEAST_MEMORY: usize = 8 << 20;
/// Each space has a memtable of at least this many bytes before it is written out.
const LEAST_MEMTABLE: usize = 1 << 20;

/// What to do about a write-ahead log with a damaged record in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogDamage {
    /// Do not open: writes that were acknowledged may stand behind the damage.
    Refuse,
    /// Open with what stands before the damage, and lose the rest.
    CutOff,
}

/// How a store is opened.
#[derive(Clone)]
pub struct StoreOptions {
    /// Bytes of memory for cached blocks, blobs and unflushed writes together; a quarter of it is
    /// the bound of unflushed writes. What iterators and single large values take comes on top.
    pub memory_bytes: usize,
    /// Bytes of the disk that no write takes: room for flushes, compactions and the operator.
    pub reserve_bytes: u64,
    /// Bytes of write-ahead log that may stand before a flush is forced. They are read again at
    /// start-up, so this bounds how long a start takes.
    pub log_bytes: u64,
    /// Files that RocksDB keeps open, and looks into at start-up.
    pub open_files: u16,
    /// Threads for flushes and compactions.
    pub background_jobs: u8,
    pub log_damage: LogDamage,
    /// Who opens the store, as told to the next one that finds it held.
    pub what: String,
    pub clock: Arc<dyn Clock>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            reserve_bytes: 64 << 20,
            log_bytes: 128 << 20,
            open_files: 512,
            background_jobs: 2,
            log_damage: LogDamage::Refuse,
            what: "deriva".to_owned(),
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl StoreOptions {
    pub(crate) fn memory(&self) -> usize {
        self.memory_bytes.max(LEAST_MEMORY)
    }

    /// Bytes of unflushed writes over all spaces.
    pub(crate) fn unflushed(&self) -> usize {
        self.memory() / 4
    }

    /// Bytes of unflushed writes of one space.
    pub(crate) fn memtable(&self) -> usize {
        (self.unflushed() / 4).max(LEAST_MEMTABLE)
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StoreOptions")
            .field("memory_bytes", &self.memory_bytes)
            .field("reserve_bytes", &self.reserve_bytes)
            .field("log_bytes", &self.log_bytes)
            .field("open_files", &self.open_files)
            .field("background_jobs", &self.background_jobs)
            .field("log_damage", &self.log_damage)
            .field("what", &self.what)
            .finish_non_exhaustive()
    }
}

//! From RocksDB's errors to the port's faults. It refuses to call a failed write harmless: that is
//! for `storage` to decide, which knows whether anything was tried.

use deriva_system::storage::StorageFault;
use rocksdb::{Error, ErrorKind};

/// Why a read failed.
pub(crate) fn of_read(error: Error) -> StorageFault {
    let kind = error.kind();
    let why = error.into_string();
    metrics::counter!("store_read_failures_total").increment(1);
    tracing::error!(why, "a read from the store failed");
    match kind {
        ErrorKind::Corruption => StorageFault::Damaged { why },
        // RocksDB opens files as it needs them: one that is gone is damage, not a passing fault.
        ErrorKind::IOError if why.contains("No such file") => StorageFault::Damaged { why },
        _ => StorageFault::Io { why },
    }
}

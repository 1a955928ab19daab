//! RocksDB behind the storage port: what a node has acknowledged survives a power cut, and what it
//! cannot write it refuses with a reason.
//!
//! It refuses to know what the bytes mean (`deriva_system::storage::layout` says), to retry a write
//! whose fate is unknown, to write into the last bytes of a disk, and to open a directory that
//! another process holds or that a newer release wrote.

mod date;
mod error;
mod fault;
mod lock;
mod open;
mod options;
mod room;
mod storage;
mod tuning;

pub use error::OpenError;
pub use options::{LogDamage, StoreOptions};
pub use storage::RocksStorage;

#[cfg(test)]
mod contract_test;
#[cfg(test)]
mod damage_test;
#[cfg(test)]
mod durability_test;
#[cfg(test)]
mod full_test;
#[cfg(test)]
mod open_test;
#[cfg(test)]
mod support_test;

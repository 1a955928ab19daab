//! The actor system and its ports: supervision, stable slots, credit, clock, storage, compute.
//!
//! It refuses to know any actor by name and any library behind a port: rocksdb, tonic and the
//! functions live in their own rooms.

pub mod alias;
pub mod ask;
pub mod clock;
pub mod compute;
pub mod lane;
pub mod scratch;
pub mod shard;
pub mod storage;
pub mod supervise;
pub mod view;

pub use clock::{Clock, ManualClock, SystemClock};
pub use deriva_messages::{AddressMap, AddressSet, Failure, Fate, Fault, Spread};

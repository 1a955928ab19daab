//! Bytes at rest: leaves, uploads and cached values, one `BlobShardActor` a shard of the
//! content-hash space.
//!
//! A shard's own lane does its disk work, so that shards work side by side; what has to be decided
//! in one order (markers, contents, counters) goes through the node's commit lane, where puts that
//! wait together share one fsync. An upload is opened and staged on any shard, and sealed on the
//! shard of its content.
//!
//! It refuses to know recipes and graphs (`dag` does), to decide which values are worth their place
//! (`cache` does), and to make a leaf of bytes that are a recipe.
//!
//! Supervised by the `NodeSupervisor`, restarted with backoff. Nothing is lost with it: what it
//! knows lies in the store and in `Uploads`, and work under way goes on without it. Its limit is the
//! credit of its slot; work that outlives a handler carries its credit along.
//!
//! Invariants: a leaf's marker is on disk only after its chunks are; chunks die only in a step that
//! finds no marker holding their content; a locator is used once.

mod actor;
mod admit;
mod decide;
mod perform;
mod read;
pub mod steps;
mod torn;
mod uploads;

pub use actor::{BlobArgs, BlobShardActor};
pub use admit::Leaf;
pub use decide::{Chunks, Incoming};
pub use deriva_system::shard::shard_of;
pub(crate) use perform::DROP_MAX;
pub use perform::{KEEP_BYTES_MAX, KEEP_VALUES_MAX, PUT_LEAVES_BYTES_MAX, PUT_LEAVES_MAX};
pub use read::{ReadFault, StoredReader};
pub use uploads::Uploads;

#[cfg(test)]
pub(crate) mod stand_test;

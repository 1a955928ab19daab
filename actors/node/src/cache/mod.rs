//! What is worth keeping: the values in memory, and which of them also go to disk.
//!
//! Everybody reads the `ValueView` and puts new values in; this actor books what arrived, alone decides
//! what goes, and asks the blob shards to keep or drop values on disk. What it decides, and by which
//! rule, sits in `decide`.
//!
//! It refuses to compute, to write bytes itself (`blob` does), and to keep anything that has to be
//! kept: evicting any value at any moment only unlinks it, and a Get makes it again.
//!
//! Supervised by the `NodeSupervisor`, restarted with backoff. After a restart it counts what is in
//! the view and reads the counters on disk, so its bounds outlive it. Its limits are those of
//! `CacheConfig`, the credit of its slot, and a queue of batches on their way to disk: over that
//! bound values are not written, and that is counted.
//!
//! Invariants: what is booked is within the bounds of memory after every message, and what is not
//! booked yet within a bound of its own; what was invalidated does not come back, neither from an
//! evaluation that began before, nor from a batch under way, nor after a power cut.

mod actor;
mod decide;
mod perform;

pub use actor::{CacheActor, CacheArgs};
pub use decide::{Appraisal, CacheConfig, Ledger, Line};

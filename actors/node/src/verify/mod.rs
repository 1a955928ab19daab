//! Functions that gave two answers: their marks on disk, and the voiding of what they made.
//!
//! - The evaluator compares and catches; from the moment it does, the `Marks` view refuses the
//!   function and no cached value is taken for true. This actor brings both to disk and to an end.
//! - It refuses to execute anything, to judge a function, and to clear a mark that nobody asked it to:
//!   an operator does that, after a look.
//! - Supervised by the `NodeSupervisor`, restarted with backoff. Its order on disk is: the mark, then
//!   the absence of what was made, then that this is done. A start that finds a mark without its end
//!   goes on with it, and until it is through nothing cached is served.
//! - One voiding at a time; others wait in the mailbox, at most one a function of the registry. What
//!   cannot be brought to an end now (a full disk, a cache that is being restarted) is taken up again
//!   every [`RETRY`]; the distrust lasts as long.
//!
//! Invariants: what was made through a marked function is served by nobody, before or after a restart;
//! a mark that was answered for outlives a power cut.

mod actor;
mod perform;

pub use actor::{RETRY, VerifyActor, VerifyArgs};
pub use perform::load;

#[cfg(test)]
mod verify_test;

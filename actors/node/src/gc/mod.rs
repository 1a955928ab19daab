//! Collections: what nothing live references, nobody pinned and no request uses is removed, when it
//! was asked for.
//!
//! - There is no mark phase and no set of what lives: the graph has no cycles and its edges are stored
//!   in both directions, so what nothing depends on and is no root is dead, and its removal may make
//!   what it named dead in turn. Each removal is decided in the commit step that carries it out; what
//!   was found before is only a hint.
//! - It refuses to begin by itself, to remove what was touched in its own two epochs, and (until the
//!   cluster-wide collection exists) to run anywhere but on a node alone.
//! - Supervised by the node's supervisor, restarted with backoff. The work goes on in a task of its own;
//!   one collection at a time, over restarts of the actor too.
//! - What is under way stands in the store, updated by every removing step: a start that finds one goes
//!   on with it under the same epoch.
//! - Its memory is bounded: pages, a bounded list of candidates, and for a dry run a bounded set.
//!
//! Invariants: INV-LIVE-1, INV-LIVE-2, INV-LIVE-3; a removal leaves a tombstone in the same step.

mod actor;
mod decide;
mod perform;
mod survey;

pub use actor::{GcArgs, GcCoordinator, Membership};

#[cfg(test)]
mod attack_test;
#[cfg(test)]
mod gc_test;

//! One request, one actor: a value is asked for, evaluated behind the compute port, and answered
//! whole or as a stream.
//!
//! - It refuses to evaluate (the compute port does), to decide what is kept (`cache`), and to answer
//!   warm requests: the gateway takes those from the value view without an actor.
//! - The `MaterializeSupervisor` is supervised by the node's supervisor and restarted whenever it
//!   ends; its requests end with it. A `MaterializeActor` is linked, temporary and never restarted:
//!   its death is its caller's `Unavailable`, and the caller may ask again.
//! - Local only: a per-request actor is never a target of the network.
//! - Its limits: [`MaterializeConfig`]. A request over `max_requests` is refused at once.
//!
//! Invariants:
//! - Every request is answered once: with the value, with a fault, or by the actor's end.
//! - The compute ticket goes as soon as nobody waits any more, which withdraws this request only.
//! - A stream holds at most `stream_window` parts beyond what its reader has taken.
//! - A computation that waits for a reader who takes nothing ends after `reader_patience`.

mod actor;
mod decide;
mod perform;
mod pump;
mod supervisor;

pub use decide::MaterializeConfig;
pub use supervisor::{MaterializeArgs, MaterializeSupervisor};

#[cfg(test)]
mod materialize_test;
#[cfg(test)]
mod stage_test;
#[cfg(test)]
mod stream_test;

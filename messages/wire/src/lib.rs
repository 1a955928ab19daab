//! What the actors say to one another: one file an actor, named as the actor's folder.
//!
//! It refuses to decide anything: a message is data, a fault is a name for what went wrong.

pub mod address_map;
pub mod blob;
pub mod cache;
pub mod dag;
pub mod fault;
pub mod gateway;
pub mod gc;
pub mod materialize;
pub mod verify;

pub use address_map::{AddressMap, AddressSet, Spread};
pub use fault::{Failure, Fate, Fault};

/// Where the answer to a message goes. Every message that carries one is answered, also with a
/// fault: a dropped port is silence, and silence is never an answer.
pub type Reply<T> = ractor::RpcReplyPort<Result<T, Fault>>;

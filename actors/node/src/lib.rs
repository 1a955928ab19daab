//! The actors of a node, one folder an actor.
//!
//! It refuses to open ports, sockets and files: what the actors work with is handed to them.

pub mod blob;
pub mod cache;
pub mod dag;
pub mod gc;
pub mod materialize;
pub mod sources;
pub mod verify;

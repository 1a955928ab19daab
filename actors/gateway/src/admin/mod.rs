//! The admin gateway: metrics, health, the state of the node and of its actors, and the few
//! commands of an operator, as plain HTTP/1 and JSON.
//!
//! It refuses browsers' cross-site requests, and it refuses to serve data. Supervised by the
//! GatewaySupervisor, restarted with its port kept; it is drained last, so that a drain can be
//! watched.

mod actor;
mod guard;
mod metrics;
mod routes;

pub use actor::{AdminArguments, AdminGateway, AdminState};

#[cfg(test)]
#[path = "admin_test.rs"]
mod admin_test;

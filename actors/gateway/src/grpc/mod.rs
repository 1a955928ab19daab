//! The gRPC gateway: the public interface, translated into what the actors say and back.
//!
//! It refuses to decide: whether an address exists, a recipe fits or a value is right is said by
//! the actors, the views and the compute port. It stores nothing and caches nothing; what it may
//! hold for one request is bounded by [`crate::GatewayLimits`].
//!
//! Supervised by the GatewaySupervisor, restarted with its port kept. Invariants: a stream that
//! ends OK gave everything; whoever hears "done" can count on it; a client that goes away takes
//! its request along.

mod actor;
mod address;
mod answers;
mod batches;
mod cache;
mod call;
mod collect;
mod entrance;
mod evaluate;
mod explain;
mod flow;
mod graph;
mod import;
mod keep;
mod leaves;
mod lookup;
mod params;
mod pieces;
mod recipes;
mod service;
mod status;
mod tls;
mod upload;
mod values;
mod verify;

pub use actor::{GrpcArguments, GrpcGateway, GrpcState};
pub use tls::TlsMaterial;

#[cfg(test)]
mod service_test;
#[cfg(test)]
#[path = "node_test.rs"]
pub(crate) mod test_node;

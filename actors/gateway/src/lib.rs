//! The listeners that clients talk to: `grpc` speaks the public interface, `admin` answers the
//! operator; `edge` holds what they share: how much is let in, and one table from fault to status.
//!
//! It refuses to hold state and to decide about data: a gateway translates, asks the actors and the
//! read views, and passes on what they answer. Each gateway is an actor under the
//! GatewaySupervisor; its listener is bound by the assembly and survives its restarts.

pub mod admin;
mod context;
pub mod edge;
pub mod grpc;
pub mod limits;

pub use context::{GatewayContext, Identity, NodeParts, Reporting, Reports, Slots};
pub use limits::GatewayLimits;

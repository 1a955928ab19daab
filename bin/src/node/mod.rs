//! The node: its settings, its assembly, and how it says that it is ready.
//!
//! It refuses to hold behaviour: it puts concrete parts behind the ports and starts the actors.

#![allow(
    clippy::disallowed_methods,
    reason = "the assembly binds the listeners, and reads and writes its own few files"
)]

pub mod arguments;
mod assembly;
mod config;
mod entrances;
mod parts;
mod ready;
pub mod settings;
mod start_error;
pub mod telemetry;

pub use assembly::Node;
pub use config::NodeConfig;
pub use ready::Ready;
pub use start_error::StartError;

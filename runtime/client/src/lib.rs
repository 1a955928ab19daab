//! The Rust client of Deriva's public interface: typed calls over one HTTP/2 connection, with the
//! domain's own types (`CAddr`, `Recipe`, `Value`) on both sides.
//!
//! It refuses to guess: an answer that was cut off is an error and never a short value, an address
//! that does not belong to the bytes that were sent is an error, and nothing is retried unless the
//! caller asked for it and the call can be repeated without a trace.

mod answers;
mod calls;
mod client;
mod config;
mod convert;
mod error;
mod retry;
mod session;
mod stream;
mod tls;
mod upload;

pub use answers::{
    Explained, ExplainedRecord, GraphNode, ImportOutcome, ImportedRecipe, Resolution, Resolved,
};
pub use calls::{
    Batch, CascadeRequest, Collection, Consumers, Depth, Evaluation, ImportState, Keep,
    MissingInputs, Mode, PutGraphStream, StoredBatch, StoredLeaf,
};
pub use client::Client;
pub use config::{ClientConfig, TlsFiles};
pub use convert::address;
pub use deriva_proto as proto;
pub use error::{ClientError, Refusal};
pub use retry::RetryPolicy;
pub use session::SessionFault;
pub use stream::{
    Answers, EvaluateStream, ExplainStream, GetStream, GraphStream, ImportStream, PutStream,
};
pub use tonic::Code;
pub use upload::PIECE_BYTES;

#[cfg(test)]
mod client_test;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test's own server"
)]
mod fake_test;

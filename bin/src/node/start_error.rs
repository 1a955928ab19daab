//! Why a node did not start, in words for whoever started it.

use deriva_messages::Fault;
use deriva_store::OpenError;
use deriva_system::storage::StorageFault;
use std::net::SocketAddr;
use thiserror::Error;

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the store cannot be used: {0}")]
    Store(#[from] StorageFault),
    #[error(
        "the {what} listener cannot have {address}: {why}; free it or name another address (port 0 takes any free one)"
    )]
    Listen {
        what: &'static str,
        address: SocketAddr,
        why: std::io::Error,
    },
    #[error(
        "{path} cannot be read: {why}; a TLS directory holds ca.pem, node.pem and node.key (make them with `deriva cert`)"
    )]
    Tls { path: String, why: std::io::Error },
    #[error("the system did not give what a node needs: {0}")]
    System(#[from] std::io::Error),
    #[error("the node cannot be put together: {0}")]
    Assembly(String),
}

impl From<Fault> for StartError {
    fn from(fault: Fault) -> Self {
        Self::Assembly(fault.to_string())
    }
}

//! TLS of the gRPC listener: the node's certificate, and a client certificate that it demands.

use std::fmt;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// PEM texts, as read from the TLS directory.
#[derive(Clone)]
pub struct TlsMaterial {
    /// The node's certificate chain.
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
    /// Who signs the clients' certificates; a client without one is refused.
    pub client_ca: Vec<u8>,
}

impl fmt::Debug for TlsMaterial {
    /// Keys are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsMaterial")
    }
}

impl TlsMaterial {
    pub(super) fn config(&self) -> ServerTlsConfig {
        ServerTlsConfig::new()
            .identity(Identity::from_pem(&self.certificate, &self.key))
            .client_ca_root(Certificate::from_pem(&self.client_ca))
    }
}

#[cfg(test)]
#[path = "tls_test.rs"]
mod tls_test;

//! The node's entrances: its listeners, its certificate, and a word of warning where others can
//! reach what is not protected.

use super::{config::NodeConfig, start_error::StartError};
use deriva_gateway::{edge::Port, grpc::TlsMaterial};
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};

pub(super) fn listen(what: &'static str, address: SocketAddr) -> Result<Port, StartError> {
    let taken = |why| StartError::Listen { what, address, why };
    let listener = TcpListener::bind(address).map_err(taken)?;
    Port::new(listener).map_err(taken)
}

pub(super) fn read_tls(dir: &Path) -> Result<TlsMaterial, StartError> {
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|why| StartError::Tls {
            path: path.display().to_string(),
            why,
        })
    };
    Ok(TlsMaterial {
        certificate: read("node.pem")?,
        key: read("node.key")?,
        client_ca: read("ca.pem")?,
    })
}

/// Nobody gets in who does not belong: without certificates, only this machine should.
pub(super) fn warn_if_open(config: &NodeConfig) {
    if config.tls_dir.is_none() && !config.grpc_listen.ip().is_loopback() {
        tracing::warn!(address = %config.grpc_listen, "clients are served without TLS on an address that others can reach; set tls_dir");
    }
    if !config.admin_listen.ip().is_loopback() {
        tracing::warn!(address = %config.admin_listen, "the admin API has no authentication and others can reach this address");
    }
}

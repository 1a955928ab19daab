//! The place of a listener. It is bound once, by the assembly; each start of a gateway listens on
//! the same socket, so that a restart neither loses the port number nor the connections that wait.
//!
//! It refuses to bind: the address is the assembly's decision, and a port in use is its error.

use parking_lot::Mutex;
use std::{fmt, io, net::SocketAddr, net::TcpListener, sync::Arc};

/// A bound socket, shared by the starts of one gateway.
#[derive(Clone)]
pub struct Port {
    socket: Arc<Mutex<Option<TcpListener>>>,
    address: SocketAddr,
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Port").field(&self.address).finish()
    }
}

impl Port {
    /// Takes a socket that is bound and listens.
    ///
    /// # Errors
    /// The socket cannot tell its address, or cannot be switched to non-blocking.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self {
            socket: Arc::new(Mutex::new(Some(listener))),
            address,
        })
    }

    /// The real address, also when port 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A listener of the runtime on the same socket.
    ///
    /// # Errors
    /// The port was closed by a drain, or the system has no descriptor left.
    pub(crate) fn open(&self) -> io::Result<tokio::net::TcpListener> {
        let socket = self.socket.lock();
        let Some(listener) = socket.as_ref() else {
            return Err(io::Error::other("the port is closed: the node drains"));
        };
        tokio::net::TcpListener::from_std(listener.try_clone()?)
    }

    /// Lets the socket go. Connections are refused as soon as the gateway has stopped accepting.
    pub(crate) fn close(&self) {
        drop(self.socket.lock().take());
    }
}

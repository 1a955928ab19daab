//! Accepted connections: how many there may be, and how long one may be silent.
//!
//! It refuses to queue: a connection over the limit is closed at once and counted, because one that
//! waits unanswered tells its client less than one that ends.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_stream::Stream;
use tonic::transport::server::Connected;

/// After an accept that failed (mostly for want of descriptors) the next one waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The length of what every HTTP/2 connection begins with; of a TLS one that opens with more.
const PREFACE_BYTES: usize = 24;

/// When a silent connection is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// When it has not begun to speak within this time. Later silence is the keepalive's affair.
    Opening(Duration),
    /// When nothing is heard for this long.
    Always(Duration),
}

impl Patience {
    fn while_heard(self, heard: usize) -> Option<Duration> {
        match self {
            Self::Opening(within) => (heard < PREFACE_BYTES).then_some(within),
            Self::Always(within) => Some(within),
        }
    }
}

/// The connections of one listener, as they come in.
pub(crate) struct Incoming {
    name: &'static str,
    listener: TcpListener,
    room: Arc<Semaphore>,
    patience: Patience,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub(crate) fn new(
        name: &'static str,
        listener: TcpListener,
        connections: usize,
        patience: Patience,
    ) -> Self {
        Self {
            name,
            listener,
            room: Arc::new(Semaphore::new(connections)),
            patience,
            pause: None,
        }
    }

    /// The next connection within the limit. Failures of the listener are waited out here.
    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(Connection, SocketAddr)> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, from)) => {
                    if let Some(connection) = self.admit(stream) {
                        return Poll::Ready((connection, from));
                    }
                }
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "a connection was not accepted");
                    self.pause = Some(Box::pin(tokio::time::sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream) -> Option<Connection> {
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            metrics::counter!("gateway_connections_refused_total", "listener" => self.name)
                .increment(1);
            return None;
        };
        // Answers are written whole; waiting for more to send would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its send delay");
        }
        Some(Connection {
            stream,
            patience: self.patience,
            heard: 0,
            silence: None,
            _room: room,
        })
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_accept(cx)
            .map(|(connection, _)| Some(Ok(connection)))
    }
}

impl axum::serve::Listener for Incoming {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection; it gives its room back when it ends.
pub(crate) struct Connection {
    stream: TcpStream,
    patience: Patience,
    /// Bytes read so far.
    heard: usize,
    /// Runs while the connection is silent.
    silence: Option<Pin<Box<Sleep>>>,
    _room: OwnedSemaphorePermit,
}

impl Connection {
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(within) = self.patience.while_heard(self.heard) else {
            return Poll::Pending;
        };
        let silence = self
            .silence
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        ready!(silence.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) else {
            return self.poll_silence(cx);
        };
        self.heard = self.heard.saturating_add(buffer.filled().len() - before);
        // The opening has one time for all of its bytes: a drip does not wind it up again.
        if matches!(self.patience, Patience::Always(_)) || self.heard >= PREFACE_BYTES {
            self.silence = None;
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

#[cfg(test)]
#[path = "connection_test.rs"]
mod connection_test;

//! How a client reaches its server: the URL, the times it waits, the certificates it shows.
//!
//! It refuses a half-configured TLS: files without an `https` URL, or the other way round, are an
//! error and never a silent connection in the clear.

use std::{path::PathBuf, time::Duration};

use tonic::transport::Endpoint;

use crate::{ClientError, RetryPolicy, error::root_words, tls};

/// How long the TCP and TLS handshakes may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life this often while a call is under way …
const PING_EVERY: Duration = Duration::from_secs(20);
/// … and given up when the sign has not come within this time.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes one stream may have in flight: enough for 1 Gbit/s at 8 ms.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// Bytes all streams of the connection may have in flight.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// The PEM files of mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificates of the authorities that the server's certificate must come from.
    pub ca: PathBuf,
    /// This client's certificate and its private key; without them the client stays anonymous.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Everything a [`crate::Client`] can be told; [`ClientConfig::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `http://host:port`, or `https://host:port` together with `tls`.
    pub url: String,
    /// How long a handshake may take; 5 s by default.
    pub connect_timeout: Duration,
    /// The time each call may take in whole, told to the server too; none by default, because a
    /// `Get` may have to compute for hours.
    pub deadline: Option<Duration>,
    /// Certificates, for an `https` URL.
    pub tls: Option<TlsFiles>,
    /// Which faults are tried again; none by default.
    pub retry: RetryPolicy,
}

impl ClientConfig {
    /// The defaults for a server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connect_timeout: CONNECT_TIMEOUT,
            deadline: None,
            tls: None,
            retry: RetryPolicy::none(),
        }
    }

    /// The endpoint as tonic wants it; reads the PEM files.
    pub(crate) async fn endpoint(&self) -> Result<Endpoint, ClientError> {
        let endpoint = Endpoint::from_shared(self.url.clone())
            .map_err(|e| ClientError::Configuration(format!("{}: not a URL ({e})", self.url)))?
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(PING_EVERY))
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        match (endpoint.uri().scheme_str(), &self.tls) {
            (Some("http"), None) => Ok(endpoint),
            (Some("https"), Some(files)) => {
                let tls = tls::config(files).await?;
                endpoint.tls_config(tls).map_err(|e| {
                    let why = root_words(&e);
                    ClientError::Configuration(format!("the TLS files do not fit: {why}"))
                })
            }
            (Some("http"), Some(_)) => Err(ClientError::Configuration(format!(
                "{}: TLS files were given, but the URL says http; use https",
                self.url
            ))),
            (Some("https"), None) => Err(ClientError::Configuration(format!(
                "{}: https needs the authority's certificate (a CA file)",
                self.url
            ))),
            _ => Err(ClientError::Configuration(format!(
                "{}: a server's URL begins with http:// or https://",
                self.url
            ))),
        }
    }
}

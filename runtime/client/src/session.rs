//! Whether a session came about, and if not, what stands in the way: TLS where there is none, none
//! where there is TLS, certificates that do not fit, another protocol altogether.
//!
//! It refuses to read meaning from a transport's words: TLS faults are told apart by their type,
//! and where a transport only says that something broke, the server is asked once more, in bytes,
//! what it speaks.

use std::{error::Error, future::poll_fn, io, time::Duration};

use rustls::{AlertDescription, CertificateError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tonic::{
    body::Body,
    codegen::{
        Service as _,
        http::{HeaderValue, Method, Request, Response, Uri, header::CONTENT_TYPE},
    },
    transport::{Channel, Endpoint},
};

use crate::{
    ClientConfig, ClientError,
    error::{chain, root_words},
};

/// Asked of every server first; any gRPC answer, even that it is not known, is a sign of life.
const GREETING: &str = "/grpc.health.v1.Health/Check";
/// What every gRPC answer's content type begins with.
const GRPC: &str = "application/grpc";
/// How long a server that broke off may take to show what it speaks.
const PEEK_TIMEOUT: Duration = Duration::from_secs(2);
/// HTTP/2's opening words and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Bytes of an HTTP/2 frame's head; more than the other protocols need to be known by.
const HEAD_BYTES: usize = 9;

/// What stands in the way of a session with something that answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionFault {
    /// `http`, and the server speaks TLS only.
    #[error("the server speaks TLS, and the URL says http")]
    NeedsTls,
    /// `https`, and the server speaks no TLS.
    #[error("the server does not speak TLS, and the URL says https")]
    NoTls,
    /// The port belongs to something else, a node's admin interface for instance.
    #[error("what answers there does not speak gRPC ({0})")]
    NotGrpc(String),
    /// This client showed no certificate.
    #[error("the server demands a client certificate, and this client has shown none")]
    CertificateDemanded,
    /// This client's certificate does not satisfy the server.
    #[error("the server does not accept this client's certificate ({0})")]
    CertificateRefused(String),
    /// The server's certificate is not from the authority that this client was told of.
    #[error("the server's certificate is not from the authority that this client trusts ({0})")]
    Untrusted(String),
    /// The server's certificate names other hosts than the URL.
    #[error("the server's certificate is not for the host in the URL ({0})")]
    WrongName(String),
    /// The server's certificate is not valid at this time.
    #[error("the server's certificate is not valid now ({0})")]
    Outdated(String),
    /// Anything else that TLS did not like.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
}

impl SessionFault {
    /// The TLS fault among the causes of an error, if there is one. A broken connection is none.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        chain(error).find_map(|cause| {
            // An I/O error does not count what it wraps among its causes.
            let wrapped = cause.downcast_ref::<io::Error>();
            let wrapped = wrapped.and_then(|e| e.get_ref());
            let tls = match wrapped {
                Some(inner) => inner.downcast_ref::<rustls::Error>(),
                None => cause.downcast_ref::<rustls::Error>(),
            };
            tls.map(Self::of_tls)
        })
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::Error as Tls;
        match error {
            Tls::InvalidCertificate(why) => Self::of_server_certificate(why),
            Tls::AlertReceived(alert) => Self::of_alert(*alert),
            Tls::InvalidMessage(_) => Self::NoTls,
            other => Self::Tls(other.to_string()),
        }
    }

    fn of_server_certificate(why: &CertificateError) -> Self {
        use CertificateError as Wrong;
        let words = why.to_string();
        match why {
            Wrong::UnknownIssuer | Wrong::BadSignature => Self::Untrusted(words),
            Wrong::Expired
            | Wrong::ExpiredContext { .. }
            | Wrong::NotValidYet
            | Wrong::NotValidYetContext { .. } => Self::Outdated(words),
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => Self::WrongName(words),
            _ => Self::Tls(words),
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        use AlertDescription as Alert;
        match alert {
            Alert::CertificateRequired | Alert::NoCertificate => Self::CertificateDemanded,
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError => Self::CertificateRefused(format!("it says {alert:?}")),
            other => Self::Tls(format!("the server says {other:?}")),
        }
    }
}

/// Why a connection was not made.
pub(crate) async fn not_made(
    config: &ClientConfig,
    endpoint: &Endpoint,
    error: &tonic::transport::Error,
) -> ClientError {
    let seen = match SessionFault::of(error) {
        Some(fault) => return no_session(config, fault),
        None => peek(endpoint.uri()).await,
    };
    match (endpoint.uri().scheme_str(), seen) {
        (Some("https"), Seen::Http1 | Seen::Http2) => no_session(config, SessionFault::NoTls),
        _ => unreachable(config, root_words(error)),
    }
}

/// Waits for the server's first sign of life.
///
/// # Errors
/// `NoSession` where something else answers or the session is refused; `Unreachable` for silence
/// and for what broke without a reason.
pub(crate) async fn greet(
    config: &ClientConfig,
    endpoint: &Endpoint,
    channel: Channel,
) -> Result<(), ClientError> {
    let asked = tokio::time::timeout(config.connect_timeout, ask(channel)).await;
    match asked {
        Ok(Ok(answer)) => known(config, &answer),
        Ok(Err(error)) => Err(broken(config, endpoint, &error).await),
        Err(_) => {
            let words = format!("no answer within {:?}", config.connect_timeout);
            Err(unreachable(config, words))
        }
    }
}

async fn ask(mut channel: Channel) -> Result<Response<Body>, tonic::transport::Error> {
    poll_fn(|cx| channel.poll_ready(cx)).await?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(GREETING);
    let kind = HeaderValue::from_static(GRPC);
    request.headers_mut().insert(CONTENT_TYPE, kind);
    channel.call(request).await
}

fn known(config: &ClientConfig, answer: &Response<Body>) -> Result<(), ClientError> {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap_or_default());
    match kind.starts_with(GRPC) {
        true => Ok(()),
        false => {
            let words = format!("it speaks HTTP and answers {}", answer.status());
            Err(no_session(config, SessionFault::NotGrpc(words)))
        }
    }
}

/// Why a connection that was made did not last until the first answer.
async fn broken(
    config: &ClientConfig,
    endpoint: &Endpoint,
    error: &tonic::transport::Error,
) -> ClientError {
    if let Some(fault) = SessionFault::of(error) {
        return no_session(config, fault);
    }
    let shown = config.tls.as_ref().and_then(|tls| tls.identity.as_ref());
    let https = endpoint.uri().scheme_str() == Some("https");
    match (peek(endpoint.uri()).await, https) {
        (Seen::Tls, false) => no_session(config, SessionFault::NeedsTls),
        (Seen::Http1, false) => {
            let words = "it speaks HTTP/1 only".to_owned();
            no_session(config, SessionFault::NotGrpc(words))
        }
        (Seen::Http1 | Seen::Http2, true) => no_session(config, SessionFault::NoTls),
        // The server judges the client's certificate after the client has finished its part of the
        // handshake; its alert can be lost when the connection closes under what is being sent.
        (Seen::Tls, true) if shown.is_some() => {
            let words = "it closed the session when it had seen it".to_owned();
            no_session(config, SessionFault::CertificateRefused(words))
        }
        (Seen::Tls, true) => no_session(config, SessionFault::CertificateDemanded),
        (Seen::Http2, false) | (Seen::Nothing, _) => unreachable(config, root_words(error)),
    }
}

fn no_session(config: &ClientConfig, fault: SessionFault) -> ClientError {
    ClientError::NoSession {
        url: config.url.clone(),
        fault,
    }
}

fn unreachable(config: &ClientConfig, cause: String) -> ClientError {
    ClientError::Unreachable {
        url: config.url.clone(),
        cause,
    }
}

/// What a server speaks, by its answer to HTTP/2's opening in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Tls,
    Http1,
    Http2,
    /// Nothing, or nothing known.
    Nothing,
}

async fn peek(uri: &Uri) -> Seen {
    match tokio::time::timeout(PEEK_TIMEOUT, head(uri)).await {
        Ok(Ok(head)) => of_head(&head),
        Ok(Err(_)) | Err(_) => Seen::Nothing,
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a client runs outside the node: there is no network port"
)]
async fn head(uri: &Uri) -> io::Result<Vec<u8>> {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    });
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(PREFACE).await?;
    let mut head = Vec::new();
    let mut stream = stream.take(HEAD_BYTES as u64);
    stream.read_to_end(&mut head).await?;
    Ok(head)
}

fn of_head(head: &[u8]) -> Seen {
    match head {
        // An alert of any version.
        [0x15, 0x03, ..] => Seen::Tls,
        [b'H', b'T', b'T', b'P', b'/', ..] => Seen::Http1,
        // A SETTINGS frame on the connection itself.
        [_, _, _, 0x04, _, 0, 0, 0, 0] => Seen::Http2,
        _ => Seen::Nothing,
    }
}

#[cfg(test)]
#[path = "session_test.rs"]
mod session_test;

//! What can go wrong between a client and its server, told apart by what the caller can do about
//! it.
//!
//! It refuses to read meaning from a message's words: reason, address and advice come from the
//! `google.rpc.Status` details that travel with a refusal.

use std::{error::Error, io, time::Duration};

use deriva_model::{CAddr, ContentHash};
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tonic_types::StatusExt;

use crate::session::SessionFault;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client was told something that cannot work: a URL, a certificate, an argument.
    #[error("{0}")]
    Configuration(String),
    /// No connection to the server could be made.
    #[error("cannot reach {url}: {cause}")]
    Unreachable {
        /// Where the server was looked for.
        url: String,
        /// What the transport said.
        cause: String,
    },
    /// Something answers there, but no session came about: asking again cannot help.
    #[error("no session with {url}: {fault}")]
    NoSession {
        /// Where the server was looked for.
        url: String,
        /// What stands in the way.
        fault: SessionFault,
    },
    /// The connection broke, or the answer ended, before it was complete.
    #[error("the answer was cut off: {0}")]
    CutOff(String),
    /// The time that the caller gave the call was over before the answer was there.
    #[error("the deadline passed before the answer was there")]
    Late,
    /// The server answered with a refusal or a fault of its own.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The answer does not belong to what was sent.
    #[error("the server answered {got}, but the address is {expected}")]
    Mismatch {
        /// What the client computed from the bytes.
        expected: CAddr,
        /// What came back.
        got: CAddr,
    },
    /// What arrived is not what the server says the value is.
    #[error("what arrived hashes to {arrived}, the value is {said}")]
    Changed {
        /// What the value is, as the server says.
        said: ContentHash,
        /// What the bytes that arrived are.
        arrived: ContentHash,
    },
    /// The answer cannot be understood.
    #[error("the server's answer is malformed: {0}")]
    Malformed(String),
    /// The value is longer than the caller wanted to hold in memory.
    #[error("the value is longer than {limit} bytes")]
    TooLarge {
        /// The caller's limit in bytes.
        limit: usize,
    },
    /// There are more answers than the caller wanted to hold in memory.
    #[error("there are more than {limit} answers")]
    TooMany {
        /// The caller's limit.
        limit: usize,
    },
    /// The bytes to be sent could not be read; nothing was stored.
    #[error("the bytes to send could not be read: {0}")]
    Source(#[source] io::Error),
}

/// A server's refusal, decoded.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Whose fate it is, as gRPC tells it.
    pub code: Code,
    /// What happened, for a person.
    pub message: String,
    /// What happened, for a program; empty when the server gave none.
    pub reason: String,
    /// The address concerned.
    pub addr: Option<CAddr>,
    /// What to do about it.
    pub hint: Option<String>,
    /// When to come back.
    pub retry_after: Option<Duration>,
}

impl ClientError {
    /// Whether the same call may succeed when it is made again, unchanged.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::CutOff(_) => true,
            Self::Refused(refusal) => match refusal.code {
                Code::Unavailable => true,
                Code::ResourceExhausted => refusal.retry_after.is_some(),
                _ => false,
            },
            _ => false,
        }
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// The address concerned, where the server named one.
    pub fn addr(&self) -> Option<&CAddr> {
        match self {
            Self::Refused(refusal) => refusal.addr.as_ref(),
            Self::Mismatch { expected, .. } => Some(expected),
            _ => None,
        }
    }

    /// The code of a refusal; `None` for what no server said.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// Tells a status that the transport made up from one that the server sent: only the former
    /// carries a cause.
    pub(crate) fn from_status(status: Status, url: &str) -> Self {
        if let Some(cause) = status.source() {
            return Self::from_transport(cause, url);
        }
        // tonic makes this status itself, without a cause, when a stream ends and no status came.
        if status.code() == Code::Unknown && status.message().contains("missing grpc-status") {
            return Self::CutOff("the stream ended without a status".to_owned());
        }
        Self::Refused(Box::new(Refusal::from_status(&status)))
    }

    fn from_transport(cause: &(dyn Error + 'static), url: &str) -> Self {
        if chain(cause).any(|e| e.is::<TimeoutExpired>()) {
            return Self::Late;
        }
        if let Some(fault) = SessionFault::of(cause) {
            return Self::NoSession {
                url: url.to_owned(),
                fault,
            };
        }
        let connecting = chain(cause).any(|e| e.is::<ConnectError>());
        let cause = root_words(cause);
        match connecting {
            true => Self::Unreachable {
                url: url.to_owned(),
                cause,
            },
            false => Self::CutOff(cause),
        }
    }

    pub(crate) fn unreachable(error: &tonic::transport::Error, url: &str) -> Self {
        Self::Unreachable {
            url: url.to_owned(),
            cause: root_words(error),
        }
    }
}

impl Refusal {
    fn from_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let named = info.and_then(|i| i.metadata.get("address"));
        Self {
            code: status.code(),
            message: match status.message() {
                "" => format!("the server answered {:?}", status.code()),
                words => words.to_owned(),
            },
            reason: info.map(|i| i.reason.clone()).unwrap_or_default(),
            addr: named.and_then(|hex| CAddr::parse_hex(hex).ok()),
            hint: hint(&details),
            retry_after: details.retry_info().and_then(|r| r.retry_delay),
        }
    }
}

/// The server's advice: a localized message stands before a help link's description.
fn hint(details: &tonic_types::ErrorDetails) -> Option<String> {
    let localized = details.localized_message().map(|m| m.message.clone());
    let help = || {
        details
            .help()
            .and_then(|h| h.links.first())
            .map(|l| l.description.clone())
    };
    localized.or_else(help).filter(|words| !words.is_empty())
}

/// Causes nest a handful deep; a chain that is longer is cut here.
const CHAIN_LIMIT: usize = 16;

pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e: &&'a (dyn Error + 'static)| {
        Error::source(*e)
    })
    .take(CHAIN_LIMIT)
}

/// The innermost cause says what happened; the layers above it only say that something did.
pub(crate) fn root_words(error: &(dyn Error + 'static)) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "error_test.rs"]
mod error_test;

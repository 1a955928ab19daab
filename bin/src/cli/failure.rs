//! Why a command did not do what it was asked: what happened, to which address, what to do.
//!
//! It refuses to hide a cause behind an exit code: 1 the request failed, 2 wrong usage, 3 the
//! server cannot be reached, and the words stand on standard error in the format asked for.

use std::{io, path::Path};

use deriva_client::{ClientError, Code};
use deriva_model::CAddr;
use serde_json::{Map, Value as Json, json};

use super::args::Format;

/// Everything that ends a command early.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was typed makes no sense.
    Usage(String),
    /// The call gave no answer.
    Client(Box<ClientError>),
    /// Something on this machine, or in the answer, that is not as it must be.
    Local {
        message: String,
        hint: Option<String>,
    },
    /// The admin interface cannot be reached.
    Unreachable { message: String, hint: String },
    /// Whoever read the output has gone: there is nobody left to tell.
    ReaderGone,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Configuration(words) => Self::Usage(words),
            other => Self::Client(Box::new(other)),
        }
    }
}

/// One error as it is told, in either format.
struct Told {
    kind: &'static str,
    code: Option<String>,
    message: String,
    reason: Option<String>,
    address: Option<String>,
    hint: Option<String>,
    retry_after_ms: Option<u64>,
}

impl Failure {
    pub(super) fn local(message: impl Into<String>) -> Self {
        Self::Local {
            message: message.into(),
            hint: None,
        }
    }

    /// A file that could not be read, made or written.
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        Self::local(format!("{}: {error}", path.display()))
    }

    /// Standard output could not be written.
    pub(super) fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            _ => Self::local(format!("standard output: {error}")),
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Local { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
            Self::Client(error) if matches!(**error, ClientError::Unreachable { .. }) => 3,
            Self::Client(_) => 1,
        }
    }

    /// Prints it on standard error and answers the exit code.
    pub(super) fn tell(&self, format: Format) -> u8 {
        use io::Write as _;
        let Some(words) = self.words(format) else {
            return self.exit_code();
        };
        // When standard error is gone too, the exit code is all that is left to say.
        match writeln!(io::stderr().lock(), "{words}") {
            Ok(()) | Err(_) => self.exit_code(),
        }
    }

    /// The words for standard error; none when the reader has gone.
    pub(super) fn words(&self, format: Format) -> Option<String> {
        let told = self.told()?;
        Some(match format {
            Format::Text => told.text(),
            Format::Json => told.json().to_string(),
        })
    }

    fn told(&self) -> Option<Told> {
        Some(match self {
            Self::ReaderGone => return None,
            Self::Usage(words) => Told::plain("usage", words, None),
            Self::Local { message, hint } => Told::plain("failed", message, hint.clone()),
            Self::Unreachable { message, hint } => {
                Told::plain("unreachable", message, Some(hint.clone()))
            }
            Self::Client(error) => Told::client(error),
        })
    }
}

impl Told {
    fn plain(kind: &'static str, message: &str, hint: Option<String>) -> Self {
        let message = message
            .strip_prefix("error: ")
            .unwrap_or(message)
            .to_owned();
        Self {
            kind,
            code: None,
            message,
            reason: None,
            address: None,
            hint,
            retry_after_ms: None,
        }
    }

    fn client(error: &ClientError) -> Self {
        let kind = match error {
            ClientError::Unreachable { .. } => "unreachable",
            ClientError::Refused(_) => "refused",
            _ => "failed",
        };
        let mut told = Self::plain(kind, &error.to_string(), advice(error));
        told.address = error.addr().map(CAddr::to_string);
        if let ClientError::Refused(refusal) = error {
            told.code = Some(code_name(refusal.code));
            told.reason = Some(refusal.reason.clone()).filter(|r| !r.is_empty());
            told.retry_after_ms = refusal
                .retry_after
                .map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        }
        told
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("error: {}", self.message)];
        let named = self
            .address
            .as_ref()
            .filter(|hex| !self.message.contains(hex.as_str()));
        lines.extend(named.map(|hex| format!("  address: {hex}")));
        let code = self
            .code
            .iter()
            .chain(&self.reason)
            .cloned()
            .collect::<Vec<_>>();
        if !code.is_empty() {
            lines.push(format!("  reason: {}", code.join(" ")));
        }
        lines.extend(self.hint.iter().map(|hint| format!("  hint: {hint}")));
        lines.extend(
            self.retry_after_ms
                .map(|ms| format!("  try again in {ms} ms")),
        );
        lines.join("\n")
    }

    fn json(&self) -> Json {
        let mut error = Map::new();
        error.insert("kind".to_owned(), json!(self.kind));
        error.insert("message".to_owned(), json!(self.message));
        let texts = [
            ("code", &self.code),
            ("reason", &self.reason),
            ("address", &self.address),
            ("hint", &self.hint),
        ];
        for (key, value) in texts {
            error.extend(value.iter().map(|text| (key.to_owned(), json!(text))));
        }
        error.extend(
            self.retry_after_ms
                .map(|ms| ("retry_after_ms".to_owned(), json!(ms))),
        );
        json!({ "error": error })
    }
}

/// The server's own advice, or what a person at a command line can do.
fn advice(error: &ClientError) -> Option<String> {
    let words = match error {
        ClientError::Unreachable { .. } => {
            "start a node with `deriva-actor-node --data-dir DIR`, or name a running one with --server URL"
        }
        ClientError::CutOff(_) => "nothing of the answer was kept; ask again",
        ClientError::Mismatch { .. } => "the bytes were changed on the way; put them again",
        ClientError::Refused(refusal) => match (&refusal.hint, refusal.code) {
            (Some(hint), _) => return Some(hint.clone()),
            (None, Code::Unimplemented) => "this server does not know the call; a newer one may",
            (None, Code::Unavailable) => "the server is starting or draining; ask again",
            _ => return None,
        },
        _ => return None,
    };
    Some(words.to_owned())
}

/// gRPC's own spelling: `NOT_FOUND` for `NotFound`.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}

#[cfg(test)]
#[path = "failure_test.rs"]
mod failure_test;

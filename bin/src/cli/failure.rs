//! Why a command did not do what it was asked: what happened, to which address, what to do.
//!
//! It refuses to hide a cause behind an exit code: 1 the request failed, 2 the command line names
//! what does not exist or cannot work, 3 no session with the server, and the words stand on standard error in the format asked for.

use std::{io, path::Path};

use deriva_client::{ClientError, Code};
use deriva_model::CAddr;
use serde_json::{Value as Json, json};

use super::{advice::advice, args::Format};

/// What a shell answers for a command that was interrupted.
pub(super) const INTERRUPTED: u8 = 130;

/// Everything that ends a command early.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was typed makes no sense, or names what cannot be used.
    Usage {
        message: String,
        hint: Option<String>,
    },
    /// The call gave no answer.
    Client {
        error: Box<ClientError>,
        /// What was typed; empty until [`Failure::during`] tells it.
        command: &'static str,
    },
    /// Something on this machine, or in the answer, that is not as it must be.
    Local {
        message: String,
        hint: Option<String>,
    },
    /// The admin interface cannot be reached.
    Unreachable { message: String, hint: String },
    /// Somebody pressed Ctrl-C; says what became of the request.
    Interrupted(String),
    /// Whoever read the output has gone: there is nobody left to tell.
    ReaderGone,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Configuration(words) => Self::usage(words),
            other => Self::Client {
                error: Box::new(other),
                command: "",
            },
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

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// The same failure, knowing which command it ended.
    pub(super) fn during(self, command: &'static str) -> Self {
        match self {
            Self::Client { error, .. } => Self::Client { error, command },
            other => other,
        }
    }

    /// A file that the command line names and that cannot be opened.
    pub(super) fn named(path: &Path, error: &io::Error) -> Self {
        Self::usage(format!("{}: {error}", path.display()))
    }

    /// A file that was opened and could not be read on, or written.
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
            Self::Usage { .. } => 2,
            Self::Interrupted(_) => INTERRUPTED,
            Self::Unreachable { .. } => 3,
            Self::Client { error, .. } => match **error {
                ClientError::Unreachable { .. } | ClientError::NoSession { .. } => 3,
                _ => 1,
            },
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
            Self::Usage { message, hint } => Told::plain("usage", message, hint.clone()),
            Self::Interrupted(message) => Told::plain("interrupted", message, None),
            Self::Local { message, hint } => Told::plain("failed", message, hint.clone()),
            Self::Unreachable { message, hint } => {
                Told::plain("unreachable", message, Some(hint.clone()))
            }
            Self::Client { error, command } => Told::client(error, command),
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

    fn client(error: &ClientError, command: &str) -> Self {
        let kind = match error {
            ClientError::Unreachable { .. } | ClientError::NoSession { .. } => "unreachable",
            ClientError::Refused(_) => "refused",
            _ => "failed",
        };
        let mut told = Self::plain(kind, &message(error, command), advice(error, command));
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
        let mut code = self
            .code
            .iter()
            .chain(&self.reason)
            .cloned()
            .collect::<Vec<_>>();
        code.dedup();
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

    /// Always the same keys; what is not known is null.
    fn json(&self) -> Json {
        json!({ "error": {
            "kind": self.kind,
            "code": self.code,
            "message": self.message,
            "reason": self.reason,
            "address": self.address,
            "hint": self.hint,
            "retry_after_ms": self.retry_after_ms,
        }})
    }
}

/// What happened; a call that this release lacks is told by the command that was typed.
fn message(error: &ClientError, command: &str) -> String {
    match error {
        ClientError::Refused(refusal) if refusal.reason == "UNSUPPORTED" && !command.is_empty() => {
            format!("`deriva {command}` is not in this release of the node")
        }
        other => other.to_string(),
    }
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

//! The one table from fault to gRPC status: a code, a sentence, and `google.rpc` details that say
//! the reason, the address concerned and what to do.
//!
//! It refuses to send a long status: headers are bounded on both sides, so texts are cut.

use deriva_messages::{Failure, Fault};
use std::{collections::HashMap, time::Duration};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every reason.
pub const DOMAIN: &str = "deriva";
/// Bytes of a message; with details and encoding it stays within 8 KiB of headers.
const MESSAGE_MAX: usize = 1024;
/// When to come back to a node that is starting an actor anew.
const RESTART_RETRY: Duration = Duration::from_millis(200);
/// When to come back to a node that drains: somebody else may serve by then.
const DRAIN_RETRY: Duration = Duration::from_secs(1);
/// When to come back to a full disk: somebody has to make room.
const FULL_RETRY: Duration = Duration::from_secs(30);

/// The gRPC code of a fault.
#[must_use]
pub const fn code(fault: &Fault) -> Code {
    match fault {
        Fault::NotFound { .. } | Fault::MissingInputs { .. } => Code::NotFound,
        Fault::Malformed { .. }
        | Fault::RefusedRecipe { .. }
        | Fault::LeafIsRecipe { .. }
        | Fault::Cycle { .. } => Code::InvalidArgument,
        Fault::OverLimit { .. } | Fault::Overloaded { .. } | Fault::StoreFull { .. } => {
            Code::ResourceExhausted
        }
        Fault::FunctionFailed { failure, .. } => match failure {
            Failure::Refused => Code::FailedPrecondition,
            Failure::Panicked | Failure::OverBudget | Failure::TooSlow => Code::Aborted,
        },
        Fault::TraceMismatch { .. } | Fault::InUse { .. } | Fault::Nondeterministic { .. } => {
            Code::FailedPrecondition
        }
        Fault::DataLoss { .. } => Code::DataLoss,
        Fault::StoreReadOnly { .. }
        | Fault::StoreFailed { .. }
        | Fault::Unavailable { .. }
        | Fault::Draining => Code::Unavailable,
        Fault::Cancelled => Code::Cancelled,
        Fault::DeadlineExceeded => Code::DeadlineExceeded,
        Fault::Unsupported { .. } => Code::Unimplemented,
        Fault::Breach { .. } => Code::Internal,
    }
}

/// When the same request may succeed, where waiting helps.
pub(crate) const fn retry_after(fault: &Fault) -> Option<Duration> {
    match fault {
        Fault::Overloaded { retry_after_ms, .. } => Some(Duration::from_millis(*retry_after_ms)),
        Fault::Unavailable { .. } => Some(RESTART_RETRY),
        Fault::Draining => Some(DRAIN_RETRY),
        Fault::StoreFull { .. } => Some(FULL_RETRY),
        _ => None,
    }
}

/// What the caller can do about it.
pub(crate) fn advice(fault: &Fault) -> &'static str {
    match fault {
        Fault::NotFound { .. } => "Check the address, or put the leaf or recipe first.",
        Fault::MissingInputs { .. } => {
            "Put the missing inputs first. PutRecipe alone can go before them, with allow_missing_inputs."
        }
        Fault::Malformed { .. } => {
            "Correct the request; repeating it as it is gives the same answer."
        }
        Fault::RefusedRecipe { .. } => {
            "ListFunctions tells what can be called, with params and an example each."
        }
        Fault::LeafIsRecipe { .. } => {
            "Put it with PutRecipe, or with ImportRecipes if it is in the form from before DCF."
        }
        Fault::OverLimit { what, .. } if what.starts_with(Fault::FUNCTION_INPUTS) => {
            "A function takes at most 64 MiB of inputs in total in this release; give it smaller ones, or fewer."
        }
        Fault::OverLimit { .. } => "Stay within the limit that the message names.",
        Fault::Overloaded { .. } => "Try again after the time in the retry information.",
        Fault::FunctionFailed { failure, .. } => match failure {
            Failure::Refused => {
                "Look at the recipe's params and inputs with Explain; the function does not take them."
            }
            Failure::Panicked => {
                "Report this with the recipe's address; the function has a defect."
            }
            Failure::OverBudget | Failure::TooSlow => {
                "Give the function less to do, or raise the node's settings function_output or function_seconds."
            }
        },
        Fault::DataLoss { .. } => {
            "Put the leaf's bytes again, or import the old recipe again; that heals it."
        }
        Fault::StoreFull { .. } => "Make room on the node's disk; reads go on meanwhile.",
        Fault::StoreReadOnly { .. } => {
            "Look at the node's log; it takes writes again after the cause is mended and it is restarted."
        }
        Fault::StoreFailed { .. } => "Look at the node's log and its disk.",
        Fault::Unavailable { .. } => "Try again; the node is starting that part anew.",
        Fault::Draining => "Try again at another node, or when this one has been restarted.",
        Fault::Cancelled => "Ask again if the answer is still wanted.",
        Fault::DeadlineExceeded => {
            "Ask again with more time; what was finished until then is in the cache."
        }
        Fault::Cycle { .. } => "Check which recipe the old address stands for.",
        Fault::TraceMismatch { what, .. } if what.starts_with(Fault::OTHER_ROOT) => {
            "The trace is of another address: replay that one, or record a trace of this one with Trace."
        }
        Fault::TraceMismatch { .. } => {
            "Record a new trace; if the same recipes differ again, report the function as not deterministic."
        }
        Fault::Nondeterministic { .. } => {
            "Report the function as not deterministic. ListFunctions tells its mark; Verify executes it again, and ClearMark lets it be used again."
        }
        Fault::InUse { .. } => {
            "Graph tells its dependents; forget them first, or repeat this with cascade."
        }
        Fault::Unsupported { .. } => "A later release answers it.",
        Fault::Breach { .. } => "Report this with the node's log; it is a defect of the node.",
    }
}

/// The whole status of a fault.
#[must_use]
pub fn status(fault: &Fault) -> Status {
    let message = cut(&fault.to_string());
    let mut details = ErrorDetails::with_error_info(fault.reason(), DOMAIN, metadata(fault));
    details.set_localized_message("en", advice(fault));
    if let Some(wait) = retry_after(fault) {
        details.set_retry_info(Some(wait));
    }
    if let Some(field) = field(fault) {
        details.add_bad_request_violation(field, message.clone());
    }
    Status::with_error_details(code(fault), message, details)
}

/// The part of the request that is at fault, where the fault is in its form.
const fn field(fault: &Fault) -> Option<&'static str> {
    match fault {
        Fault::Malformed { .. } => Some("request"),
        Fault::RefusedRecipe { .. } => Some("recipe"),
        Fault::LeafIsRecipe { .. } => Some("data"),
        _ => None,
    }
}

fn metadata(fault: &Fault) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    let mut say = |key: &str, value: String| {
        metadata.insert(key.to_owned(), value);
    };
    if let Some(address) = fault.address() {
        say("address", address.to_hex());
    }
    match fault {
        Fault::MissingInputs { missing, count, .. } => {
            let named: Vec<String> = missing.iter().map(deriva_model::CAddr::to_hex).collect();
            say("missing", named.join(","));
            say("missing_count", count.to_string());
        }
        Fault::OverLimit { limit, got, .. } => {
            say("limit", limit.to_string());
            say("got", got.to_string());
        }
        Fault::Nondeterministic { violation } => {
            say("function", cut(&violation.function.to_string()));
        }
        Fault::FunctionFailed { function, .. } => say("function", cut(&function.to_string())),
        Fault::TraceMismatch { step, .. } => say("step", step.to_string()),
        Fault::Cycle { to, .. } => say("to", to.to_hex()),
        Fault::InUse { by, .. } => say("by", by.to_hex()),
        _ => {}
    }
    metadata
}

/// At most [`MESSAGE_MAX`] bytes, whole characters only.
pub(crate) fn cut(text: &str) -> String {
    if text.len() <= MESSAGE_MAX {
        return text.to_owned();
    }
    let mut end = MESSAGE_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{} …", &text[..end])
}

#[cfg(test)]
#[path = "status_test.rs"]
mod status_test;

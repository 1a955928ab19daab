//! Every way in which a request can fail, as data that says what happened and to which address.
//!
//! It refuses free-form errors: a caller decides on the variant, and a person reads the sentence.

use crate::verify::Violation;
use deriva_model::{CAddr, FunctionId};
use thiserror::Error;

/// How many missing inputs a fault names; the rest are only counted.
pub const NAMED_MISSING_MAX: usize = 16;

/// Whose fate a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The caller's: asking again in the same way gives the same answer.
    Refusal,
    /// The world's: it may pass.
    Fault,
    /// Ours: an invariant broke.
    Breach,
}

/// How an execution ended without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The function said no.
    Refused,
    /// It panicked; the panic was caught.
    Panicked,
    /// It would have passed its budget of bytes or steps.
    OverBudget,
    /// It would have passed its wall time, which says as much of the machine as of the function.
    TooSlow,
}

/// A typed answer to a request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("nothing is stored under {address}: it names no leaf, recipe or alias here")]
    NotFound { address: CAddr },
    #[error("{consumer} needs {count} input(s) that do not exist, the first is {}", first(.missing))]
    MissingInputs {
        consumer: CAddr,
        missing: Vec<CAddr>,
        count: u64,
    },
    #[error("the request is malformed: {reason}")]
    Malformed { reason: String },
    #[error("the recipe is refused: {reason}")]
    RefusedRecipe { reason: String },
    #[error(
        "the bytes of leaf {address} are a recipe, and would share its address; put it as a recipe"
    )]
    LeafIsRecipe { address: CAddr },
    #[error("{what} is limited to {limit}, this has {got}")]
    OverLimit { what: String, limit: u64, got: u64 },
    #[error("{what} takes no more work now; try again in {retry_after_ms} ms")]
    Overloaded { what: String, retry_after_ms: u64 },
    #[error("{function} failed on recipe {recipe}: {message}")]
    FunctionFailed {
        recipe: CAddr,
        function: FunctionId,
        failure: Failure,
        message: String,
    },
    #[error(
        "{violation}; what was made through it is voided, and it is refused until its mark is cleared"
    )]
    Nondeterministic { violation: Box<Violation> },
    #[error("the stored bytes of {address} do not match it ({what}); put it again to heal it")]
    DataLoss { address: CAddr, what: String },
    #[error(
        "the disk is full ({free} bytes free, {reserve} kept in reserve): reads go on, writes are refused until there is room"
    )]
    StoreFull { free: u64, reserve: u64 },
    #[error("the store takes no writes: {why}")]
    StoreReadOnly { why: String },
    #[error("the store could not be read: {why}")]
    StoreFailed { why: String },
    #[error("{what} is not available at this moment; try again")]
    Unavailable { what: String },
    #[error("the node is draining and takes no new requests")]
    Draining,
    #[error("nobody waits for this any more")]
    Cancelled,
    #[error("the deadline passed before the answer was there")]
    DeadlineExceeded,
    #[error("{from} may not lead to {to}: they would depend on each other")]
    Cycle { from: CAddr, to: CAddr },
    #[error("{address} is in use: {by} depends on it; forget that first, or both with cascade")]
    InUse { address: CAddr, by: CAddr },
    #[error("the replay differs from its trace at step {step} ({address}): {what}")]
    TraceMismatch {
        step: u64,
        address: CAddr,
        what: String,
    },
    #[error("{what} is not part of this release")]
    Unsupported { what: String },
    #[error("an invariant broke: {what}")]
    Breach { what: String },
}

fn first(missing: &[CAddr]) -> String {
    missing
        .first()
        .map_or_else(|| "unknown".to_owned(), CAddr::to_hex)
}

impl Fault {
    /// How `OverLimit::what` begins where the limit is that of a function's inputs together: the
    /// advice is another one there than for what a client sends.
    pub const FUNCTION_INPUTS: &str = "the sum of all inputs, in bytes, of";
    /// How `TraceMismatch::what` begins where the trace is of another address: nothing was
    /// computed, so nothing is said of the functions.
    pub const OTHER_ROOT: &str = "the trace is of another address";

    /// Missing inputs of one consumer, of which only the first few are named.
    #[must_use]
    pub fn missing_inputs(consumer: CAddr, mut missing: Vec<CAddr>) -> Self {
        let count = missing.len() as u64;
        missing.truncate(NAMED_MISSING_MAX);
        Self::MissingInputs {
            consumer,
            missing,
            count,
        }
    }

    /// A short stable word for logs, metrics and error details.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NOT_FOUND",
            Self::MissingInputs { .. } => "MISSING_INPUTS",
            Self::Malformed { .. } => "MALFORMED",
            Self::RefusedRecipe { .. } => "REFUSED_RECIPE",
            Self::LeafIsRecipe { .. } => "LEAF_IS_RECIPE",
            Self::OverLimit { .. } => "OVER_LIMIT",
            Self::Overloaded { .. } => "OVERLOADED",
            Self::FunctionFailed { .. } => "FUNCTION_FAILED",
            Self::Nondeterministic { .. } => "NONDETERMINISTIC",
            Self::DataLoss { .. } => "DATA_LOSS",
            Self::StoreFull { .. } => "STORE_FULL",
            Self::StoreReadOnly { .. } => "STORE_READ_ONLY",
            Self::StoreFailed { .. } => "STORE_FAILED",
            Self::Unavailable { .. } => "UNAVAILABLE",
            Self::Draining => "DRAINING",
            Self::Cancelled => "CANCELLED",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Cycle { .. } => "CYCLE",
            Self::InUse { .. } => "IN_USE",
            Self::TraceMismatch { .. } => "TRACE_MISMATCH",
            Self::Unsupported { .. } => "UNSUPPORTED",
            Self::Breach { .. } => "BREACH",
        }
    }

    /// The address that the fault concerns, where there is one.
    #[must_use]
    pub fn address(&self) -> Option<CAddr> {
        match self {
            Self::NotFound { address }
            | Self::LeafIsRecipe { address }
            | Self::DataLoss { address, .. }
            | Self::InUse { address, .. }
            | Self::TraceMismatch { address, .. } => Some(*address),
            Self::MissingInputs { consumer, .. } => Some(*consumer),
            Self::FunctionFailed { recipe, .. } => Some(*recipe),
            Self::Nondeterministic { violation } => Some(violation.recipe),
            Self::Cycle { from, .. } => Some(*from),
            _ => None,
        }
    }

    /// Whose fate it is.
    #[must_use]
    pub const fn fate(&self) -> Fate {
        match self {
            Self::Overloaded { .. }
            | Self::StoreFull { .. }
            | Self::StoreReadOnly { .. }
            | Self::StoreFailed { .. }
            | Self::DataLoss { .. }
            | Self::Unavailable { .. }
            | Self::Draining
            | Self::Cancelled
            | Self::DeadlineExceeded => Fate::Fault,
            Self::Breach { .. } => Fate::Breach,
            _ => Fate::Refusal,
        }
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Overloaded { .. } | Self::Unavailable { .. } | Self::Draining
        )
    }
}

//! What a function is: a pure map from ordered inputs and params to bytes, and the card that describes it.
//!
//! A function refuses clocks, chance, disk and network: the trait hands it nothing but its inputs,
//! its validated params and a budget. It does not look up its own inputs (the evaluator does) and it
//! never decides whether its result is kept (the cache does).

use std::time::Duration;

use bytes::Bytes;
use deriva_model::{FunctionId, Value};
use deriva_system::Fault;
use thiserror::Error;

use crate::budget::{Budget, Resource};
use crate::params::{ParamError, Params};
use crate::streaming::StreamingComputeFunction;

/// A function of a fixed name and version: the same inputs and params give the same bytes for ever.
pub trait ComputeFunction: Send + Sync {
    /// The card: what it is called, what it takes, what it costs.
    fn spec(&self) -> &FunctionSpec;

    /// Checks what one param's bounds cannot say, such as two params that exclude each other.
    ///
    /// # Errors
    /// The first rule between params that does not hold.
    fn check(&self, _params: &Params) -> Result<(), ParamError> {
        Ok(())
    }

    /// Computes the value. `inputs` stand in recipe order; `params` have passed [`Params::validate`]
    /// and [`ComputeFunction::check`]. Bytes are charged to `budget` before they are allocated.
    ///
    /// # Errors
    /// A [`FunctionError`]; nothing partial is ever returned.
    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError>;

    /// The same function piece by piece, if it can be computed so.
    fn streaming(&self) -> Option<&dyn StreamingComputeFunction> {
        None
    }
}

/// The card of a function, shown to users and used to check recipes before they are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSpec {
    /// Name and version.
    pub id: FunctionId,
    /// What it does, in a sentence or a few.
    pub description: String,
    /// How many inputs, and what each is for.
    pub inputs: Arity,
    /// The params it knows; every other is refused.
    pub params: Vec<ParamSpec>,
    /// A line for the command line, with `ADDR` where an address stands.
    pub example: String,
    /// What a call costs, roughly.
    pub cost: CostHint,
}

/// How many inputs a function takes. `max: None` means as many as a recipe may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arity {
    /// Fewest inputs.
    pub min: usize,
    /// Most inputs.
    pub max: Option<usize>,
    /// What the inputs are for, in order; the last role is that of all further inputs.
    pub roles: Vec<String>,
}

impl Arity {
    /// Exactly one input for each role.
    #[must_use]
    pub fn exactly(roles: &[&str]) -> Self {
        Self {
            min: roles.len(),
            max: Some(roles.len()),
            roles: roles.iter().map(ToString::to_string).collect(),
        }
    }

    /// Any number of inputs, none included, all for the same role.
    #[must_use]
    pub fn any(role: &str) -> Self {
        Self {
            min: 0,
            max: None,
            roles: vec![role.to_string()],
        }
    }

    /// Whether `count` inputs fit.
    #[must_use]
    pub fn accepts(&self, count: usize) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }
}

impl std::fmt::Display for Arity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.max {
            Some(max) if max == self.min => write!(f, "exactly {max}")?,
            Some(max) => write!(f, "{} to {max}", self.min)?,
            None => write!(f, "{} or more", self.min)?,
        }
        if !self.roles.is_empty() {
            write!(f, " ({})", self.roles.join(", "))?;
        }
        Ok(())
    }
}

/// A param's name, type, presence and meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// The key in the recipe's params.
    pub name: String,
    /// The type and its bounds.
    pub kind: ParamKind,
    /// Whether it must be given, and what stands in when it is not.
    pub presence: Presence,
    /// What it means, in a sentence.
    pub description: String,
}

impl ParamSpec {
    /// The value that stands in when the param is not given, if there is one.
    #[must_use]
    pub fn default_value(&self) -> Option<&Value> {
        match &self.presence {
            Presence::Default(value) => Some(value),
            Presence::Required | Presence::Optional => None,
        }
    }
}

/// Whether a param must be given.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// A recipe without it is refused.
    Required,
    /// It may be absent, and absence means something of its own.
    Optional,
    /// This value is used when it is absent. It is not written into the recipe: params are hashed as sent.
    Default(Value),
}

/// The type of a param. Bounds are inclusive; lengths are in bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamKind {
    /// Text of at most `max_len` bytes; if `one_of` is not empty, one of those words.
    String {
        /// Longest text, in bytes.
        max_len: usize,
        /// The words allowed; empty means any text.
        one_of: Vec<String>,
    },
    /// A whole number.
    I64 {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// `true` or `false`.
    Bool,
    /// Bytes; as a string, lower-case hex.
    Bytes {
        /// Most bytes.
        max_len: usize,
    },
    /// A finite number.
    F64 {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// A list of texts; as a string, the texts joined by commas, or the canonical string `["a","b"]`
    /// (which a text with a comma needs).
    Strings {
        /// Most items.
        max_items: usize,
        /// Longest item, in bytes.
        max_len: usize,
    },
}

impl std::fmt::Display for ParamKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::String { max_len, one_of } if one_of.is_empty() => {
                write!(f, "a string of at most {max_len} bytes")
            }
            Self::String { one_of, .. } => write!(f, "one of {}", one_of.join(", ")),
            Self::I64 { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Bool => write!(f, "true or false"),
            Self::Bytes { max_len } => write!(
                f,
                "at most {max_len} bytes (as a string: lower-case hex digits, two for each byte)"
            ),
            Self::F64 { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Strings { max_items, max_len } => write!(
                f,
                "a list of at most {max_items} strings of at most {max_len} bytes each (as a string: a,b or [\"a\",\"b\"])"
            ),
        }
    }
}

/// What a call costs: a guess for scheduling and for the cache, never a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostHint {
    /// Nanoseconds for a call on nothing.
    pub fixed_nanos: u64,
    /// Nanoseconds more for each KiB of input.
    pub nanos_per_kib: u64,
}

impl CostHint {
    /// The guess for `input_bytes` of input in total.
    #[must_use]
    pub fn estimate(&self, input_bytes: u64) -> Duration {
        let kib = input_bytes.div_ceil(1024);
        let nanos = self
            .fixed_nanos
            .saturating_add(kib.saturating_mul(self.nanos_per_kib));
        Duration::from_nanos(nanos)
    }
}

/// Why a function gave no value. Never recorded as a result. Inputs are counted from 0, lines from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FunctionError {
    /// The function's own refusal.
    #[error("{message}")]
    Failed {
        /// What happened and what to do.
        message: String,
    },
    /// Text was asked, and the bytes are not UTF-8.
    #[error(
        "input {input} is not UTF-8 text: the byte at offset {offset} is not part of a character; \
         convert the input to UTF-8 first, or use a function that works on bytes"
    )]
    NotText {
        /// Which input.
        input: usize,
        /// Offset of the first byte that does not decode.
        offset: usize,
    },
    /// A CSV input cannot be read as a table.
    #[error("input {input}, line {line}: {problem}")]
    BadTable {
        /// Which input.
        input: usize,
        /// The line on which the record starts, counted from 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A param does not fit.
    #[error(transparent)]
    BadParam(#[from] ParamError),
    /// The number of inputs does not fit.
    #[error("{given} inputs were given, and the function takes {expected}")]
    WrongInputs {
        /// How many came.
        given: usize,
        /// What the function takes.
        expected: Arity,
    },
    /// More input than a function that holds all of it in memory may take.
    #[error(
        "the inputs have {total} bytes in total, and a batch function takes at most {limit}; \
         cut them with `slice` or derive smaller inputs first"
    )]
    InputsTooLarge {
        /// Bytes of all inputs together.
        total: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The call used up what it was allowed.
    #[error("the function went over its budget of {limit} {what}; {}", what.advice())]
    BudgetExceeded {
        /// Which part of the budget.
        what: Resource,
        /// The limit, in the resource's unit.
        limit: u64,
    },
    /// Nobody waits for the result any more.
    #[error(
        "the computation was cancelled because nobody waits for it any more; ask again if it is still wanted"
    )]
    Cancelled,
    /// Not the function's doing: an input could not be read, or a scratch file not be written.
    #[error(transparent)]
    World(#[from] Fault),
    /// The function broke; its author is to blame, not the recipe.
    #[error(
        "the function panicked: {message}; this is a defect of the function, report it with the recipe's address"
    )]
    Panicked {
        /// What the panic said, cut to a bounded length.
        message: String,
    },
}

impl FunctionError {
    /// A refusal in the function's own words.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
        }
    }

    /// Whether the same call may succeed later or elsewhere without a change to the recipe.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::BudgetExceeded { what, .. } => matches!(what, Resource::WallMillis),
            Self::Cancelled => true,
            _ => false,
        }
    }
}

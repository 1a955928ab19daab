//! Makes the cards of the built-in functions, so that each file says only what is its own.

use bytes::Bytes;
use deriva_model::{FunctionId, Value};

use crate::function::{
    Arity, CostHint, FunctionError, FunctionSpec, ParamKind, ParamSpec, Presence,
};

/// The version of all functions in this folder.
const VERSION: &str = "1.0.0";
/// Longest text param: what a recipe can hold in one string.
pub(super) const MAX_TEXT: usize = 64 * 1024;
/// Most columns named in a list.
pub(super) const MAX_COLUMNS: usize = 256;

/// A card without params.
pub(super) fn card(name: &str, description: &str, inputs: Arity, cost: CostHint) -> FunctionSpec {
    FunctionSpec {
        id: FunctionId {
            name: name.to_string(),
            version: VERSION.to_string(),
        },
        description: description.to_string(),
        inputs,
        params: Vec::new(),
        example: format!("deriva recipe {name} {VERSION} -i ADDR"),
        cost,
    }
}

/// A cost: nanoseconds for a call, and for each KiB of input.
pub(super) const fn cost(fixed_nanos: u64, nanos_per_kib: u64) -> CostHint {
    CostHint {
        fixed_nanos,
        nanos_per_kib,
    }
}

impl FunctionSpec {
    /// The same card with one more param.
    pub(super) fn with(mut self, param: ParamSpec) -> Self {
        self.params.push(param);
        self
    }

    /// The same card with what follows the function and version in its example.
    pub(super) fn example(mut self, arguments: &str) -> Self {
        self.example = format!(
            "deriva recipe {} {} {arguments}",
            self.id.name, self.id.version
        );
        self
    }
}

/// A param of any text.
pub(super) fn text(name: &str, presence: Presence, description: &str) -> ParamSpec {
    let kind = ParamKind::String {
        max_len: MAX_TEXT,
        one_of: Vec::new(),
    };
    param(name, kind, presence, description)
}

/// A param of one word out of a few.
pub(super) fn word(name: &str, words: &[&str], presence: Presence, description: &str) -> ParamSpec {
    let kind = ParamKind::String {
        max_len: MAX_TEXT,
        one_of: words.iter().map(ToString::to_string).collect(),
    };
    param(name, kind, presence, description)
}

/// A param that lists columns.
pub(super) fn columns(name: &str, presence: Presence, description: &str) -> ParamSpec {
    let kind = ParamKind::Strings {
        max_items: MAX_COLUMNS,
        max_len: MAX_TEXT,
    };
    param(name, kind, presence, description)
}

/// A param of the given type.
pub(super) fn param(
    name: &str,
    kind: ParamKind,
    presence: Presence,
    description: &str,
) -> ParamSpec {
    ParamSpec {
        name: name.to_string(),
        kind,
        presence,
        description: description.to_string(),
    }
}

/// A text that stands in for an absent param.
pub(super) fn default(text: &str) -> Presence {
    Presence::Default(Value::String(text.to_string()))
}

/// The input at `position`; the registry has checked their number, so this refuses only direct calls.
pub(super) fn input<'a>(
    spec: &FunctionSpec,
    inputs: &'a [Bytes],
    position: usize,
) -> Result<&'a Bytes, FunctionError> {
    inputs
        .get(position)
        .ok_or_else(|| FunctionError::WrongInputs {
            given: inputs.len(),
            expected: spec.inputs.clone(),
        })
}

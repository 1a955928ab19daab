//! Params as a function sees them: every one declared, typed, within bounds, defaults filled in.
//!
//! A recipe's params are hashed as they were sent. What is read here is a view beside them: a typed
//! value, or the one string that spells it (existing clients send only strings). Nothing here is
//! hashed or stored, and no spelling but the canonical one is accepted: `3` is a whole number, `03`
//! is not, so one meaning does not come under many addresses.

use deriva_model::Value;
use thiserror::Error;

use crate::function::{FunctionSpec, Presence};

mod read;

use read::{cut, read};

/// Why a recipe's params do not fit the function.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParamError {
    /// A required param is absent.
    #[error("param `{param}` is missing; give {expected}")]
    Missing {
        /// The param.
        param: String,
        /// What it takes.
        expected: String,
    },
    /// A param the function does not know.
    #[error("param `{param}` is not known to this function; {}", known_list(known))]
    Unknown {
        /// The param as given, cut to a bounded length.
        param: String,
        /// The params it knows.
        known: Vec<String>,
    },
    /// A value of another type, or a string that spells none of the type.
    #[error("param `{param}` is {given}; give {expected}")]
    IllTyped {
        /// The param.
        param: String,
        /// What came, cut to a bounded length.
        given: String,
        /// What it takes.
        expected: String,
    },
    /// A string that means a value of the type without being its canonical spelling.
    #[error(
        "param `{param}` is spelled {given}; spell it \"{canonical}\", so that equal recipes have one address"
    )]
    NotCanonical {
        /// The param.
        param: String,
        /// What came, cut to a bounded length.
        given: String,
        /// The spelling that is accepted.
        canonical: String,
    },
    /// The right type, outside the bounds.
    #[error("param `{param}` is {given}, which is out of range; give {expected}")]
    OutOfRange {
        /// The param.
        param: String,
        /// What came, cut to a bounded length.
        given: String,
        /// What it takes.
        expected: String,
    },
    /// Params that are fine alone and wrong together.
    #[error("params `{param}` and `{other}` do not go together: {reason}")]
    Conflict {
        /// One param.
        param: String,
        /// The other.
        other: String,
        /// Why, and what to give instead.
        reason: String,
    },
    /// A function reads a param that its card does not declare, or under another type: its author's defect.
    #[error(
        "the function reads param `{param}`, which its card does not declare with that type; report this defect of the function"
    )]
    Undeclared {
        /// The param.
        param: String,
    },
}

impl ParamError {
    /// The param the error is about.
    #[must_use]
    pub fn param(&self) -> &str {
        match self {
            Self::Missing { param, .. }
            | Self::Unknown { param, .. }
            | Self::IllTyped { param, .. }
            | Self::NotCanonical { param, .. }
            | Self::OutOfRange { param, .. }
            | Self::Conflict { param, .. }
            | Self::Undeclared { param } => param,
        }
    }
}

fn known_list(known: &[String]) -> String {
    if known.is_empty() {
        return "it takes none".to_string();
    }
    format!("it knows {}", known.join(", "))
}

/// The validated params of one call.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// In the order of the card, by name.
    values: Vec<(String, Slot)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Slot {
    Absent,
    String(String),
    I64(i64),
    Bool(bool),
    Bytes(Vec<u8>),
    F64(f64),
    Strings(Vec<String>),
}

impl Params {
    /// Reads a recipe's params, each key once, against a function's card.
    ///
    /// # Errors
    /// The first param, in the order of names given and then in the card's order, that does not fit.
    pub fn validate(spec: &FunctionSpec, given: &[(&str, Value)]) -> Result<Self, ParamError> {
        let is_known = |key: &str| spec.params.iter().any(|param| param.name == key);
        if let Some((extra, _)) = given.iter().find(|(key, _)| !is_known(key)) {
            return Err(ParamError::Unknown {
                param: cut(extra),
                known: spec.params.iter().map(|p| p.name.clone()).collect(),
            });
        }
        let mut values = Vec::with_capacity(spec.params.len());
        for param in &spec.params {
            let sent = given.iter().find(|(key, _)| *key == param.name);
            let slot = match (sent.map(|(_, value)| value), &param.presence) {
                (Some(value), _) | (None, Presence::Default(value)) => read(param, value)?,
                (None, Presence::Optional) => Slot::Absent,
                (None, Presence::Required) => {
                    return Err(ParamError::Missing {
                        param: param.name.clone(),
                        expected: param.kind.to_string(),
                    });
                }
            };
            values.push((param.name.clone(), slot));
        }
        Ok(Self { values })
    }

    fn slot(&self, name: &str) -> Option<&Slot> {
        let known = self.values.iter().find(|(known, _)| known == name);
        known.map(|(_, slot)| slot)
    }

    /// A text that is required or has a default.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`], as for every reader below: the card and the function disagree.
    pub fn string(&self, name: &str) -> Result<&str, ParamError> {
        self.optional_string(name)?.ok_or_else(|| undeclared(name))
    }

    /// A text that may be absent.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn optional_string(&self, name: &str) -> Result<Option<&str>, ParamError> {
        match self.slot(name) {
            Some(Slot::String(text)) => Ok(Some(text)),
            Some(Slot::Absent) => Ok(None),
            _ => Err(undeclared(name)),
        }
    }

    /// A whole number that is required or has a default.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn i64(&self, name: &str) -> Result<i64, ParamError> {
        self.optional_i64(name)?.ok_or_else(|| undeclared(name))
    }

    /// A whole number that may be absent.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn optional_i64(&self, name: &str) -> Result<Option<i64>, ParamError> {
        match self.slot(name) {
            Some(Slot::I64(number)) => Ok(Some(*number)),
            Some(Slot::Absent) => Ok(None),
            _ => Err(undeclared(name)),
        }
    }

    /// A truth value that is required or has a default.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn bool(&self, name: &str) -> Result<bool, ParamError> {
        match self.slot(name) {
            Some(Slot::Bool(truth)) => Ok(*truth),
            _ => Err(undeclared(name)),
        }
    }

    /// Bytes that are required or have a default.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn bytes(&self, name: &str) -> Result<&[u8], ParamError> {
        match self.slot(name) {
            Some(Slot::Bytes(bytes)) => Ok(bytes),
            _ => Err(undeclared(name)),
        }
    }

    /// A finite number that is required or has a default.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn f64(&self, name: &str) -> Result<f64, ParamError> {
        match self.slot(name) {
            Some(Slot::F64(number)) => Ok(*number),
            _ => Err(undeclared(name)),
        }
    }

    /// A list of texts that may be absent.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn optional_strings(&self, name: &str) -> Result<Option<&[String]>, ParamError> {
        match self.slot(name) {
            Some(Slot::Strings(items)) => Ok(Some(items)),
            Some(Slot::Absent) => Ok(None),
            _ => Err(undeclared(name)),
        }
    }

    /// A list of texts that is required or has a default.
    ///
    /// # Errors
    /// [`ParamError::Undeclared`].
    pub fn strings(&self, name: &str) -> Result<&[String], ParamError> {
        self.optional_strings(name)?.ok_or_else(|| undeclared(name))
    }
}

fn undeclared(name: &str) -> ParamError {
    ParamError::Undeclared {
        param: name.to_string(),
    }
}

#[cfg(test)]
#[path = "params_test.rs"]
mod params_test;

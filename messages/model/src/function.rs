//! A function by name and version: what a recipe asks for and a record names.

use std::fmt;

use crate::dcf::{DecodeError, Reader};
use crate::limits::Measure;
use crate::recipe::{RecipeError, check_text};

/// A function by name and version; the two mean the same bytes out for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId {
    /// The name, never empty in a recipe, at most 64 KiB.
    pub name: String,
    /// The version, never empty in a recipe, at most 64 KiB. It is a text: nothing is ordered by it.
    pub version: String,
}

impl FunctionId {
    /// Names a function. Emptiness and length are judged when it enters a recipe or a record.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> FunctionId {
        FunctionId {
            name: name.into(),
            version: version.into(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), RecipeError> {
        if self.name.is_empty() {
            return Err(RecipeError::EmptyName);
        }
        check_text(Measure::String, self.name.len())?;
        if self.version.is_empty() {
            return Err(RecipeError::EmptyVersion);
        }
        check_text(Measure::String, self.version.len())
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// A function's name: a string that is not empty.
pub(crate) fn function_name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    match reader.string()? {
        "" => Err(DecodeError::EmptyName),
        name => Ok(name),
    }
}

/// A function's version: a string that is not empty.
pub(crate) fn function_version<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    match reader.string()? {
        "" => Err(DecodeError::EmptyVersion),
        version => Ok(version),
    }
}

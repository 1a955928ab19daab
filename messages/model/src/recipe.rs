//! How a value is made: a function by name and version, its ordered inputs, its params.
//!
//! A `Recipe` that exists is within every limit, so it always encodes and always has an address.
//! Whether its function exists and its params fit is not judged here: that is the entrance's duty.

use std::collections::BTreeMap;
use std::fmt;

use crate::address::CAddr;
use crate::dcf::{
    Decode, DecodeError, Document, DocumentType, Encode, Reader, Writer, decode_document,
    encode_document,
};
use crate::limits::{self, Measure, OverLimit};
use crate::value::Value;

/// Why parts do not make a recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// The function's name is empty.
    #[error("the function's name is empty")]
    EmptyName,
    /// The function's version is empty.
    #[error("the function's version is empty")]
    EmptyVersion,
    /// Lists in a param are nested too deep.
    #[error("lists are nested deeper than {limit}")]
    TooDeep {
        /// The greatest depth allowed.
        limit: usize,
    },
    /// Something is larger than the law allows.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
}

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

/// Bytes of a recipe's document behind the tag of its inputs when it has neither inputs nor params:
/// the inputs' count, the tag of the params, their count.
const EMPTY_TAIL: usize = 4 + 1 + 4;

impl FunctionId {
    /// How the canonical document of every recipe of this function begins, and that of no other:
    /// to find them among many without decoding each.
    pub fn document_prefix(&self) -> Vec<u8> {
        let empty = Recipe {
            function: self.clone(),
            inputs: Vec::new(),
            params: BTreeMap::new(),
        };
        let mut bytes = encode_document(&empty, 0);
        bytes.truncate(bytes.len().saturating_sub(EMPTY_TAIL));
        bytes
    }
}

impl fmt::Display for FunctionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// A function, its inputs in order, its params in order of their keys' bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    function: FunctionId,
    inputs: Vec<CAddr>,
    params: BTreeMap<String, Value>,
}

impl Recipe {
    /// Checks every limit of the law and makes the recipe. The inputs' order is part of it.
    pub fn new(
        function: FunctionId,
        inputs: Vec<CAddr>,
        params: BTreeMap<String, Value>,
    ) -> Result<Recipe, RecipeError> {
        function.check()?;
        OverLimit::check(Measure::Inputs, limits::RECIPE_INPUTS, inputs.len() as u64)?;
        OverLimit::check(Measure::Params, limits::RECIPE_PARAMS, params.len() as u64)?;
        for (key, value) in &params {
            check_text(Measure::String, key.len())?;
            check_value(value, 0)?;
        }
        let recipe = Recipe {
            function,
            inputs,
            params,
        };
        let bytes = recipe.encoded_len() as u64;
        OverLimit::check(Measure::Document, limits::RECIPE_BYTES, bytes)?;
        Ok(recipe)
    }

    /// The function to call.
    pub fn function(&self) -> &FunctionId {
        &self.function
    }

    /// The inputs, in the order in which the function gets them.
    pub fn inputs(&self) -> &[CAddr] {
        &self.inputs
    }

    /// The params.
    pub fn params(&self) -> &BTreeMap<String, Value> {
        &self.params
    }

    /// The canonical document. Encoding and hashing cost time in proportion to it: to keep bytes
    /// and address together, [seal](SealedRecipe::seal) the recipe.
    pub fn encode(&self) -> Vec<u8> {
        encode_document(self, self.encoded_len())
    }

    /// Reads a document of type 01, accepting exactly what [`Recipe::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Recipe, DecodeError> {
        decode_document(bytes)
    }

    /// `BLAKE3` of the canonical bytes; encodes the recipe to get it.
    pub fn address(&self) -> CAddr {
        DocumentType::Recipe.address(&self.encode())
    }

    /// Bytes of the document: header 5, field count 1, four tags, four lengths, and what they hold.
    fn encoded_len(&self) -> usize {
        let params: usize = self
            .params
            .iter()
            .map(|(key, value)| 4 + key.len() + value_len(value))
            .sum();
        let texts = self.function.name.len() + self.function.version.len();
        5 + 1 + 4 + 4 * 4 + texts + self.inputs.len() * CAddr::LEN + params
    }
}

fn check_text(what: Measure, len: usize) -> Result<(), RecipeError> {
    Ok(OverLimit::check(what, limits::TEXT_BYTES, len as u64)?)
}

/// Recursion is bounded: a list at depth 33 is refused before it is entered.
fn check_value(value: &Value, lists_above: usize) -> Result<(), RecipeError> {
    match value {
        Value::String(text) => check_text(Measure::String, text.len()),
        Value::Bytes(bytes) => check_text(Measure::Bytes, bytes.len()),
        Value::List(_) if lists_above == limits::NESTING => Err(RecipeError::TooDeep {
            limit: limits::NESTING,
        }),
        Value::List(items) => items
            .iter()
            .try_for_each(|item| check_value(item, lists_above + 1)),
        Value::I64(_) | Value::Bool(_) | Value::F64(_) => Ok(()),
    }
}

/// Bytes of a value's encoding; only for values whose depth was checked.
fn value_len(value: &Value) -> usize {
    1 + match value {
        Value::String(text) => 4 + text.len(),
        Value::Bytes(bytes) => 4 + bytes.len(),
        Value::I64(_) | Value::F64(_) => 8,
        Value::Bool(_) => 1,
        Value::List(items) => 4 + items.iter().map(value_len).sum::<usize>(),
    }
}

impl Encode for Recipe {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(4);
        writer.u8(1);
        writer.string(&self.function.name);
        writer.u8(2);
        writer.string(&self.function.version);
        writer.u8(3);
        writer.list(&self.inputs);
        writer.u8(4);
        self.params.encode(writer);
    }
}

impl Decode for Recipe {
    fn decode(reader: &mut Reader<'_>) -> Result<Recipe, DecodeError> {
        let mut fields = reader.fields(4)?;
        fields.next(reader)?;
        let name = function_name(reader)?;
        fields.next(reader)?;
        let version = function_version(reader)?;
        fields.next(reader)?;
        let inputs = reader.inputs(CAddr::LEN)?;
        fields.next(reader)?;
        let params = BTreeMap::decode(reader)?;
        fields.finish(reader)?;
        // Every limit was judged on the way, so the parts are a recipe without a second walk.
        Ok(Recipe {
            function: FunctionId { name, version },
            inputs,
            params,
        })
    }
}

impl Document for Recipe {
    const TYPE: DocumentType = DocumentType::Recipe;
}

/// A function's name: a string that is not empty.
pub(crate) fn function_name(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    match reader.string()? {
        "" => Err(DecodeError::EmptyName),
        name => Ok(name.to_owned()),
    }
}

/// A function's version: a string that is not empty.
pub(crate) fn function_version(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    match reader.string()? {
        "" => Err(DecodeError::EmptyVersion),
        version => Ok(version.to_owned()),
    }
}

/// A recipe with its canonical bytes and its address: hashed once, carried from then on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SealedRecipe {
    recipe: Recipe,
    address: CAddr,
    bytes: Box<[u8]>,
}

impl SealedRecipe {
    /// Encodes and hashes a recipe.
    pub fn seal(recipe: Recipe) -> SealedRecipe {
        let bytes = recipe.encode().into_boxed_slice();
        SealedRecipe {
            address: DocumentType::Recipe.address(&bytes),
            recipe,
            bytes,
        }
    }

    /// Decodes and hashes bytes from outside. The address is what the bytes are, so a caller that
    /// asked for an address compares it.
    pub fn open(bytes: impl Into<Box<[u8]>>) -> Result<SealedRecipe, DecodeError> {
        let bytes = bytes.into();
        Ok(SealedRecipe {
            recipe: Recipe::decode(&bytes)?,
            address: DocumentType::Recipe.address(&bytes),
            bytes,
        })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Its address.
    pub fn address(&self) -> CAddr {
        self.address
    }

    /// Its canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the recipe and drops the bytes.
    pub fn into_recipe(self) -> Recipe {
        self.recipe
    }

    /// Gives recipe, address and bytes.
    pub fn into_parts(self) -> (Recipe, CAddr, Box<[u8]>) {
        (self.recipe, self.address, self.bytes)
    }
}

#[cfg(test)]
#[path = "recipe_test.rs"]
mod recipe_test;

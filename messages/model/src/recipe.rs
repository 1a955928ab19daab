//! How a value is made: a function by name and version, its ordered inputs, its params.
//!
//! A `Recipe` that exists is within every limit, so it always encodes and always has an address.
//! Whether its function exists and its params fit is not judged here: that is the entrance's duty.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::CAddr;
use crate::dcf::{
    Decode, DecodeError, Document, DocumentType, Encode, Reader, Writer, decode_document,
    encode_document, read_params,
};
use crate::function::{FunctionId, function_name, function_version};
use crate::limits::{self, Measure, OverLimit};
use crate::value::Value;
use zerocopy::FromBytes;

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

/// Bytes of a recipe's document before the count of its inputs, apart from the function's texts: header
/// 5, field count 1, three tags, two lengths.
const BEFORE_INPUTS: usize = 5 + 1 + 3 + 2 * 4;
/// Bytes of the count.
const COUNT: usize = 4;

/// Bytes of a recipe's document behind the tag of its inputs when it has neither inputs nor params:
/// the inputs' count, the tag of the params, their count.
const EMPTY_TAIL: usize = 4 + 1 + 4;

impl FunctionId {
    /// How the canonical document of every recipe of this function begins, and that of no other:
    /// to find them among many without decoding each.
    pub fn document_prefix(&self) -> Vec<u8> {
        let empty = Parts {
            function: self,
            inputs: &[],
            params: &BTreeMap::new(),
        };
        let mut bytes = encode_document(&empty, 0);
        bytes.truncate(bytes.len().saturating_sub(EMPTY_TAIL));
        bytes
    }
}

/// A function, its inputs in order, its params in order of their keys' bytes.
///
/// It keeps its canonical document, which is what is hashed, stored and sent; inputs and params are
/// read where they stand in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    document: Box<[u8]>,
    function: Arc<FunctionId>,
}

impl Recipe {
    /// Checks every limit of the law and makes the recipe. The inputs' order is part of it. Who makes
    /// many recipes of one function may share its id.
    pub fn new(
        function: impl Into<Arc<FunctionId>>,
        inputs: impl AsRef<[CAddr]>,
        params: BTreeMap<String, Value>,
    ) -> Result<Recipe, RecipeError> {
        let function = function.into();
        let parts = Parts {
            function: &function,
            inputs: inputs.as_ref(),
            params: &params,
        };
        let document = encode_document(&parts, parts.check()?);
        Ok(Recipe {
            document: document.into_boxed_slice(),
            function,
        })
    }

    /// The function to call.
    pub fn function(&self) -> &FunctionId {
        &self.function
    }

    /// The same, to be kept beyond the recipe.
    pub fn shared_function(&self) -> Arc<FunctionId> {
        self.function.clone()
    }

    /// From here on its function's id is `shared`, if that is the same, and its own goes.
    pub fn share_function(&mut self, shared: &Arc<FunctionId>) {
        if self.function == *shared {
            self.function = shared.clone();
        }
    }

    /// The inputs, in the order in which the function gets them.
    pub fn inputs(&self) -> &[CAddr] {
        let (inputs, _) = self.behind_the_function();
        <[CAddr]>::ref_from_bytes(inputs).unwrap_or_default()
    }

    /// The bytes of the inputs, and those of the params with their count. A document that was made or
    /// read here has what it announces.
    fn behind_the_function(&self) -> (&[u8], &[u8]) {
        let function = &self.function;
        let at = BEFORE_INPUTS + function.name.len() + function.version.len();
        let rest = self.document.get(at..).unwrap_or_default();
        let Some((count, rest)) = rest.split_first_chunk::<COUNT>() else {
            return (&[], &[]);
        };
        let inputs = u32::from_le_bytes(*count) as usize * CAddr::LEN;
        let (inputs, rest) = rest.split_at_checked(inputs).unwrap_or_default();
        (inputs, rest.get(1..).unwrap_or_default())
    }

    /// The params as the document has them, their count first: what stands in every hash of them.
    pub(crate) fn params_bytes(&self) -> &[u8] {
        self.behind_the_function().1
    }

    /// The params, in the order of their keys' bytes.
    pub fn given(&self) -> Vec<(&str, Value)> {
        let mut reader = Reader::new(self.params_bytes());
        // They were made or judged here.
        read_params(&mut reader).unwrap_or_default()
    }

    /// The params by their keys.
    pub fn params(&self) -> BTreeMap<String, Value> {
        let given = self.given().into_iter();
        given.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The canonical document.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// A copy of the canonical document.
    pub fn encode(&self) -> Vec<u8> {
        self.document.to_vec()
    }

    /// Reads a document of type 01, accepting exactly what [`Recipe::new`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Recipe, DecodeError> {
        Self::read(bytes)
    }

    /// As [`Recipe::decode`]; bytes that are owned already are not copied.
    fn read(document: impl Into<Box<[u8]>>) -> Result<Recipe, DecodeError> {
        let document = document.into();
        let Read { function } = decode_document(&document)?;
        Ok(Recipe {
            document,
            function: Arc::new(function),
        })
    }

    /// `BLAKE3` of the canonical bytes. Whoever needs it more than once [seals](SealedRecipe::seal)
    /// the recipe.
    pub fn address(&self) -> CAddr {
        DocumentType::Recipe.address(&self.document)
    }
}

/// What a recipe is made of.
struct Parts<'a> {
    function: &'a FunctionId,
    inputs: &'a [CAddr],
    params: &'a BTreeMap<String, Value>,
}

impl Parts<'_> {
    /// Every limit of the law. Gives the bytes of the document.
    fn check(&self) -> Result<usize, RecipeError> {
        self.function.check()?;
        let (inputs, params) = (self.inputs.len() as u64, self.params.len() as u64);
        OverLimit::check(Measure::Inputs, limits::RECIPE_INPUTS, inputs)?;
        OverLimit::check(Measure::Params, limits::RECIPE_PARAMS, params)?;
        for (key, value) in self.params {
            check_text(Measure::String, key.len())?;
            check_value(value, 0)?;
        }
        let bytes = self.encoded_len();
        OverLimit::check(Measure::Document, limits::RECIPE_BYTES, bytes as u64)?;
        Ok(bytes)
    }

    /// Bytes of the document: what stands before the inputs, their count and they, a tag, and the
    /// params with their count.
    fn encoded_len(&self) -> usize {
        let params: usize = self
            .params
            .iter()
            .map(|(key, value)| 4 + key.len() + value_len(value))
            .sum();
        let texts = self.function.name.len() + self.function.version.len();
        let inputs = COUNT + self.inputs.len() * CAddr::LEN;
        BEFORE_INPUTS + texts + inputs + 1 + COUNT + params
    }
}

pub(crate) fn check_text(what: Measure, len: usize) -> Result<(), RecipeError> {
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

impl Encode for Parts<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(4);
        writer.u8(1);
        writer.string(&self.function.name);
        writer.u8(2);
        writer.string(&self.function.version);
        writer.u8(3);
        writer.list(self.inputs);
        writer.u8(4);
        self.params.encode(writer);
    }
}

impl Document for Parts<'_> {
    const TYPE: DocumentType = DocumentType::Recipe;
}

/// What is kept of a recipe's document beside itself. The rest is judged and stays where it is.
struct Read {
    function: FunctionId,
}

impl Decode for Read {
    fn decode(reader: &mut Reader<'_>) -> Result<Read, DecodeError> {
        let mut fields = reader.fields(4)?;
        fields.next(reader)?;
        let name = function_name(reader)?;
        fields.next(reader)?;
        let version = function_version(reader)?;
        fields.next(reader)?;
        reader.pass_inputs(CAddr::LEN)?;
        fields.next(reader)?;
        read_params(reader)?;
        fields.finish(reader)?;
        // Every limit was judged on the way, so the parts are a recipe without a second walk.
        let function = FunctionId::new(name, version);
        Ok(Read { function })
    }
}

impl Document for Read {
    const TYPE: DocumentType = DocumentType::Recipe;
}

/// A recipe with its address: hashed once, carried from then on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SealedRecipe {
    recipe: Recipe,
    address: CAddr,
}

impl SealedRecipe {
    /// Hashes a recipe.
    pub fn seal(recipe: Recipe) -> SealedRecipe {
        SealedRecipe {
            address: recipe.address(),
            recipe,
        }
    }

    /// Decodes and hashes bytes from outside. The address is what the bytes are, so a caller that
    /// asked for an address compares it.
    pub fn open(bytes: impl Into<Box<[u8]>>) -> Result<SealedRecipe, DecodeError> {
        Ok(SealedRecipe::seal(Recipe::read(bytes)?))
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// As [`Recipe::share_function`]: the address stays.
    pub fn share_function(&mut self, shared: &Arc<FunctionId>) {
        self.recipe.share_function(shared);
    }

    /// Its address.
    pub fn address(&self) -> CAddr {
        self.address
    }

    /// Its canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.recipe.document
    }

    /// The recipe, to be kept without its address.
    pub fn into_recipe(self) -> Recipe {
        self.recipe
    }
}

#[cfg(test)]
#[path = "recipe_test.rs"]
mod recipe_test;

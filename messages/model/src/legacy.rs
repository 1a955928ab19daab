//! Recipes from before DCF: little-endian bincode 1 with fixed-width integers. This release reads
//! them, and writes them only to check an alias; it refuses to make new ones its own.
//!
//! The decoder is as strict as DCF's: exactly the bytes that the old encoder made from a sorted map,
//! with a name, a version and today's limits. The document limit is that of the recipe's DCF form,
//! since that is what will be stored: old bytes may be longer than 4 MiB when their DCF form is not.

#[path = "legacy_shape.rs"]
mod shape;

pub use shape::has_legacy_shape;

use std::collections::BTreeMap;

use crate::address::CAddr;
use crate::dcf::decode::{ascending, bool_of};
use crate::dcf::{DCF_VERSION, DecodeError, DocumentType, Reader, Writer, open};
use crate::function::FunctionId;
use crate::limits::{self, Measure, OverLimit};
use crate::recipe::Recipe;
use crate::value::Value;

/// Which spelling of a recipe some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipeForm {
    /// A DCF document.
    Canonical,
    /// The old form.
    Legacy,
}

/// Whether these bytes are a recipe, and so may not be a leaf: they would share its address.
///
/// Cheap for what is no recipe: bytes beyond [`limits::LEGACY_BYTES`] are not looked at, and others
/// mostly fail at their first eight.
pub fn names_a_recipe(bytes: &[u8]) -> Option<RecipeForm> {
    if !could_name_a_recipe(bytes, bytes.len() as u64) {
        return None;
    }
    if Recipe::decode(bytes).is_ok() {
        return Some(RecipeForm::Canonical);
    }
    decode_legacy(bytes).is_ok().then_some(RecipeForm::Legacy)
}

/// Whether bytes that begin with `prefix` and are at least `total` long could yet name a recipe. One
/// that streams a leaf in keeps the bytes only while this says so, and at most
/// [`limits::LEGACY_BYTES`] of them. Eight bytes decide most cases; fewer leave it open.
pub fn could_name_a_recipe(prefix: &[u8], total: u64) -> bool {
    if total > limits::LEGACY_BYTES as u64 {
        return false;
    }
    match open(prefix, DCF_VERSION) {
        Ok((_, DocumentType::Recipe, _)) => return true,
        Err(DecodeError::Truncated { .. }) => return true,
        Ok(_) | Err(_) => {}
    }
    match prefix.first_chunk::<8>() {
        None => true,
        Some(len) => (1..=limits::TEXT_BYTES as u64).contains(&u64::from_le_bytes(*len)),
    }
}

/// Reads a recipe in the old form, accepting exactly what [`encode_legacy`] makes.
pub fn decode_legacy(bytes: &[u8]) -> Result<Recipe, DecodeError> {
    let total = bytes.len() as u64;
    OverLimit::check(Measure::LegacyDocument, limits::LEGACY_BYTES, total)?;
    let mut reader = Reader::new(bytes);
    let name = string(&mut reader)?;
    if name.is_empty() {
        return Err(DecodeError::EmptyName);
    }
    let version = string(&mut reader)?;
    if version.is_empty() {
        return Err(DecodeError::EmptyVersion);
    }
    let count = number(&mut reader)?;
    OverLimit::check(Measure::Inputs, limits::RECIPE_INPUTS, count)?;
    let count = fits(&reader, count, CAddr::LEN)?;
    let inputs = reader.items(count)?;
    let params = params(&mut reader)?;
    reader.finish()?;
    Ok(Recipe::new(FunctionId { name, version }, inputs, params)?)
}

/// The old form of a recipe; `None` when it holds a float, which the old form never had.
pub fn encode_legacy(recipe: &Recipe) -> Option<Vec<u8>> {
    let mut writer = Writer::default();
    write_bytes(&mut writer, recipe.function().name.as_bytes());
    write_bytes(&mut writer, recipe.function().version.as_bytes());
    write_number(&mut writer, recipe.inputs().len());
    for input in recipe.inputs() {
        writer.raw(input.as_bytes());
    }
    let params = recipe.given();
    write_number(&mut writer, params.len());
    for (key, value) in &params {
        write_bytes(&mut writer, key.as_bytes());
        write_value(&mut writer, value)?;
    }
    Some(writer.into_bytes())
}

/// The address that a recipe had before DCF: an alias of its DCF address. `None` as for [`encode_legacy`].
pub fn legacy_address(recipe: &Recipe) -> Option<CAddr> {
    encode_legacy(recipe).map(|bytes| CAddr::from_bytes(*blake3::hash(&bytes).as_bytes()))
}

fn number(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    reader.array().map(u64::from_le_bytes)
}

/// Refuses a count of things of at least `item_bytes` that the bytes left cannot hold.
fn fits(reader: &Reader<'_>, count: u64, item_bytes: usize) -> Result<usize, DecodeError> {
    let left = reader.left() as u64;
    let wanted = count.saturating_mul(item_bytes as u64);
    match usize::try_from(count) {
        Ok(count) if wanted <= left => Ok(count),
        _ => Err(DecodeError::Truncated { wanted, left }),
    }
}

fn bytes<'a>(reader: &mut Reader<'a>, what: Measure) -> Result<&'a [u8], DecodeError> {
    let len = number(reader)?;
    OverLimit::check(what, limits::TEXT_BYTES, len)?;
    let len = fits(reader, len, 1)?;
    reader.take(len)
}

fn string(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    match std::str::from_utf8(bytes(reader, Measure::String)?) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(DecodeError::BadUtf8),
    }
}

fn params(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Value>, DecodeError> {
    let count = number(reader)?;
    OverLimit::check(Measure::Params, limits::RECIPE_PARAMS, count)?;
    // The shortest pair is an empty key (8 bytes of length) and a bool (5 bytes).
    let count = fits(reader, count, 13)?;
    let mut params = BTreeMap::new();
    for _ in 0..count {
        let key = string(reader)?;
        ascending(last(&params), &key)?;
        params.insert(key, value(reader, 0)?);
    }
    Ok(params)
}

fn last(params: &BTreeMap<String, Value>) -> Option<&str> {
    params.last_key_value().map(|(key, _)| key.as_str())
}

/// Recursion is bounded: a list at depth 33 is refused before its count is read.
fn value(reader: &mut Reader<'_>, lists_above: usize) -> Result<Value, DecodeError> {
    Ok(match reader.array().map(u32::from_le_bytes)? {
        0 => Value::String(string(reader)?),
        1 => Value::I64(reader.array().map(i64::from_le_bytes)?),
        2 => Value::Bool(bool_of(reader.u8()?)?),
        3 => Value::Bytes(bytes(reader, Measure::Bytes)?.to_vec()),
        4 => Value::List(list(reader, lists_above + 1)?),
        got => return Err(DecodeError::BadKind { got }),
    })
}

fn list(reader: &mut Reader<'_>, depth: usize) -> Result<Vec<Value>, DecodeError> {
    if depth > limits::NESTING {
        return Err(DecodeError::TooDeep {
            limit: limits::NESTING,
        });
    }
    let count = number(reader)?;
    // The shortest value is a bool: a kind of 4 bytes and a byte. The list grows as it proves itself.
    let count = fits(reader, count, 5)?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(value(reader, depth)?);
    }
    Ok(items)
}

fn write_number(writer: &mut Writer, number: usize) {
    writer.raw(&(number as u64).to_le_bytes());
}

fn write_bytes(writer: &mut Writer, bytes: &[u8]) {
    write_number(writer, bytes.len());
    writer.raw(bytes);
}

fn write_value(writer: &mut Writer, value: &Value) -> Option<()> {
    let kind = u32::from(value.kind() as u8).to_le_bytes();
    match value {
        Value::F64(_) => return None,
        _ => writer.raw(&kind),
    }
    match value {
        Value::String(text) => write_bytes(writer, text.as_bytes()),
        Value::I64(number) => writer.raw(&number.to_le_bytes()),
        Value::Bool(flag) => writer.bool(*flag),
        Value::Bytes(bytes) => write_bytes(writer, bytes),
        Value::List(items) => {
            write_number(writer, items.len());
            for item in items {
                write_value(writer, item)?;
            }
        }
        Value::F64(_) => return None,
    }
    Some(())
}

#[cfg(test)]
#[path = "legacy_test.rs"]
mod legacy_test;

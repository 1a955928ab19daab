//! Between what travels and the domain's own types.
//!
//! It refuses to repair: an address of another length, a param without a kind or a recipe over its
//! limits is a malformed answer, told as such.

use std::collections::{BTreeMap, HashMap};

use deriva_model::{CAddr, ContentHash, F64, FunctionId, Recipe, Value, limits};
use deriva_proto::{
    ImportOutcome as Told, ListValue, PutRecipeRequest, ResolveResponse, TypedValue,
    typed_value::Kind,
};

use crate::{
    ClientError, Explained, ExplainedRecord, GraphNode, ImportOutcome, ImportedRecipe,
    MissingInputs, Resolution, Resolved,
};

/// An address from its 32 bytes, as every answer carries it.
pub fn address(bytes: &[u8]) -> Result<CAddr, ClientError> {
    CAddr::try_from_slice(bytes).map_err(|e| ClientError::Malformed(e.to_string()))
}

pub(crate) fn addresses<B: AsRef<[u8]>>(all: &[B]) -> Result<Vec<CAddr>, ClientError> {
    all.iter().map(|bytes| address(bytes.as_ref())).collect()
}

pub(crate) fn bytes_of(addr: &CAddr) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(addr.as_bytes())
}

/// The recipe as it travels: text in the map that every client knows, the rest with its kind.
pub(crate) fn recipe_request(recipe: &Recipe, missing: MissingInputs) -> PutRecipeRequest {
    let mut request = PutRecipeRequest {
        function_name: recipe.function().name.clone(),
        function_version: recipe.function().version.clone(),
        inputs: recipe.inputs().iter().map(bytes_of).collect(),
        allow_missing_inputs: missing == MissingInputs::Allow,
        ..PutRecipeRequest::default()
    };
    for (key, value) in recipe.given() {
        match value {
            Value::String(text) => drop(request.params.insert(key.to_owned(), text)),
            other => drop(request.typed_params.insert(key.to_owned(), typed(&other))),
        }
    }
    request
}

/// Recursion is bounded: a recipe's values nest no deeper than [`limits::NESTING`].
fn typed(value: &Value) -> TypedValue {
    let kind = match value {
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::I64(number) => Kind::IntValue(*number),
        Value::Bool(truth) => Kind::BoolValue(*truth),
        Value::Bytes(bytes) => Kind::BytesValue(bytes.clone().into()),
        Value::F64(float) => Kind::FloatValue(float.get()),
        Value::List(items) => Kind::ListValue(ListValue {
            values: items.iter().map(typed).collect(),
        }),
    };
    TypedValue { kind: Some(kind) }
}

fn untyped(value: TypedValue, depth: usize) -> Result<Value, ClientError> {
    let Some(kind) = value.kind else {
        return Err(malformed("a param has no kind"));
    };
    Ok(match kind {
        Kind::StringValue(text) => Value::String(text),
        Kind::IntValue(number) => Value::I64(number),
        Kind::BoolValue(truth) => Value::Bool(truth),
        Kind::BytesValue(bytes) => Value::Bytes(bytes.into()),
        Kind::FloatValue(float) => Value::F64(F64::new(float)),
        Kind::ListValue(_) if depth == limits::NESTING => {
            return Err(malformed("a param is nested too deep"));
        }
        Kind::ListValue(list) => {
            let items = list.values.into_iter().map(|v| untyped(v, depth + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
    })
}

/// What an address stands for. A server from before `kind` told recipes only.
pub(crate) fn resolution(answer: ResolveResponse) -> Result<Resolution, ClientError> {
    if !answer.found {
        return Ok(Resolution::Unknown);
    }
    match answer.kind.as_str() {
        "leaf" => Ok(Resolution::Leaf {
            size: answer.leaf_size,
        }),
        "alias" => Ok(Resolution::Alias {
            of: address(&answer.alias_of)?,
        }),
        "recipe" => recipe(answer).map(Resolution::Recipe),
        "" if !answer.function_name.is_empty() => recipe(answer).map(Resolution::Recipe),
        other => Err(malformed(&format!(
            "an address of the unknown kind {other:?}"
        ))),
    }
}

/// The same with both addresses.
pub(crate) fn resolved_both(answer: ResolveResponse) -> Result<Resolved, ClientError> {
    let old_addr = match answer.old_addr.is_empty() {
        true => None,
        false => Some(address(&answer.old_addr)?),
    };
    let leads_to_recipe = answer.kind == "alias" && !answer.function_name.is_empty();
    let recipe = match leads_to_recipe {
        true => Some(recipe(answer.clone())?),
        false => None,
    };
    Ok(Resolved {
        is: resolution(answer)?,
        recipe,
        old_addr,
    })
}

pub(crate) fn imported(
    answer: deriva_proto::ImportRecipesResponse,
) -> Result<ImportedRecipe, ClientError> {
    let outcome = match answer.outcome() {
        Told::New => ImportOutcome::New,
        Told::Known => ImportOutcome::Known,
        Told::Refused => ImportOutcome::Refused {
            missing: addresses(&answer.missing)?,
            missing_count: answer.missing_count,
            reason: answer.reason,
            message: answer.message,
        },
        Told::Unspecified => return Err(malformed("an import without an outcome")),
    };
    Ok(ImportedRecipe {
        old_addr: address(&answer.old_addr)?,
        addr: match answer.addr.is_empty() {
            true => None,
            false => Some(address(&answer.addr)?),
        },
        outcome,
    })
}

fn recipe(answer: ResolveResponse) -> Result<Recipe, ClientError> {
    let params = params(answer.params, answer.typed_params)?;
    let inputs = addresses(&answer.inputs)?;
    let function = FunctionId::new(answer.function_name, answer.function_version);
    Recipe::new(function, inputs, params).map_err(|e| malformed(&e.to_string()))
}

/// A param of another kind than text stands in both maps; the one with the kind counts.
fn params(
    texts: HashMap<String, String>,
    kinds: HashMap<String, TypedValue>,
) -> Result<BTreeMap<String, Value>, ClientError> {
    let mut all = BTreeMap::new();
    for (key, text) in texts {
        all.insert(key, Value::String(text));
    }
    for (key, value) in kinds {
        all.insert(key, untyped(value, 0)?);
    }
    Ok(all)
}

pub(crate) fn graph_node(answer: deriva_proto::GraphResponse) -> Result<GraphNode, ClientError> {
    Ok(GraphNode {
        addr: address(&answer.addr)?,
        depth: answer.depth,
    })
}

pub(crate) fn explained(answer: deriva_proto::ExplainResponse) -> Result<Explained, ClientError> {
    let record = match answer.content_hash.is_empty() {
        true => None,
        false => Some(ExplainedRecord {
            content_hash: content(&answer.content_hash)?,
            size: answer.size,
            cost_nanos: answer.cost_nanos,
            consumed: answer
                .consumed
                .iter()
                .map(|bytes| content(bytes))
                .collect::<Result<_, _>>()?,
        }),
    };
    let function = match answer.function_name.is_empty() {
        true => None,
        false => Some(FunctionId::new(
            answer.function_name,
            answer.function_version,
        )),
    };
    Ok(Explained {
        addr: address(&answer.addr)?,
        kind: answer.kind,
        function,
        inputs: addresses(&answer.inputs)?,
        params: answer.params.into_iter().collect(),
        cached: answer.cached,
        record,
    })
}

fn content(bytes: &[u8]) -> Result<ContentHash, ClientError> {
    ContentHash::try_from_slice(bytes).map_err(|e| malformed(&e.to_string()))
}

fn malformed(what: &str) -> ClientError {
    ClientError::Malformed(what.to_owned())
}

#[cfg(test)]
#[path = "convert_test.rs"]
mod convert_test;

//! Recipes between the interface and the model. Params are taken as they were sent: nothing is
//! coerced, because they are hashed.

use super::address;
use bytes::Bytes;
use deriva_messages::{Fault, dag::MissingInputs};
use deriva_model::{
    CAddr, F64, FunctionId, Measure, OverLimit, Recipe, RecipeError, Value, limits,
};
use deriva_proto::{ListValue, PutRecipeRequest, TypedValue, typed_value::Kind};
use std::collections::{BTreeMap, HashMap};

/// The recipe of a request, within every limit, and what it says about missing inputs.
///
/// # Errors
/// `Malformed`, `RefusedRecipe` or `OverLimit`.
pub(super) fn recipe(message: PutRecipeRequest) -> Result<(Recipe, MissingInputs), Fault> {
    let missing = match message.allow_missing_inputs {
        true => MissingInputs::Allow,
        false => MissingInputs::Refuse,
    };
    let inputs = inputs(&message.inputs)?;
    let params = params(message.params, message.typed_params)?;
    let function = FunctionId::new(message.function_name, message.function_version);
    let recipe = Recipe::new(function, inputs, params).map_err(refused)?;
    Ok((recipe, missing))
}

fn refused(error: RecipeError) -> Fault {
    match error {
        RecipeError::OverLimit(over) => Fault::OverLimit {
            what: format!("{} of a recipe, in {},", over.what, over.what.unit()),
            limit: over.limit,
            got: over.got,
        },
        other => Fault::RefusedRecipe {
            reason: other.to_string(),
        },
    }
}

fn inputs(all: &[Bytes]) -> Result<Vec<CAddr>, Fault> {
    OverLimit::check(Measure::Inputs, limits::RECIPE_INPUTS, all.len() as u64)
        .map_err(|over| refused(over.into()))?;
    let one = |(number, bytes): (usize, &Bytes)| match CAddr::try_from_slice(bytes) {
        Ok(address) => Ok(address),
        Err(_) => address::read(&format!("input {number} (from 0)"), bytes),
    };
    all.iter().enumerate().map(one).collect()
}

fn params(
    texts: HashMap<String, String>,
    typed: HashMap<String, TypedValue>,
) -> Result<BTreeMap<String, Value>, Fault> {
    let mut params = BTreeMap::new();
    for (key, text) in texts {
        params.insert(key, Value::String(text));
    }
    for (key, sent) in typed {
        if params.contains_key(&key) {
            let reason =
                format!("param {key:?} stands in params and in typed_params; give it once");
            return Err(Fault::RefusedRecipe { reason });
        }
        let value = value(&key, sent, 0)?;
        params.insert(key, value);
    }
    Ok(params)
}

/// Recursion is bounded by the law's limit on nesting.
fn value(key: &str, sent: TypedValue, lists_above: usize) -> Result<Value, Fault> {
    let Some(kind) = sent.kind else {
        let reason = format!("param {key:?} has a value without a kind; set one of the six");
        return Err(Fault::Malformed { reason });
    };
    Ok(match kind {
        Kind::StringValue(text) => Value::String(text),
        Kind::IntValue(number) => Value::I64(number),
        Kind::BoolValue(flag) => Value::Bool(flag),
        Kind::BytesValue(bytes) => Value::Bytes(bytes.into()),
        Kind::FloatValue(float) => Value::F64(F64::new(float)),
        Kind::ListValue(_) if lists_above == limits::NESTING => {
            let limit = limits::NESTING;
            return Err(refused(RecipeError::TooDeep { limit }));
        }
        Kind::ListValue(list) => {
            let items = list.values.into_iter();
            let items = items.map(|item| value(key, item, lists_above + 1));
            Value::List(items.collect::<Result<_, _>>()?)
        }
    })
}

/// Every param as text; those of another kind in their canonical string.
pub(super) fn texts(recipe: &Recipe) -> HashMap<String, String> {
    let given = recipe.given().into_iter();
    given
        .map(|(key, value)| (key.to_owned(), value.canonical_string()))
        .collect()
}

/// The params of another kind than text.
pub(super) fn typed(recipe: &Recipe) -> HashMap<String, TypedValue> {
    let given = recipe.given().into_iter();
    let others = given.filter(|(_, value)| !matches!(value, Value::String(_)));
    others
        .map(|(key, value)| (key.to_owned(), typed_value(&value)))
        .collect()
}

/// Recursion is bounded: a recipe's values nest no deeper than the law allows.
fn typed_value(value: &Value) -> TypedValue {
    let kind = match value {
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::I64(number) => Kind::IntValue(*number),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Bytes(bytes) => Kind::BytesValue(Bytes::copy_from_slice(bytes)),
        Value::F64(float) => Kind::FloatValue(float.get()),
        Value::List(items) => Kind::ListValue(ListValue {
            values: items.iter().map(typed_value).collect(),
        }),
    };
    TypedValue { kind: Some(kind) }
}

#[cfg(test)]
#[path = "params_test.rs"]
mod params_test;

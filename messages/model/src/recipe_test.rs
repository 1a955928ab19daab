#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use super::{FunctionId, Recipe, RecipeError, SealedRecipe};
use crate::address::CAddr;
use crate::dcf::DecodeError;
use crate::limits::{self, Measure, OverLimit};
use crate::value::Value;

fn function() -> FunctionId {
    FunctionId::new("uppercase", "1.0.0")
}

fn with_param(value: Value) -> Result<Recipe, RecipeError> {
    let params = BTreeMap::from([("k".to_owned(), value)]);
    Recipe::new(function(), vec![], params)
}

fn over(what: Measure, limit: usize, got: usize) -> RecipeError {
    RecipeError::OverLimit(OverLimit {
        what,
        limit: limit as u64,
        got: got as u64,
    })
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Bool(true), |inner, _| Value::List(vec![inner]))
}

#[test]
fn the_worked_example() {
    let leaf = CAddr::of_leaf(b"hello world\n");
    let recipe = Recipe::new(function(), vec![leaf], BTreeMap::new()).unwrap();
    let address = "182c6330b8747b7cae8edc0144732d193cd0837093153f9c46642b9c4da0316d";
    assert_eq!(recipe.address().to_hex(), address);
    assert_eq!(recipe.function().to_string(), "uppercase@1.0.0");
    let sealed = SealedRecipe::seal(recipe.clone());
    assert_eq!(sealed.address().to_hex(), address);
    assert_eq!(sealed.bytes(), recipe.encode());
    assert_eq!(SealedRecipe::open(sealed.bytes()), Ok(sealed));
}

#[test]
fn sealed_bytes_from_outside_are_judged() {
    let refusal = SealedRecipe::open(&b"no recipe"[..]);
    assert_eq!(refusal, Err(DecodeError::BadMagic));
}

#[test]
fn names_are_not_empty() {
    let nameless = Recipe::new(FunctionId::new("", "1"), vec![], BTreeMap::new());
    assert_eq!(nameless, Err(RecipeError::EmptyName));
    let versionless = Recipe::new(FunctionId::new("f", ""), vec![], BTreeMap::new());
    assert_eq!(versionless, Err(RecipeError::EmptyVersion));
}

#[test]
fn limits_are_inclusive() {
    let text = |len| "x".repeat(len);
    let max = limits::TEXT_BYTES;
    assert!(with_param(Value::String(text(max))).is_ok());
    let long = with_param(Value::String(text(max + 1)));
    assert_eq!(long, Err(over(Measure::String, max, max + 1)));
    assert!(with_param(Value::Bytes(vec![0; max])).is_ok());
    let long = with_param(Value::Bytes(vec![0; max + 1]));
    assert_eq!(long, Err(over(Measure::Bytes, max, max + 1)));
    assert!(with_param(nested(limits::NESTING)).is_ok());
    let deep = with_param(nested(limits::NESTING + 1));
    assert_eq!(deep, Err(RecipeError::TooDeep { limit: 32 }));
    for (name, version) in [(text(max + 1), text(1)), (text(1), text(max + 1))] {
        let long = Recipe::new(FunctionId::new(name, version), vec![], BTreeMap::new());
        assert_eq!(long, Err(over(Measure::String, max, max + 1)));
    }
    let key = BTreeMap::from([(text(max + 1), Value::Bool(true))]);
    let long = Recipe::new(function(), vec![], key);
    assert_eq!(long, Err(over(Measure::String, max, max + 1)));
}

#[test]
fn inputs_and_params_are_counted() {
    let leaf = CAddr::of_leaf(b"");
    let make = |inputs, params| {
        let params = (0..params).map(|n: u32| (n.to_string(), Value::Bool(true)));
        Recipe::new(function(), vec![leaf; inputs], params.collect())
    };
    let (inputs, params) = (limits::RECIPE_INPUTS, limits::RECIPE_PARAMS);
    let most = make(inputs, params as u32).unwrap();
    assert_eq!(Recipe::decode(&most.encode()), Ok(most));
    assert_eq!(
        make(inputs + 1, 0),
        Err(over(Measure::Inputs, inputs, inputs + 1))
    );
    assert_eq!(
        make(0, params as u32 + 1),
        Err(over(Measure::Params, params, params + 1))
    );
}

#[test]
fn a_document_is_at_most_4_mib() {
    let empty = with_param(Value::List(vec![])).unwrap().encode().len();
    let bools = (limits::RECIPE_BYTES - empty) / 2;
    let most = with_param(Value::List(vec![Value::Bool(true); bools])).unwrap();
    assert!(most.encode().len() > limits::RECIPE_BYTES - 2);
    let more = with_param(Value::List(vec![Value::Bool(true); bools + 1]));
    let got = most.encode().len() + 2;
    assert_eq!(
        more,
        Err(over(Measure::Document, limits::RECIPE_BYTES, got))
    );
}

#[test]
fn the_documents_of_a_function_begin_alike_and_no_others_do() {
    let prefix = function().document_prefix();
    let inputs = vec![CAddr::of_leaf(b"x"); 3];
    let with_inputs = Recipe::new(function(), inputs, BTreeMap::new()).unwrap();
    for recipe in [with_param(Value::I64(1)).unwrap(), with_inputs] {
        assert!(SealedRecipe::seal(recipe).bytes().starts_with(&prefix));
    }
    for (name, version) in [
        ("uppercase", "1.0.00"),
        ("uppercase", "1.0."),
        ("uppercas", "e1.0.0"),
        ("uppercase2", "1.0.0"),
    ] {
        let other = Recipe::new(FunctionId::new(name, version), vec![], BTreeMap::new());
        let other = SealedRecipe::seal(other.unwrap());
        assert!(!other.bytes().starts_with(&prefix), "{name} {version}");
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use deriva_model::{CAddr, F64, FunctionId, Recipe, Value, limits};
use deriva_proto::{ExplainResponse, ListValue, ResolveResponse, TypedValue, typed_value::Kind};

use super::*;

fn every_kind() -> Recipe {
    let values = [
        ("string", Value::from("x")),
        ("int", Value::I64(i64::MIN)),
        ("bool", Value::Bool(false)),
        ("bytes", Value::Bytes(vec![1, 2])),
        (
            "list",
            Value::List(vec![Value::List(vec![]), Value::from("y")]),
        ),
        ("zero", Value::F64(F64::new(-0.0))),
        ("nan", Value::F64(F64::new(f64::NAN))),
    ];
    let params = values.map(|(k, v)| (k.to_owned(), v)).into_iter().collect();
    let inputs = vec![
        CAddr::of_leaf(b"b"),
        CAddr::of_leaf(b"a"),
        CAddr::of_leaf(b"b"),
    ];
    Recipe::new(FunctionId::new("f", "1"), inputs, params).unwrap()
}

fn resolved(recipe: &Recipe) -> ResolveResponse {
    let request = recipe_request(recipe, MissingInputs::Refuse);
    ResolveResponse {
        found: true,
        kind: "recipe".to_owned(),
        function_name: request.function_name,
        function_version: request.function_version,
        inputs: request.inputs,
        params: request.params,
        typed_params: request.typed_params,
        ..Default::default()
    }
}

#[test]
fn every_kind_survives_the_way() {
    let recipe = every_kind();
    assert_eq!(
        resolution(resolved(&recipe)).unwrap(),
        Resolution::Recipe(recipe)
    );
}

#[test]
fn text_goes_where_every_client_looks_for_it() {
    let request = recipe_request(&every_kind(), MissingInputs::Allow);
    assert_eq!(request.params.keys().collect::<Vec<_>>(), ["string"]);
    assert_eq!(request.typed_params.len(), 6);
    assert!(request.allow_missing_inputs);
}

#[test]
fn a_param_with_a_kind_counts_before_its_canonical_string() {
    let mut answer = resolved(&every_kind());
    answer.params.insert("int".to_owned(), i64::MIN.to_string());
    assert_eq!(
        resolution(answer).unwrap(),
        Resolution::Recipe(every_kind())
    );
}

#[test]
fn a_server_from_before_kinds_told_recipes() {
    let answer = ResolveResponse {
        kind: String::new(),
        ..resolved(&every_kind())
    };
    assert!(matches!(resolution(answer).unwrap(), Resolution::Recipe(_)));
    assert_eq!(
        resolution(ResolveResponse::default()).unwrap(),
        Resolution::Unknown
    );
}

#[test]
fn an_alias_is_told_with_its_recipe_and_both_addresses() {
    let (old, new) = (CAddr::of_leaf(b"old"), every_kind().address());
    let answer = ResolveResponse {
        kind: "alias".to_owned(),
        alias_of: bytes_of(&new),
        old_addr: bytes_of(&old),
        ..resolved(&every_kind())
    };
    let told = resolved_both(answer.clone()).unwrap();
    assert_eq!(told.is, Resolution::Alias { of: new });
    assert_eq!(
        (told.recipe, told.old_addr),
        (Some(every_kind()), Some(old))
    );
    // A server that tells no more than where an alias leads.
    let bare = ResolveResponse {
        found: true,
        kind: answer.kind.clone(),
        alias_of: answer.alias_of.clone(),
        ..ResolveResponse::default()
    };
    let told = resolved_both(bare).unwrap();
    assert_eq!((told.recipe, told.old_addr), (None, None));
    let by_new = ResolveResponse {
        kind: "recipe".to_owned(),
        ..answer.clone()
    };
    let told = resolved_both(by_new).unwrap();
    assert_eq!(told.is, Resolution::Recipe(every_kind()));
    assert_eq!((told.recipe, told.old_addr), (None, Some(old)));
    let short = ResolveResponse {
        old_addr: vec![0; 31].into(),
        ..answer
    };
    assert!(resolved_both(short).is_err());
}

#[test]
fn malformed_answers_are_told_as_such() {
    let good = resolved(&every_kind());
    let without_kind = TypedValue { kind: None };
    let broken = [
        ResolveResponse {
            kind: "riddle".to_owned(),
            ..good.clone()
        },
        ResolveResponse {
            kind: "alias".to_owned(),
            ..good.clone()
        },
        ResolveResponse {
            inputs: vec![vec![0; 31].into()],
            ..good.clone()
        },
        ResolveResponse {
            function_version: String::new(),
            ..good.clone()
        },
        ResolveResponse {
            typed_params: [("k".to_owned(), without_kind)].into(),
            ..good
        },
    ];
    for answer in broken {
        let error = resolution(answer.clone()).unwrap_err();
        assert!(
            matches!(error, ClientError::Malformed(_)),
            "{answer:?}: {error:?}"
        );
    }
}

#[test]
fn nesting_has_a_floor() {
    let nest = |levels: usize| {
        let mut value = TypedValue {
            kind: Some(Kind::IntValue(1)),
        };
        for _ in 0..levels {
            value = TypedValue {
                kind: Some(Kind::ListValue(ListValue {
                    values: vec![value],
                })),
            };
        }
        untyped(value, 0)
    };
    assert!(nest(limits::NESTING).is_ok());
    assert!(matches!(
        nest(limits::NESTING + 1),
        Err(ClientError::Malformed(_))
    ));
}

#[test]
fn a_node_without_a_record_has_none() {
    let addr = bytes_of(&CAddr::of_leaf(b"a"));
    let node = ExplainResponse {
        addr,
        kind: "leaf".to_owned(),
        ..Default::default()
    };
    let node = explained(node).unwrap();
    assert_eq!(
        (node.record, node.function, node.params),
        (None, None, BTreeMap::new())
    );
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use deriva_model::{F64, FunctionId};

use super::*;
use crate::function::{Arity, CostHint, ParamKind, ParamSpec};

fn spec() -> FunctionSpec {
    let param = |name: &str, kind, presence| ParamSpec {
        name: name.to_string(),
        kind,
        presence,
        description: String::new(),
    };
    let text = ParamKind::String {
        max_len: 5,
        one_of: Vec::new(),
    };
    let word = ParamKind::String {
        max_len: 5,
        one_of: vec!["asc".into(), "desc".into()],
    };
    FunctionSpec {
        id: FunctionId {
            name: "f".into(),
            version: "1.0.0".into(),
        },
        description: String::new(),
        inputs: Arity::any("x"),
        params: vec![
            param("text", text, Presence::Optional),
            param("word", word, Presence::Default(Value::from("asc"))),
            param("n", ParamKind::I64 { min: -3, max: 9 }, Presence::Required),
            param(
                "flag",
                ParamKind::Bool,
                Presence::Default(Value::Bool(false)),
            ),
            param(
                "raw",
                ParamKind::Bytes { max_len: 2 },
                Presence::Default(Value::Bytes(vec![])),
            ),
            param(
                "x",
                ParamKind::F64 {
                    min: -1.0,
                    max: 1.5,
                },
                Presence::Default(Value::F64(F64::new(0.0))),
            ),
            param(
                "list",
                ParamKind::Strings {
                    max_items: 2,
                    max_len: 9,
                },
                Presence::Optional,
            ),
        ],
        example: String::new(),
        cost: CostHint {
            fixed_nanos: 0,
            nanos_per_kib: 0,
        },
    }
}

/// Validates one param beside the required one.
fn with(name: &str, value: Value) -> Result<Params, ParamError> {
    let given = match name {
        "n" => vec![(name, value)],
        _ => vec![("n", Value::I64(1)), (name, value)],
    };
    Params::validate(&spec(), &given)
}

fn kind(error: &ParamError) -> &'static str {
    match error {
        ParamError::Missing { .. } => "missing",
        ParamError::Unknown { .. } => "unknown",
        ParamError::IllTyped { .. } => "ill-typed",
        ParamError::NotCanonical { .. } => "not canonical",
        ParamError::OutOfRange { .. } => "out of range",
        ParamError::Conflict { .. } => "conflict",
        ParamError::Undeclared { .. } => "undeclared",
    }
}

#[test]
fn defaults_and_absences() {
    let params = with("n", Value::I64(9)).unwrap();
    assert_eq!(params.i64("n").unwrap(), 9);
    assert_eq!(params.string("word").unwrap(), "asc");
    assert_eq!(params.optional_string("text").unwrap(), None);
    assert_eq!(params.optional_strings("list").unwrap(), None);
    assert!(!params.bool("flag").unwrap());
    assert_eq!(kind(&params.bool("n").unwrap_err()), "undeclared");
    assert_eq!(kind(&params.string("nowhere").unwrap_err()), "undeclared");
}

#[test]
fn a_typed_value_and_its_canonical_string_mean_the_same() {
    let list = Value::List(vec![Value::from("a,\"\\\n"), Value::from("")]);
    let pairs = [
        ("n", Value::I64(-3)),
        ("flag", Value::Bool(true)),
        ("raw", Value::Bytes(vec![0x0f, 0xa0])),
        ("x", Value::F64(F64::new(-0.25))),
        ("list", list),
        ("list", Value::List(vec![])),
    ];
    for (name, value) in pairs {
        let text = Value::String(value.canonical_string());
        assert_eq!(
            with(name, value).unwrap(),
            with(name, text).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn lists_may_be_joined_by_commas() {
    for (text, items) in [
        ("", &[][..]),
        ("a", &["a"][..]),
        ("a,b c", &["a", "b c"]),
        ("[x", &["[x"]),
        (",", &["", ""]),
    ] {
        let params = with("list", Value::from(text)).unwrap();
        assert_eq!(params.strings("list").unwrap(), items, "{text}");
    }
}

#[test]
fn each_refusal_is_its_own() {
    let list = |items: &[&str]| Value::List(items.iter().map(|i| Value::from(*i)).collect());
    let cases = [
        ("typo", Value::I64(1), "unknown"),
        ("n", Value::from("three"), "ill-typed"),
        ("n", Value::from(""), "ill-typed"),
        ("n", Value::Bool(true), "ill-typed"),
        ("n", Value::from("03"), "not canonical"),
        ("n", Value::from("+3"), "not canonical"),
        ("n", Value::from("-0"), "not canonical"),
        ("n", Value::I64(10), "out of range"),
        ("n", Value::from("-4"), "out of range"),
        ("flag", Value::from("True"), "ill-typed"),
        ("flag", Value::I64(1), "ill-typed"),
        ("text", Value::I64(1), "ill-typed"),
        ("text", Value::from("sixsix"), "out of range"),
        ("word", Value::from("up"), "out of range"),
        ("raw", Value::from("0FA0"), "ill-typed"),
        ("raw", Value::from("0fa"), "ill-typed"),
        ("raw", Value::from("éé"), "ill-typed"),
        ("raw", Value::Bytes(vec![0; 3]), "out of range"),
        ("x", Value::from("0.50"), "not canonical"),
        ("x", Value::from("1e0"), "not canonical"),
        ("x", Value::from("x"), "ill-typed"),
        ("x", Value::F64(F64::new(1.6)), "out of range"),
        ("x", Value::F64(F64::new(f64::NAN)), "out of range"),
        ("x", Value::from("NaN"), "out of range"),
        ("x", Value::from("inf"), "out of range"),
        ("list", Value::List(vec![Value::I64(1)]), "ill-typed"),
        ("list", list(&["a", "b", "c"]), "out of range"),
        ("list", Value::from("a,b,c"), "out of range"),
        ("list", list(&["0123456789"]), "out of range"),
        ("list", Value::from("[\"a\""), "ill-typed"),
        ("list", Value::from("[\"a\",]"), "ill-typed"),
        ("list", Value::from("[\"a\\"), "ill-typed"),
        ("list", Value::from("[\"\\u00"), "ill-typed"),
        ("list", Value::from("[\"\\ud800\"]"), "ill-typed"),
        ("list", Value::from("[\"\\u0041\"]"), "not canonical"),
    ];
    for (name, value, expected) in cases {
        let error = with(name, value.clone()).unwrap_err();
        assert_eq!(kind(&error), expected, "{name} {value:?}: {error}");
        assert_eq!(error.param(), name);
    }
    let missing = Params::validate(&spec(), &[]).unwrap_err();
    assert_eq!(kind(&missing), "missing");
    assert_eq!(
        missing.to_string(),
        "param `n` is missing; give a whole number from -3 to 9"
    );
}

#[test]
fn an_error_names_the_param_what_came_and_what_is_expected() {
    let error = with("n", Value::from("12")).unwrap_err().to_string();
    assert_eq!(
        error,
        "param `n` is the string \"12\" (2 bytes), which is out of range; give a whole number from -3 to 9"
    );
    let unknown = with("no\npe", Value::I64(1)).unwrap_err().to_string();
    assert!(unknown.contains("no\\npe") && unknown.contains("it knows text, word, n"));
    let long = with("text", Value::String("é".repeat(60_000))).unwrap_err();
    assert!(long.to_string().len() < 250, "{long}");
}

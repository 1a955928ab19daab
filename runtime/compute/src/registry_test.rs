#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use deriva_model::{CAddr, Value};

use super::*;
use crate::budget::Budget;
use crate::budget::{BudgetLimits, MAX_BATCH_INPUT_BYTES};
use crate::call::MAX_PANIC_MESSAGE;
use crate::function::FunctionError;
use crate::function::{CostHint, ParamKind, ParamSpec, Presence};
use bytes::Bytes;

const INPUT: [u8; 32] = [7; 32];

fn recipe(name: &str, version: &str, inputs: usize, params: &[(&str, &str)]) -> Recipe {
    let params = params
        .iter()
        .map(|(k, v)| (k.to_string(), Value::from(*v)))
        .collect();
    let inputs = vec![CAddr::from_bytes(INPUT); inputs];
    Recipe::new(FunctionId::new(name, version), inputs, params).unwrap()
}

fn budget() -> Budget {
    Budget::new(BudgetLimits::default(), Arc::new(|| Duration::ZERO))
}

struct Fake {
    spec: FunctionSpec,
}

impl Fake {
    fn new(version: &str) -> Self {
        let spec = FunctionSpec {
            id: FunctionId::new("fake", version),
            description: String::new(),
            inputs: Arity::any("x"),
            params: Vec::new(),
            example: String::new(),
            cost: CostHint {
                fixed_nanos: 10,
                nanos_per_kib: 3,
            },
        };
        Self { spec }
    }

    fn with_default(mut self, value: Value) -> Self {
        self.spec.params.push(ParamSpec {
            name: "n".into(),
            kind: ParamKind::I64 { min: 0, max: 1 },
            presence: Presence::Default(value),
            description: String::new(),
        });
        self
    }
}

impl ComputeFunction for Fake {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        _inputs: &[Bytes],
        _params: &Params,
        _budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        match self.spec.id.version.as_str() {
            "boom" => panic!("boom {}", "é".repeat(MAX_PANIC_MESSAGE)),
            version => Ok(Bytes::from(version.to_string())),
        }
    }
}

#[test]
fn the_functions_are_there_each_with_a_whole_card() {
    let registry = Registry::builtin();
    let names: Vec<&str> = registry.list().iter().map(|s| s.id.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "base64_decode",
            "base64_encode",
            "blake3",
            "byte_count",
            "concat",
            "crc32",
            "csv_aggregate",
            "csv_filter",
            "csv_join",
            "csv_select",
            "csv_sort",
            "csv_to_json",
            "grep",
            "gzip_compress",
            "gzip_decompress",
            "head",
            "hex_decode",
            "hex_encode",
            "histogram",
            "identity",
            "interleave",
            "join",
            "json_extract",
            "json_to_csv",
            "json_validate",
            "line_count",
            "lowercase",
            "lz4_compress",
            "lz4_decompress",
            "max",
            "mean",
            "median",
            "merkle_root",
            "min",
            "regex_match",
            "regex_replace",
            "repeat",
            "replace",
            "reverse",
            "sha256",
            "sha512",
            "skip",
            "slice",
            "sort_lines",
            "split",
            "sum",
            "tail",
            "take",
            "trim",
            "unique_lines",
            "uppercase",
            "url_decode",
            "url_encode",
            "utf8_validate",
            "word_count",
            "xor",
            "zip_concat",
            "zstd_compress",
            "zstd_decompress"
        ]
    );
    assert_eq!(
        builtin::all().len(),
        names.len(),
        "no two of one name and version"
    );
    for spec in registry.list() {
        assert_eq!(spec.id.version, "1.0.0");
        check_card(spec).unwrap();
        assert!(!spec.description.is_empty() && spec.cost.fixed_nanos > 0);
        assert!(
            spec.example
                .starts_with(&format!("deriva recipe {} 1.0.0", spec.id.name))
        );
        assert!(
            spec.params
                .iter()
                .all(|param| !param.description.is_empty())
        );
    }
}

/// Each example, read as the command line reads it, passes the check.
#[test]
fn the_examples_are_valid_recipes() {
    let registry = Registry::builtin();
    for spec in registry.list() {
        let mut words = spec.example.split_whitespace().skip(4).peekable();
        let (mut inputs, mut params) = (0, Vec::new());
        while let Some(word) = words.next() {
            match word {
                "-i" => {
                    while words.next_if(|next| !next.starts_with('-')).is_some() {
                        inputs += 1;
                    }
                }
                "-p" => params.push(words.next().unwrap().split_once('=').unwrap()),
                other => panic!("{other}"),
            }
        }
        let recipe = recipe(&spec.id.name, &spec.id.version, inputs, &params);
        registry
            .check(&recipe)
            .unwrap_or_else(|error| panic!("{}: {error}", spec.example));
    }
}

#[test]
fn unknown_names_get_suggestions() {
    let registry = Registry::builtin();
    for (asked, near) in [
        (
            "upercase",
            "there is no function `upercase`; did you mean uppercase?",
        ),
        (
            "UPPERCASE",
            "there is no function `UPPERCASE`; did you mean uppercase?",
        ),
        (
            "sort-lines",
            "there is no function `sort-lines`; did you mean sort_lines?",
        ),
        (
            "csv",
            "there is no function `csv`; did you mean csv_aggregate, csv_filter, csv_join?",
        ),
        (
            "frobnicate",
            "there is no function `frobnicate`; list what can be called with `deriva functions`",
        ),
    ] {
        let error = registry.check(&recipe(asked, "1.0.0", 1, &[])).unwrap_err();
        assert!(matches!(error, CheckError::UnknownFunction { .. }));
        assert_eq!(error.to_string(), near);
    }
    let long = "é".repeat(5_000);
    let error = registry.check(&recipe(&long, "1.0.0", 1, &[])).unwrap_err();
    assert!(error.to_string().len() < 200);
}

#[test]
fn versions_live_side_by_side_and_are_never_guessed() {
    let mut registry = Registry::builtin();
    registry.register(Arc::new(Fake::new("1.0.0"))).unwrap();
    registry.register(Arc::new(Fake::new("2.0.0"))).unwrap();
    for version in ["1.0.0", "2.0.0"] {
        let call = registry.prepare(&recipe("fake", version, 0, &[])).unwrap();
        assert_eq!(call.run(&[], &mut budget()).unwrap(), version.as_bytes());
    }
    let error = registry.check(&recipe("fake", "1.0", 0, &[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "function `fake` has no version `1.0`; known: 2.0.0, 1.0.0"
    );
}

#[test]
fn what_is_registered_stays() {
    let mut registry = Registry::new();
    registry.register(Arc::new(Fake::new("1"))).unwrap();
    let again = registry.register(Arc::new(Fake::new("1"))).unwrap_err();
    assert!(matches!(again, RegisterError::Taken { .. }));
    let bad = Fake::new("2").with_default(Value::I64(2));
    let bad = registry.register(Arc::new(bad)).unwrap_err();
    assert!(matches!(bad, RegisterError::BadCard { .. }), "{bad}");
    let twice = Fake::new("2")
        .with_default(Value::I64(1))
        .with_default(Value::I64(1));
    assert!(registry.register(Arc::new(twice)).is_err());
    assert_eq!(registry.list().len(), 1);
}

#[test]
fn inputs_and_params_are_checked() {
    let registry = Registry::builtin();
    registry.check(&recipe("concat", "1.0.0", 0, &[])).unwrap();
    registry
        .check(&recipe("concat", "1.0.0", 500, &[]))
        .unwrap();
    let few = registry
        .check(&recipe("csv_join", "1.0.0", 1, &[]))
        .unwrap_err();
    assert_eq!(
        few.to_string(),
        "function `csv_join` takes exactly 2 (left table, right table) inputs, and the recipe has 1"
    );
    let bad = registry.check(&recipe("repeat", "1.0.0", 1, &[("count", "x")]));
    let bad = bad.unwrap_err();
    assert!(matches!(bad, CheckError::BadParam { .. }));
    assert!(
        bad.to_string()
            .starts_with("function `repeat`: param `count` is the string")
    );
    let both = [("end", "1"), ("length", "1")];
    let rule = registry
        .check(&recipe("slice", "1.0.0", 1, &both))
        .unwrap_err();
    assert!(matches!(
        rule,
        CheckError::BadParam {
            error: ParamError::Conflict { .. },
            ..
        }
    ));
}

#[test]
fn a_panic_is_an_error_of_bounded_length() {
    let mut registry = Registry::new();
    registry.register(Arc::new(Fake::new("boom"))).unwrap();
    let call = registry.prepare(&recipe("fake", "boom", 0, &[])).unwrap();
    let FunctionError::Panicked { message } = call.run(&[], &mut budget()).unwrap_err() else {
        panic!("no panic came through");
    };
    assert!(message.starts_with("boom é") && message.len() <= MAX_PANIC_MESSAGE);
}

#[test]
fn a_call_refuses_the_wrong_inputs() {
    let registry = Registry::builtin();
    let call = registry
        .prepare(&recipe("identity", "1.0.0", 1, &[]))
        .unwrap();
    let none = call.run(&[], &mut budget()).unwrap_err();
    assert!(matches!(none, FunctionError::WrongInputs { given: 0, .. }));
    let concat = registry
        .prepare(&recipe("concat", "1.0.0", 2, &[]))
        .unwrap();
    let half = Bytes::from(vec![
        0;
        usize::try_from(MAX_BATCH_INPUT_BYTES).unwrap() / 2 + 1
    ]);
    let large = concat
        .run(&[half.clone(), half], &mut budget())
        .unwrap_err();
    assert!(matches!(large, FunctionError::InputsTooLarge { .. }));
    assert_eq!(
        Fake::new("1").spec.cost.estimate(1_025),
        Duration::from_nanos(16)
    );
}

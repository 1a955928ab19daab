#![allow(clippy::unwrap_used, clippy::expect_used)]

use deriva_client::proto::{FunctionInfo, ParamInfo, StatusResponse};
use serde_json::json;

use super::{describe, describe_param, render_status};

#[test]
fn status_has_every_field_in_json_and_says_why_writes_are_refused() {
    let status = StatusResponse {
        recipe_count: 2,
        node_version: "0.1.0".to_owned(),
        cache_saved_seconds: 1.25,
        read_only_reason: "the disk is full".to_owned(),
        ..Default::default()
    };
    let answer = render_status(&status);
    assert_eq!(answer.json.as_object().unwrap().len(), 19);
    assert_eq!(answer.json["recipe_count"], json!(2));
    assert_eq!(answer.json["node_version"], json!("0.1.0"));
    let lines = answer.text.lines().collect::<Vec<_>>();
    assert!(
        lines.contains(&"writes          refused: the disk is full"),
        "{}",
        answer.text
    );
    assert!(lines.contains(&"recipes         2"), "{}", answer.text);
    let saved = "cache saved     1.250 s of computing";
    assert!(lines.contains(&saved), "{}", answer.text);
}

#[test]
fn a_function_says_how_to_call_it() {
    let function = FunctionInfo {
        name: "repeat".to_owned(),
        version: "1.0.0".to_owned(),
        description: "Repeats its input.".to_owned(),
        min_inputs: 1,
        max_inputs: Some(1),
        params: vec![ParamInfo {
            name: "count".to_owned(),
            kind: "int, 0 to 1000".to_owned(),
            required: false,
            default: "1".to_owned(),
            description: "how often".to_owned(),
        }],
        example: "deriva recipe repeat 1.0.0 -i ADDR -p count=2".to_owned(),
        marked: String::new(),
    };
    let expected = "\
repeat 1.0.0  (1 input)
  Repeats its input.
  -p count  (int, 0 to 1000, default 1)  how often
  example: deriva recipe repeat 1.0.0 -i ADDR -p count=2";
    assert_eq!(describe(&function), expected);
    let without = |required| ParamInfo {
        required,
        default: String::new(),
        ..function.params[0].clone()
    };
    assert!(describe_param(&without(false)).contains(", optional)"));
    assert!(describe_param(&without(true)).contains(", required)"));
    let marked = FunctionInfo {
        marked: "it gave two answers".to_owned(),
        ..function.clone()
    };
    assert!(describe(&marked).contains("  refused: it gave two answers"));
    let open = FunctionInfo {
        max_inputs: None,
        ..function
    };
    assert!(describe(&open).starts_with("repeat 1.0.0  (1 or more inputs)"));
}

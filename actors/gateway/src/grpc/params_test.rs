#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{recipe, texts, typed};
use bytes::Bytes;
use deriva_messages::dag::MissingInputs;
use deriva_model::{CAddr, F64, Value, limits};
use deriva_proto::{ListValue, PutRecipeRequest, TypedValue, typed_value::Kind};

fn value(kind: Kind) -> TypedValue {
    TypedValue { kind: Some(kind) }
}

fn list(values: Vec<TypedValue>) -> TypedValue {
    value(Kind::ListValue(ListValue { values }))
}

fn request() -> PutRecipeRequest {
    PutRecipeRequest {
        function_name: "slice".to_owned(),
        function_version: "1.0.0".to_owned(),
        inputs: vec![
            Bytes::copy_from_slice(&[7; 32]),
            Bytes::copy_from_slice(&[3; 32]),
        ],
        ..PutRecipeRequest::default()
    }
}

fn reason_of(request: PutRecipeRequest) -> (&'static str, String) {
    let fault = recipe(request).unwrap_err();
    (fault.reason(), fault.to_string())
}

#[test]
fn text_stays_text_and_typed_values_keep_their_kind() {
    let mut sent = request();
    sent.allow_missing_inputs = true;
    sent.params.insert("offset".to_owned(), "3".to_owned());
    sent.typed_params
        .insert("length".to_owned(), value(Kind::IntValue(-3)));
    sent.typed_params
        .insert("flag".to_owned(), value(Kind::BoolValue(true)));
    sent.typed_params.insert(
        "raw".to_owned(),
        value(Kind::BytesValue(Bytes::from_static(b"\0"))),
    );
    sent.typed_params
        .insert("rate".to_owned(), value(Kind::FloatValue(-0.0)));
    sent.typed_params.insert(
        "some".to_owned(),
        list(vec![value(Kind::StringValue("a".into()))]),
    );
    let (recipe, missing) = recipe(sent.clone()).unwrap();
    assert_eq!(missing, MissingInputs::Allow);
    assert_eq!(
        recipe.inputs(),
        [CAddr::from_bytes([7; 32]), CAddr::from_bytes([3; 32])]
    );
    let params = recipe.params();
    assert_eq!(params["offset"], Value::String("3".to_owned()));
    assert_eq!(params["length"], Value::I64(-3));
    assert_eq!(params["flag"], Value::Bool(true));
    assert_eq!(params["raw"], Value::Bytes(vec![0]));
    assert_eq!(params["rate"], Value::F64(F64::new(-0.0)));
    assert_eq!(
        params["some"],
        Value::List(vec![Value::String("a".to_owned())])
    );
    assert_eq!(
        typed(&recipe),
        sent.typed_params,
        "what is told is what was sent"
    );
    assert_eq!(texts(&recipe)["length"], "-3");
    assert_eq!(texts(&recipe)["offset"], "3");
}

#[test]
fn a_key_in_both_maps_is_refused() {
    let mut sent = request();
    sent.params.insert("length".to_owned(), "3".to_owned());
    sent.typed_params
        .insert("length".to_owned(), value(Kind::IntValue(3)));
    let (reason, words) = reason_of(sent);
    assert_eq!(reason, "REFUSED_RECIPE");
    assert!(words.contains("\"length\""), "{words}");
}

#[test]
fn a_value_without_a_kind_is_refused_also_in_a_list() {
    for bare in [
        TypedValue { kind: None },
        list(vec![TypedValue { kind: None }]),
    ] {
        let mut sent = request();
        sent.typed_params.insert("x".to_owned(), bare);
        assert_eq!(reason_of(sent).0, "MALFORMED");
    }
}

#[test]
fn an_input_of_another_length_is_named_by_its_place() {
    let mut sent = request();
    sent.inputs.push(Bytes::from_static(b"short"));
    let (reason, words) = reason_of(sent);
    assert_eq!(reason, "MALFORMED");
    assert!(
        words.contains("input 2") && words.contains("32 bytes, not 5"),
        "{words}"
    );
}

#[test]
fn a_function_without_a_name_or_version_is_refused() {
    let nameless = PutRecipeRequest {
        function_name: String::new(),
        ..request()
    };
    let versionless = PutRecipeRequest {
        function_version: String::new(),
        ..request()
    };
    assert_eq!(reason_of(nameless).0, "REFUSED_RECIPE");
    assert_eq!(reason_of(versionless).0, "REFUSED_RECIPE");
}

#[test]
fn nesting_is_allowed_to_its_limit_and_not_beyond() {
    let nested =
        |depth: usize| (0..depth).fold(value(Kind::IntValue(1)), |inner, _| list(vec![inner]));
    let with = |depth| {
        let mut sent = request();
        sent.typed_params.insert("x".to_owned(), nested(depth));
        sent
    };
    assert!(recipe(with(limits::NESTING)).is_ok());
    let (reason, words) = reason_of(with(limits::NESTING + 1));
    assert_eq!(reason, "REFUSED_RECIPE");
    assert!(words.contains("32"), "{words}");
}

#[test]
fn the_law_on_sizes_is_a_limit_with_numbers() {
    let mut long = request();
    long.params
        .insert("x".to_owned(), "y".repeat(limits::TEXT_BYTES + 1));
    assert_eq!(reason_of(long).0, "OVER_LIMIT");
    let mut many = request();
    many.inputs = vec![Bytes::from_static(b"not even looked at"); limits::RECIPE_INPUTS + 1];
    let (reason, words) = reason_of(many);
    assert_eq!(reason, "OVER_LIMIT");
    assert!(
        words.contains("65536") && words.contains("65537"),
        "{words}"
    );
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{io, time::Duration};

use deriva_client::{ClientError, Code, Refusal};
use deriva_model::CAddr;
use serde_json::{Value as Json, json};

use super::{super::args::Format, Failure, code_name};

fn refused() -> Failure {
    ClientError::Refused(Box::new(Refusal {
        code: Code::NotFound,
        message: "no such recipe".to_owned(),
        reason: "UNKNOWN_ADDRESS".to_owned(),
        addr: Some(CAddr::from_bytes([0xab; 32])),
        hint: Some("put it first".to_owned()),
        retry_after: Some(Duration::from_millis(20)),
    }))
    .into()
}

#[test]
fn a_refusal_says_what_where_why_and_what_to_do() {
    let expected = format!(
        "error: no such recipe\n  address: {}\n  reason: NOT_FOUND UNKNOWN_ADDRESS\n  \
         hint: put it first\n  try again in 20 ms",
        "ab".repeat(32)
    );
    assert_eq!(refused().words(Format::Text).unwrap(), expected);
}

#[test]
fn the_same_in_json() {
    let said: Json = serde_json::from_str(&refused().words(Format::Json).unwrap()).unwrap();
    let expected = json!({ "error": {
        "kind": "refused", "code": "NOT_FOUND", "message": "no such recipe",
        "reason": "UNKNOWN_ADDRESS", "address": "ab".repeat(32),
        "hint": "put it first", "retry_after_ms": 20,
    }});
    assert_eq!(said, expected);
}

#[test]
fn each_failure_has_its_exit_code() {
    let unreachable = ClientError::Unreachable {
        url: "u".to_owned(),
        cause: "c".to_owned(),
    };
    let cases = [
        (refused(), 1),
        (Failure::local("x"), 1),
        (ClientError::CutOff("x".to_owned()).into(), 1),
        (Failure::Usage("x".to_owned()), 2),
        (ClientError::Configuration("x".to_owned()).into(), 2),
        (unreachable.into(), 3),
        (
            Failure::Unreachable {
                message: "x".to_owned(),
                hint: "y".to_owned(),
            },
            3,
        ),
    ];
    for (failure, code) in cases {
        assert_eq!(failure.exit_code(), code, "{failure:?}");
        assert!(failure.words(Format::Text).is_some());
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let gone = Failure::stdout(&io::ErrorKind::BrokenPipe.into());
    assert_eq!((gone.exit_code(), gone.words(Format::Text)), (0, None));
    let full = Failure::stdout(&io::ErrorKind::StorageFull.into());
    assert_eq!(full.exit_code(), 1);
}

#[test]
fn codes_are_spelled_as_grpc_spells_them() {
    let named = [
        Code::NotFound,
        Code::DataLoss,
        Code::Unavailable,
        Code::InvalidArgument,
    ];
    let named = named.map(code_name);
    assert_eq!(
        named,
        ["NOT_FOUND", "DATA_LOSS", "UNAVAILABLE", "INVALID_ARGUMENT"]
    );
}

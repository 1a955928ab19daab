#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{io, path::Path, time::Duration};

use deriva_client::{ClientError, Code, Refusal, SessionFault};
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
fn an_error_has_the_same_keys_whatever_happened() {
    let keys = |failure: &Failure| {
        let said: Json = serde_json::from_str(&failure.words(Format::Json).unwrap()).unwrap();
        let error = said["error"].as_object().unwrap().clone();
        error.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&Failure::usage("x")), keys(&refused()));
    assert_eq!(keys(&Failure::local("x")), keys(&refused()));
}

fn with(reason: &str, code: Code, hint: &str) -> Failure {
    ClientError::Refused(Box::new(Refusal {
        code,
        message: "the server's words".to_owned(),
        reason: reason.to_owned(),
        addr: None,
        hint: Some(hint.to_owned()),
        retry_after: None,
    }))
    .into()
}

#[test]
fn hints_are_about_commands_and_not_about_calls() {
    for (reason, code, command, part) in [
        ("NOT_FOUND", Code::NotFound, "get", "`deriva put`"),
        (
            "MISSING_INPUTS",
            Code::NotFound,
            "recipe",
            "--allow-missing",
        ),
        (
            "MISSING_INPUTS",
            Code::NotFound,
            "get",
            "`deriva graph ADDR`",
        ),
        (
            "REFUSED_RECIPE",
            Code::InvalidArgument,
            "recipe",
            "`deriva functions`",
        ),
        (
            "FUNCTION_FAILED",
            Code::FailedPrecondition,
            "get",
            "`deriva explain",
        ),
        ("FUNCTION_FAILED", Code::Aborted, "get", "function_output"),
        (
            "OVER_LIMIT",
            Code::ResourceExhausted,
            "get",
            "function_output",
        ),
    ] {
        let failure = with(reason, code, "raise function_output").during(command);
        let words = failure.words(Format::Text).unwrap();
        assert!(words.contains(part), "{words}");
        assert_eq!(
            words.contains("--allow-missing"),
            command == "recipe" && reason == "MISSING_INPUTS"
        );
    }
}

#[test]
fn what_this_release_lacks_is_told_by_its_command() {
    let words = with("UNSUPPORTED", Code::Unimplemented, "x").during("verify");
    let words = words.words(Format::Text).unwrap();
    assert!(
        words.contains("`deriva verify` is not in this release"),
        "{words}"
    );
}

#[test]
fn a_reason_that_repeats_the_code_is_said_once() {
    let words = with("NOT_FOUND", Code::NotFound, "x")
        .words(Format::Text)
        .unwrap();
    assert!(words.contains("reason: NOT_FOUND\n"), "{words}");
}

#[test]
fn no_session_is_told_by_its_cause_and_never_to_be_asked_again() {
    for fault in [
        SessionFault::NeedsTls,
        SessionFault::NoTls,
        SessionFault::NotGrpc("x".to_owned()),
        SessionFault::CertificateDemanded,
        SessionFault::CertificateRefused("x".to_owned()),
        SessionFault::Untrusted("x".to_owned()),
        SessionFault::WrongName("x".to_owned()),
        SessionFault::Outdated("x".to_owned()),
        SessionFault::Tls("x".to_owned()),
    ] {
        let error = ClientError::NoSession {
            url: "https://h:1".to_owned(),
            fault,
        };
        let words = Failure::from(error).words(Format::Text).unwrap();
        assert!(words.contains("https://h:1"), "{words}");
        assert!(
            words.contains("hint: ") && !words.contains("ask again"),
            "{words}"
        );
    }
}

#[test]
fn each_failure_has_its_exit_code() {
    let unreachable = ClientError::Unreachable {
        url: "u".to_owned(),
        cause: "c".to_owned(),
    };
    let no_session = ClientError::NoSession {
        url: "u".to_owned(),
        fault: SessionFault::NeedsTls,
    };
    let cases = [
        (refused(), 1),
        (no_session.into(), 3),
        (
            Failure::named(Path::new("f"), &io::ErrorKind::NotFound.into()),
            2,
        ),
        (
            Failure::file(Path::new("f"), &io::ErrorKind::StorageFull.into()),
            1,
        ),
        (Failure::local("x"), 1),
        (ClientError::CutOff("x".to_owned()).into(), 1),
        (Failure::usage("x".to_owned()), 2),
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

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hyper::StatusCode;
use serde_json::json;

use super::{endpoint, render};

#[test]
fn the_call_stands_beneath_the_admin_address() {
    for admin in ["http://127.0.0.1:9090", "http://127.0.0.1:9090/"] {
        let uri = endpoint(admin).unwrap().to_string();
        assert_eq!(uri, "http://127.0.0.1:9090/v1/cache/evict");
    }
}

#[test]
fn an_admin_address_that_cannot_work_is_wrong_usage() {
    for admin in [
        "",
        "127.0.0.1:9090",
        "https://127.0.0.1:9090",
        "http://",
        "file:///x",
    ] {
        assert_eq!(endpoint(admin).unwrap_err().exit_code(), 2, "{admin}");
    }
}

#[test]
fn the_answer_is_passed_on_and_a_refusal_is_a_failure() {
    let uri = endpoint("http://h:1").unwrap();
    let answer = render(&uri, StatusCode::OK, b"{\"values\":3,\"bytes\":70}\n").unwrap();
    assert_eq!(
        answer.json,
        json!({ "evicted": { "values": 3, "bytes": 70 } })
    );
    assert_eq!(answer.text, "3 values dropped, 70 bytes");
    assert!(render(&uri, StatusCode::OK, b"").is_ok());
    for body in [
        &b"draining"[..],
        b"{\"error\":{\"message\":\"draining\",\"hint\":\"wait\"}}",
    ] {
        let refused = render(&uri, StatusCode::SERVICE_UNAVAILABLE, body).unwrap_err();
        assert_eq!(refused.exit_code(), 1);
        let words = refused.words(crate::cli::args::Format::Text).unwrap();
        let expected = "http://h:1/v1/cache/evict answered 503 Service Unavailable: draining";
        assert!(words.contains(expected), "{words}");
    }
}

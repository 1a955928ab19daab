#![allow(clippy::unwrap_used, clippy::expect_used)]

use clap::Parser as _;
use hyper::StatusCode;
use serde_json::json;

use super::{chosen, endpoint, render};
use crate::cli::args::Cli;

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
        json!({ "admin": "http://h:1", "evicted": { "values": 3, "bytes": 70 } })
    );
    assert_eq!(answer.text, "http://h:1: 3 values dropped, 70 bytes");
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

#[test]
fn a_server_of_ones_own_needs_its_admin_address() {
    for (server, admin, expected) in [
        (
            "http://127.0.0.1:50051",
            None,
            Some("http://127.0.0.1:9090"),
        ),
        ("127.0.0.1:50051", None, Some("http://127.0.0.1:9090")),
        ("http://127.0.0.1:15051", None, None),
        (
            "http://127.0.0.1:15051",
            Some("http://127.0.0.1:19090"),
            Some("http://127.0.0.1:19090"),
        ),
    ] {
        let cli = Cli::try_parse_from(["deriva", "--server", server, "status"]).unwrap();
        let found = chosen(&cli.global, admin.map(str::to_owned));
        assert_eq!(found.as_deref().ok(), expected, "{server} {admin:?}");
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsString;

use clap::Parser as _;

use super::{long, short, wants_json};
use crate::cli::args::{Cli, Format};

fn argv(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(Into::into).collect()
}

fn rendered(line: &str) -> String {
    let refused = Cli::try_parse_from(argv(line)).unwrap_err();
    refused.render().to_string()
}

#[test]
fn usage_never_counts_an_option_with_a_default_as_required() {
    for line in [
        "deriva get",
        "deriva --server http://h:1 get",
        "deriva put --server http://h:1",
        "deriva recipe",
        "deriva cert node d --server http://h:1",
        "deriva get a --frob",
        "deriva frob",
    ] {
        let words = long(&rendered(line), &argv(line));
        let usage = words.lines().find(|l| l.starts_with("Usage: ")).unwrap();
        assert!(!usage.contains("--server"), "{line}: {words}");
        assert_eq!(words.matches("Usage:").count(), 1, "{words}");
    }
}

#[test]
fn a_name_that_an_option_swallowed_is_told_where_it_belongs() {
    let addr = "ab".repeat(32);
    for line in [
        format!("deriva recipe -i {addr} concat 1.0.0"),
        format!("deriva recipe concat -i {addr} 1.0.0"),
        "deriva recipe -p a=1 concat 1.0.0".to_owned(),
        format!("deriva recipe -i {addr}"),
    ] {
        let words = long(&rendered(&line), &argv(&line));
        let before = words.find("FUNCTION").unwrap();
        assert!(before < words.rfind("-i").unwrap(), "{words}");
        let usage = "Usage: deriva recipe [OPTIONS] FUNCTION VERSION [-i ADDR...]";
        assert!(words.contains(usage), "{words}");
    }
    let line = "deriva recipe -p a=1 concat 1.0.0";
    let words = long(&rendered(line), &argv(line));
    assert!(
        words.contains("FUNCTION and VERSION stand before -i and -p"),
        "{words}"
    );
}

#[test]
fn in_json_a_mistake_is_one_line_and_has_no_tail() {
    for line in [
        "deriva get",
        "deriva get xyz",
        "deriva get --mode up",
        "deriva gte",
        "deriva get a --ouptut",
    ] {
        let said = short(&rendered(line), &argv(line))
            .words(Format::Json)
            .unwrap();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let message = said["error"]["message"].as_str().unwrap();
        assert!(
            !message.contains("Usage") && !message.contains("For more"),
            "{message}"
        );
        assert!(
            !message.contains('\n') && !message.starts_with("error"),
            "{message}"
        );
        assert!(said["error"]["hint"].is_string(), "{said}");
    }
}

#[test]
fn a_line_that_does_not_parse_can_still_ask_for_json() {
    assert!(wants_json(&argv("deriva --output json frobnicate")));
    assert!(wants_json(&argv("deriva frobnicate --output=json")));
    assert!(!wants_json(&argv("deriva --output text json")));
}

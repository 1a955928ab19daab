#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

use super::Cli;

const ADDR: &str = "dc5a4edb8240b018124052c330270696f96771a63b45250a5c17d3000e823355";

fn argv(line: &str) -> Vec<OsString> {
    line.split_whitespace()
        .map(|word| word.replace("ADDR", ADDR).into())
        .collect()
}

fn accepted(line: &str) -> bool {
    Cli::try_parse_from(argv(line)).is_ok()
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_interface_is_accepted() {
    for line in [
        "deriva put file",
        "deriva put -",
        "deriva recipe uppercase 1.0.0 -i ADDR -i dc5a4edb -p a=b -p n:int=-3 --allow-missing",
        "deriva get ADDR",
        "deriva get ADDR -o file --mode sequential",
        "deriva get ADDR -o - --replay trace",
        "deriva trace ADDR -o file",
        "deriva resolve ADDR",
        "deriva graph ADDR",
        "deriva graph ADDR --query transitive-dependents",
        "deriva explain ADDR",
        "deriva eval graph.json --keep leaf --root 3",
        "deriva invalidate ADDR --cascade --dry-run --detail",
        "deriva invalidate ADDR --dry-run",
        "deriva verify ADDR",
        "deriva status",
        "deriva gc --dry-run --grace-period 0 --detail --max-removals 5",
        "deriva pin ADDR",
        "deriva unpin ADDR",
        "deriva pins",
        "deriva forget ADDR --cascade",
        "deriva functions",
        "deriva cluster",
        "deriva cert ca dir --cluster blue",
        "deriva cert node dir --name a --san 10.0.0.1 --san a.example --ca cadir",
        "deriva cert node --ca ca1 --name n1 --san 127.0.0.1 nodeA",
        "deriva recipe concat 1.0.0 -i ADDR ADDR -p a=1 b=2 -p c=3",
        "deriva cert client dir --name me --days 7",
        "deriva completions bash",
        "deriva evict --all --admin http://127.0.0.1:1",
        "deriva --server http://h:1 --output json status",
        "deriva status --output json --server http://h:1",
        "deriva status --tls-ca a --tls-cert b --tls-key c",
    ] {
        assert!(accepted(line), "{line}");
    }
}

#[test]
fn wrong_usage_is_refused() {
    for line in [
        "deriva",
        "deriva frobnicate",
        "deriva get",
        "deriva get dc5a4ed",
        "deriva get ADDRff",
        "deriva get DC5A4EDB8240",
        "deriva get ADDR --mode backwards",
        "deriva get ADDR --mode sequential --replay trace",
        "deriva trace ADDR",
        "deriva recipe uppercase",
        "deriva recipe uppercase 1.0.0 -p novalue",
        "deriva recipe uppercase 1.0.0 -p n:int=x",
        "deriva evict",
        "deriva gc --max-removals 0",
        "deriva cert node dir --name a",
        "deriva cert node dir --name a --san 10.0.0.1:80",
        "deriva cert ca dir --cluster a/b",
        "deriva --output yaml status",
    ] {
        assert!(!accepted(line), "{line}");
    }
}

#[tokio::test]
async fn exit_codes_tell_help_wrong_usage_and_an_unreachable_server_apart() {
    // A port that was bound and let go of again: nobody else is given it at once.
    #[allow(
        clippy::disallowed_methods,
        reason = "finds a port that nobody listens on"
    )]
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let cases = [
        (0, "deriva --version".to_owned()),
        (2, "deriva get nonsense".to_owned()),
        (2, "deriva --server nonsense status".to_owned()),
        (2, "deriva --server https://127.0.0.1:1 status".to_owned()),
        (2, "deriva recipe f 1 -p a=1 -p a=2".to_owned()),
        (3, format!("deriva --server http://127.0.0.1:{port} status")),
        (
            3,
            format!("deriva --output json --server http://127.0.0.1:{port} get {ADDR}"),
        ),
        (
            3,
            format!("deriva evict --all --admin http://127.0.0.1:{port}"),
        ),
        (2, "deriva eval /nonexistent/graph.json".to_owned()),
        (2, "deriva --server nonsense:port status".to_owned()),
        (3, format!("deriva --server 127.0.0.1:{port} status")),
        (
            2,
            format!("deriva --server http://127.0.0.1:{port} evict --all"),
        ),
    ];
    for (code, line) in cases {
        assert_eq!(crate::cli::run(argv(&line)).await, code, "{line}");
    }
}

#[test]
fn half_a_pair_of_tls_files_is_wrong_usage() {
    for (line, fits) in [
        ("deriva status --tls-ca a", true),
        ("deriva --tls-cert b status --tls-key c --tls-ca a", true),
        ("deriva status --tls-cert b --tls-ca a", false),
        ("deriva status --tls-cert b --tls-key c", false),
    ] {
        let cli = Cli::try_parse_from(argv(line)).unwrap();
        assert_eq!(cli.global.tls().is_ok(), fits, "{line}");
    }
}

fn global(line: &str) -> super::Global {
    Cli::try_parse_from(argv(line)).unwrap().global
}

#[test]
fn a_server_without_a_scheme_is_taken_as_the_files_say() {
    for (line, url) in [
        (
            "deriva status --server 127.0.0.1:15051",
            "http://127.0.0.1:15051",
        ),
        (
            "deriva status --server [::1]:1 --tls-ca a",
            "https://[::1]:1",
        ),
        ("deriva status --server https://h:1", "https://h:1"),
    ] {
        assert_eq!(global(line).url().unwrap(), url, "{line}");
    }
    assert!(global("deriva status --server host").url().is_err());
}

#[test]
fn https_without_an_authority_names_the_option() {
    let refused = global("deriva status --server https://h:1")
        .tls()
        .unwrap_err();
    let words = refused.words(super::Format::Text).unwrap();
    assert!(words.contains("--tls-ca"), "{words}");
}

#[test]
fn no_command_waits_for_a_release() {
    let root = Cli::command();
    for command in root.get_subcommands() {
        let about = command.get_about().unwrap().to_string();
        assert!(
            !about.contains("not in this release"),
            "{}",
            command.get_name()
        );
    }
}

#[test]
fn verify_takes_an_address_or_a_function_and_get_a_form_of_verification() {
    let parses = |line: &str| Cli::try_parse_from(line.split_whitespace()).is_ok();
    let addr = "00".repeat(32);
    assert!(parses(&format!("deriva verify {addr} --deep")));
    assert!(parses("deriva verify --clear uppercase 1.0.0"));
    assert!(parses(&format!("deriva get {addr} --verify sampled:0.5")));
    for wrong in [
        "deriva verify".to_owned(),
        "deriva verify --deep".to_owned(),
        "deriva verify --clear uppercase".to_owned(),
        format!("deriva verify {addr} --clear uppercase 1.0.0"),
        format!("deriva get {addr} --verify twice"),
        format!("deriva get {addr} --verify dual --replay file"),
    ] {
        assert!(!parses(&wrong), "{wrong}");
    }
}

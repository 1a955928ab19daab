//! The comparison with peers runs, and Python comes to the same root as Deriva does, in process and through
//! the client. The peers themselves are installed by `make bench-peers` only; a plain loop stands for them.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test touches the machine itself"
)]

use serde_json::Value as Json;
use std::process::Command;

#[test]
fn a_loop_in_python_and_deriva_come_to_the_same_root() {
    let out = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_deriva-bench"))
        .args(["peers", "--python", "python3", "--tiny"])
        .args(["--only", "plain", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let complained = String::from_utf8_lossy(&run.stderr);
    // A root that differs is a measurement that failed.
    assert!(run.status.success(), "{said}\n{complained}");
    let json = std::fs::read(out.path().join("peers.json")).unwrap();
    let json: Json = serde_json::from_slice(&json).unwrap();
    let rows = json["rows"].as_array().unwrap();
    let figures: Vec<&str> = rows
        .iter()
        .map(|told| told["row"]["figure"].as_str().unwrap())
        .collect();
    assert_eq!(
        figures,
        [
            "56 nodes in process, a plain loop in Python",
            "56 nodes through the client, a plain loop in Python"
        ]
    );
    let page = std::fs::read_to_string(out.path().join("peers.md")).unwrap();
    assert!(page.contains(figures[0]) && said.contains(figures[1]));
}

//! Every measurement runs, on tiny sizes, and gives whole rows. Whether a target is met is not asked:
//! that is for `make bench`, on a machine that does nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test touches the machine itself"
)]

use serde_json::Value as Json;
use std::process::Command;

#[test]
fn every_measurement_gives_whole_rows() {
    let out = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_deriva-bench"))
        .args(["--tiny", "--out"])
        .arg(out.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let complained = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}\n{complained}");
    let json = std::fs::read(out.path().join("bench.json")).unwrap();
    let json: Json = serde_json::from_slice(&json).unwrap();
    for key in ["cpu", "cores", "memory_bytes", "kernel"] {
        assert!(!json["machine"][key].is_null(), "{key}");
    }
    let runs = json["runs"].as_u64().unwrap();
    for told in json["rows"].as_array().unwrap() {
        assert_whole(told, runs);
    }
    let page = std::fs::read_to_string(out.path().join("README.md")).unwrap();
    for plot in ["cost-by-size.svg", "latency.svg"] {
        assert!(
            page.contains(plot) && out.path().join(plot).is_file(),
            "{plot}"
        );
    }
    assert!(said.contains("0 not measured"), "{said}");
}

fn assert_whole(told: &Json, runs: u64) {
    let row = &told["row"];
    for side in ["ours", "floor"] {
        let samples = row["pairs"][side].as_array().unwrap();
        assert_eq!(samples.len() as u64, runs, "{row}");
        for sample in samples {
            assert!(sample.as_f64().unwrap() > 0.0, "{row}");
        }
    }
    for text in ["figure", "floor", "includes"] {
        assert!(!row[text].as_str().unwrap().is_empty(), "{row}");
    }
    assert!(row["workers"].as_u64().unwrap() > 0, "{row}");
    assert!(!row["targets"].as_array().unwrap().is_empty(), "{row}");
}

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
use super::super::{FULL, TINY};
use super::*;
use std::{collections::HashSet, process::Command};

#[test]
fn python_makes_the_same_graph_of_it() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/graph.py");
    for (shape, seed) in [(TINY, 1), (TINY, u64::MAX), (FULL, 2)] {
        let said = Command::new("python3")
            .arg(script)
            .args([
                shape.width.to_string(),
                shape.layers.to_string(),
                seed.to_string(),
            ])
            .output()
            .unwrap();
        let graph = Graph::new(shape, seed);
        let root: String = graph.values()[graph.wiring.len() + shape.width - 1]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let expected = format!("{} {root}\n", graph.wiring.len());
        let complained = String::from_utf8_lossy(&said.stderr);
        assert_eq!(
            String::from_utf8_lossy(&said.stdout),
            expected,
            "{complained}"
        );
    }
}

#[test]
fn the_full_graph_has_the_promised_nodes() {
    assert_eq!(FULL.wiring().len(), 10_000);
}

#[test]
fn every_node_is_needed_and_no_two_values_are_equal() {
    for shape in [TINY, FULL] {
        let graph = Graph::new(shape, 5);
        let used: HashSet<usize> = graph.wiring.iter().flatten().copied().collect();
        let values = graph.values();
        assert_eq!(used.len(), values.len() - 1, "all but the root");
        let distinct: HashSet<&Bytes> = values.iter().collect();
        assert_eq!(
            distinct.len(),
            values.len(),
            "early cutoff would find equal ones"
        );
    }
}

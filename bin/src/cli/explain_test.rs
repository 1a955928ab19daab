#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use deriva_client::{Explained, ExplainedRecord};
use deriva_model::{CAddr, ContentHash, FunctionId};
use serde_json::{Value as Json, json};

use super::render;

fn nodes() -> Vec<Explained> {
    let leaf = Explained {
        addr: CAddr::from_bytes([1; 32]),
        kind: "leaf".to_owned(),
        function: None,
        inputs: Vec::new(),
        params: BTreeMap::new(),
        cached: true,
        record: None,
    };
    let recipe = Explained {
        addr: CAddr::from_bytes([2; 32]),
        kind: "recipe".to_owned(),
        function: Some(FunctionId::new("uppercase", "1.0.0")),
        inputs: vec![leaf.addr],
        params: BTreeMap::from([("k".to_owned(), "a\nb".to_owned())]),
        cached: false,
        record: Some(ExplainedRecord {
            content_hash: ContentHash::from_bytes([3; 32]),
            size: 12,
            cost_nanos: 1500,
            consumed: vec![ContentHash::from_bytes([4; 32])],
        }),
    };
    vec![leaf, recipe]
}

#[test]
fn a_node_says_what_was_consumed_and_what_it_cost() {
    let text = render(&nodes()).text;
    let blocks = text.split("\n\n").collect::<Vec<_>>();
    assert_eq!(blocks.len(), 2);
    for line in [
        "kind      recipe",
        "param     k=\"a\\nb\"",
        "input     010101010101, content 040404040404",
        "at hand   no",
        "size      12 bytes",
        "cost      1.5µs",
    ] {
        assert!(
            blocks[1].lines().any(|l| l == line),
            "{line} in\n{}",
            blocks[1]
        );
    }
}

#[test]
fn what_was_taken_over_has_no_cost_of_its_own() {
    let mut nodes = nodes();
    nodes[1].record.as_mut().unwrap().cost_nanos = 0;
    let text = render(&nodes).text;
    assert!(
        text.contains("cost      taken over from an equal computation"),
        "{text}"
    );
}

#[test]
fn json_has_every_field_for_every_node() {
    let json = render(&nodes()).json;
    let all = json["nodes"].as_array().unwrap();
    let keys = [
        "addr",
        "kind",
        "function",
        "version",
        "inputs",
        "params",
        "cached",
        "content_hash",
        "size",
        "cost_nanos",
        "consumed",
    ];
    for node in all {
        assert_eq!(node.as_object().unwrap().len(), keys.len());
        assert!(keys.iter().all(|key| node.get(key).is_some()), "{node}");
    }
    assert_eq!(all[0]["size"], Json::Null);
    assert_eq!(all[1]["size"], json!(12));
    assert_eq!(all[1]["content_hash"], json!("03".repeat(32)));
}

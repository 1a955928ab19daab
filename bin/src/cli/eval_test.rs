#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use deriva_model::{CAddr, FunctionId, Recipe, Value};

use super::{Found, graph, parse, prefixes, root};

/// The recipes of a list, as `run` reads it.
fn read(text: &str) -> Result<Vec<Recipe>, String> {
    let steps = parse(text.as_bytes())?;
    graph(&steps, &Found::new(), None).map(|(recipes, _)| recipes)
}

const LEAF: &str = "dc5a4edb8240b018124052c330270696f96771a63b45250a5c17d3000e823355";

#[test]
fn references_become_the_addresses_of_earlier_recipes() {
    let text = format!(
        r#"[{{"function": "uppercase", "version": "1.0.0", "inputs": ["{LEAF}"]}},
            {{"function": "concat", "version": "1.0.0", "inputs": [{{"ref": 0}}, "{LEAF}", {{"ref": 0}}],
              "params": {{"n": 3, "sep": "-", "raw": {{"bytes": "00ff"}}}}}}]"#
    );
    let recipes = read(&text).unwrap();
    let leaf = CAddr::parse_hex(LEAF).unwrap();
    let upper = Recipe::new(
        FunctionId::new("uppercase", "1.0.0"),
        vec![leaf],
        BTreeMap::new(),
    );
    let upper = upper.unwrap();
    let params = BTreeMap::from([
        ("n".to_owned(), Value::I64(3)),
        ("sep".to_owned(), Value::from("-")),
        ("raw".to_owned(), Value::Bytes(vec![0, 255])),
    ]);
    let inputs = vec![upper.address(), leaf, upper.address()];
    let concat = Recipe::new(FunctionId::new("concat", "1.0.0"), inputs, params).unwrap();
    // The law's own example: this address is written down there.
    let known = "182c6330b8747b7cae8edc0144732d193cd0837093153f9c46642b9c4da0316d";
    assert_eq!(upper.address().to_string(), known);
    assert_eq!(root(&recipes, None).unwrap(), concat.address());
    assert_eq!(root(&recipes, Some(0)).unwrap(), upper.address());
    assert_eq!(recipes, [upper, concat]);
}

#[test]
fn what_is_no_graph_is_told_where() {
    let cases = [
        ("", "list of recipes"),
        ("{}", "list of recipes"),
        (r#"[{"function": "f"}]"#, "version"),
        (
            r#"[{"function": "f", "version": "1", "input": []}]"#,
            "input",
        ),
        (
            r#"[{"function": "f", "version": "1", "inputs": [{"ref": 0}]}]"#,
            "recipe 0: ref 0",
        ),
        (
            r#"[{"function": "f", "version": "1", "inputs": ["12"]}]"#,
            "input \"12\"",
        ),
        (
            r#"[{"function": "f", "version": "1", "params": {"k": null}}]"#,
            "recipe 0: param \"k\"",
        ),
        (r#"[{"function": "", "version": "1"}]"#, "recipe 0"),
        (
            r#"[{"function": "f", "version": "1", "inputs": [3]}]"#,
            "expected an address in hex digits, or {\"ref\": N}",
        ),
        (
            r#"[{"function": "f", "version": "1", "inputs": [{"reff": 0}]}]"#,
            "expected `ref`",
        ),
        ("{}", "expected is a list like"),
    ];
    for (text, part) in cases {
        let said = read(text).unwrap_err();
        assert!(said.contains(part), "{text}: {said}");
    }
}

#[test]
fn a_root_stands_in_the_list() {
    assert!(root(&[], None).is_err());
    assert!(root(&[], Some(0)).is_err());
}

#[test]
fn a_prefix_stands_for_the_address_that_was_found() {
    let prefix = &LEAF[..8];
    let text =
        format!(r#"[{{"function": "uppercase", "version": "1.0.0", "inputs": ["{prefix}"]}}]"#);
    let steps = parse(text.as_bytes()).unwrap();
    let wanted = prefixes(&steps).cloned().collect::<Vec<_>>();
    assert_eq!(wanted.len(), 1);
    let leaf = CAddr::parse_hex(LEAF).unwrap();
    let found = Found::from([(wanted[0].clone(), leaf)]);
    let (recipes, _) = graph(&steps, &found, None).unwrap();
    assert_eq!(recipes[0].inputs(), [leaf]);
    assert!(graph(&steps, &Found::new(), None).is_err());
}

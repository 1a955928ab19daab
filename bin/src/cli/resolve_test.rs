#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use deriva_client::{Resolution, Resolved};
use deriva_model::{CAddr, FunctionId, Recipe, Value};
use serde_json::json;

use super::render;

/// What was not imported.
fn alone(is: Resolution) -> Resolved {
    Resolved {
        is,
        recipe: None,
        old_addr: None,
    }
}

#[test]
fn an_imported_recipe_shows_both_addresses_either_way() {
    let function = FunctionId::new("uppercase", "1.0.0");
    let recipe = Recipe::new(function, vec![], BTreeMap::new()).unwrap();
    let (old, new) = (CAddr::from_bytes([7; 32]), recipe.address());
    let by_old = Resolved {
        is: Resolution::Alias { of: new },
        recipe: Some(recipe.clone()),
        old_addr: Some(old),
    };
    let answer = render(&old, &by_old);
    let expected = format!(
        "addr      {old}\nkind      alias\nof        {new}\nfunction  uppercase\n\
         version   1.0.0"
    );
    assert_eq!(answer.text, expected);
    let expected = json!({
        "addr": old.to_string(), "found": true, "kind": "alias", "alias_of": new.to_string(),
        "function": "uppercase", "version": "1.0.0", "inputs": [], "params": {},
    });
    assert_eq!(answer.json, expected);
    let by_new = Resolved {
        is: Resolution::Recipe(recipe),
        ..by_old
    };
    let answer = render(&new, &by_new);
    assert!(answer.text.contains(&format!("old addr  {old}")));
    assert_eq!(answer.json["old_addr"], json!(old.to_string()));
}

#[test]
fn a_recipe_shows_everything_its_address_is_made_of() {
    let input = CAddr::from_bytes([0xcd; 32]);
    let params = BTreeMap::from([
        ("n".to_owned(), Value::I64(3)),
        ("by".to_owned(), Value::from("3")),
    ]);
    let function = FunctionId::new("repeat", "1.0.0");
    let recipe = Recipe::new(function, vec![input, input], params).unwrap();
    let addr = recipe.address();
    let answer = render(&addr, &alone(Resolution::Recipe(recipe)));
    let hex = "cd".repeat(32);
    let expected = format!(
        "addr      {addr}\nkind      recipe\nfunction  repeat\nversion   1.0.0\n\
         input     {hex}\ninput     {hex}\nparam     by:string=\"3\"\nparam     n:i64=3"
    );
    assert_eq!(answer.text, expected);
    let expected = json!({
        "addr": addr.to_string(), "found": true, "kind": "recipe", "function": "repeat",
        "version": "1.0.0", "inputs": [hex, hex], "params": { "n": 3, "by": "3" }, "old_addr": null,
    });
    assert_eq!((answer.json, answer.code), (expected, 0));
}

#[test]
fn an_unknown_address_is_told_and_fails() {
    let answer = render(&CAddr::from_bytes([1; 32]), &alone(Resolution::Unknown));
    assert_eq!(
        (answer.code, answer.json["found"].as_bool()),
        (1, Some(false))
    );
}

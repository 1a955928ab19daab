#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use deriva_client::Resolution;
use deriva_model::{CAddr, FunctionId, Recipe, Value};
use serde_json::json;

use super::render;

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
    let answer = render(&addr, &Resolution::Recipe(recipe));
    let hex = "cd".repeat(32);
    let expected = format!(
        "addr      {addr}\nkind      recipe\nfunction  repeat\nversion   1.0.0\n\
         input     {hex}\ninput     {hex}\nparam     by:string=\"3\"\nparam     n:i64=3"
    );
    assert_eq!(answer.text, expected);
    let expected = json!({
        "addr": addr.to_string(), "found": true, "kind": "recipe", "function": "repeat",
        "version": "1.0.0", "inputs": [hex, hex], "params": { "n": 3, "by": "3" },
    });
    assert_eq!((answer.json, answer.code), (expected, 0));
}

#[test]
fn an_unknown_address_is_told_and_fails() {
    let answer = render(&CAddr::from_bytes([1; 32]), &Resolution::Unknown);
    assert_eq!(
        (answer.code, answer.json["found"].as_bool()),
        (1, Some(false))
    );
}

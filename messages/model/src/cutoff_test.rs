#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use super::CutoffKey;
use crate::address::{CAddr, ContentHash};
use crate::function::FunctionId;
use crate::recipe::Recipe;
use crate::value::Value;

fn key(name: &str, input: &[u8], params: &[(&str, i64)], contents: &[&[u8]]) -> CutoffKey {
    let params: BTreeMap<_, _> = params
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Value::I64(*value)))
        .collect();
    let inputs = vec![CAddr::of_leaf(input)];
    let recipe = Recipe::new(FunctionId::new(name, "1"), inputs, params).unwrap();
    let contents: Vec<_> = contents
        .iter()
        .map(|bytes| ContentHash::of(bytes))
        .collect();
    CutoffKey::of(&recipe, &contents)
}

#[test]
fn it_forgets_addresses_and_nothing_else() {
    let first = key("f", b"one", &[("k", 1)], &[b"x", b"y"]);
    assert_eq!(first, key("f", b"two", &[("k", 1)], &[b"x", b"y"]));
    assert_ne!(first, key("g", b"one", &[("k", 1)], &[b"x", b"y"]));
    assert_ne!(first, key("f", b"one", &[("k", 2)], &[b"x", b"y"]));
    assert_ne!(first, key("f", b"one", &[("k", 1)], &[b"y", b"x"]));
    assert_ne!(first, key("f", b"one", &[("k", 1)], &[b"x"]));
    assert_eq!(CutoffKey::from_bytes(*first.as_bytes()), first);
}

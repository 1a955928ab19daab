//! Recipes in the old form, written here from `laws.md` and by no code of the product: little-endian,
//! every length eight bytes, every kind four.

use deriva_model::{CAddr, Value};

/// One old recipe.
#[derive(Clone, Debug)]
pub struct Old {
    bytes: Vec<u8>,
}

impl Old {
    /// A recipe of a built-in function. Params go in ascending order of their keys.
    #[must_use]
    pub fn new(function: &str, inputs: &[CAddr], params: &[(&str, Value)]) -> Self {
        Self::of_version(function, "1.0.0", inputs, params)
    }

    #[must_use]
    pub fn of_version(
        function: &str,
        version: &str,
        inputs: &[CAddr],
        params: &[(&str, Value)],
    ) -> Self {
        let mut bytes = Vec::new();
        run(&mut bytes, function.as_bytes());
        run(&mut bytes, version.as_bytes());
        length(&mut bytes, inputs.len());
        for input in inputs {
            bytes.extend(input.as_bytes());
        }
        length(&mut bytes, params.len());
        for (key, value) in params {
            run(&mut bytes, key.as_bytes());
            kind(&mut bytes, value);
        }
        Self { bytes }
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The address that it had: BLAKE3 of its bytes, as of any leaf.
    #[must_use]
    pub fn addr(&self) -> CAddr {
        CAddr::of_leaf(&self.bytes)
    }
}

/// Records one after the other, each with its length before it.
#[must_use]
pub fn stream(recipes: &[Old]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for recipe in recipes {
        run(&mut bytes, recipe.bytes());
    }
    bytes
}

fn length(into: &mut Vec<u8>, length: usize) {
    into.extend((length as u64).to_le_bytes());
}

fn run(into: &mut Vec<u8>, bytes: &[u8]) {
    length(into, bytes.len());
    into.extend(bytes);
}

fn kind(into: &mut Vec<u8>, value: &Value) {
    let mut number = |kind: u32| into.extend(kind.to_le_bytes());
    match value {
        Value::String(text) => {
            number(0);
            run(into, text.as_bytes());
        }
        Value::I64(whole) => {
            number(1);
            into.extend(whole.to_le_bytes());
        }
        Value::Bool(flag) => {
            number(2);
            into.push(u8::from(*flag));
        }
        Value::Bytes(bytes) => {
            number(3);
            run(into, bytes);
        }
        Value::List(items) => {
            number(4);
            length(into, items.len());
            for item in items {
                kind(into, item);
            }
        }
        Value::F64(_) => panic!("the old form had no floats"),
    }
}

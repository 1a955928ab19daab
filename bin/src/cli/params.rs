//! Params as they are typed, `key=text` or `key:kind=text`, and as they stand in JSON.
//!
//! It refuses to guess kinds: `key=3` is the text "3", because params are hashed as sent.

use std::collections::BTreeMap;

use deriva_model::{F64, Value, limits};
use serde_json::Value as Json;

const KINDS: &str = "string, int, bool, float, bytes-hex, json";

/// Reads one `-p` argument.
pub(super) fn parse(argument: &str) -> Result<(String, Value), String> {
    let Some((left, text)) = argument.split_once('=') else {
        return Err("a param is key=value, or key:kind=value".to_owned());
    };
    let (key, value) = match left.rsplit_once(':') {
        None => (left, Value::String(text.to_owned())),
        Some((key, kind)) => (key, typed(kind, text)?),
    };
    match key.is_empty() {
        true => Err("a param's key is not empty".to_owned()),
        false => Ok((key.to_owned(), value)),
    }
}

fn typed(kind: &str, text: &str) -> Result<Value, String> {
    match kind {
        "string" => Ok(Value::String(text.to_owned())),
        "int" => text
            .parse()
            .map(Value::I64)
            .map_err(|e| format!("{text:?} as int: {e}")),
        "bool" => text
            .parse()
            .map(Value::Bool)
            .map_err(|_| format!("{text:?} as bool: true or false")),
        "float" => float(text),
        "bytes-hex" => bytes(text).map(Value::Bytes),
        "json" => {
            let json = serde_json::from_str(text).map_err(|e| format!("{text:?} as json: {e}"))?;
            from_json(&json)
        }
        _ => Err(format!("{kind:?} is no kind of param; there are {KINDS}")),
    }
}

fn float(text: &str) -> Result<Value, String> {
    let number = text
        .parse::<f64>()
        .map_err(|e| format!("{text:?} as float: {e}"))?;
    Ok(Value::F64(F64::new(number)))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err("bytes in hex have two digits each".to_owned());
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let pair = |two: &[u8]| Some(nibble(two[0])? << 4 | nibble(two[1])?);
    let all = digits.chunks_exact(2).map(pair).collect::<Option<_>>();
    all.ok_or_else(|| format!("{text:?} is not hex"))
}

/// A JSON value as a param: a whole number is an int, one with a point or an exponent a float,
/// `{"bytes": "hex"}` bytes, `{"float": "NaN"}` what JSON cannot spell. There is no null.
pub(super) fn from_json(json: &Json) -> Result<Value, String> {
    nested(json, 0)
}

fn nested(json: &Json, depth: usize) -> Result<Value, String> {
    match json {
        Json::String(text) => Ok(Value::String(text.clone())),
        Json::Bool(truth) => Ok(Value::Bool(*truth)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Value::I64(whole)),
            (None, Some(float)) if number.is_f64() => Ok(Value::F64(F64::new(float))),
            _ => Err(format!("{number} does not fit into 64 bits with a sign")),
        },
        Json::Array(_) if depth == limits::NESTING => {
            Err(format!("lists nest at most {} deep", limits::NESTING))
        }
        Json::Array(items) => {
            let values = items.iter().map(|item| nested(item, depth + 1));
            values.collect::<Result<_, _>>().map(Value::List)
        }
        Json::Object(fields) if fields.len() == 1 => match fields.iter().next() {
            Some((key, Json::String(text))) if key == "bytes" => bytes(text).map(Value::Bytes),
            Some((key, Json::String(text))) if key == "float" => float(text),
            _ => Err(NO_PARAM.to_owned()),
        },
        Json::Null | Json::Object(_) => Err(NO_PARAM.to_owned()),
    }
}

const NO_PARAM: &str = "a param is text, a number, true or false, a list, or {\"bytes\": \"hex\"}";

/// The params of one recipe; a key stands once.
pub(super) fn collect(all: Vec<(String, Value)>) -> Result<BTreeMap<String, Value>, String> {
    let mut params = BTreeMap::new();
    for (key, value) in all {
        if params.contains_key(&key) {
            return Err(format!("the param {key:?} is given twice"));
        }
        params.insert(key, value);
    }
    Ok(params)
}

#[cfg(test)]
#[path = "params_test.rs"]
mod params_test;

//! Reads one param: a typed value, or the canonical string that spells it, within its bounds.
//!
//! It refuses every other spelling, and repeats no more of what came than fits on a line.

use deriva_model::Value;

use super::{ParamError, Slot};
use crate::function::{ParamKind, ParamSpec};

/// Longest piece of a given value that an error repeats, in bytes.
const SHOWN_BYTES: usize = 64;

/// One value, or its canonical string, as the declared type.
pub(super) fn read(param: &ParamSpec, value: &Value) -> Result<Slot, ParamError> {
    match &param.kind {
        ParamKind::String { max_len, one_of } => read_string(param, value, *max_len, one_of),
        ParamKind::I64 { min, max } => read_i64(param, value, *min, *max),
        ParamKind::Bool => read_bool(param, value),
        ParamKind::Bytes { max_len } => read_bytes(param, value, *max_len),
        ParamKind::F64 { min, max } => read_f64(param, value, *min, *max),
        ParamKind::Strings { max_items, max_len } => {
            read_strings(param, value, *max_items, *max_len)
        }
    }
}

fn read_string(
    param: &ParamSpec,
    value: &Value,
    max_len: usize,
    one_of: &[String],
) -> Result<Slot, ParamError> {
    let Value::String(text) = value else {
        return Err(ill_typed(param, value));
    };
    let allowed = one_of.is_empty() || one_of.contains(text);
    if text.len() > max_len || !allowed {
        return Err(out_of_range(param, value));
    }
    Ok(Slot::String(text.clone()))
}

fn read_i64(param: &ParamSpec, value: &Value, min: i64, max: i64) -> Result<Slot, ParamError> {
    let number = match value {
        Value::I64(number) => *number,
        Value::String(text) => {
            let number: i64 = text.parse().map_err(|_| ill_typed(param, value))?;
            canonical(param, text, &number.to_string())?;
            number
        }
        _ => return Err(ill_typed(param, value)),
    };
    if number < min || number > max {
        return Err(out_of_range(param, value));
    }
    Ok(Slot::I64(number))
}

fn read_bool(param: &ParamSpec, value: &Value) -> Result<Slot, ParamError> {
    match value {
        Value::Bool(truth) => Ok(Slot::Bool(*truth)),
        Value::String(text) if text == "true" => Ok(Slot::Bool(true)),
        Value::String(text) if text == "false" => Ok(Slot::Bool(false)),
        _ => Err(ill_typed(param, value)),
    }
}

fn read_bytes(param: &ParamSpec, value: &Value, max_len: usize) -> Result<Slot, ParamError> {
    let bytes = match value {
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::String(text) => unhex(text).ok_or_else(|| ill_typed(param, value))?,
        _ => return Err(ill_typed(param, value)),
    };
    if bytes.len() > max_len {
        return Err(out_of_range(param, value));
    }
    Ok(Slot::Bytes(bytes))
}

fn read_f64(param: &ParamSpec, value: &Value, min: f64, max: f64) -> Result<Slot, ParamError> {
    let number = match value {
        Value::F64(number) => number.get(),
        Value::String(text) => {
            let number: f64 = text.parse().map_err(|_| ill_typed(param, value))?;
            if number.is_finite() {
                canonical(param, text, &number.to_string())?;
            }
            number
        }
        _ => return Err(ill_typed(param, value)),
    };
    // A NaN compares as outside every range.
    if !(number >= min && number <= max) {
        return Err(out_of_range(param, value));
    }
    Ok(Slot::F64(number))
}

fn read_strings(
    param: &ParamSpec,
    value: &Value,
    max_items: usize,
    max_len: usize,
) -> Result<Slot, ParamError> {
    let items: Vec<String> = match value {
        Value::String(text) => list_from_text(param, text, max_items)?,
        Value::List(values) => values
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                _ => Err(ill_typed(param, value)),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(ill_typed(param, value)),
    };
    if items.len() > max_items || items.iter().any(|item| item.len() > max_len) {
        return Err(out_of_range(param, value));
    }
    Ok(Slot::Strings(items))
}

/// A list from a string: the canonical string of a list, or plain texts joined by commas.
///
/// What begins as a canonical list does must be one; so a text that begins with `["` and holds no
/// comma needs the canonical form or the list itself.
fn list_from_text(
    param: &ParamSpec,
    text: &str,
    max_items: usize,
) -> Result<Vec<String>, ParamError> {
    if text.is_empty() || text == "[]" {
        return Ok(Vec::new());
    }
    if !text.starts_with("[\"") {
        let beyond = max_items.saturating_add(1);
        return Ok(text.split(',').take(beyond).map(str::to_string).collect());
    }
    let broken = || ill_typed(param, &Value::String(text.to_string()));
    let items = quoted_items(text).ok_or_else(broken)?;
    let list = Value::List(items.iter().cloned().map(Value::String).collect());
    canonical(param, text, &list.canonical_string())?;
    Ok(items)
}

/// The items of `["…","…"]` with the escapes `\"`, `\\` and `\u` and four hex digits.
fn quoted_items(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('[')?;
    let mut items = Vec::new();
    loop {
        let mut item = String::new();
        rest = rest.strip_prefix('"')?;
        loop {
            let mut scalars = rest.chars();
            match scalars.next()? {
                '"' => break,
                '\\' => rest = escaped(scalars.as_str(), &mut item)?,
                scalar => {
                    item.push(scalar);
                    rest = scalars.as_str();
                }
            }
        }
        items.push(item);
        rest = rest.strip_prefix('"')?;
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (rest == "]").then_some(items),
        }
    }
}

/// Adds the scalar whose escape `rest` begins with, after the backslash; gives what follows it.
fn escaped<'a>(rest: &'a str, item: &mut String) -> Option<&'a str> {
    if let Some(digits) = rest.strip_prefix('u') {
        let (code, after) = digits.split_at_checked(4)?;
        item.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        return Some(after);
    }
    let mut scalars = rest.chars();
    item.push(scalars.next().filter(|scalar| "\"\\".contains(*scalar))?);
    Some(scalars.as_str())
}

fn canonical(param: &ParamSpec, given: &str, canonical: &str) -> Result<(), ParamError> {
    if given == canonical {
        return Ok(());
    }
    Err(ParamError::NotCanonical {
        param: param.name.clone(),
        given: format!("\"{}\"", cut(given)),
        canonical: canonical.to_string(),
    })
}

fn ill_typed(param: &ParamSpec, value: &Value) -> ParamError {
    ParamError::IllTyped {
        param: param.name.clone(),
        given: show(value),
        expected: param.kind.to_string(),
    }
}

fn out_of_range(param: &ParamSpec, value: &Value) -> ParamError {
    ParamError::OutOfRange {
        param: param.name.clone(),
        given: show(value),
        expected: param.kind.to_string(),
    }
}

/// A value in an error message: its type, and as much of it as fits.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the string \"{}\" ({} bytes)", cut(text), text.len()),
        Value::I64(number) => format!("the whole number {number}"),
        Value::Bool(truth) => format!("the truth value {truth}"),
        Value::Bytes(bytes) => format!("a byte string of {} bytes", bytes.len()),
        Value::List(items) => format!("a list of {} items", items.len()),
        Value::F64(number) => format!("the number {}", number.get()),
    }
}

/// The text with control characters escaped, cut at a character's edge to a bounded length.
pub(super) fn cut(text: &str) -> String {
    let mut shown = String::new();
    for scalar in text.chars().flat_map(char::escape_debug) {
        if shown.len() + scalar.len_utf8() > SHOWN_BYTES {
            shown.push('…');
            break;
        }
        shown.push(scalar);
    }
    shown
}

/// Lower-case hex, two digits for each byte; any other spelling is none.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?))
        .collect()
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

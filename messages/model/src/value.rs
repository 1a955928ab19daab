//! What a param can be. Values are hashed as sent and never coerced, so nothing here converts one
//! kind into another; `canonical_string` is only a rendering for typed params that accept text.
//!
//! A `Value` may be built by hand to any depth; decoders and `Recipe::new` refuse depths above
//! [`limits::NESTING`](crate::limits::NESTING) before they build or walk further, which is what
//! bounds the recursion of `Drop`, `Eq`, `Ord` and `Hash`.

use std::fmt::Write as _;

/// A 64-bit float as its canonical IEEE bits: every NaN is one NaN, and −0.0 differs from 0.0.
/// Equality, order and hash go by the bits, not by numeric value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct F64(u64);

impl F64 {
    /// The bits of the only NaN.
    pub const NAN_BITS: u64 = 0x7ff8_0000_0000_0000;

    /// Takes a float; any NaN becomes the canonical one.
    pub fn new(value: f64) -> F64 {
        if value.is_nan() {
            return F64(Self::NAN_BITS);
        }
        F64(value.to_bits())
    }

    /// Takes bits as they are; `None` for a NaN spelled otherwise than the canonical one.
    pub fn from_canonical_bits(bits: u64) -> Option<F64> {
        (F64::new(f64::from_bits(bits)).0 == bits).then_some(F64(bits))
    }

    /// The float.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// Its canonical bits.
    pub fn to_bits(self) -> u64 {
        self.0
    }
}

impl std::fmt::Debug for F64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "F64({:?})", self.get())
    }
}

impl From<f64> for F64 {
    fn from(value: f64) -> F64 {
        F64::new(value)
    }
}

/// A param's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// UTF-8 text, taken as it is: no normalization. At most 64 KiB.
    String(String),
    /// A signed integer.
    I64(i64),
    /// True or false.
    Bool(bool),
    /// Bytes, at most 64 KiB.
    Bytes(Vec<u8>),
    /// Values in order, nested at most 32 deep.
    List(Vec<Value>),
    /// A float, by its bits.
    F64(F64),
}

/// The kind byte of a [`Value`] in DCF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ValueKind {
    /// Text.
    String = 0,
    /// Signed integer.
    I64 = 1,
    /// True or false.
    Bool = 2,
    /// Bytes.
    Bytes = 3,
    /// List of values.
    List = 4,
    /// Float.
    F64 = 5,
}

impl ValueKind {
    /// The kind of that byte, if it was ever given out.
    pub fn from_byte(byte: u8) -> Option<ValueKind> {
        Some(match byte {
            0 => ValueKind::String,
            1 => ValueKind::I64,
            2 => ValueKind::Bool,
            3 => ValueKind::Bytes,
            4 => ValueKind::List,
            5 => ValueKind::F64,
            _ => return None,
        })
    }

    /// The name used in messages to people.
    pub fn name(self) -> &'static str {
        match self {
            ValueKind::String => "string",
            ValueKind::I64 => "i64",
            ValueKind::Bool => "bool",
            ValueKind::Bytes => "bytes",
            ValueKind::List => "list",
            ValueKind::F64 => "f64",
        }
    }
}

impl std::fmt::Display for ValueKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Value {
    /// Which kind it is.
    pub fn kind(&self) -> ValueKind {
        match self {
            Value::String(_) => ValueKind::String,
            Value::I64(_) => ValueKind::I64,
            Value::Bool(_) => ValueKind::Bool,
            Value::Bytes(_) => ValueKind::Bytes,
            Value::List(_) => ValueKind::List,
            Value::F64(_) => ValueKind::F64,
        }
    }

    /// The one text that a typed param accepts in place of this value:
    ///
    /// | kind | text |
    /// |---|---|
    /// | string | itself |
    /// | i64 | decimal, `-` when negative, no leading zeros |
    /// | bool | `true` or `false` |
    /// | bytes | lower-case hex |
    /// | f64 | the shortest decimal digits that read back the same, never an exponent; `NaN`, `inf`, `-inf`, `-0` |
    /// | list | `[`, items joined by `,`, `]`; inside a list a string stands in double quotes with `"`, `\` and control characters escaped as in JSON (`\"`, `\\`, `\u00xx`) |
    pub fn canonical_string(&self) -> String {
        let mut out = String::new();
        let Value::List(items) = self else {
            match self {
                Value::String(text) => out.push_str(text),
                other => render_scalar(other, &mut out),
            }
            return out;
        };
        render_list(items, &mut out);
        out
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

/// Iterative, because a value built by hand may be deeper than any law.
fn render_list(items: &[Value], out: &mut String) {
    out.push('[');
    let mut open = vec![items.iter().enumerate()];
    while let Some(items) = open.last_mut() {
        let Some((at, item)) = items.next() else {
            out.push(']');
            open.pop();
            continue;
        };
        if at > 0 {
            out.push(',');
        }
        match item {
            Value::List(inner) => {
                out.push('[');
                open.push(inner.iter().enumerate());
            }
            Value::String(text) => render_quoted(text, out),
            other => render_scalar(other, out),
        }
    }
}

fn render_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..='\x1f' => append(out, format_args!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Renders what holds no other value; lists and strings have their own ways.
fn render_scalar(value: &Value, out: &mut String) {
    match value {
        Value::I64(number) => append(out, format_args!("{number}")),
        Value::Bool(flag) => append(out, format_args!("{flag}")),
        Value::F64(float) => append(out, format_args!("{}", float.get())),
        Value::Bytes(bytes) => {
            for byte in bytes {
                append(out, format_args!("{byte:02x}"));
            }
        }
        Value::String(_) | Value::List(_) => {}
    }
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a `String` has no way to fail: its `write_str` only grows it.
    if out.write_fmt(text).is_err() {
        out.push('\u{fffd}');
    }
}

#[cfg(test)]
#[path = "value_test.rs"]
mod value_test;

//! One answer, as text and as JSON, and how it reaches standard output.
//!
//! It refuses to panic when the reader goes away: `deriva … | head` ends quietly.

use std::io::{self, Write};

use deriva_model::{CAddr, Value};
use serde_json::{Value as Json, json};

use super::{args::Format, failure::Failure};

/// What a command found, in both formats.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    /// Lines without the last line break; empty means that there is nothing left to print.
    pub(super) text: String,
    /// One object; null means that there is nothing left to print.
    pub(super) json: Json,
    /// 0, or 1 when the answer is that it failed.
    pub(super) code: u8,
}

impl Answer {
    pub(super) fn new(text: impl Into<String>, json: Json) -> Self {
        Self {
            text: text.into(),
            json,
            code: 0,
        }
    }

    /// The command has written its output itself.
    pub(super) fn written() -> Self {
        Self::new("", Json::Null)
    }

    /// An answer that tells of a failure.
    pub(super) fn failed(self) -> Self {
        Self { code: 1, ..self }
    }
}

/// Prints an answer; answers the exit code.
pub(super) fn print(format: Format, answer: &Answer) -> Result<u8, Failure> {
    let stdout = io::stdout().lock();
    write(stdout, format, answer).map_err(|e| Failure::stdout(&e))?;
    Ok(answer.code)
}

fn write(mut out: impl Write, format: Format, answer: &Answer) -> io::Result<()> {
    match format {
        Format::Text if answer.text.is_empty() => {}
        Format::Text => writeln!(out, "{}", answer.text)?,
        Format::Json if answer.json.is_null() => {}
        Format::Json => writeln!(out, "{}", answer.json)?,
    }
    out.flush()
}

/// Names and values in two columns.
pub(super) fn columns(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}"));
    lines
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn hexes(addrs: &[CAddr]) -> Vec<String> {
    addrs.iter().map(CAddr::to_string).collect()
}

/// Lower-case hex of bytes that are no address.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A param in JSON; the same spelling is read back by `-p key:json=…` and by `eval`.
pub(super) fn param(value: &Value) -> Json {
    match value {
        Value::String(text) => json!(text),
        Value::I64(number) => json!(number),
        Value::Bool(truth) => json!(truth),
        Value::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
        Value::List(items) => Json::Array(items.iter().map(param).collect()),
        Value::F64(float) if float.get().is_finite() => json!(float.get()),
        Value::F64(float) => json!({ "float": float.get().to_string() }),
    }
}

#[cfg(test)]
#[path = "output_test.rs"]
mod output_test;

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{self, Write};

use deriva_model::{F64, Value};
use serde_json::json;

use super::{super::args::Format, Answer, columns, param, write};

struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printed(format: Format, answer: &Answer) -> String {
    let mut out = Vec::new();
    write(&mut out, format, answer).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn one_answer_two_formats() {
    let answer = Answer::new("hello", json!({ "b": 1, "a": "x" }));
    assert_eq!(printed(Format::Text, &answer), "hello\n");
    assert_eq!(printed(Format::Json, &answer), "{\"a\":\"x\",\"b\":1}\n");
    for format in [Format::Text, Format::Json] {
        assert_eq!(printed(format, &Answer::written()), "");
    }
}

#[test]
fn a_reader_that_went_away_is_an_error_and_no_panic() {
    let error = write(Gone, Format::Text, &Answer::new("x", json!({}))).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn columns_line_up_and_leave_no_blank_at_the_end() {
    let rows = [("a", "1".to_owned()), ("long", String::new())];
    assert_eq!(columns(&rows), "a     1\nlong");
}

#[test]
fn what_is_printed_as_a_param_is_read_back_as_the_same() {
    let values = [
        Value::from("3"),
        Value::I64(i64::MAX),
        Value::Bool(true),
        Value::Bytes(vec![0, 255]),
        Value::F64(F64::new(0.1)),
        Value::F64(F64::new(2.0)),
        Value::F64(F64::new(-0.0)),
        Value::F64(F64::new(1e300)),
        Value::F64(F64::new(f64::NAN)),
        Value::F64(F64::new(f64::NEG_INFINITY)),
        Value::List(vec![Value::I64(1), Value::List(vec![]), Value::from("x")]),
    ];
    for value in values {
        let text = param(&value).to_string();
        let read = super::super::params::parse(&format!("k:json={text}")).unwrap();
        assert_eq!(read, ("k".to_owned(), value), "{text}");
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{F64, Value, ValueKind};

#[test]
fn floats_are_their_bits() {
    assert_eq!(F64::new(-f64::NAN).to_bits(), F64::NAN_BITS);
    assert_eq!(
        F64::new(f64::from_bits(0x7ff0_0000_0000_0001)).to_bits(),
        F64::NAN_BITS
    );
    assert_ne!(F64::new(0.0), F64::new(-0.0));
    assert_eq!(F64::new(-0.0).to_bits(), 1 << 63);
    assert_eq!(F64::from_canonical_bits(0xfff8_0000_0000_0000), None);
    assert_eq!(
        F64::from_canonical_bits(F64::NAN_BITS),
        Some(F64::new(f64::NAN))
    );
    assert!(
        F64::new(-1.0) > F64::new(1.0),
        "order goes by bits, not by number"
    );
}

#[test]
fn canonical_strings() {
    let float = |value| Value::F64(F64::new(value));
    let table = [
        (Value::from("as it is \"\n"), "as it is \"\n"),
        (Value::I64(i64::MIN), "-9223372036854775808"),
        (Value::Bool(true), "true"),
        (Value::Bytes(vec![0, 255]), "00ff"),
        (float(1.0), "1"),
        (float(0.1), "0.1"),
        (float(1e21), "1000000000000000000000"),
        (float(-0.0), "-0"),
        (float(f64::NAN), "NaN"),
        (float(f64::NEG_INFINITY), "-inf"),
        (Value::List(vec![]), "[]"),
        (
            Value::List(vec![
                Value::I64(1),
                Value::from("a\"\\\u{1}"),
                Value::List(vec![Value::Bool(false), Value::List(vec![])]),
                Value::Bytes(vec![1]),
            ]),
            r#"[1,"a\"\\\u0001",[false,[]],01]"#,
        ),
    ];
    for (value, text) in table {
        assert_eq!(value.canonical_string(), text);
    }
}

#[test]
fn kinds_and_their_bytes() {
    for byte in 0..=255 {
        match ValueKind::from_byte(byte) {
            Some(kind) => assert_eq!(kind as u8, byte),
            None => assert!(byte > 5),
        }
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[test]
fn decimals_and_nothing_else_are_numbers() {
    for (cell, number) in [
        ("0", 0.0),
        ("-12.5", -12.5),
        ("+3", 3.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("2.5E-1", 0.25),
        ("9007199254740993", 9_007_199_254_740_992.0),
    ] {
        assert_eq!(parse(cell.as_bytes()), Some(number), "{cell}");
    }
    for cell in [
        "",
        " 1",
        "1 ",
        "1,5",
        "0x1",
        "inf",
        "-Infinity",
        "nan",
        "NaN",
        "1e999",
        "e",
        ".",
        "-",
        "1_0",
        "1-1",
        "١",
    ] {
        assert_eq!(parse(cell.as_bytes()), None, "{cell}");
    }
    assert_eq!(parse(b"\xff"), None);
}

#[test]
fn a_double_has_one_spelling() {
    for (number, spelling) in [
        (0.0, "0"),
        (-0.0, "0"),
        (3.0, "3"),
        (-1.5, "-1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (1.0 / 3.0, "0.3333333333333333"),
        (9_007_199_254_740_993.0, "9007199254740992"),
    ] {
        assert_eq!(format(number), spelling);
    }
    let smallest = format(f64::from_bits(1));
    assert!(smallest.starts_with("0.000") && smallest.ends_with("0005"));
    assert_eq!(format(f64::MAX).len(), 309);
    assert_eq!(parse(format(f64::MAX).as_bytes()), Some(f64::MAX));
}

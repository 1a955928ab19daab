//! Frozen vectors of the functions over lines of numbers.
//! A line here may be added, never changed.

use super::vectors_test::{Is, Refused, check};

#[test]
fn sum() {
    check(&[
        ("sum", &[b"1\n2.5\n-4\n"], &[], Is(b"-0.5")),
        ("sum", &[b""], &[], Is(b"0")),
        ("sum", &[b"1e3\r\n\n2"], &[], Is(b"1002")),
        ("sum", &[b"0.1\n0.2\n0.3"], &[], Is(b"0.6000000000000001")),
        (
            "sum",
            &[b"1\nx"],
            &[],
            Refused("line 2, \"x\", is not a number within the range of a double"),
        ),
        (
            "sum",
            &[b"1e308\n1e308\n"],
            &[],
            Refused("the sum leaves the range of a double at line 2"),
        ),
        (
            "sum",
            &[b"1e999"],
            &[],
            Refused("line 1, \"1e999\", is not a number"),
        ),
        ("sum", &[b"inf"], &[], Refused("line 1, \"inf\", is not")),
    ]);
}

#[test]
fn mean() {
    check(&[
        ("mean", &[b"1\n2\n4"], &[], Is(b"2.3333333333333335")),
        ("mean", &[b"7"], &[], Is(b"7")),
        (
            "mean",
            &[b""],
            &[],
            Refused("there is no number in the input"),
        ),
        (
            "mean",
            &[b"1\nx"],
            &[],
            Refused("line 2, \"x\", is not a number within the range of a double"),
        ),
        (
            "mean",
            &[b"1e308\n1e308"],
            &[],
            Refused("the sum leaves the range"),
        ),
    ]);
}

#[test]
fn min() {
    check(&[
        ("min", &[b"3\n-1e2\n7"], &[], Is(b"-100")),
        ("min", &[b"\n5\n"], &[], Is(b"5")),
        ("min", &[b""], &[], Refused("there is no number")),
        (
            "min",
            &[b"1\nx"],
            &[],
            Refused("line 2, \"x\", is not a number within the range of a double"),
        ),
        ("min", &[b"0\n-0"], &[], Is(b"0")),
    ]);
}

#[test]
fn max() {
    check(&[
        ("max", &[b"3\n-1e2\n7"], &[], Is(b"7")),
        ("max", &[b"-5"], &[], Is(b"-5")),
        ("max", &[b"\n"], &[], Refused("there is no number")),
        (
            "max",
            &[b"1\nx"],
            &[],
            Refused("line 2, \"x\", is not a number within the range of a double"),
        ),
    ]);
}

#[test]
fn median() {
    check(&[
        ("median", &[b"3\n1\n2"], &[], Is(b"2")),
        ("median", &[b"4\n1\n3\n2\n"], &[], Is(b"2.5")),
        ("median", &[b"1e308\n1.5e308"], &[], Is(b"125000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000")),
        ("median", &[b""], &[], Refused("there is no number")),
        ("median", &[b"1\nx"], &[], Refused("line 2, \"x\", is not a number within the range of a double")),
    ]);
}

#[test]
fn histogram() {
    check(&[
        ("histogram", &[b"0\n1\n5\n9\n10\n-3\n11\n"], &[("low", "0"), ("high", "10"), ("bins", "2")], Is(b"from,to,count\n,0,1\n0,5,2\n5,10,3\n10,,1\n")),
        ("histogram", &[b""], &[("low", "0"), ("high", "1"), ("bins", "1")], Is(b"from,to,count\n,0,0\n0,1,0\n1,,0\n")),
        ("histogram", &[b"0.25"], &[("low", "0"), ("high", "1")], Is(b"from,to,count\n,0,0\n0,0.1,0\n0.1,0.2,0\n0.2,0.3,1\n0.3,0.4,0\n0.4,0.5,0\n0.5,0.6,0\n0.6,0.7,0\n0.7,0.8,0\n0.8,0.9,0\n0.9,1,0\n1,,0\n")),
        ("histogram", &[b"1"], &[("low", "1"), ("high", "1")], Refused("params `low` and `high` do not go together: `low` must lie below")),
        ("histogram", &[b"1"], &[("low", "0"), ("high", "1"), ("bins", "0")], Refused("param `bins` is the string \"0\"")),
        ("histogram", &[b"1"], &[("low", "0")], Refused("param `high` is missing")),
        ("histogram", &[b"1\nx"], &[("low", "0"), ("high", "1")], Refused("line 2, \"x\", is not a number within the range of a double")),
    ]);
}

//! Frozen vectors of the functions that cut, count and weave bytes and lines.
//! A line here may be added, never changed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;

use super::vectors_test::{Is, Refused, check, run, strings};
use crate::budget::BudgetLimits;

#[test]
fn take() {
    check(&[
        ("take", &[b"hello"], &[("count", "2")], Is(b"he")),
        ("take", &[b"hello"], &[("count", "9")], Is(b"hello")),
        ("take", &[b""], &[("count", "3")], Is(b"")),
        ("take", &[b"hello"], &[("count", "0")], Is(b"")),
        (
            "take",
            &[b"a"],
            &[],
            Refused("param `count` is missing; give a whole number from 0"),
        ),
        (
            "take",
            &[b"a"],
            &[("count", "-1")],
            Refused("param `count` is the string \"-1\""),
        ),
    ]);
}

#[test]
fn skip() {
    check(&[
        ("skip", &[b"hello"], &[("count", "2")], Is(b"llo")),
        ("skip", &[b"hello"], &[("count", "9")], Is(b"")),
        ("skip", &[b""], &[("count", "0")], Is(b"")),
        ("skip", &[b"hello"], &[("count", "0")], Is(b"hello")),
        (
            "skip",
            &[b"a"],
            &[("n", "1")],
            Refused("param `n` is not known"),
        ),
    ]);
}

#[test]
fn byte_count() {
    check(&[
        ("byte_count", &[b"hello\n"], &[], Is(b"6")),
        ("byte_count", &[b""], &[], Is(b"0")),
        ("byte_count", &[b"\xff\x00"], &[], Is(b"2")),
        ("byte_count", &[], &[], Refused("0 inputs were given")),
    ]);
}

#[test]
fn xor() {
    check(&[
        ("xor", &[b"\x0f\xf0a", b"\xff\xff "], &[], Is(b"\xf0\x0fA")),
        ("xor", &[b"", b""], &[], Is(b"")),
        ("xor", &[b"a", b"a"], &[], Is(b"\x00")),
        (
            "xor",
            &[b"a", b"ab"],
            &[],
            Refused("the two inputs have different lengths"),
        ),
        (
            "xor",
            &[b"", b"b"],
            &[],
            Refused("the two inputs have different lengths"),
        ),
        (
            "xor",
            &[b"a"],
            &[],
            Refused("1 inputs were given, and the function takes exactly 2"),
        ),
    ]);
}

#[test]
fn head() {
    check(&[
        ("head", &[b"a\nb\nc\n"], &[("count", "2")], Is(b"a\nb\n")),
        ("head", &[b"a\nb"], &[], Is(b"a\nb\n")),
        ("head", &[b""], &[], Is(b"")),
        ("head", &[b"a\n"], &[("count", "0")], Is(b"")),
        ("head", &[b"\n\n\n"], &[("count", "2")], Is(b"\n\n")),
        (
            "head",
            &[b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"],
            &[],
            Is(b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
        ),
        (
            "head",
            &[b"a"],
            &[("count", "x")],
            Refused("param `count` is the string \"x\""),
        ),
    ]);
}

#[test]
fn tail() {
    check(&[
        ("tail", &[b"a\nb\nc\n"], &[("count", "2")], Is(b"b\nc\n")),
        ("tail", &[b"a\nb"], &[("count", "1")], Is(b"b\n")),
        ("tail", &[b""], &[], Is(b"")),
        ("tail", &[b"a\n"], &[("count", "0")], Is(b"")),
        (
            "tail",
            &[b"0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"],
            &[],
            Is(b"2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n"),
        ),
        (
            "tail",
            &[b"a"],
            &[("count", "10000001")],
            Refused("param `count` is the string \"10000001\""),
        ),
    ]);
}

#[test]
fn unique_lines() {
    check(&[
        ("unique_lines", &[b"b\na\nb\nb\nc"], &[], Is(b"b\na\nc\n")),
        ("unique_lines", &[b""], &[], Is(b"")),
        ("unique_lines", &[b"\n\nx"], &[], Is(b"\nx\n")),
        ("unique_lines", &[b"a\r\na\n"], &[], Is(b"a\r\na\n")),
        (
            "unique_lines",
            &[b"a"],
            &[("x", "1")],
            Refused("param `x` is not known"),
        ),
    ]);
}

#[test]
fn line_count() {
    check(&[
        ("line_count", &[b"a\nb\n"], &[], Is(b"2")),
        ("line_count", &[b"a\nb"], &[], Is(b"2")),
        ("line_count", &[b""], &[], Is(b"0")),
        ("line_count", &[b"\n"], &[], Is(b"1")),
        (
            "line_count",
            &[b"a", b"b"],
            &[],
            Refused("2 inputs were given"),
        ),
    ]);
}

#[test]
fn word_count() {
    check(&[
        ("word_count", &[b"the quick\tbrown\n fox "], &[], Is(b"4")),
        ("word_count", &[b""], &[], Is(b"0")),
        ("word_count", &[b" \n\t\r\x0c"], &[], Is(b"0")),
        ("word_count", &[b"one"], &[], Is(b"1")),
        (
            "word_count",
            &[b"\xc3\xa9t\xc3\xa9\xc2\xa0x"],
            &[],
            Is(b"1"),
        ),
        (
            "word_count",
            &[b"a"],
            &[("x", "1")],
            Refused("param `x` is not known"),
        ),
    ]);
}

#[test]
fn join() {
    check(&[
        ("join", &[b"a\nb\nc\n"], &[], Is(b"a,b,c")),
        ("join", &[b"a\nb"], &[("separator", "; ")], Is(b"a; b")),
        ("join", &[b""], &[], Is(b"")),
        ("join", &[b"\n\n"], &[], Is(b",")),
        ("join", &[b"a\n"], &[("separator", "")], Is(b"a")),
        (
            "join",
            &[b"a"],
            &[("sep", "1")],
            Refused("param `sep` is not known"),
        ),
    ]);
}

#[test]
fn interleave() {
    check(&[
        (
            "interleave",
            &[b"1\n2\n3\n", b"a\nb"],
            &[],
            Is(b"1\na\n2\nb\n3\n"),
        ),
        ("interleave", &[b"", b""], &[], Is(b"")),
        ("interleave", &[], &[], Is(b"")),
        ("interleave", &[b"x"], &[], Is(b"x\n")),
        (
            "interleave",
            &[b"a"],
            &[("x", "1")],
            Refused("param `x` is not known"),
        ),
    ]);
}

#[test]
fn zip_concat() {
    check(&[
        (
            "zip_concat",
            &[b"1\n2\n", b"a\nb"],
            &[],
            Is(b"1\ta\n2\tb\n"),
        ),
        (
            "zip_concat",
            &[b"1\n2\n", b"a\nb"],
            &[("separator", ", ")],
            Is(b"1, a\n2, b\n"),
        ),
        ("zip_concat", &[b"", b""], &[], Is(b"")),
        ("zip_concat", &[], &[], Is(b"")),
        (
            "zip_concat",
            &[b"1\n2\n", b"a\n"],
            &[("uneven", "pad")],
            Is(b"1\ta\n2\t\n"),
        ),
        (
            "zip_concat",
            &[b"1\n2\n", b"a\n"],
            &[("uneven", "stop")],
            Is(b"1\ta\n"),
        ),
        (
            "zip_concat",
            &[b"1\n2\n", b"a\n"],
            &[],
            Refused("input 1 has no line 2 and another input has"),
        ),
        (
            "zip_concat",
            &[b"a"],
            &[("uneven", "no")],
            Refused("param `uneven` is the string \"no\""),
        ),
    ]);
}

#[test]
fn split() {
    check(&[
        (
            "split",
            &[b"a, b,c"],
            &[("separator", ",")],
            Is(b"a\n b\nc\n"),
        ),
        (
            "split",
            &[b"a--b--c"],
            &[("separator", "--"), ("index", "1")],
            Is(b"b"),
        ),
        (
            "split",
            &[b"a--b--c"],
            &[("separator", "--"), ("index", "2")],
            Is(b"c"),
        ),
        ("split", &[b"aaa"], &[("separator", "aa")], Is(b"\na\n")),
        ("split", &[b""], &[("separator", ",")], Is(b"\n")),
        (
            "split",
            &[b""],
            &[("separator", ","), ("index", "0")],
            Is(b""),
        ),
        (
            "split",
            &[b"abababc"],
            &[("separator", "ababc"), ("index", "0")],
            Is(b"ab"),
        ),
        (
            "split",
            &[b"a,b"],
            &[("separator", ","), ("index", "2")],
            Refused("there is no part 2: the input has 2 parts"),
        ),
        (
            "split",
            &[b"a"],
            &[("separator", "")],
            Refused("param `separator` is the empty string"),
        ),
        (
            "split",
            &[b"a"],
            &[],
            Refused("param `separator` is missing"),
        ),
    ]);
}

#[test]
fn trim() {
    check(&[
        ("trim", &[b"  a b\n\n"], &[], Is(b"a b")),
        ("trim", &[b""], &[], Is(b"")),
        ("trim", &[b" \n\t"], &[], Is(b"")),
        ("trim", &[b" a "], &[("side", "start")], Is(b"a ")),
        ("trim", &[b" a "], &[("side", "end")], Is(b" a")),
        (
            "trim",
            &[b" a \n\t b\nc "],
            &[("unit", "lines")],
            Is(b"a\nb\nc\n"),
        ),
        (
            "trim",
            &[b" a \n b "],
            &[("unit", "lines"), ("side", "end")],
            Is(b" a\n b\n"),
        ),
        ("trim", &[b" \n "], &[("unit", "lines")], Is(b"\n\n")),
        (
            "trim",
            &[b"a"],
            &[("side", "left")],
            Refused("param `side` is the string \"left\""),
        ),
    ]);
}

#[test]
fn replace() {
    check(&[
        (
            "replace",
            &[b"one two one"],
            &[("find", "one"), ("with", "1")],
            Is(b"1 two 1"),
        ),
        (
            "replace",
            &[b"aaa"],
            &[("find", "aa"), ("with", "a")],
            Is(b"aa"),
        ),
        ("replace", &[b""], &[("find", "x")], Is(b"")),
        ("replace", &[b"a-b-c"], &[("find", "-")], Is(b"abc")),
        (
            "replace",
            &[b"abababc"],
            &[("find", "ababc"), ("with", "!")],
            Is(b"ab!"),
        ),
        (
            "replace",
            &[b"\xff\x00x"],
            &[("find", "x"), ("with", "é")],
            Is(b"\xff\x00\xc3\xa9"),
        ),
        (
            "replace",
            &[b"a"],
            &[("find", "")],
            Refused("param `find` is the empty string"),
        ),
        ("replace", &[b"a"], &[], Refused("param `find` is missing")),
    ]);
}

#[test]
fn grep() {
    check(&[
        (
            "grep",
            &[b"error: a\nok\nerror: b"],
            &[("pattern", "^error")],
            Is(b"error: a\nerror: b\n"),
        ),
        ("grep", &[b""], &[("pattern", "x")], Is(b"")),
        (
            "grep",
            &[b"A\nb\n"],
            &[("pattern", "a"), ("ignore_case", "true")],
            Is(b"A\n"),
        ),
        (
            "grep",
            &[b"a\nb\n"],
            &[("pattern", "a"), ("invert", "true")],
            Is(b"b\n"),
        ),
        (
            "grep",
            &[b"\xc7\x85\nx\n"],
            &[("pattern", "\\p{Lt}")],
            Is(b"\xc7\x85\n"),
        ),
        ("grep", &[b"\xffa\n"], &[("pattern", "a")], Is(b"\xffa\n")),
        (
            "grep",
            &[b"a"],
            &[("pattern", "(")],
            Refused("param `pattern` is not a pattern that is taken"),
        ),
        (
            "grep",
            &[b"a"],
            &[("pattern", "(a)\\1")],
            Refused("param `pattern` is not a pattern"),
        ),
        (
            "grep",
            &[b"a"],
            &[("pattern", "((a{100}){100}){100}")],
            Refused(
                "param `pattern` is not a pattern that is taken, which is out of range; give a regular expression that compiles to at most 1048576 bytes",
            ),
        ),
        (
            "grep",
            &[b"a"],
            &[(
                "pattern",
                "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((())))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
            )],
            Refused("param `pattern` is not a pattern that is taken"),
        ),
        ("grep", &[b"a"], &[], Refused("param `pattern` is missing")),
    ]);
}

#[test]
fn regex_match() {
    check(&[
        (
            "regex_match",
            &[b"a1b22\n333"],
            &[("pattern", "[0-9]+")],
            Is(b"1\n22\n333\n"),
        ),
        (
            "regex_match",
            &[b"k=v; x=y"],
            &[("pattern", "(\\w)=(\\w)"), ("group", "2")],
            Is(b"v\ny\n"),
        ),
        ("regex_match", &[b""], &[("pattern", "a*")], Is(b"")),
        (
            "regex_match",
            &[b"Ab"],
            &[("pattern", "B"), ("ignore_case", "true")],
            Is(b"b\n"),
        ),
        (
            "regex_match",
            &[b"ab"],
            &[("pattern", "(x)?b"), ("group", "1")],
            Is(b""),
        ),
        (
            "regex_match",
            &[b"a"],
            &[("pattern", "a"), ("group", "1")],
            Refused(
                "params `group` and `pattern` do not go together: the pattern has the groups 0 to 0",
            ),
        ),
    ]);
}

#[test]
fn regex_replace() {
    check(&[
        (
            "regex_replace",
            &[b"ab\nab"],
            &[("pattern", "(a)(b)"), ("with", "$2$1")],
            Is(b"ba\nba"),
        ),
        (
            "regex_replace",
            &[b"2026-11-23\n"],
            &[("pattern", "(?P<y>\\d+)-(\\d+)"), ("with", "${2}/${y}$$")],
            Is(b"11/2026$-23\n"),
        ),
        (
            "regex_replace",
            &[b""],
            &[("pattern", "x*"), ("with", "-")],
            Is(b""),
        ),
        (
            "regex_replace",
            &[b"abc\n"],
            &[("pattern", "x*"), ("with", "-")],
            Is(b"-a-b-c-\n"),
        ),
        (
            "regex_replace",
            &[b"aXa"],
            &[("pattern", "x"), ("ignore_case", "true")],
            Is(b"aa"),
        ),
        (
            "regex_replace",
            &[b"a"],
            &[("pattern", "[")],
            Refused("param `pattern` is not a pattern"),
        ),
    ]);
}

/// Every scalar on a line of its own, so that the tables behind the classes of patterns are held: a
/// newer Unicode is a newer version of these functions.
#[test]
fn classes_of_all_scalars() {
    let scalars = ('\0'..=char::MAX).filter(|scalar| *scalar != '\n');
    let all: String = scalars.flat_map(|scalar| [scalar, '\n']).collect();
    let inputs = [Bytes::from(all)];
    for (pattern, ignore_case, hash) in [
        (
            r"\w",
            "false",
            "bf5a2eadde98496164ff924f00616152cfe745e0c910a45865b859044b46f4d5",
        ),
        (
            r"\d",
            "false",
            "d1e8439db40edd9f1d851d8b903f2a47f4d19460d2fd48d7eccfdf7ecf231c82",
        ),
        (
            r"\s",
            "false",
            "3f6e84f98418182edeccbe55561856a9be288e5d2365e095e82a81e9cbdbd336",
        ),
        (
            r"\p{L}",
            "false",
            "f233f908549be5c35fa747bba47f7a23f95011071970db49d6860324a626d563",
        ),
        (
            r"\p{Lu}",
            "true",
            "3bbfb23aadf33b5137e69848206afa9c1812e8ee5dbc7ce4c9038208395cde86",
        ),
        (
            r"[a-z\p{Greek}]",
            "true",
            "65d5c4e3ac9912d5b18e5c2c0c4727012e1bcecb66cdbe7db31c7ac0a5283218",
        ),
    ] {
        let params = strings(&[("pattern", pattern), ("ignore_case", ignore_case)]);
        let out = run("grep", &inputs, &params, BudgetLimits::default()).unwrap();
        let got = blake3::hash(&out).to_hex();
        assert_eq!(got.as_str(), hash, "{pattern}");
    }
}

//! Frozen vectors of the functions on bytes and text. A line here may be added, never changed: a name
//! and version mean the same bytes for ever.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deriva_model::{CAddr, FunctionId, Recipe, Value};

use crate::budget::{Budget, BudgetLimits};
use crate::function::{ComputeFunction, FunctionError};
use crate::params::Params;
use crate::registry::Registry;
use crate::streaming::{PIECE_BYTES, Whole};

/// What must come out.
pub(super) enum Out {
    /// Exactly these bytes.
    Is(&'static [u8]),
    /// Bytes with this BLAKE3 and this length.
    Hash(usize, &'static str),
    /// A refusal whose message begins so.
    Refused(&'static str),
}
pub(super) use Out::{Hash, Is, Refused};

/// Function, inputs, params as existing clients send them, outcome.
pub(super) type Vector<'a> = (&'a str, &'a [&'static [u8]], &'a [(&'a str, &'a str)], Out);

pub(super) fn function(name: &str) -> Arc<dyn ComputeFunction> {
    let id = FunctionId::new(name, "1.0.0");
    Arc::clone(Registry::builtin().get(&id).unwrap())
}

pub(super) fn budget(limits: BudgetLimits) -> Budget {
    Budget::new(limits, Arc::new(|| Duration::ZERO))
}

pub(super) fn run(
    name: &str,
    inputs: &[Bytes],
    given: &BTreeMap<String, Value>,
    limits: BudgetLimits,
) -> Result<Bytes, FunctionError> {
    run_in(name, inputs, given, &mut budget(limits))
}

pub(super) fn run_in(
    name: &str,
    inputs: &[Bytes],
    given: &BTreeMap<String, Value>,
    budget: &mut Budget,
) -> Result<Bytes, FunctionError> {
    let function = function(name);
    let params = Params::validate(function.spec(), &pairs(given))?;
    function.check(&params)?;
    function.execute(inputs, &params, budget)
}

fn pairs(given: &BTreeMap<String, Value>) -> Vec<(&str, Value)> {
    let pairs = given.iter();
    pairs
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect()
}

pub(super) fn strings(params: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let pairs = params.iter();
    pairs
        .map(|(k, v)| (k.to_string(), Value::from(*v)))
        .collect()
}

/// The call as a stream over inputs in pieces of `len` bytes.
pub(super) fn stream(
    name: &str,
    inputs: &[Bytes],
    given: &BTreeMap<String, Value>,
    len: usize,
) -> Result<Bytes, FunctionError> {
    let addresses = vec![CAddr::from_bytes([7; 32]); inputs.len()];
    let recipe = Recipe::new(FunctionId::new(name, "1.0.0"), addresses, given.clone()).unwrap();
    let registry = Registry::builtin();
    let call = registry.prepare(&recipe);
    let call = call.map_err(|error| FunctionError::failed(error.to_string()))?;
    let sources = inputs.iter().cloned();
    let sources = sources.map(|it| Whole::in_pieces_of(it, len)).collect();
    let mut stream = call.open_stream(sources, budget(BudgetLimits::streaming()))?;
    let mut value = Vec::new();
    while let Some(piece) = stream.pull()? {
        assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
        value.extend_from_slice(&piece);
    }
    Ok(Bytes::from(value))
}

/// Whether the call fits the function's card, so that it is refused, if at all, by the function.
fn streamed_call(name: &str, inputs: &[Bytes], params: &[(&str, &str)]) -> bool {
    let function = function(name);
    let params = Params::validate(function.spec(), &pairs(&strings(params)));
    let fits = params.is_ok_and(|params| function.check(&params).is_ok());
    fits && function.spec().inputs.accepts(inputs.len())
}

/// However the inputs are cut, the stream says what the batch form says.
fn check_pieces(
    name: &str,
    inputs: &[Bytes],
    params: &[(&str, &str)],
    batch: &Result<Bytes, FunctionError>,
) {
    for len in [1, 2, 7, PIECE_BYTES] {
        let streamed = stream(name, inputs, &strings(params), len);
        match batch {
            Ok(value) => assert_eq!(streamed.as_ref(), Ok(value), "{name} in pieces of {len}"),
            // A stream may be longer.
            Err(FunctionError::BudgetExceeded { .. }) => {}
            // A call that does not fit is refused where it is prepared, in other words.
            Err(error) if streamed_call(name, inputs, params) => {
                assert_eq!(streamed.as_ref(), Err(error), "{name} in pieces of {len}");
            }
            Err(_) => assert!(streamed.is_err(), "{name} in pieces of {len}"),
        }
    }
}

pub(super) fn check(vectors: &[Vector<'_>]) {
    for (name, inputs, params, out) in vectors {
        let bytes: Vec<Bytes> = inputs.iter().map(|i| Bytes::from_static(i)).collect();
        let got = run(name, &bytes, &strings(params), BudgetLimits::default());
        check_pieces(name, &bytes, params, &got);
        let shown: Vec<_> = inputs.iter().map(|i| String::from_utf8_lossy(i)).collect();
        let what = format!("{name} {params:?} of {shown:?}");
        match (out, got) {
            (Is(expected), Ok(got)) => {
                let (got, expected) = (
                    String::from_utf8_lossy(&got),
                    String::from_utf8_lossy(expected),
                );
                assert_eq!(got, expected, "{what}");
            }
            (Hash(len, hex), Ok(got)) => {
                let hash = blake3::hash(&got).to_hex().to_string();
                assert_eq!((got.len(), hash.as_str()), (*len, *hex), "{what}");
            }
            (Refused(start), Err(error)) => {
                let message = error.to_string();
                assert!(message.starts_with(start), "{what}: {message}");
            }
            (_, got) => panic!("{what}: {got:?}"),
        }
    }
}

#[test]
fn identity() {
    check(&[
        ("identity", &[b"hello"], &[], Is(b"hello")),
        ("identity", &[b""], &[], Is(b"")),
        ("identity", &[b"\x00\xff\r\n"], &[], Is(b"\x00\xff\r\n")),
        (
            "identity",
            &[b"a"],
            &[("x", "1")],
            Refused("param `x` is not known to this function; it takes none"),
        ),
        (
            "identity",
            &[],
            &[],
            Refused("0 inputs were given, and the function takes exactly 1 (data)"),
        ),
    ]);
}

#[test]
fn concat() {
    check(&[
        ("concat", &[b"foo", b"bar"], &[], Is(b"foobar")),
        ("concat", &[b"bar", b"foo"], &[], Is(b"barfoo")),
        ("concat", &[], &[("separator", "-")], Is(b"")),
        ("concat", &[b""], &[("separator", "-")], Is(b"")),
        (
            "concat",
            &[b"", b"", b"x"],
            &[("separator", ", ")],
            Is(b", , x"),
        ),
        (
            "concat",
            &[b"\xff", b"\x00"],
            &[("separator", "\u{e9}")],
            Is(b"\xff\xc3\xa9\x00"),
        ),
        (
            "concat",
            &[b"a"],
            &[("sep", "-")],
            Refused("param `sep` is not known to this function; it knows separator"),
        ),
    ]);
}

#[test]
fn uppercase_and_lowercase() {
    let final_sigma = "ΟΔΟΣ".as_bytes();
    check(&[
        ("uppercase", &[b"hello world\n"], &[], Is(b"HELLO WORLD\n")),
        ("uppercase", &[b""], &[], Is(b"")),
        (
            "uppercase",
            &["straße ﬁn".as_bytes()],
            &[],
            Is("STRASSE FIN".as_bytes()),
        ),
        (
            "uppercase",
            &["çığ οδος".as_bytes()],
            &[],
            Is("ÇIĞ ΟΔΟΣ".as_bytes()),
        ),
        (
            "uppercase",
            &["ΐ".as_bytes()],
            &[],
            Is("Ι\u{308}\u{301}".as_bytes()),
        ),
        (
            "uppercase",
            &[b"abc\xff"],
            &[],
            Refused("input 0 is not UTF-8 text: the byte at offset 3"),
        ),
        (
            "uppercase",
            &[b"a"],
            &[("locale", "tr")],
            Refused("param `locale` is not known"),
        ),
        ("lowercase", &[b"Hello WORLD\n"], &[], Is(b"hello world\n")),
        ("lowercase", &[b""], &[], Is(b"")),
        (
            "lowercase",
            &["İÉẞ".as_bytes()],
            &[],
            Is("i\u{307}éß".as_bytes()),
        ),
        (
            "lowercase",
            &["字 123 _".as_bytes()],
            &[],
            Is("字 123 _".as_bytes()),
        ),
        (
            "lowercase",
            &[b"\xc3"],
            &[],
            Refused("input 0 is not UTF-8 text: the byte at offset 0"),
        ),
    ]);
    let inputs = [Bytes::from_static(final_sigma)];
    let lower = run(
        "lowercase",
        &inputs,
        &BTreeMap::new(),
        BudgetLimits::default(),
    )
    .unwrap();
    assert_eq!(lower, "οδοσ".as_bytes(), "case is mapped without context");
}

/// Every scalar once, so that the tables and the way they are applied are held together.
#[test]
fn case_of_all_scalars() {
    let all: String = ('\0'..=char::MAX).collect();
    let inputs = [Bytes::from(all)];
    for (name, hash) in [
        (
            "uppercase",
            "0f6be5e707a2bdae880c7bf367c93e3f0559512c0aef0eb879c203403025075f",
        ),
        (
            "lowercase",
            "387ca4e8caa4ea94e12723cb0c29fd5dce3dfe257cf60582a81c30ad86daf46b",
        ),
    ] {
        let out = run(name, &inputs, &BTreeMap::new(), BudgetLimits::default()).unwrap();
        assert_eq!(blake3::hash(&out).to_hex().as_str(), hash, "{name}");
    }
}

#[test]
fn reverse() {
    check(&[
        ("reverse", &[b"abc\n"], &[], Is(b"\ncba")),
        ("reverse", &[b""], &[], Is(b"")),
        (
            "reverse",
            &["aé".as_bytes()],
            &[("unit", "bytes")],
            Is(b"\xa9\xc3a"),
        ),
        (
            "reverse",
            &["aé字🦀".as_bytes()],
            &[("unit", "chars")],
            Is("🦀字éa".as_bytes()),
        ),
        ("reverse", &[b""], &[("unit", "chars")], Is(b"")),
        (
            "reverse",
            &[b"ab\x80"],
            &[("unit", "chars")],
            Refused("input 0 is not UTF-8 text: the byte at offset 2"),
        ),
        (
            "reverse",
            &[b"a\nb\nc"],
            &[("unit", "lines")],
            Is(b"c\nb\na\n"),
        ),
        ("reverse", &[b"a\nb\n"], &[("unit", "lines")], Is(b"b\na\n")),
        ("reverse", &[b"a\n\n"], &[("unit", "lines")], Is(b"\na\n")),
        ("reverse", &[b"\n"], &[("unit", "lines")], Is(b"\n")),
        ("reverse", &[b""], &[("unit", "lines")], Is(b"")),
        (
            "reverse",
            &[b"a"],
            &[("unit", "words")],
            Refused(
                "param `unit` is the string \"words\" (5 bytes), which is out of range; give one of bytes, chars, lines",
            ),
        ),
    ]);
}

#[test]
fn repeat() {
    check(&[
        ("repeat", &[b"ab"], &[("count", "3")], Is(b"ababab")),
        ("repeat", &[b"ab"], &[("count", "0")], Is(b"")),
        ("repeat", &[b""], &[("count", "1000000")], Is(b"")),
        (
            "repeat",
            &[b"x"],
            &[("count", "1000000")],
            Hash(
                1_000_000,
                "d1966755fb9b775eac208616536d1dc80901e8808be25080c50512681044b192",
            ),
        ),
        (
            "repeat",
            &[b"ab"],
            &[],
            Refused("param `count` is missing; give a whole number from 0 to 1000000"),
        ),
        (
            "repeat",
            &[b"ab"],
            &[("count", "1000001")],
            Refused("param `count` is the string \"1000001\" (7 bytes), which is out of range"),
        ),
        (
            "repeat",
            &[b"ab"],
            &[("count", "-1")],
            Refused("param `count` is the string \"-1\""),
        ),
        (
            "repeat",
            &[b"ab"],
            &[("count", "03")],
            Refused("param `count` is spelled \"03\"; spell it \"3\""),
        ),
        (
            "repeat",
            &[b"ab"],
            &[("count", "many")],
            Refused("param `count` is the string \"many\" (4 bytes); give a whole number"),
        ),
        (
            "repeat",
            &[&[0; 100]],
            &[("count", "1000000")],
            Refused("the function went over its budget of 67108864 bytes of output"),
        ),
    ]);
    let typed = BTreeMap::from([("count".to_string(), Value::I64(2))]);
    let inputs = [Bytes::from_static(b"ab")];
    let out = run("repeat", &inputs, &typed, BudgetLimits::default()).unwrap();
    assert_eq!(out, &b"abab"[..]);
}

#[test]
fn slice() {
    const D: &[&[u8]] = &[b"0123456789"];
    check(&[
        ("slice", D, &[], Is(b"0123456789")),
        ("slice", D, &[("start", "3")], Is(b"3456789")),
        ("slice", D, &[("start", "3"), ("end", "5")], Is(b"34")),
        ("slice", D, &[("start", "3"), ("length", "4")], Is(b"3456")),
        ("slice", D, &[("start", "-3")], Is(b"789")),
        ("slice", D, &[("end", "-8")], Is(b"01")),
        ("slice", D, &[("start", "-4"), ("end", "-2")], Is(b"67")),
        ("slice", D, &[("start", "-4"), ("length", "2")], Is(b"67")),
        ("slice", D, &[("start", "8"), ("end", "99")], Is(b"89")),
        ("slice", D, &[("start", "-99"), ("length", "2")], Is(b"01")),
        ("slice", D, &[("start", "8"), ("end", "-5")], Is(b"")),
        ("slice", D, &[("start", "10")], Is(b"")),
        (
            "slice",
            D,
            &[("length", "9223372036854775807")],
            Is(b"0123456789"),
        ),
        (
            "slice",
            D,
            &[("start", "-9223372036854775808")],
            Is(b"0123456789"),
        ),
        (
            "slice",
            &[b""],
            &[("start", "-1"), ("length", "1")],
            Is(b""),
        ),
        (
            "slice",
            D,
            &[("length", "-1")],
            Refused("param `length` is the string \"-1\""),
        ),
        (
            "slice",
            D,
            &[("end", "5"), ("length", "5")],
            Refused("params `length` and `end` do not go together: give one"),
        ),
        (
            "slice",
            D,
            &[("start", "5"), ("end", "4")],
            Refused("params `start` and `end` do not go together"),
        ),
        (
            "slice",
            D,
            &[("start", "-1"), ("end", "-2")],
            Refused("params `start` and `end` do not go together"),
        ),
        (
            "slice",
            D,
            &[("start", "9223372036854775808")],
            Refused("param `start` is the string"),
        ),
    ]);
}

#[test]
fn sha256() {
    check(&[
        (
            "sha256",
            &[b"abc"],
            &[],
            Is(b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        (
            "sha256",
            &[b""],
            &[],
            Is(b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ),
        (
            "sha256",
            &[b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"],
            &[],
            Is(b"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
        ),
        (
            "sha256",
            &[b"abc"],
            &[("format", "hex")],
            Refused("param `format` is not known"),
        ),
    ]);
    // The standard's long vector: a million times `a`.
    let inputs = [Bytes::from(vec![b'a'; 1_000_000])];
    let out = run("sha256", &inputs, &BTreeMap::new(), BudgetLimits::default()).unwrap();
    assert_eq!(
        out,
        &b"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"[..]
    );
}

#[test]
fn sort_lines() {
    check(&[
        ("sort_lines", &[b"b\na\nc\n"], &[], Is(b"a\nb\nc\n")),
        ("sort_lines", &[b"b\na"], &[], Is(b"a\nb\n")),
        ("sort_lines", &[b""], &[], Is(b"")),
        ("sort_lines", &[b"\n"], &[], Is(b"\n")),
        ("sort_lines", &[b"b\n\na\n\n"], &[], Is(b"\n\na\nb\n")),
        (
            "sort_lines",
            &[b"10\n9\na\nB\n\xc3\xa9\nab\n"],
            &[],
            Is(b"10\n9\nB\na\nab\n\xc3\xa9\n"),
        ),
        ("sort_lines", &[b"a\r\na\n"], &[], Is(b"a\na\r\n")),
        (
            "sort_lines",
            &[b"a\nc\nb\nc"],
            &[("order", "desc")],
            Is(b"c\nc\nb\na\n"),
        ),
        (
            "sort_lines",
            &[b"b\na\nb\n"],
            &[("unique", "true")],
            Is(b"a\nb\n"),
        ),
        (
            "sort_lines",
            &[b"b\na\nb\n"],
            &[("unique", "true"), ("order", "desc")],
            Is(b"b\na\n"),
        ),
        (
            "sort_lines",
            &[b"b"],
            &[("unique", "yes")],
            Refused("param `unique` is the string \"yes\" (3 bytes); give true or false"),
        ),
        (
            "sort_lines",
            &[b"b"],
            &[("order", "up")],
            Refused("param `order` is the string \"up\""),
        ),
    ]);
}

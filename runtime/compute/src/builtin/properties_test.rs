//! What holds for every function on any input: no panic, no second answer, no value over the budget.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use deriva_model::{F64, Value};
use deriva_system::scratch::MemoryScratch;
use proptest::prelude::*;

use super::vectors_test::{budget, run, run_in, stream, strings};
use crate::budget::BudgetLimits;
use crate::function::FunctionError;
use crate::registry::Registry;

/// Function, number of inputs, params.
type Call = (&'static str, usize, &'static [(&'static str, &'static str)]);

/// Functions with params that fit tables of the columns a and b, or any bytes.
const CALLS: &[Call] = &[
    ("identity", 1, &[]),
    ("concat", 3, &[("separator", "--")]),
    ("uppercase", 1, &[]),
    ("lowercase", 1, &[]),
    ("reverse", 1, &[]),
    ("reverse", 1, &[("unit", "chars")]),
    ("reverse", 1, &[("unit", "lines")]),
    ("repeat", 1, &[("count", "7")]),
    ("slice", 1, &[("start", "1"), ("end", "-1")]),
    ("sha256", 1, &[]),
    ("sort_lines", 1, &[("unique", "true")]),
    (
        "csv_filter",
        1,
        &[("column", "a"), ("op", "contains"), ("value", "1")],
    ),
    (
        "csv_filter",
        1,
        &[
            ("column", "a"),
            ("op", "ne"),
            ("value", "1"),
            ("type", "number"),
        ],
    ),
    (
        "csv_aggregate",
        1,
        &[("group_by", "a"), ("aggregate", "mean"), ("column", "b")],
    ),
    (
        "csv_aggregate",
        1,
        &[("group_by", "b,a"), ("aggregate", "count")],
    ),
    ("take", 1, &[("count", "5")]),
    ("skip", 1, &[("count", "5")]),
    ("byte_count", 1, &[]),
    ("xor", 2, &[]),
    ("head", 1, &[("count", "2")]),
    ("tail", 1, &[("count", "2")]),
    ("unique_lines", 1, &[]),
    ("line_count", 1, &[]),
    ("word_count", 1, &[]),
    ("join", 1, &[("separator", "--")]),
    ("interleave", 3, &[]),
    ("zip_concat", 2, &[("uneven", "pad")]),
    ("split", 1, &[("separator", ",")]),
    ("split", 1, &[("separator", ","), ("index", "1")]),
    ("trim", 1, &[]),
    ("trim", 1, &[("unit", "lines"), ("side", "start")]),
    ("replace", 1, &[("find", "2\n"), ("with", "xyz")]),
    ("grep", 1, &[("pattern", "^[0-9]+,1")]),
    ("regex_match", 1, &[("pattern", "[0-9]*")]),
    (
        "regex_replace",
        1,
        &[("pattern", "([0-9]),"), ("with", "$1$1")],
    ),
    ("base64_encode", 1, &[]),
    ("hex_encode", 1, &[]),
    ("url_encode", 1, &[]),
    ("url_decode", 1, &[]),
    ("gzip_compress", 1, &[]),
    ("zstd_compress", 1, &[]),
    ("lz4_compress", 1, &[]),
    ("sha512", 1, &[]),
    ("blake3", 1, &[]),
    ("crc32", 1, &[]),
    ("merkle_root", 3, &[]),
    ("merkle_root", 1, &[("leaves", "lines")]),
    ("utf8_validate", 1, &[]),
    ("csv_select", 1, &[("columns", "b,a,b")]),
    ("csv_sort", 1, &[("by", "b,a"), ("order", "desc")]),
    ("csv_sort", 1, &[("by", "a"), ("type", "number")]),
    ("csv_to_json", 1, &[("numbers", "true")]),
    ("csv_to_json", 1, &[("format", "lines")]),
    ("csv_join", 2, &[("left_on", "a"), ("how", "left")]),
    ("csv_join", 2, &[("left_on", "a"), ("right_on", "b")]),
];

/// An encoding and what undoes it.
const PAIRS: &[(&str, &str)] = &[
    ("base64_encode", "base64_decode"),
    ("hex_encode", "hex_decode"),
    ("url_encode", "url_decode"),
    ("gzip_compress", "gzip_decompress"),
    ("zstd_compress", "zstd_decompress"),
    ("lz4_compress", "lz4_decompress"),
];

fn bytes() -> impl Strategy<Value = Bytes> {
    let table = proptest::collection::vec("[12,\"\r\n.]{0,5}", 0..12)
        .prop_map(|rows| format!("a,b\n{}", rows.join("\n")).into_bytes());
    let tidy = proptest::collection::vec(("[0-9]{0,2}", "[0-9]{0,2}"), 0..12).prop_map(|rows| {
        let rows = rows.into_iter().map(|(a, b)| format!("{a},{b}\n"));
        format!("a,b\n{}", rows.collect::<String>()).into_bytes()
    });
    let noise = proptest::collection::vec(any::<u8>(), 0..80);
    let text = any::<String>().prop_map(String::into_bytes);
    prop_oneof![table, tidy, noise, text].prop_map(Bytes::from)
}

fn value() -> impl Strategy<Value = Value> {
    let word = "(a|b|c|0|3|-1|true|,|eq|lt|number|sum|left|lines|desc|\\[\"a\"\\])";
    let leaf = prop_oneof![
        word.prop_map(Value::String),
        any::<String>().prop_map(Value::String),
        any::<i64>().prop_map(Value::I64),
        any::<bool>().prop_map(Value::Bool),
        proptest::collection::vec(any::<u8>(), 0..4).prop_map(Value::Bytes),
        any::<f64>().prop_map(|x| Value::F64(F64::new(x))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        proptest::collection::vec(inner, 0..3).prop_map(Value::List)
    })
}

fn limits() -> impl Strategy<Value = BudgetLimits> {
    (0u64..2_000, 0u64..200_000, 0u64..2_000).prop_map(|(output_bytes, scratch_bytes, steps)| {
        BudgetLimits {
            output_bytes,
            scratch_bytes,
            steps,
            ..BudgetLimits::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_params_and_bytes_give_one_answer_and_no_panic(
        which in any::<proptest::sample::Index>(),
        inputs in proptest::collection::vec(bytes(), 0..4),
        values in proptest::collection::vec(proptest::option::of(value()), 6),
    ) {
        let registry = Registry::builtin();
        let spec = *which.get(&registry.list());
        let params: BTreeMap<String, Value> = spec
            .params
            .iter()
            .zip(values)
            .filter_map(|(param, value)| Some((param.name.clone(), value?)))
            .collect();
        let limits = BudgetLimits { output_bytes: 1 << 20, ..BudgetLimits::default() };
        let first = run(&spec.id.name, &inputs, &params, limits);
        prop_assert_eq!(run(&spec.id.name, &inputs, &params, limits), first);
    }

    #[test]
    fn a_stream_says_what_the_batch_says_however_it_is_cut(
        call in proptest::sample::select(CALLS),
        inputs in proptest::collection::vec(bytes(), 3),
        len in 1usize..40,
    ) {
        let (name, count, params) = call;
        let params = strings(params);
        let batch = run(name, &inputs[..count], &params, BudgetLimits::default());
        let streamed = stream(name, &inputs[..count], &params, len);
        match batch {
            Ok(value) => prop_assert_eq!(streamed, Ok(value)),
            Err(_) => prop_assert!(streamed.is_err()),
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same(
        pair in proptest::sample::select(PAIRS),
        input in bytes(),
        times in 1usize..200,
    ) {
        let (there, back) = pair;
        let none = BTreeMap::new();
        let input = Bytes::from(input.repeat(times));
        let encoded = run(there, std::slice::from_ref(&input), &none, BudgetLimits::default()).unwrap();
        prop_assert_eq!(run(back, std::slice::from_ref(&encoded), &none, BudgetLimits::default()), Ok(input));
        // Nothing that was cut off is taken for whole.
        if back.ends_with("decompress") {
            for end in [0, encoded.len() / 2, encoded.len() - 1] {
                let cut = [encoded.slice(..end)];
                prop_assert!(run(back, &cut, &none, BudgetLimits::default()).is_err());
            }
        }
    }

    #[test]
    fn a_small_budget_never_changes_the_answer(
        call in proptest::sample::select(CALLS),
        inputs in proptest::collection::vec(bytes(), 3),
        limits in limits(),
    ) {
        let (name, count, params) = call;
        let params = strings(params);
        let full = run(name, &inputs[..count], &params, BudgetLimits::default());
        match run(name, &inputs[..count], &params, limits) {
            Err(FunctionError::BudgetExceeded { .. }) => {}
            within => prop_assert_eq!(&within, &full),
        }
        // With files for what the scratch memory does not hold.
        let files = MemoryScratch::new(1 << 20);
        let mut budget = budget(limits).with_scratch(Arc::new(files.clone()));
        match run_in(name, &inputs[..count], &params, &mut budget) {
            Err(FunctionError::BudgetExceeded { .. }) => {}
            within => prop_assert_eq!(within, full),
        }
        prop_assert_eq!(files.used(), 0);
    }
}

/// Inputs on which every call above gives bytes, so that the next test is about something.
fn good() -> Vec<Bytes> {
    vec![Bytes::from_static(b"a,b\n1,2\n3,1\n"); 3]
}

#[test]
fn no_budget_at_all_is_always_exceeded() {
    for (name, count, params) in CALLS {
        let inputs = &good()[..*count];
        let run = |limits| run(name, inputs, &strings(params), limits);
        let out = run(BudgetLimits::default()).unwrap();
        let nothing = BudgetLimits {
            output_bytes: out.len() as u64 - 1,
            ..BudgetLimits::default()
        };
        let idle = BudgetLimits {
            steps: 0,
            ..BudgetLimits::default()
        };
        for limits in [nothing, idle] {
            let error = run(limits).unwrap_err();
            assert!(
                matches!(error, FunctionError::BudgetExceeded { .. }),
                "{name}: {error}"
            );
        }
    }
}

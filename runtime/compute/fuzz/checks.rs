//! What must hold of any bytes at all as an input of the functions that parse: no panic, one answer,
//! the same answer however the input is cut, and what was decoded encodes and decodes to itself.
//! The fuzzer calls these, and so does an ordinary test over the seeds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deriva_compute::streaming::Whole;
use deriva_compute::{Budget, BudgetLimits, Call, FunctionError, Registry};
use deriva_model::{CAddr, FunctionId, Recipe, Value};

/// Small enough that a bomb costs the fuzzer nothing.
const LIMITS: BudgetLimits = BudgetLimits {
    output_bytes: 1 << 20,
    scratch_bytes: 64 << 20,
    steps: 50_000_000,
    wall: Duration::from_secs(10),
};

type Answer = Result<Bytes, FunctionError>;

/// Tables.
pub(crate) fn tables(bytes: &[u8]) {
    run("csv_select", &[("columns", "a")], bytes);
    run("csv_sort", &[("by", "a"), ("type", "number")], bytes);
    run("csv_join", &[("left_on", "a"), ("how", "left")], bytes);
    run(
        "csv_filter",
        &[("column", "a"), ("op", "ne"), ("value", "1")],
        bytes,
    );
    run(
        "csv_aggregate",
        &[("group_by", "a"), ("aggregate", "count")],
        bytes,
    );
    if let Ok(json) = both("csv_to_json", &[("numbers", "true")], bytes) {
        assert!(
            both("json_validate", &[], &json).is_ok(),
            "csv_to_json wrote no JSON"
        );
    }
}

/// JSON.
pub(crate) fn json(bytes: &[u8]) {
    let valid = both("json_validate", &[], bytes);
    let whole = both("json_extract", &[("pointer", "")], bytes);
    assert_eq!(valid.is_ok(), whole.is_ok());
    if let Ok(found) = both("json_extract", &[("pointer", "/a/0")], bytes) {
        assert!(
            both("json_validate", &[], &found).is_ok(),
            "a part of JSON is no JSON"
        );
    }
    run(
        "json_extract",
        &[("pointer", "/a"), ("text", "true")],
        bytes,
    );
    run("json_to_csv", &[], bytes);
    run(
        "json_to_csv",
        &[("format", "lines"), ("columns", "a,b")],
        bytes,
    );
}

/// Numbers, one a line.
pub(crate) fn numbers(bytes: &[u8]) {
    for name in ["sum", "mean", "min", "max", "median"] {
        if let Ok(result) = both(name, &[], bytes) {
            assert_eq!(
                both("sum", &[], &result),
                Ok(result),
                "{name} wrote another number"
            );
        }
    }
    run("histogram", &[("low", "0"), ("high", "10")], bytes);
    let sorted = both("sort_lines", &[("order", "desc")], bytes);
    let unique = both("sort_lines", &[("unique", "true")], bytes);
    if let (Ok(sorted), Ok(unique)) = (sorted, unique) {
        let again = both("unique_lines", &[], &sorted);
        let again = again.and_then(|lines| both("sort_lines", &[], &lines));
        assert_eq!(
            again,
            Ok(unique),
            "sorting and picking out can change places"
        );
    }
}

/// What decodes text.
pub(crate) fn encodings(bytes: &[u8]) {
    for (there, back) in [
        ("base64_encode", "base64_decode"),
        ("hex_encode", "hex_decode"),
        ("url_encode", "url_decode"),
    ] {
        if let Ok(decoded) = both(back, &[], bytes) {
            let again = both(there, &[], &decoded);
            let again = again.and_then(|text| both(back, &[], &text));
            assert_eq!(again, Ok(decoded), "{back}");
        }
    }
    run(
        "base64_decode",
        &[("padding", "false"), ("alphabet", "url")],
        bytes,
    );
    run("utf8_validate", &[], bytes);
}

/// What decompresses.
pub(crate) fn compressed(bytes: &[u8]) {
    for name in ["gzip_decompress", "zstd_decompress", "lz4_decompress"] {
        run(name, &[], bytes);
    }
}

/// The function, of which only what always holds is asked.
fn run(name: &str, params: &[(&str, &str)], bytes: &[u8]) {
    drop(both(name, params, bytes));
}

/// The function in one go and in pieces of three bytes; the answer of both. Each input is the same.
fn both(name: &str, params: &[(&str, &str)], bytes: &[u8]) -> Answer {
    let Some(call) = prepare(name, params) else {
        panic!("{name} {params:?} is not a call that fits its card");
    };
    let inputs = vec![Bytes::copy_from_slice(bytes); call.spec().inputs.min];
    let batch = call.run(&inputs, &mut budget());
    if let Err(FunctionError::Panicked { message }) = &batch {
        panic!("{name}: {message}");
    }
    let streamed = drain(&call, inputs);
    if let Err(FunctionError::Panicked { message }) = &streamed {
        panic!("{name}, streamed: {message}");
    }
    // Where the account ends depends on the pieces, and of two faults the one that is named may.
    let ended = |answer: &Answer| matches!(answer, Err(FunctionError::BudgetExceeded { .. }));
    if !ended(&batch) && !ended(&streamed) {
        let (batch, streamed) = (batch.as_ref().ok(), streamed.as_ref().ok());
        assert_eq!(batch, streamed, "{name} of {bytes:02x?}");
    }
    batch
}

fn prepare(name: &str, params: &[(&str, &str)]) -> Option<Call> {
    let params = params.iter();
    let params = params
        .map(|(k, v)| (k.to_string(), Value::from(*v)))
        .collect();
    let registry = Registry::builtin();
    let id = FunctionId::new(name, "1.0.0");
    let inputs = registry.get(&id)?.spec().inputs.min;
    let inputs = vec![CAddr::from_bytes([7; 32]); inputs];
    registry
        .prepare(&Recipe::new(id, inputs, params).ok()?)
        .ok()
}

fn drain(call: &Call, inputs: Vec<Bytes>) -> Answer {
    let inputs = inputs.into_iter();
    let inputs = inputs.map(|input| Whole::in_pieces_of(input, 3)).collect();
    let mut stream = call.open_stream(inputs, budget())?;
    let mut value = Vec::new();
    while let Some(piece) = stream.pull()? {
        assert!(!piece.is_empty());
        value.extend_from_slice(&piece);
    }
    Ok(Bytes::from(value))
}

fn budget() -> Budget {
    Budget::new(LIMITS, Arc::new(|| Duration::ZERO))
}

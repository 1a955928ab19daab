//! Input made to hurt: what is refused, with what, and in how much memory. Sources are simulated, so
//! that a gigabyte costs nothing to have; a budget of scratch stands for the memory of the node.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use deriva_model::{CAddr, FunctionId, Recipe};

use super::vectors_test::{budget, run, strings};
use crate::budget::{Budget, BudgetLimits, Resource};
use crate::function::FunctionError;
use crate::registry::Registry;
use crate::streaming::{PIECE_BYTES, Pieces, Stream, Whole};

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// The same piece again and again, up to a number of bytes; counts what was pulled.
struct Endless {
    piece: Bytes,
    left: u64,
    pulled: Arc<AtomicU64>,
}

impl Pieces for Endless {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        let len = self.left.min(self.piece.len() as u64);
        self.left -= len;
        self.pulled.fetch_add(len, Ordering::Relaxed);
        Ok((len > 0).then(|| self.piece.slice(..len as usize)))
    }
}

fn endless(byte: u8, total: u64) -> (Box<dyn Pieces>, Arc<AtomicU64>) {
    let pulled = Arc::new(AtomicU64::new(0));
    let source = Endless {
        piece: Bytes::from(vec![byte; PIECE_BYTES]),
        left: total,
        pulled: Arc::clone(&pulled),
    };
    (Box::new(source), pulled)
}

fn open(name: &str, params: &[(&str, &str)], input: Box<dyn Pieces>, scratch: u64) -> Stream {
    let id = FunctionId::new(name, "1.0.0");
    let inputs = vec![CAddr::from_bytes([7; 32])];
    let recipe = Recipe::new(id, inputs, strings(params)).unwrap();
    let limits = BudgetLimits {
        scratch_bytes: scratch,
        ..BudgetLimits::streaming()
    };
    let call = Registry::builtin().prepare(&recipe).unwrap();
    assert!(call.streams(), "{name} streams");
    call.open_stream(vec![input], budget(limits)).unwrap()
}

/// Pulls to the end, keeping nothing; gives the number of bytes.
fn measure(mut stream: Stream) -> Result<u64, FunctionError> {
    let mut total = 0;
    while let Some(piece) = stream.pull()? {
        total += piece.len() as u64;
    }
    Ok(total)
}

#[test]
fn a_gigabyte_without_a_newline_is_refused_in_bounded_memory() {
    let calls: &[(&str, &[(&str, &str)])] = &[
        ("head", &[]),
        ("tail", &[]),
        ("unique_lines", &[]),
        ("join", &[]),
        ("interleave", &[]),
        ("grep", &[("pattern", "a")]),
        ("sum", &[]),
        ("merkle_root", &[("leaves", "lines")]),
    ];
    for (name, params) in calls {
        let (source, pulled) = endless(b'a', GIB);
        let error = measure(open(name, params, source, 4 * MIB)).unwrap_err();
        let what = Resource::ScratchBytes;
        let limit = 4 * MIB;
        assert_eq!(
            error,
            FunctionError::BudgetExceeded { what, limit },
            "{name}"
        );
        assert!(pulled.load(Ordering::Relaxed) <= 4 * MIB, "{name}");
    }
}

#[test]
fn what_needs_no_memory_goes_through_a_gigabyte_with_next_to_none() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], u64);
    let calls: &[Case<'_>] = &[
        ("skip", &[("count", "1")], GIB - 1),
        ("byte_count", &[], 10),
        ("line_count", &[], 1),
        ("crc32", &[], 8),
        ("utf8_validate", &[], GIB),
        ("trim", &[], GIB),
    ];
    for (name, params, expected) in calls {
        let (source, _) = endless(b'a', GIB);
        let scratch = 64 * 1024;
        assert_eq!(
            measure(open(name, params, source, scratch)),
            Ok(*expected),
            "{name}"
        );
    }
}

#[test]
fn a_reader_that_stops_stops_the_work_and_take_reads_no_more_than_it_needs() {
    let (source, pulled) = endless(b'a', GIB);
    let mut stream = open("hex_encode", &[], source, MIB);
    assert_eq!(stream.pull().unwrap().unwrap().len(), PIECE_BYTES);
    assert!(pulled.load(Ordering::Relaxed) <= PIECE_BYTES as u64);
    drop(stream);

    let (source, pulled) = endless(b'a', GIB);
    let stream = open("take", &[("count", "100000")], source, MIB);
    assert_eq!(measure(stream), Ok(100_000));
    assert_eq!(pulled.load(Ordering::Relaxed), 2 * PIECE_BYTES as u64);
}

#[test]
fn bombs_are_stopped_by_their_ratio() {
    for (there, back) in [
        ("gzip_compress", "gzip_decompress"),
        ("zstd_compress", "zstd_decompress"),
        ("lz4_compress", "lz4_decompress"),
    ] {
        let (source, _) = endless(0, 64 * MIB);
        let mut stream = open(there, &[], source, 100 * MIB);
        let mut bomb = Vec::new();
        while let Some(piece) = stream.pull().unwrap() {
            bomb.extend_from_slice(&piece);
        }
        let inputs = [Bytes::from(bomb)];
        let refused = run(
            back,
            &inputs,
            &strings(&[("max_ratio", "200")]),
            BudgetLimits::default(),
        );
        let message = refused.unwrap_err().to_string();
        assert!(
            message.starts_with("more than 200 bytes come out"),
            "{back}: {message}"
        );
        // With leave to be as regular as it is, the budget of output still ends it.
        let limits = BudgetLimits {
            output_bytes: 8 * MIB,
            ..BudgetLimits::default()
        };
        let refused = run(back, &inputs, &strings(&[("max_ratio", "1000000")]), limits);
        let what = Resource::OutputBytes;
        let limit = 8 * MIB;
        assert_eq!(
            refused,
            Err(FunctionError::BudgetExceeded { what, limit }),
            "{back}"
        );
    }
}

#[test]
fn patterns_made_to_be_slow_are_not() {
    let line = Bytes::from(vec![b'a'; 100_000]);
    for pattern in ["(a+)+$", "(a|aa)+b", "(a*)*b", "(.*)(.*)(.*)x"] {
        let params = strings(&[("pattern", pattern)]);
        let out = run(
            "grep",
            std::slice::from_ref(&line),
            &params,
            BudgetLimits::default(),
        );
        assert!(out.is_ok(), "{pattern}: {out:?}");
    }
    // Quadratic over all matches of a line: each search looks at the rest. It is paid for.
    let params = strings(&[("pattern", ".*[^a]|a")]);
    let limits = BudgetLimits {
        steps: 1_000_000,
        ..BudgetLimits::default()
    };
    let error = run("regex_match", &[line], &params, limits).unwrap_err();
    let what = Resource::Steps;
    let limit = 1_000_000;
    assert_eq!(error, FunctionError::BudgetExceeded { what, limit });
    let long = [Bytes::from(vec![b'a'; 300_000])];
    let error = run(
        "grep",
        &long,
        &strings(&[("pattern", "a")]),
        BudgetLimits::default(),
    );
    let message = error.unwrap_err().to_string();
    assert!(message.starts_with("line 1 has 300000 bytes"), "{message}");
}

#[test]
fn a_short_input_that_would_become_endless_is_stopped() {
    let with = "x".repeat(60_000);
    let params = strings(&[("find", "a"), ("with", &with)]);
    let inputs = [Bytes::from(vec![b'a'; 1_000_000])];
    let error = run("replace", &inputs, &params, BudgetLimits::default()).unwrap_err();
    let what = Resource::OutputBytes;
    let limit = 64 * MIB;
    assert_eq!(error, FunctionError::BudgetExceeded { what, limit });
}

#[test]
fn numbers_that_overflow_are_refused() {
    for (name, input) in [
        ("sum", "1e308\n1e308\n-1e308\n"),
        ("mean", "1e308\n1e308\n"),
        ("max", "1e400\n"),
        ("median", "-1e400\n"),
    ] {
        let inputs = [Bytes::from(input)];
        let error = run(name, &inputs, &BTreeMap::new(), BudgetLimits::default()).unwrap_err();
        assert!(
            matches!(error, FunctionError::Failed { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn json_a_million_deep_is_refused_at_the_limit() {
    let calls: &[(&str, &[(&str, &str)])] = &[
        ("json_validate", &[]),
        ("json_extract", &[("pointer", "/0/0")]),
    ];
    for open_with in [b'[', b'{'] {
        for (name, params) in calls {
            let (source, pulled) = endless(open_with, 1_000_000);
            let error = measure(open(name, params, source, 64 * 1024)).unwrap_err();
            assert!(
                matches!(error, FunctionError::Failed { .. }),
                "{name}: {error}"
            );
            assert!(pulled.load(Ordering::Relaxed) <= PIECE_BYTES as u64);
        }
    }
    let inputs = [Bytes::from("[".repeat(1_000_000))];
    let error = run(
        "json_to_csv",
        &inputs,
        &BTreeMap::new(),
        BudgetLimits::default(),
    );
    assert!(matches!(error, Err(FunctionError::Failed { .. })));
}

#[test]
fn tables_without_end_or_shape_are_refused_in_bounded_memory() {
    for (name, params) in [
        ("csv_select", &[("columns", "a")][..]),
        ("csv_to_json", &[]),
    ] {
        for byte in [b'a', b'"', b','] {
            let (source, pulled) = endless(byte, GIB);
            let error = measure(open(name, params, source, 4 * MIB)).unwrap_err();
            let what = Resource::ScratchBytes;
            let limit = 4 * MIB;
            assert_eq!(
                error,
                FunctionError::BudgetExceeded { what, limit },
                "{name}"
            );
            assert!(pulled.load(Ordering::Relaxed) <= 4 * MIB, "{name}");
        }
    }
    // A string that never ends is a cell that never ends.
    let (source, pulled) = endless(b'a', GIB);
    let head = Whole::boxed(Bytes::from("[{\"a\":\""));
    let input = Box::new(Two(Some(head), source));
    let error = measure(open("json_to_csv", &[], input, 4 * MIB)).unwrap_err();
    assert!(
        matches!(error, FunctionError::BudgetExceeded { .. }),
        "{error}"
    );
    assert!(pulled.load(Ordering::Relaxed) <= 4 * MIB);
}

/// One source after the other.
struct Two(Option<Box<dyn Pieces>>, Box<dyn Pieces>);

impl Pieces for Two {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        if let Some(first) = &mut self.0 {
            if let Some(piece) = first.next(budget)? {
                return Ok(Some(piece));
            }
            self.0 = None;
        }
        self.1.next(budget)
    }
}

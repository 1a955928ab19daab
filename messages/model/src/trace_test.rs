#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{FIXED_BYTES, STEP_BYTES, Trace, TraceStep};
use crate::address::{CAddr, ContentHash};
use crate::limits::{self, Measure};

fn trace(steps: usize, inputs: usize) -> Trace {
    let step = TraceStep {
        recipe: CAddr::of_leaf(b"r"),
        inputs: vec![ContentHash::of(b"i"); inputs],
        output: ContentHash::of(b"o"),
        size: 9,
    };
    Trace {
        root: CAddr::of_leaf(b"r"),
        steps: vec![step; steps],
    }
}

#[test]
fn the_length_is_known_before() {
    for (steps, inputs) in [(0, 0), (1, 0), (3, 2)] {
        let bytes = trace(steps, inputs).encode().unwrap();
        assert_eq!(
            bytes.len(),
            FIXED_BYTES + steps * (STEP_BYTES + inputs * 32)
        );
        assert_eq!(Trace::decode(&bytes), Ok(trace(steps, inputs)));
    }
}

#[test]
fn limits_hold_for_the_encoder() {
    let wide = trace(1, limits::RECIPE_INPUTS + 1).encode().unwrap_err();
    assert_eq!(wide.what, Measure::Inputs);
    let long = trace(limits::TRACE_BYTES / STEP_BYTES + 1, 0)
        .encode()
        .unwrap_err();
    assert_eq!(long.what, Measure::Document);
}

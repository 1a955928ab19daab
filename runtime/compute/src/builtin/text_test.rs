#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::budget::BudgetLimits;

fn pieces(bytes: &[u8]) -> Result<(String, usize), FunctionError> {
    let mut budget = Budget::new(BudgetLimits::default(), Arc::new(|| Duration::ZERO));
    let mut all = String::new();
    let mut count = 0;
    for_each_piece(3, bytes, &mut budget, |text, _| {
        all.push_str(text);
        count += 1;
        Ok(())
    })?;
    Ok((all, count))
}

#[test]
fn pieces_make_the_text_wherever_the_cut_falls() {
    let edge = CHECKPOINT_BYTES as usize;
    for before in edge - 4..=edge + 1 {
        let text = format!("{}{}", "a".repeat(before), "🦀é".repeat(50_000));
        let (all, count) = pieces(text.as_bytes()).unwrap();
        assert_eq!(all, text);
        assert!(count > 1);
    }
    assert_eq!(pieces(b"").unwrap(), (String::new(), 0));
}

#[test]
fn the_offset_of_the_first_bad_byte_is_named() {
    let edge = CHECKPOINT_BYTES as usize;
    for (good, bad) in [
        (0, &b"\xff"[..]),
        (5, b"\xc3"),
        (5, b"\xc3a"),
        (edge - 1, b"\xf0\x9f\xa6"),
        (edge - 1, b"\xf0\x9f\xa6a"),
        (edge, b"\x80"),
        (2 * edge - 2, b"\xed\xa0\x80 surrogate"),
    ] {
        let bytes = [&vec![b'a'; good], bad].concat();
        let error = pieces(&bytes).unwrap_err();
        assert_eq!(
            error,
            FunctionError::NotText {
                input: 3,
                offset: good
            }
        );
    }
}

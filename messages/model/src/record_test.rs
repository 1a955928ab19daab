#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Consumed, Cost, Record};
use crate::address::{CAddr, ContentHash};
use crate::function::FunctionId;
use crate::limits;
use crate::recipe::RecipeError;

fn record(inputs: usize) -> Record {
    let one = Consumed {
        address: CAddr::of_leaf(b"a"),
        content: ContentHash::of(b"a"),
    };
    Record {
        recipe: CAddr::of_leaf(b"r"),
        function: FunctionId::new("f", "1").into(),
        inputs: vec![one; inputs],
        output: ContentHash::of(b"o"),
        size: 1,
        cost: Cost::default(),
    }
}

/// The largest recipe that may exist must have a record that may exist.
#[test]
fn the_largest_record_fits_its_limit() {
    let mut largest = record(limits::RECIPE_INPUTS);
    let text = "x".repeat(limits::TEXT_BYTES);
    largest.function = FunctionId::new(text.clone(), text).into();
    let bytes = largest.encode().unwrap();
    assert!(bytes.len() > limits::RECIPE_BYTES && bytes.len() <= limits::RECORD_BYTES);
    assert_eq!(Record::decode(&bytes), Ok(largest));
}

#[test]
fn what_a_decoder_would_refuse_is_not_encoded() {
    assert!(matches!(
        record(limits::RECIPE_INPUTS + 1).encode(),
        Err(RecipeError::OverLimit(_))
    ));
    let mut nameless = record(0);
    nameless.function = FunctionId::new("", "1").into();
    assert_eq!(nameless.encode(), Err(RecipeError::EmptyName));
    assert_eq!(nameless.address(), Err(RecipeError::EmptyName));
}

/// The capacity computed before encoding is the length after, or the limit check would be wrong.
#[test]
fn the_length_is_known_before() {
    for inputs in [0, 1, 7] {
        let bytes = record(inputs).encode().unwrap();
        assert_eq!(
            bytes.len(),
            super::FIXED_BYTES + 2 + inputs * super::CONSUMED_BYTES
        );
    }
}

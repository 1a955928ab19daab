#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use super::*;
use crate::value::F64;

fn example() -> Recipe {
    let inputs = vec![CAddr::of_leaf(b"hello world\n")];
    Recipe::new(
        FunctionId::new("uppercase", "1.0.0"),
        inputs,
        BTreeMap::new(),
    )
    .unwrap()
}

fn with_param(value: Value) -> Recipe {
    let params = BTreeMap::from([("k".to_owned(), value)]);
    Recipe::new(FunctionId::new("f", "1"), vec![], params).unwrap()
}

#[test]
fn the_worked_example_has_both_addresses() {
    let recipe = example();
    assert_eq!(
        legacy_address(&recipe).unwrap().to_hex(),
        "2392c7bc6cbb71e31fd279925116293751bef6fd487810ad1253f91d52af5587"
    );
    assert_eq!(
        recipe.address().to_hex(),
        "182c6330b8747b7cae8edc0144732d193cd0837093153f9c46642b9c4da0316d"
    );
    assert_eq!(decode_legacy(&encode_legacy(&recipe).unwrap()), Ok(recipe));
}

#[test]
fn a_float_has_no_old_form() {
    let deep = Value::List(vec![Value::Bool(true), Value::F64(F64::new(0.0))]);
    for value in [Value::F64(F64::new(1.0)), deep] {
        assert_eq!(encode_legacy(&with_param(value.clone())), None);
        assert_eq!(legacy_address(&with_param(value)), None);
    }
}

#[test]
fn leaves_that_are_recipes_are_told() {
    let (canonical, old) = (example().encode(), encode_legacy(&example()).unwrap());
    assert_eq!(names_a_recipe(&canonical), Some(RecipeForm::Canonical));
    assert_eq!(names_a_recipe(&old), Some(RecipeForm::Legacy));
    for bytes in [canonical, old] {
        for end in 0..bytes.len() {
            assert_eq!(names_a_recipe(&bytes[..end]), None);
            assert!(could_name_a_recipe(&bytes[..end], bytes.len() as u64));
        }
        let longer: Vec<u8> = bytes.into_iter().chain([0]).collect();
        assert_eq!(names_a_recipe(&longer), None);
    }
}

/// The bound on old bytes must let through whatever fits today's limits: a list of bools widens most.
#[test]
fn the_old_form_of_the_widest_recipe_is_within_its_bound() {
    let empty = with_param(Value::List(vec![])).encode().len();
    let bools = (limits::RECIPE_BYTES - empty) / 2;
    let widest = with_param(Value::List(vec![Value::Bool(true); bools]));
    let mut old = encode_legacy(&widest).unwrap();
    assert!(old.len() <= limits::LEGACY_BYTES && old.len() > limits::LEGACY_BYTES - 100);
    assert_eq!(names_a_recipe(&old), Some(RecipeForm::Legacy));
    // One bool more, and its DCF form is over the limit: then it is a lawful leaf.
    let count = old.len() - bools * 5 - 8;
    old[count..count + 8].copy_from_slice(&(bools as u64 + 1).to_le_bytes());
    old.extend([2, 0, 0, 0, 1]);
    assert_eq!(names_a_recipe(&old), None);
    assert!(matches!(
        decode_legacy(&old),
        Err(DecodeError::OverLimit(_))
    ));
}

#[test]
fn most_leaves_are_told_apart_by_their_beginning() {
    assert!(!could_name_a_recipe(b"hello world\n", 12));
    assert!(!could_name_a_recipe(&[0; 8], 8));
    assert!(!could_name_a_recipe(b"DCF\x01\x02...", 100));
    assert!(!could_name_a_recipe(b"DCF\x02\x01...", 100));
    assert!(could_name_a_recipe(b"", 0));
    assert!(could_name_a_recipe(b"DCF\x01\x01", 100));
    assert!(could_name_a_recipe(
        &1u64.to_le_bytes(),
        limits::LEGACY_BYTES as u64
    ));
    assert!(!could_name_a_recipe(
        &1u64.to_le_bytes(),
        limits::LEGACY_BYTES as u64 + 1
    ));
}

/// The old form by hand, so that lengths can lie: what the laws say, not what our encoder does.
fn by_hand(name: &[u8], inputs: u64, params: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let run = |bytes: &[u8]| [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat();
    let mut bytes = [run(name), run(b"1"), inputs.to_le_bytes().to_vec()].concat();
    bytes.extend(vec![7; inputs as usize * 32]);
    bytes.extend((params.len() as u64).to_le_bytes());
    for (key, value) in params {
        bytes.extend(run(key));
        bytes.extend(value);
    }
    bytes
}

fn nested(depth: usize) -> Vec<u8> {
    let level = [&4_u32.to_le_bytes()[..], &1_u64.to_le_bytes()].concat();
    [level.repeat(depth), vec![2, 0, 0, 0, 1]].concat()
}

#[test]
fn what_has_grown_over_the_limits_still_has_the_shape() {
    let long = [&[3, 0, 0, 0][..], &65_537_u64.to_le_bytes(), &[0; 65_537]].concat();
    let keys: Vec<String> = (0..4097).map(|number| format!("{number:04}")).collect();
    let many: Vec<_> = keys
        .iter()
        .map(|key| (key.as_bytes(), vec![2, 0, 0, 0, 0]))
        .collect();
    let grown = [
        by_hand(&[b'n'; 65_537], 0, &[]),
        by_hand(b"f", 65_537, &[]),
        by_hand(b"f", 0, &[(b"k", long)]),
        by_hand(b"f", 0, &many),
        by_hand(b"f", 0, &[(b"k", nested(33))]),
        by_hand(b"f", 0, &[(b"k", nested(60_000))]),
    ];
    for bytes in grown {
        let refused = decode_legacy(&bytes).unwrap_err();
        let grown = matches!(
            refused,
            DecodeError::OverLimit(_) | DecodeError::TooDeep { .. }
        );
        assert!(grown, "{refused}");
        assert!(has_legacy_shape(&bytes), "{refused}");
        assert_eq!(names_a_recipe(&bytes), None, "it is a lawful leaf");
        assert!(!has_legacy_shape(&bytes[..bytes.len() - 1]));
        assert!(!has_legacy_shape(&[&bytes[..], &[0]].concat()));
    }
    assert!(has_legacy_shape(&encode_legacy(&example()).unwrap()));
}

#[test]
fn lengths_that_lie_are_no_shape_and_allocate_nothing() {
    let whole = encode_legacy(&with_param(Value::List(vec![Value::from("x")]))).unwrap();
    // Every count and length of it, made as large as it can be.
    let lengths = whole.windows(8).enumerate();
    let lengths: Vec<usize> = lengths
        .filter(|(_, window)| window[1..] == [0; 7] && window[0] <= 1)
        .map(|(at, _)| at)
        .collect();
    assert!(lengths.len() >= 6);
    for at in lengths {
        for lie in [u64::MAX, u64::MAX / 32, 1 << 40] {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
            assert!(!has_legacy_shape(&bytes), "{at} {lie}");
            assert!(decode_legacy(&bytes).is_err(), "{at} {lie}");
        }
    }
    for leaf in [&b"hello world\n"[..], b"", &[0; 64], b"DCF\x01\x01"] {
        assert!(!has_legacy_shape(leaf));
    }
    // Deeper than any old encoder went: refused, not followed for ever.
    assert!(!has_legacy_shape(&by_hand(
        b"f",
        0,
        &[(b"k", nested(70_000))]
    )));
}

//! Laws that must hold of all values: round trips, one spelling, no other spelling.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::*;

fn address() -> impl Strategy<Value = CAddr> {
    any::<[u8; 32]>().prop_map(CAddr::from_bytes)
}

fn content() -> impl Strategy<Value = ContentHash> {
    any::<[u8; 32]>().prop_map(ContentHash::from_bytes)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..6).prop_map(String::from_iter)
}

fn value() -> impl Strategy<Value = Value> {
    let flat = prop_oneof![
        text().prop_map(Value::String),
        any::<i64>().prop_map(Value::I64),
        any::<bool>().prop_map(Value::Bool),
        vec(any::<u8>(), 0..6).prop_map(Value::Bytes),
        any::<u64>().prop_map(|bits| Value::F64(F64::new(f64::from_bits(bits)))),
    ];
    flat.prop_recursive(4, 12, 4, |inner| vec(inner, 0..4).prop_map(Value::List))
}

fn function() -> impl Strategy<Value = FunctionId> {
    ("[a-z]{1,8}", "[0-9.]{1,5}").prop_map(|(name, version)| FunctionId::new(name, version))
}

fn params() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map(text(), value(), 0..4)
}

fn recipe() -> impl Strategy<Value = Recipe> {
    (function(), vec(address(), 0..4), params())
        .prop_map(|(function, inputs, params)| Recipe::new(function, inputs, params).unwrap())
}

fn record() -> impl Strategy<Value = Record> {
    let consumed =
        (address(), content()).prop_map(|(address, content)| Consumed { address, content });
    let cost = any::<(u64, u64, u64)>().prop_map(|(wall_nanos, steps, input_bytes)| Cost {
        wall_nanos,
        steps,
        input_bytes,
    });
    (
        address(),
        function(),
        vec(consumed, 0..4),
        content(),
        any::<u64>(),
        cost,
    )
        .prop_map(|(recipe, function, inputs, output, size, cost)| Record {
            recipe,
            function: function.into(),
            inputs,
            output,
            size,
            cost,
        })
}

fn trace() -> impl Strategy<Value = Trace> {
    let step = (address(), vec(content(), 0..4), content(), any::<u64>()).prop_map(
        |(recipe, inputs, output, size)| TraceStep {
            recipe,
            inputs,
            output,
            size,
        },
    );
    (address(), vec(step, 0..4)).prop_map(|(root, steps)| Trace { root, steps })
}

/// Bytes with one byte altered, taken out or put in.
fn neighbours(bytes: &[u8], at: usize, byte: u8) -> [Vec<u8>; 3] {
    let at = at % bytes.len();
    let mut altered = bytes.to_vec();
    altered[at] = byte;
    let mut shorter = bytes.to_vec();
    shorter.remove(at);
    let mut longer = bytes.to_vec();
    longer.insert(at, byte);
    [altered, shorter, longer]
}

proptest! {
    #[test]
    fn recipes_come_back(recipe in recipe()) {
        let bytes = recipe.encode();
        prop_assert_eq!(bytes.len(), bytes.capacity(), "the length is known before");
        prop_assert_eq!(names_a_recipe(&bytes), Some(RecipeForm::Canonical));
        prop_assert_eq!(Recipe::decode(&bytes).unwrap(), recipe);
    }

    #[test]
    fn records_and_traces_come_back(record in record(), trace in trace()) {
        prop_assert_eq!(Record::decode(&record.encode().unwrap()).unwrap(), record);
        prop_assert_eq!(Trace::decode(&trace.encode().unwrap()).unwrap(), trace);
    }

    #[test]
    fn one_recipe_one_address(left in recipe(), right in recipe()) {
        prop_assert_eq!(left == right, left.encode() == right.encode());
        prop_assert_eq!(left == right, left.address() == right.address());
    }

    #[test]
    fn a_neighbour_is_refused_or_is_another_recipe(recipe in recipe(), at: usize, byte: u8) {
        let bytes = recipe.encode();
        for other in neighbours(&bytes, at, byte) {
            if let Ok(read) = Recipe::decode(&other) {
                prop_assert_eq!(read.encode(), &other[..]);
                prop_assert_eq!(read == recipe, other == bytes);
            }
        }
    }

    #[test]
    fn a_neighbour_is_refused_or_is_another_record(record in record(), at: usize, byte: u8) {
        let bytes = record.encode().unwrap();
        for other in neighbours(&bytes, at, byte) {
            if let Ok(read) = Record::decode(&other) {
                prop_assert_eq!(read.encode().unwrap(), other);
            }
        }
    }

    #[test]
    fn old_recipes_come_back(recipe in recipe(), at: usize, byte: u8) {
        let Some(bytes) = encode_legacy(&recipe) else {
            return Ok(());
        };
        prop_assert_eq!(names_a_recipe(&bytes), Some(RecipeForm::Legacy));
        prop_assert_eq!(&decode_legacy(&bytes).unwrap(), &recipe);
        prop_assert!(has_legacy_shape(&bytes));
        for other in neighbours(&bytes, at, byte) {
            if let Ok(read) = decode_legacy(&other) {
                prop_assert_eq!(encode_legacy(&read).unwrap(), other);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_without_harm(bytes in vec(any::<u8>(), 0..200)) {
        let document: Vec<u8> = b"DCF\x01\x01".iter().chain(&bytes).copied().collect();
        prop_assert!(Recipe::decode(&document).is_ok_and(|it| it.encode() == document) || Recipe::decode(&document).is_err());
        prop_assert!(decode_legacy(&bytes).is_err() || names_a_recipe(&bytes).is_some());
    }

    #[test]
    fn params_are_told_apart(left in value(), right in value()) {
        let encode = |value: &Value| {
            let mut writer = Writer::default();
            value.encode(&mut writer);
            writer.into_bytes()
        };
        prop_assert_eq!(left == right, encode(&left) == encode(&right));
    }
}

proptest! {
    // Values of some hundred KiB: fewer cases do.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn splits_do_not_matter(len in 0usize..150_000, cuts in vec(1usize..60_000, 1..8)) {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 253) as u8).collect();
        let size = ChunkSize::new(14).unwrap();
        let mut builder = ManifestBuilder::new(size);
        let mut left = &bytes[..];
        for cut in cuts.iter().cycle() {
            let (mut piece, rest) = left.split_at(left.len().min(*cut));
            while builder.push(&mut piece).is_some() {}
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        let (_, manifest) = builder.finish();
        prop_assert_eq!(&manifest, &Manifest::of(&bytes, size));
        prop_assert_eq!(Manifest::decode(&manifest.encode().unwrap()).unwrap(), manifest);
    }
}

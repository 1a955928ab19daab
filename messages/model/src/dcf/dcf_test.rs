#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::function::FunctionId;
use crate::recipe::Recipe;
use crate::value::Value;

fn recipe() -> Recipe {
    let params = BTreeMap::from([("k".to_owned(), Value::Bool(true))]);
    Recipe::new(FunctionId::new("f", "1"), vec![], params).unwrap()
}

/// What a later release might read: version 1 as ever, version 2 as something of its own.
#[derive(Debug, PartialEq)]
enum LaterDocument {
    First(Recipe),
    Second(u8),
}

fn later_reader(bytes: &[u8]) -> Result<LaterDocument, DecodeError> {
    let (version, _, mut reader) = open(bytes, 2)?;
    let document = match version {
        1 => LaterDocument::First(Recipe::decode(bytes)?),
        _ => LaterDocument::Second(reader.u8()?),
    };
    Ok(document)
}

#[test]
fn a_document_of_version_2_is_refused_by_name() {
    let mut bytes = recipe().encode();
    bytes[3] = 2;
    let refusal = Recipe::decode(&bytes).unwrap_err();
    assert_eq!(refusal, DecodeError::UnknownVersion { got: 2, newest: 1 });
    assert!(refusal.to_string().contains("version 2"), "{refusal}");
}

#[test]
fn a_reader_of_version_2_reads_version_1() {
    let bytes = recipe().encode();
    assert_eq!(later_reader(&bytes), Ok(LaterDocument::First(recipe())));
    assert_eq!(
        later_reader(b"DCF\x02\x01\x07"),
        Ok(LaterDocument::Second(7))
    );
    let third = DecodeError::UnknownVersion { got: 3, newest: 2 };
    assert_eq!(later_reader(b"DCF\x03\x01\x07"), Err(third));
    let none = DecodeError::UnknownVersion { got: 0, newest: 2 };
    assert_eq!(later_reader(b"DCF\x00\x01\x07"), Err(none));
}

#[test]
fn every_type_has_a_byte_and_a_context_of_its_own() {
    let bytes: HashSet<_> = DocumentType::ALL.iter().map(|kind| *kind as u8).collect();
    assert_eq!(bytes, HashSet::from([1, 2, 3, 4]));
    let addresses: HashSet<_> = DocumentType::ALL
        .iter()
        .map(|kind| kind.address(b"same"))
        .collect();
    assert_eq!(addresses.len(), DocumentType::ALL.len());
}

/// A hostile count must not reserve what it claims: this would be 128 GiB.
#[test]
fn claims_are_judged_before_they_are_believed() {
    let mut bytes = recipe().encode();
    let value = bytes.len() - 2;
    bytes.truncate(value);
    bytes.extend([4, 0xff, 0xff, 0xff, 0xff]);
    assert!(
        matches!(Recipe::decode(&bytes), Err(DecodeError::Truncated { wanted, left: 0 })
        if wanted == 2 * u64::from(u32::MAX))
    );
}

#[test]
fn a_length_that_does_not_fit_is_never_readable() {
    if let Ok(len) = usize::try_from(u64::from(u32::MAX) + 1) {
        let mut writer = Writer::default();
        writer.len(len);
        assert_eq!(writer.into_bytes(), [0xff; 4]);
    }
}

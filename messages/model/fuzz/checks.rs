//! What must hold of any bytes at all: they are refused, or they are the one spelling of what they
//! mean. The fuzzer calls these, and so does an ordinary test over the seed corpus.

use deriva_model::dcf::{DCF_VERSION, open};
use deriva_model::{
    DecodeError, DocumentType, Manifest, Recipe, RecipeForm, Record, Trace, decode_legacy,
    encode_legacy, names_a_recipe,
};

/// Any bytes, as a document of each type.
pub(crate) fn decode_document(bytes: &[u8]) {
    let mut readings = 0;
    readings += spelled_once(bytes, Recipe::decode(bytes), |it| Some(it.encode()));
    readings += spelled_once(bytes, Record::decode(bytes), |it| it.encode().ok());
    readings += spelled_once(bytes, Trace::decode(bytes), |it| it.encode().ok());
    readings += spelled_once(bytes, Manifest::decode(bytes), |it| it.encode().ok());
    assert!(readings <= 1, "bytes are documents of two types");
    if readings == 1 {
        let kind = open(bytes, DCF_VERSION).map(|(_, kind, _)| kind);
        let form = names_a_recipe(bytes);
        assert_eq!(
            form == Some(RecipeForm::Canonical),
            kind == Ok(DocumentType::Recipe)
        );
    }
}

/// Any bytes, as a recipe in the old form.
pub(crate) fn decode_legacy_recipe(bytes: &[u8]) {
    let read = decode_legacy(bytes);
    if let Ok(recipe) = &read {
        assert_eq!(names_a_recipe(bytes), Some(RecipeForm::Legacy));
        assert_eq!(Recipe::decode(&recipe.encode()).as_ref(), Ok(recipe));
    }
    spelled_once(bytes, read, encode_legacy);
}

/// Gives 1 for bytes that were read, after checking that they are what is written back.
fn spelled_once<T>(
    bytes: &[u8],
    read: Result<T, DecodeError>,
    write: impl Fn(&T) -> Option<Vec<u8>>,
) -> u32 {
    match read {
        Ok(meant) => {
            assert_eq!(write(&meant).as_deref(), Some(bytes));
            1
        }
        Err(refusal) => {
            assert!(DecodeError::REASONS.contains(&refusal.reason()));
            0
        }
    }
}

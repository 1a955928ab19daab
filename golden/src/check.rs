//! Holds one vector against the Rust implementation.

use std::fmt::Debug;

use deriva_model::{
    CAddr, ChunkSize, CutoffKey, Decode, DecodeError, Encode, Manifest, Reader, Recipe, RecipeForm,
    Record, Trace, Value, Writer, decode_legacy, encode_legacy, legacy_address, names_a_recipe,
};
use serde::de::DeserializeOwned;

use crate::meaning::contents;
use crate::{Disagreement, Kind, RecipeTold, RecordTold, TraceTold, ValueTold, Vector, expand};

/// Checks everything that the vector says: meaning, bytes, address, key, or reason of refusal.
pub fn check(vector: &Vector) -> Result<(), Disagreement> {
    let bytes = expand(&vector.bytes)?;
    match vector.kind {
        Kind::Recipe => Document {
            decode: Recipe::decode,
            encode: |recipe| Ok(recipe.encode()),
            address: |recipe| Ok(recipe.address()),
            mean: |told: &RecipeTold| told.mean(),
        }
        .check(vector, &bytes),
        Kind::Record => Document {
            decode: Record::decode,
            encode: |record| record.encode().map_err(Disagreement::unreadable),
            address: |record| record.address().map_err(Disagreement::unreadable),
            mean: |told: &RecordTold| told.mean(),
        }
        .check(vector, &bytes),
        Kind::Trace => Document {
            decode: Trace::decode,
            encode: |trace| trace.encode().map_err(Disagreement::unreadable),
            address: |trace| trace.address().map_err(Disagreement::unreadable),
            mean: |told: &TraceTold| told.mean(),
        }
        .check(vector, &bytes),
        Kind::Manifest => check_manifest(vector, &bytes),
        Kind::Value => check_value(vector, &bytes),
        Kind::Legacy => check_legacy(vector, &bytes),
        Kind::Leaf => check_leaf(vector, &bytes),
        Kind::Cutoff => check_cutoff(vector),
    }
}

/// The four ways of a document type that vectors exercise.
struct Document<T, M> {
    decode: fn(&[u8]) -> Result<T, DecodeError>,
    encode: fn(&T) -> Result<Vec<u8>, Disagreement>,
    address: fn(&T) -> Result<CAddr, Disagreement>,
    mean: fn(&M) -> Result<T, Disagreement>,
}

impl<T: PartialEq + Debug, M: DeserializeOwned> Document<T, M> {
    /// Gives what the bytes mean, or nothing when they were refused as the vector says.
    fn check(self, vector: &Vector, bytes: &[u8]) -> Result<(), Disagreement> {
        let Some(meant) = accepted(vector, (self.decode)(bytes))? else {
            return Ok(());
        };
        same_bytes(&(self.encode)(&meant)?, bytes)?;
        same_hex("address", (self.address)(&meant)?, &vector.address)?;
        if let Some(told) = told::<M>(vector)? {
            same("meaning", &meant, &(self.mean)(&told)?)?;
        }
        Ok(())
    }
}

fn check_manifest(vector: &Vector, bytes: &[u8]) -> Result<(), Disagreement> {
    let Some(manifest) = accepted(vector, Manifest::decode(bytes))? else {
        return Ok(());
    };
    let again = manifest.encode().map_err(Disagreement::unreadable)?;
    same_bytes(&again, bytes)?;
    let address = manifest.address().map_err(Disagreement::unreadable)?;
    same_hex("address", address, &vector.address)?;
    let (Some(parts), Some(log2)) = (&vector.value, vector.log2) else {
        return Err(Disagreement::unreadable("a manifest without its value"));
    };
    let chunk_size = ChunkSize::new(log2).map_err(Disagreement::unreadable)?;
    same(
        "manifest of the value",
        &Manifest::of(&expand(parts)?, chunk_size),
        &manifest,
    )
}

fn check_value(vector: &Vector, bytes: &[u8]) -> Result<(), Disagreement> {
    let mut reader = Reader::new(bytes);
    let read = Value::decode(&mut reader).and_then(|value| reader.finish().map(|()| value));
    let Some(value) = accepted(vector, read)? else {
        return Ok(());
    };
    let mut writer = Writer::default();
    value.encode(&mut writer);
    same_bytes(&writer.into_bytes(), bytes)?;
    match told::<ValueTold>(vector)? {
        Some(told) => same("meaning", &value, &told.mean()?),
        None => Err(Disagreement::unreadable("a value without its meaning")),
    }
}

fn check_legacy(vector: &Vector, bytes: &[u8]) -> Result<(), Disagreement> {
    let Some(recipe) = accepted(vector, decode_legacy(bytes))? else {
        return Ok(());
    };
    let (Some(again), Some(address)) = (encode_legacy(&recipe), legacy_address(&recipe)) else {
        return Err(Disagreement::unreadable("no old form"));
    };
    same_bytes(&again, bytes)?;
    same_hex("old address", address, &vector.address)?;
    same_hex("DCF address", recipe.address(), &vector.dcf_address)?;
    match told::<RecipeTold>(vector)? {
        Some(told) => same("meaning", &recipe, &told.mean()?),
        None => Ok(()),
    }
}

fn check_leaf(vector: &Vector, bytes: &[u8]) -> Result<(), Disagreement> {
    same_hex("address", CAddr::of_leaf(bytes), &vector.address)?;
    let form = names_a_recipe(bytes).map(|form| match form {
        RecipeForm::Canonical => "canonical",
        RecipeForm::Legacy => "legacy",
    });
    same("form of a recipe", &form, &vector.recipe_form.as_deref())
}

fn check_cutoff(vector: &Vector) -> Result<(), Disagreement> {
    let (Some(recipe), Some(hashes)) = (&vector.recipe, &vector.contents) else {
        return Err(Disagreement::unreadable("a key without its recipe"));
    };
    let key = CutoffKey::of(&recipe.mean()?, &contents(hashes)?);
    same_hex("key", key, &vector.key)
}

/// What was decoded; nothing when it was refused for the vector's reason.
fn accepted<T>(vector: &Vector, read: Result<T, DecodeError>) -> Result<Option<T>, Disagreement> {
    let here = read.as_ref().err().map(DecodeError::reason);
    same("refusal", &here, &vector.refusal.as_deref())?;
    let what = match &read {
        Err(DecodeError::OverLimit(over)) => Some(over.what.name()),
        _ => None,
    };
    same("what is over its limit", &what, &vector.what.as_deref())?;
    Ok(read.ok())
}

fn told<M: DeserializeOwned>(vector: &Vector) -> Result<Option<M>, Disagreement> {
    let Some(meaning) = &vector.meaning else {
        return Ok(None);
    };
    let told = serde_json::from_value(meaning.clone());
    told.map(Some).map_err(Disagreement::unreadable)
}

fn same_bytes(here: &[u8], there: &[u8]) -> Result<(), Disagreement> {
    let differs_at = here
        .iter()
        .zip(there)
        .position(|(here, there)| here != there);
    same("bytes encoded again: first difference", &differs_at, &None)?;
    same("bytes encoded again: length", &here.len(), &there.len())
}

fn same_hex(
    what: &'static str,
    here: impl ToString,
    there: &Option<String>,
) -> Result<(), Disagreement> {
    same(what, &Some(here.to_string()), there)
}

fn same<T: PartialEq + Debug>(what: &'static str, here: &T, there: &T) -> Result<(), Disagreement> {
    if here == there {
        return Ok(());
    }
    Err(Disagreement::Differs {
        what,
        here: format!("{here:.200?}"),
        there: format!("{there:.200?}"),
    })
}

//! The vectors that may never change, and their reader: every address, key and refusal that the
//! laws come to, frozen in `vectors/*.json` (their form stands in `README.md`).
//!
//! It refuses to write vectors: a file is added once, pinned by its hash, and from then on read.

#![allow(
    clippy::disallowed_methods,
    reason = "reads the files that lie beside it in the repository, which no port serves"
)]

mod check;
mod meaning;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use check::check;
pub use meaning::{RecipeTold, RecordTold, TraceTold, ValueTold};

/// Bytes that one vector may expand to: one byte more than the largest document, and room.
pub const EXPANDED_BYTES: usize = 80 * 1024 * 1024;

/// Why a vector does not stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// The file or a field of it cannot be read.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// The implementation came to something else than the vector says.
    #[error("{what}: here {here}, in the vector {there}")]
    Differs {
        /// What was compared.
        what: &'static str,
        /// What this implementation came to.
        here: String,
        /// What the vector says.
        there: String,
    },
}

impl Disagreement {
    fn unreadable(problem: impl ToString) -> Disagreement {
        Disagreement::Unreadable(problem.to_string())
    }
}

/// A file of vectors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorFile {
    /// What the vectors are about.
    pub about: String,
    /// The vectors, each with a name of its own.
    pub vectors: Vec<Vector>,
}

/// One vector: bytes, and either what they mean and are called, or why they are refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// A name, told once in its file.
    pub name: String,
    /// What the bytes are read as.
    #[serde(rename = "as")]
    pub kind: Kind,
    /// The bytes, in parts.
    #[serde(default)]
    pub bytes: Vec<Part>,
    /// What the bytes mean; left out where they are too many to tell.
    pub meaning: Option<serde_json::Value>,
    /// The address, in hex.
    pub address: Option<String>,
    /// The DCF address of an old-form recipe, in hex.
    pub dcf_address: Option<String>,
    /// The reason for which the bytes are refused.
    pub refusal: Option<String>,
    /// What is over its limit, where that is the reason.
    pub what: Option<String>,
    /// The value that a manifest cuts, in parts.
    pub value: Option<Vec<Part>>,
    /// The manifest's chunk size, as a power of two.
    pub log2: Option<u8>,
    /// The recipe of a cutoff key.
    pub recipe: Option<RecipeTold>,
    /// The content hashes of a cutoff key, in hex.
    pub contents: Option<Vec<String>>,
    /// The cutoff key, in hex.
    pub key: Option<String>,
    /// The form in which a leaf is a recipe, and so refused.
    pub recipe_form: Option<String>,
}

/// What a vector's bytes are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A DCF recipe.
    Recipe,
    /// A DCF record.
    Record,
    /// A DCF trace.
    Trace,
    /// A DCF manifest.
    Manifest,
    /// A value without a document.
    Value,
    /// A recipe in the old form.
    Legacy,
    /// A leaf.
    Leaf,
    /// A cutoff key.
    Cutoff,
}

/// A part of some bytes, compact where they are many.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// Hex digits.
    Hex(String),
    /// A repetition.
    Repeat {
        /// Hex digits.
        repeat: String,
        /// How often they stand.
        times: usize,
    },
    /// A template told once for each number from 0, with `{d4}` as four decimal digits in ASCII.
    CountUp {
        /// How many numbers.
        count_up: usize,
        /// Hex digits and `{d4}`.
        hex: String,
    },
}

/// The folder of the vectors.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Reads one file of vectors.
pub fn load(path: &Path) -> Result<VectorFile, Disagreement> {
    let text = fs::read_to_string(path).map_err(Disagreement::unreadable)?;
    serde_json::from_str(&text).map_err(Disagreement::unreadable)
}

/// The bytes of some parts, at most [`EXPANDED_BYTES`].
pub fn expand(parts: &[Part]) -> Result<Vec<u8>, Disagreement> {
    let mut bytes = Vec::new();
    for part in parts {
        match part {
            Part::Hex(digits) => append(&mut bytes, &from_hex(digits)?, 1)?,
            Part::Repeat { repeat, times } => append(&mut bytes, &from_hex(repeat)?, *times)?,
            Part::CountUp { count_up, hex } => {
                for number in 0..*count_up {
                    let digits = to_hex(format!("{number:04}").as_bytes());
                    append(&mut bytes, &from_hex(&hex.replace("{d4}", &digits))?, 1)?;
                }
            }
        }
    }
    Ok(bytes)
}

fn append(bytes: &mut Vec<u8>, more: &[u8], times: usize) -> Result<(), Disagreement> {
    if bytes.len().saturating_add(more.len().saturating_mul(times)) > EXPANDED_BYTES {
        return Err(Disagreement::unreadable("too many bytes"));
    }
    for _ in 0..times {
        bytes.extend_from_slice(more);
    }
    Ok(())
}

/// Bytes from hex digits of either case.
pub fn from_hex(digits: &str) -> Result<Vec<u8>, Disagreement> {
    let nibbles: Option<Vec<u32>> = digits.chars().map(|digit| digit.to_digit(16)).collect();
    match nibbles {
        Some(nibbles) if nibbles.len() % 2 == 0 => Ok(nibbles
            .chunks_exact(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect()),
        _ => Err(Disagreement::unreadable("not pairs of hex digits")),
    }
}

/// Lower-case hex digits of bytes.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

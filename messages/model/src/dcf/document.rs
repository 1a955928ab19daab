//! The frame round every document: magic, version, type, and the table of types.
//!
//! Types are given out here and never reused. A recipe's address is the plain hash of its bytes;
//! every other type hashes under a context string of its own, so that no bytes are both.

use std::fmt;

use super::{Decode, DecodeError, Encode, Reader, Writer};
use crate::address::CAddr;
use crate::limits::{self, Measure, OverLimit};

/// The version that this release writes.
pub const DCF_VERSION: u8 = 1;

const MAGIC: &[u8; 3] = b"DCF";

/// What a document is. The byte is its place on disk and wire for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DocumentType {
    /// How a value is made.
    Recipe = 0x01,
    /// What a materialization consumed, gave and cost.
    Record = 0x02,
    /// The steps of one materialization, for replay.
    Trace = 0x03,
    /// How a stored value is cut into chunks.
    Manifest = 0x04,
}

impl DocumentType {
    /// Every type ever given out, in order.
    pub const ALL: [DocumentType; 4] = [
        DocumentType::Recipe,
        DocumentType::Record,
        DocumentType::Trace,
        DocumentType::Manifest,
    ];

    /// The type of that byte.
    pub fn from_byte(byte: u8) -> Option<DocumentType> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// The most bytes that a document of this type may have, header included.
    pub fn max_bytes(self) -> usize {
        match self {
            DocumentType::Recipe => limits::RECIPE_BYTES,
            DocumentType::Record => limits::RECORD_BYTES,
            DocumentType::Trace => limits::TRACE_BYTES,
            DocumentType::Manifest => limits::MANIFEST_BYTES,
        }
    }

    /// The context string under which documents of this type are addressed; recipes have none.
    pub fn context(self) -> Option<&'static str> {
        match self {
            DocumentType::Recipe => None,
            DocumentType::Record => Some("deriva 2026 record v1"),
            DocumentType::Trace => Some("deriva 2026 trace v1"),
            DocumentType::Manifest => Some("deriva 2026 manifest v1"),
        }
    }

    /// The address of a document of this type, given its canonical bytes.
    pub fn address(self, document: &[u8]) -> CAddr {
        CAddr::from_bytes(match self.context() {
            None => *blake3::hash(document).as_bytes(),
            Some(context) => blake3::derive_key(context, document),
        })
    }
}

impl fmt::Display for DocumentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DocumentType::Recipe => "recipe",
            DocumentType::Record => "record",
            DocumentType::Trace => "trace",
            DocumentType::Manifest => "manifest",
        })
    }
}

/// A thing that is a whole document of its own.
pub trait Document {
    /// Its type.
    const TYPE: DocumentType;
}

/// Reads a header, accepting versions 1 to `newest`. Gives the version, the type and a reader that
/// stands at the body. A later release passes its own `newest` and goes on reading old versions.
///
/// Order of judgement: magic, version, type, then the type's limit on the whole document.
pub fn open(bytes: &[u8], newest: u8) -> Result<(u8, DocumentType, Reader<'_>), DecodeError> {
    let seen = bytes.len().min(MAGIC.len());
    if bytes[..seen] != MAGIC[..seen] {
        return Err(DecodeError::BadMagic);
    }
    let mut reader = Reader::new(bytes);
    reader.take(MAGIC.len())?;
    let got = reader.u8()?;
    if got == 0 || got > newest {
        return Err(DecodeError::UnknownVersion { got, newest });
    }
    let byte = reader.u8()?;
    let kind = DocumentType::from_byte(byte).ok_or(DecodeError::UnknownType { got: byte })?;
    OverLimit::check(Measure::Document, kind.max_bytes(), bytes.len() as u64)?;
    Ok((got, kind, reader))
}

/// Decodes a whole document of version 1 and refuses anything after it.
pub fn decode_document<D: Document + Decode>(bytes: &[u8]) -> Result<D, DecodeError> {
    let (_, got, mut reader) = open(bytes, DCF_VERSION)?;
    if got != D::TYPE {
        return Err(DecodeError::WrongType {
            expected: D::TYPE,
            got,
        });
    }
    let document = D::decode(&mut reader)?;
    reader.finish()?;
    Ok(document)
}

/// Encodes header and body. Limits are the document's own affair: a type checks itself before.
pub fn encode_document<D: Document + Encode>(document: &D, capacity: usize) -> Vec<u8> {
    let mut writer = Writer::with_capacity(capacity);
    writer.raw(MAGIC);
    writer.u8(DCF_VERSION);
    writer.u8(D::TYPE as u8);
    document.encode(&mut writer);
    writer.into_bytes()
}

//! The Deriva Canonical Format, version 1: documents whose bytes are their identity.
//!
//! A document is `DCF`, a version byte, a type byte and a body. A decoder accepts exactly the bytes
//! that an encoder makes; every other spelling is refused with its own reason. Checks go from the
//! left, and at each length: its limit first, then whether the bytes are there, then allocation.
//!
//! This module knows how things are spelled and refuses to know what they mean: what a recipe or a
//! record is stands in their own files.

pub(crate) mod decode;
mod document;
mod encode;
mod error;

pub(crate) use decode::read_params;
pub use decode::{Decode, Reader};
pub use document::{DCF_VERSION, Document, DocumentType, decode_document, encode_document, open};
pub use encode::{Encode, Writer};
pub use error::DecodeError;

#[cfg(test)]
#[path = "dcf_test.rs"]
mod dcf_test;

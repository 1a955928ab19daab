//! The second key to a record: a recipe whose inputs came out the same is answered from it, even
//! where the inputs' addresses differ. The key is never an address and never resolves to bytes.

use std::fmt;

use crate::address::ContentHash;
use crate::dcf::{Encode, Writer};
use crate::recipe::Recipe;

const CONTEXT: &str = "deriva 2026 cutoff v1";

/// BLAKE3 key derivation, context `deriva 2026 cutoff v1`, over the DCF struct: 1 function name,
/// 2 function version, 3 params, 4 the inputs' content hashes in recipe order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutoffKey([u8; 32]);

impl CutoffKey {
    /// The key of a recipe whose inputs came out as these, one hash an input, in recipe order.
    pub fn of(recipe: &Recipe, inputs: &[ContentHash]) -> CutoffKey {
        let mut writer = Writer::default();
        writer.u8(4);
        writer.u8(1);
        writer.string(&recipe.function().name);
        writer.u8(2);
        writer.string(&recipe.function().version);
        writer.u8(3);
        recipe.params().encode(&mut writer);
        writer.u8(4);
        writer.list(inputs);
        CutoffKey(blake3::derive_key(CONTEXT, &writer.into_bytes()))
    }

    /// Takes 32 bytes as they are: a key read back from where it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> CutoffKey {
        CutoffKey(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CutoffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for CutoffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CutoffKey({self})")
    }
}

#[cfg(test)]
#[path = "cutoff_test.rs"]
mod cutoff_test;

//! The second key to a record: a recipe whose inputs came out the same is answered from it, even
//! where the inputs' addresses differ. The key is never an address and never resolves to bytes.

use std::{fmt, sync::LazyLock};

use crate::address::ContentHash;
use crate::dcf::Writer;
use crate::recipe::Recipe;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

const CONTEXT: &str = "deriva 2026 cutoff v1";

/// The context, hashed: every key begins with it.
static CONTEXT_KEY: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context(CONTEXT));

/// Bytes of a key's material apart from texts, params and hashes: count 1, four tags, three lengths.
const FIXED_BYTES: usize = 1 + 4 + 3 * 4;

/// BLAKE3 key derivation, context `deriva 2026 cutoff v1`, over the DCF struct: 1 function name,
/// 2 function version, 3 params, 4 the inputs' content hashes in recipe order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutoffKey([u8; 32]);

impl CutoffKey {
    /// The key of a recipe whose inputs came out as these, one hash an input, in recipe order.
    pub fn of(recipe: &Recipe, inputs: &[ContentHash]) -> CutoffKey {
        let function = recipe.function();
        let texts = function.name.len() + function.version.len();
        let hashes = inputs.len() * ContentHash::LEN;
        let params = recipe.params_bytes();
        let mut writer = Writer::with_capacity(FIXED_BYTES + texts + params.len() + hashes);
        writer.u8(4);
        writer.u8(1);
        writer.string(&function.name);
        writer.u8(2);
        writer.string(&function.version);
        writer.u8(3);
        writer.raw(params);
        writer.u8(4);
        writer.list(inputs);
        let mut hasher = blake3::Hasher::new_from_context_key(&CONTEXT_KEY);
        hasher.update(&writer.into_bytes());
        CutoffKey(*hasher.finalize().as_bytes())
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

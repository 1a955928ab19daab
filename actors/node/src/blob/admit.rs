//! The one gate that every leaf goes through: bytes that are a recipe would share its address, and
//! are refused. A `Leaf` exists only for bytes that were looked at, so no path can forget to look.

use super::read::{ReadFault, StoredReader};
use bytes::Bytes;
use deriva_messages::{Fault, blob::Locator};
use deriva_model::{CAddr, ContentHash, Manifest, could_name_a_recipe, limits, names_a_recipe};
use deriva_system::storage::{Space, Storage, layout};

/// Bytes that may be a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    content: ContentHash,
    size: u64,
}

impl Leaf {
    /// Looks at bytes that are here whole, and hashes them.
    ///
    /// # Errors
    /// `LeafIsRecipe`.
    pub fn of(bytes: &[u8]) -> Result<Self, Fault> {
        Self {
            content: ContentHash::of(bytes),
            size: bytes.len() as u64,
        }
        .unless_recipe(bytes)
    }

    /// Looks at an upload whose chunks are all staged. Its bytes are read back only as far as they
    /// could yet be a recipe, which most often is one chunk. Gives the bytes of one that is small
    /// enough to stand in its content entry.
    ///
    /// # Errors
    /// `LeafIsRecipe`; `Malformed` when the chunks are not those of the manifest; the store could
    /// not be read.
    pub fn of_upload(
        storage: &dyn Storage,
        upload: Locator,
        manifest: &Manifest,
    ) -> Result<(Self, Option<Bytes>), Fault> {
        let size = manifest.size();
        let leaf = Self {
            content: manifest.content(),
            size,
        };
        let count = manifest.chunk_count();
        let mut prefix = Vec::new();
        for index in 0..count {
            let is_small = size <= layout::INLINE_MAX as u64;
            if !is_small && !could_name_a_recipe(&prefix, size) {
                return Ok((leaf, None));
            }
            prefix.extend_from_slice(&staged_chunk(storage, upload, manifest, index)?);
        }
        let leaf = leaf.unless_recipe(&prefix)?;
        let whole = (size <= layout::INLINE_MAX as u64).then(|| Bytes::from(prefix));
        Ok((leaf, whole))
    }

    fn unless_recipe(self, bytes: &[u8]) -> Result<Self, Fault> {
        match names_a_recipe(bytes) {
            None => Ok(self),
            Some(_) => Err(Fault::LeafIsRecipe {
                address: self.address(),
            }),
        }
    }

    #[must_use]
    pub const fn address(&self) -> CAddr {
        self.content.as_leaf_address()
    }

    #[must_use]
    pub const fn content(&self) -> ContentHash {
        self.content
    }

    /// Bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether what stands under the leaf's content is sound, read whole.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn stands(&self, reader: &StoredReader) -> Result<bool, Fault> {
        match reader.whole(&self.content, self.size) {
            Ok(_) => Ok(true),
            Err(ReadFault::Store(fault)) => Err(fault.into()),
            Err(_) => Ok(false),
        }
    }
}

// What `of_upload` gathers is bounded: nothing longer could name a recipe.
const _: () = assert!(layout::INLINE_MAX < limits::LEGACY_BYTES);

fn staged_chunk(
    storage: &dyn Storage,
    upload: Locator,
    manifest: &Manifest,
    index: u64,
) -> Result<Bytes, Fault> {
    let place = u32::try_from(index).map_err(|_| Fault::OverLimit {
        what: "the number of chunks".to_owned(),
        limit: u64::from(u32::MAX),
        got: index,
    })?;
    let bytes = storage.get(Space::Chunks, &layout::chunk_key(upload, place))?;
    let bytes = bytes.ok_or_else(|| malformed(format!("chunk {index} was not staged")))?;
    manifest
        .verify_chunk(index, &bytes)
        .map_err(|error| malformed(error.to_string()))?;
    Ok(bytes)
}

fn malformed(reason: String) -> Fault {
    Fault::Malformed { reason }
}

#[cfg(test)]
#[path = "admit_test.rs"]
mod admit_test;

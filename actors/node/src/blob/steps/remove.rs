//! Leaves on their way out: the marker goes, and the bytes if no value holds them.

use super::{delete_chunks, leaf::signed, look, value::free_content};
use crate::blob::decide::Chunks;
use bytes::Bytes;
use deriva_model::CAddr;
use deriva_system::storage::{
    Reading, Space, StorageFault,
    commit::Step,
    layout::{self, ContentEntry, Counter},
};

/// Takes leaves away, each there once, with the size that its marker tells. Who may do so is for the
/// caller to decide, in the same step.
///
/// # Errors
/// The store could not be read.
pub fn remove_leaves_step(
    step: &mut Step<'_>,
    leaves: &[(CAddr, u64)],
) -> Result<(), StorageFault> {
    if leaves.is_empty() {
        return Ok(());
    }
    let bytes = match bytes_of(step, leaves) {
        // One of them is damaged; each is then looked at alone.
        Err(StorageFault::Damaged { .. }) => {
            return leaves
                .iter()
                .try_for_each(|(address, _)| remove_leaf(step, address));
        }
        bytes => bytes?,
    };
    for ((address, _), bytes) in leaves.iter().zip(bytes) {
        step.delete(Space::Leaves, layout::address_key(address));
        match bytes {
            TheirBytes::Held => continue,
            TheirBytes::Inline => {}
            TheirBytes::Chunked(chunks) => delete_chunks(step, chunks),
        }
        step.delete(Space::Contents, layout::content_key(&address.as_content()));
    }
    let count = i64::try_from(leaves.len()).unwrap_or(i64::MAX);
    step.count(Counter::Leaves, -count)?;
    let size: u64 = leaves.iter().map(|(_, size)| size).sum();
    step.count(Counter::LeafBytes, -signed(size))
}

/// What becomes of a leaf's bytes.
enum TheirBytes {
    /// A value has them too.
    Held,
    /// They stand in their entry, if there is one.
    Inline,
    Chunked(Chunks),
}

fn bytes_of(step: &Step<'_>, leaves: &[(CAddr, u64)]) -> Result<Vec<TheirBytes>, StorageFault> {
    let keys = leaves.iter().map(|(leaf, _)| leaf.as_content());
    let keys: Vec<Vec<u8>> = keys.map(|content| layout::content_key(&content)).collect();
    let entries = step.get_many(Space::Contents, &keys)?;
    let values = step.first_under(Space::Values, &keys)?;
    let each = entries.into_iter().zip(values);
    Ok(each.map(|(entry, value)| theirs(entry, value)).collect())
}

fn theirs(entry: Option<Bytes>, value: Option<Vec<u8>>) -> TheirBytes {
    if value.is_some() {
        return TheirBytes::Held;
    }
    match entry.as_ref().and_then(ContentEntry::decode) {
        Some(ContentEntry::Chunked { locator, manifest }) => TheirBytes::Chunked(Chunks {
            locator,
            count: manifest.chunk_count(),
        }),
        Some(ContentEntry::Inline(_)) | None => TheirBytes::Inline,
    }
}

/// One leaf; what of it is damaged goes too.
fn remove_leaf(step: &mut Step<'_>, address: &CAddr) -> Result<(), StorageFault> {
    let key = layout::address_key(address);
    let Some(raw) = look(step, Space::Leaves, &key)? else {
        return Ok(());
    };
    let size = layout::parse_leaf_marker(&raw).map_or(0, |(_, size)| size);
    step.delete(Space::Leaves, key);
    step.count(Counter::Leaves, -1)?;
    step.count(Counter::LeafBytes, -signed(size))?;
    free_content(step, &address.as_content())
}

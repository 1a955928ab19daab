//! Leaves: a content that stands, and a marker that says it is somebody's.

use super::{change_content, look, standing, still_staged, value::free_content};
use crate::blob::{
    admit::Leaf,
    decide::{self, Chunks, ContentChange, Incoming, MarkerChange},
};
use deriva_messages::{
    Fault,
    blob::{Locator, StoredLeaf},
};
use deriva_model::CAddr;
use deriva_system::storage::{
    Reading, Space, StorageFault,
    commit::Step,
    layout::{self, Counter},
};

/// What came of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafPut {
    Stored(StoredLeaf),
    /// What was verified before is gone: the bytes have to be brought.
    Vanished,
}

/// Makes content a leaf. The caller commits it synced: everything written before, chunks included,
/// is then on disk with the marker.
///
/// # Errors
/// The staged chunks were given up meanwhile, or the store could not be read.
pub fn put_leaf_step(
    step: &mut Step<'_>,
    leaf: &Leaf,
    incoming: &Incoming,
) -> Result<LeafPut, Fault> {
    if !still_staged(step, incoming)? {
        return Err(Fault::Unavailable {
            what: format!("the upload of {}", leaf.address()),
        });
    }
    let stands = standing(step, &leaf.content())?;
    let change = decide::content_for_leaf(&stands, incoming);
    if change == ContentChange::Vanished {
        return Ok(LeafPut::Vanished);
    }
    change_content(step, &leaf.content(), &change, incoming)?;
    Ok(LeafPut::Stored(mark(step, leaf)?))
}

/// As `put_leaf_step`, for an upload that turned out small enough to stand in its entry: the chunk
/// that was staged goes.
///
/// # Errors
/// As for `put_leaf_step`.
pub fn seal_step(
    step: &mut Step<'_>,
    leaf: &Leaf,
    incoming: &Incoming,
    upload: Locator,
    staged: u64,
) -> Result<LeafPut, Fault> {
    if let Incoming::Inline(_) = incoming {
        let key = layout::staged_key(upload);
        if step.get(Space::Meta, &key)?.is_none() {
            return Err(Fault::Unavailable {
                what: format!("the upload of {}", leaf.address()),
            });
        }
        step.delete(Space::Meta, key);
        super::delete_chunks(
            step,
            Chunks {
                locator: upload,
                count: staged,
            },
        );
    }
    put_leaf_step(step, leaf, incoming)
}

fn mark(step: &mut Step<'_>, leaf: &Leaf) -> Result<StoredLeaf, StorageFault> {
    let key = layout::address_key(&leaf.address());
    let stands = look(step, Space::Leaves, &key)?;
    // A marker that cannot be read is written anew, and counted as the old one was.
    let parsed = stands
        .as_ref()
        .map(|raw| layout::parse_leaf_marker(raw).unwrap_or_default());
    let change = decide::marker(parsed, step.epoch(), leaf.size());
    if change != MarkerChange::Keep {
        let marker = layout::leaf_marker(step.epoch(), leaf.size());
        step.put(Space::Leaves, key, marker);
    }
    if change == MarkerChange::New {
        step.count(Counter::Leaves, 1)?;
        step.count(Counter::LeafBytes, signed(leaf.size()))?;
    }
    Ok(StoredLeaf {
        address: leaf.address(),
        size: leaf.size(),
        was_new: change == MarkerChange::New,
    })
}

/// Takes a leaf's marker away, and its bytes if no value holds them. Its size, if it was a leaf. Who
/// may do so is for the caller to decide, in the same step.
///
/// # Errors
/// The store could not be read.
pub fn remove_leaf_step(step: &mut Step<'_>, address: &CAddr) -> Result<Option<u64>, StorageFault> {
    let key = layout::address_key(address);
    let Some(raw) = look(step, Space::Leaves, &key)? else {
        return Ok(None);
    };
    let size = layout::parse_leaf_marker(&raw).map_or(0, |(_, size)| size);
    step.delete(Space::Leaves, key);
    step.count(Counter::Leaves, -1)?;
    step.count(Counter::LeafBytes, -signed(size))?;
    free_content(step, &address.as_content())?;
    Ok(Some(size))
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

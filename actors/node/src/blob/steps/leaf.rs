//! Leaves: a content that stands, and a marker that says it is somebody's.

use super::{change_content, look, standing, still_staged};
use crate::blob::{
    admit::Leaf,
    decide::{self, Chunks, ContentChange, Incoming, MarkerChange},
};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    address_map::AddressSet,
    blob::{Locator, StoredLeaf},
};
use deriva_system::storage::{
    Reading, Space, StorageFault,
    commit::Step,
    layout::{self, ContentEntry, Counter},
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

/// As `put_leaf_step`, for many leaves whose bytes stand in their entries. Of those that nothing is
/// known of, which mostly are all, the store is asked once and written to in bulk.
///
/// # Errors
/// The store could not be read.
pub fn put_leaves_step(
    step: &mut Step<'_>,
    leaves: &[(Leaf, Bytes)],
) -> Result<Vec<StoredLeaf>, Fault> {
    let mut seen = AddressSet::default();
    let fresh: Vec<bool> = unknown(step, leaves)?
        .into_iter()
        .zip(leaves)
        .map(|(unknown, (leaf, _))| unknown && seen.insert(leaf.content()))
        .collect();
    write_fresh(step, leaves, &fresh)?;
    let mut stored = Vec::with_capacity(leaves.len());
    for ((leaf, bytes), fresh) in leaves.iter().zip(fresh) {
        stored.push(match fresh {
            true => told(leaf, MarkerChange::New),
            false => put_inline(step, leaf, bytes)?,
        });
    }
    Ok(stored)
}

/// Of each leaf, whether nothing stands under it. Where the disk has damaged something that is looked
/// at one by one.
fn unknown(step: &Step<'_>, leaves: &[(Leaf, Bytes)]) -> Result<Vec<bool>, StorageFault> {
    let contents = leaves
        .iter()
        .map(|(leaf, _)| layout::content_key(&leaf.content()));
    let contents: Vec<Vec<u8>> = contents.collect();
    let markers = leaves
        .iter()
        .map(|(leaf, _)| layout::address_key(&leaf.address()));
    let markers: Vec<Vec<u8>> = markers.collect();
    let read = step.get_many(Space::Contents, &contents);
    let read = read.and_then(|contents| Ok((contents, step.get_many(Space::Leaves, &markers)?)));
    match read {
        Ok((contents, markers)) => {
            let both = contents.iter().zip(&markers);
            Ok(both
                .map(|(one, other)| one.is_none() && other.is_none())
                .collect())
        }
        Err(StorageFault::Damaged { .. }) => Ok(vec![false; leaves.len()]),
        Err(fault) => Err(fault),
    }
}

fn write_fresh(
    step: &mut Step<'_>,
    leaves: &[(Leaf, Bytes)],
    fresh: &[bool],
) -> Result<(), StorageFault> {
    let epoch = step.epoch();
    let (mut contents, mut markers, mut size) = (Vec::new(), Vec::new(), 0_u64);
    for ((leaf, bytes), _) in leaves.iter().zip(fresh).filter(|(_, fresh)| **fresh) {
        let entry = ContentEntry::inline(bytes);
        contents.push((layout::content_key(&leaf.content()), entry.into()));
        let marker = layout::leaf_marker(epoch, leaf.size());
        markers.push((layout::address_key(&leaf.address()), marker.into()));
        size += leaf.size();
    }
    if markers.is_empty() {
        return Ok(());
    }
    step.count(
        Counter::Leaves,
        i64::try_from(markers.len()).unwrap_or(i64::MAX),
    )?;
    step.count(Counter::LeafBytes, signed(size))?;
    step.put_many(Space::Contents, contents);
    step.put_many(Space::Leaves, markers);
    Ok(())
}

fn put_inline(step: &mut Step<'_>, leaf: &Leaf, bytes: &Bytes) -> Result<StoredLeaf, Fault> {
    match put_leaf_step(step, leaf, &Incoming::Inline(bytes.clone()))? {
        LeafPut::Stored(leaf) => Ok(leaf),
        LeafPut::Vanished => Err(Fault::Breach {
            what: "bytes that were brought along vanished".to_owned(),
        }),
    }
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
    Ok(told(leaf, change))
}

fn told(leaf: &Leaf, change: MarkerChange) -> StoredLeaf {
    StoredLeaf {
        address: leaf.address(),
        size: leaf.size(),
        was_new: change == MarkerChange::New,
    }
}

pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

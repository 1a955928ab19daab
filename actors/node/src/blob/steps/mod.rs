//! What the commit lane does for the blob shards: each function is one step, which looks, decides
//! and writes while no other step does. None of them knows an actor, a lane or a mailbox.
//!
//! They refuse to carry bulk bytes: chunks are written before, under a locator that only their own
//! step knows, and `staged/` says so until that step has decided about them.

mod leaf;
mod remove;
mod upload;
mod value;
mod weigh;

pub use leaf::{LeafPut, put_leaf_step, put_leaves_step, seal_step};
pub use remove::remove_leaves_step;
pub use upload::abandon_step;
pub use value::{Keeping, drop_step, keep_step};
pub use weigh::weigh_step;

use super::decide::{Chunks, ContentChange, Incoming, Standing};
use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::ContentHash;
use deriva_system::storage::{
    Reading, Space, StorageFault,
    commit::Step,
    layout::{self, ContentEntry},
};

/// What stands under a key. What the disk has damaged reads as no bytes at all, which no parser
/// takes: a step may then put something sound in its place, or take it away.
fn look(store: &dyn Reading, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
    match store.get(space, key) {
        Err(StorageFault::Damaged { why }) => {
            tracing::warn!(why, space = space.name(), "a damaged key was met");
            Ok(Some(Bytes::new()))
        }
        read => read,
    }
}

/// The same of many keys, read together unless one of them is damaged.
pub(crate) fn look_many(
    store: &dyn Reading,
    space: Space,
    keys: &[Vec<u8>],
) -> Result<Vec<Option<Bytes>>, StorageFault> {
    match store.get_many(space, keys) {
        Err(StorageFault::Damaged { .. }) => {
            keys.iter().map(|key| look(store, space, key)).collect()
        }
        read => read,
    }
}

/// What stands under a content hash as this step sees it.
fn standing(step: &Step<'_>, content: &ContentHash) -> Result<Standing, StorageFault> {
    let Some(raw) = look(step, Space::Contents, &layout::content_key(content))? else {
        return Ok(Standing::Nothing);
    };
    Ok(match ContentEntry::decode(&raw) {
        None => Standing::Unreadable,
        Some(ContentEntry::Inline(bytes)) => Standing::Inline(bytes),
        Some(ContentEntry::Chunked { locator, manifest }) => Standing::Chunked(Chunks {
            locator,
            count: manifest.chunk_count(),
        }),
    })
}

/// Carries out what was decided about a content; what was brought and is not needed goes.
fn change_content(
    step: &mut Step<'_>,
    content: &ContentHash,
    change: &ContentChange,
    incoming: &Incoming,
) -> Result<(), Fault> {
    match change {
        ContentChange::Vanished => {}
        ContentChange::Keep => {
            if let Incoming::Staged { locator, manifest } = incoming {
                let count = manifest.chunk_count();
                delete_chunks(
                    step,
                    Chunks {
                        locator: *locator,
                        count,
                    },
                );
            }
        }
        ContentChange::Write { freed } => {
            if let Some(entry) = entry_of(incoming)? {
                step.put(Space::Contents, layout::content_key(content), entry);
            }
            if let Some(chunks) = freed {
                delete_chunks(step, *chunks);
            }
        }
    }
    if let Incoming::Staged { locator, .. } = incoming {
        step.delete(Space::Meta, layout::staged_key(*locator));
    }
    Ok(())
}

fn entry_of(incoming: &Incoming) -> Result<Option<Bytes>, Fault> {
    let entry = match incoming {
        Incoming::Verified => return Ok(None),
        Incoming::Inline(bytes) => ContentEntry::Inline(bytes.clone()),
        Incoming::Staged { locator, manifest } => ContentEntry::Chunked {
            locator: *locator,
            manifest: manifest.as_ref().clone(),
        },
    };
    let encoded = entry.encode().map_err(|over| Fault::OverLimit {
        what: "the manifest of a leaf".to_owned(),
        limit: over.limit,
        got: over.got,
    })?;
    Ok(Some(encoded.into()))
}

fn delete_chunks(step: &mut Step<'_>, chunks: Chunks) {
    for index in 0..u32::try_from(chunks.count).unwrap_or(u32::MAX) {
        step.delete(Space::Chunks, layout::chunk_key(chunks.locator, index));
    }
}

/// Whether chunks that were staged still wait for a step to decide about them.
fn still_staged(step: &Step<'_>, incoming: &Incoming) -> Result<bool, StorageFault> {
    match incoming {
        Incoming::Verified | Incoming::Inline(_) => Ok(true),
        Incoming::Staged { locator, .. } => {
            let key = layout::staged_key(*locator);
            Ok(step.get(Space::Meta, &key)?.is_some())
        }
    }
}

#[cfg(test)]
#[path = "../steps_test.rs"]
mod steps_test;

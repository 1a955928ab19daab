//! The mind of the blob shards: what becomes of content, markers and chunks, given what stands.
//!
//! Plain data and pure functions; the steps look up what stands, and write what is decided.

use bytes::Bytes;
use deriva_messages::blob::Locator;
use deriva_model::{Epoch, Manifest};
use std::sync::Arc;

/// What stands under a content hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Nothing,
    /// An entry that cannot be read: worth nothing to anybody.
    Unreadable,
    Inline(Bytes),
    Chunked(Chunks),
}

/// Chunks on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    pub locator: Locator,
    pub count: u64,
}

/// What is brought to be held under a content hash.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// Nothing: what stands was read and verified just before.
    Verified,
    Inline(Bytes),
    /// Chunks written under a locator of their own.
    Staged {
        locator: Locator,
        manifest: Arc<Manifest>,
    },
}

/// What becomes of a content entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ContentChange {
    /// What stands stays; what was brought goes.
    Keep,
    /// What was brought stands from now on, and these chunks go.
    Write { freed: Option<Chunks> },
    /// What was verified is gone by now: it has to be brought.
    Vanished,
}

/// A leaf's bytes take the place of whatever stands, because what stands may be damaged, and
/// bringing new bytes already cost more than changing the entry. Readers of the old chunks look
/// the entry up again.
#[must_use]
pub(super) fn content_for_leaf(standing: &Standing, incoming: &Incoming) -> ContentChange {
    match (standing, incoming) {
        (Standing::Nothing | Standing::Unreadable, Incoming::Verified) => ContentChange::Vanished,
        (_, Incoming::Verified) => ContentChange::Keep,
        (Standing::Inline(stands), Incoming::Inline(brought)) if stands == brought => {
            ContentChange::Keep
        }
        (Standing::Chunked(chunks), _) => ContentChange::Write {
            freed: Some(*chunks),
        },
        _ => ContentChange::Write { freed: None },
    }
}

/// A value's bytes never take the place of others: those may be a leaf's, and synced.
#[must_use]
pub(super) fn content_for_value(standing: &Standing, incoming: &Incoming) -> ContentChange {
    match (standing, incoming) {
        (Standing::Nothing | Standing::Unreadable, Incoming::Verified) => ContentChange::Vanished,
        (Standing::Nothing | Standing::Unreadable, _) => ContentChange::Write { freed: None },
        _ => ContentChange::Keep,
    }
}

/// What becomes of a leaf's marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkerChange {
    New,
    Touch,
    Keep,
}

/// `marker` as it stands: epoch and size. One of another size is no marker of this leaf.
#[must_use]
pub(super) fn marker(marker: Option<(Epoch, u64)>, now: Epoch, size: u64) -> MarkerChange {
    match marker {
        Some((epoch, stands)) if stands == size && epoch >= now => MarkerChange::Keep,
        Some(_) => MarkerChange::Touch,
        None => MarkerChange::New,
    }
}

/// Who holds a content, apart from the value that is being dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holders {
    pub(super) leaf: bool,
    pub(super) other_value: bool,
}

/// A content dies when nothing holds it.
#[must_use]
pub(super) const fn content_dies(holders: Holders) -> bool {
    !holders.leaf && !holders.other_value
}

#[cfg(test)]
#[path = "decide_test.rs"]
mod decide_test;

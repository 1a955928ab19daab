//! What the `GcCoordinator` hears: collections that were asked for.

use crate::Reply;
use deriva_model::CAddr;
use std::time::Duration;

/// Whether a collection removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Remove,
    /// Only tells what would go; nothing is written.
    DryRun,
}

/// One collection, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collect {
    /// How long what nobody claims is kept after its last touch; zero is no grace.
    pub grace: Duration,
    pub extent: Extent,
    /// The most leaves, recipes and aliases that go; the rest is left to the next collection.
    pub max_removals: Option<u64>,
    /// Addresses that the answer may list.
    pub detail: usize,
}

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub leaves: u64,
    pub recipes: u64,
    /// Cached values of recipes that went.
    pub values: u64,
    /// Bytes of the leaves.
    pub leaf_bytes: u64,
    /// Bytes of the values.
    pub value_bytes: u64,
    /// What is left.
    pub live_leaves: u64,
    pub live_recipes: u64,
    pub pinned: u64,
    /// At most as many as asked for.
    pub removed: Vec<CAddr>,
}

#[derive(Debug)]
pub enum GcMessage {
    /// Removes what nothing live references and nobody pinned; answered at its end. One at a time.
    Collect {
        request: Collect,
        reply: Reply<Collected>,
    },
}

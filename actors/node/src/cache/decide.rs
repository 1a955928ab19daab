//! The mind of the cache: what is let into memory, what is worth its place on disk, and who has to
//! go. The policy is replaceable: nothing outside this file and its folder knows the rule.
//!
//! Memory and disk rank what they hold by `worth`: what is dear to recompute, small, and often or
//! lately used stays.

mod disk;
mod ghosts;
mod ledger;
mod worth;

pub(super) use disk::{Candidate, Fate, OnDisk};
pub use ledger::{Ledger, Line};
pub use worth::Appraisal;
pub(super) use worth::Inflation;

use deriva_model::limits;
use deriva_system::view::{Produced, Source};

/// Nanoseconds that writing a value costs at least: marker, record, cutoff entry, age.
const WRITE_NANOS: u64 = 50_000;
/// Nanoseconds for every byte beyond: some 50 MB/s, with all that writing twice entails.
const WRITE_NANOS_PER_BYTE: u64 = 20;
/// One value takes at most one part in so many of memory or disk, so that it cannot clear them.
const SHARE: u64 = 4;

/// The cache's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes of memory, records and overhead included.
    pub memory_bytes: u64,
    /// Values in memory.
    pub memory_values: usize,
    /// Bytes on disk, with an overhead a value.
    pub disk_bytes: u64,
}

/// What a decision needs to know about a value that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Bytes of the value.
    pub(super) size: u64,
    /// Bytes in memory.
    pub(super) weight: u64,
    /// What computing it took.
    pub(super) wall_nanos: u64,
    pub(super) recipe: RecipeAt,
    pub(super) source: Source,
}

impl Arrival {
    pub(super) fn of(produced: &Produced) -> Self {
        let value = &produced.value;
        Self {
            size: value.bytes.len() as u64,
            weight: value.weight(),
            wall_nanos: value.record.cost.wall_nanos,
            recipe: match value.is_durable() {
                true => RecipeAt::Stored,
                false => RecipeAt::Elsewhere,
            },
            source: produced.source,
        }
    }
}

/// Where the value's recipe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecipeAt {
    /// On disk: the address answers by itself.
    Stored,
    /// Only in requests: its value is never written.
    Elsewhere,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) memory: Place,
    pub(super) disk: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Taken,
    Refused,
}

impl Place {
    const fn when(condition: bool) -> Self {
        if condition {
            Self::Taken
        } else {
            Self::Refused
        }
    }
}

/// Decides about one arrival.
pub(super) fn place(arrival: &Arrival, config: &CacheConfig) -> Placement {
    let memory = arrival.weight <= config.memory_bytes / SHARE && config.memory_values > 0;
    let disk = arrival.source == Source::Computed
        && arrival.recipe == RecipeAt::Stored
        && arrival.size <= limits::BATCH_INPUT_BYTES as u64
        && disk::weight(1, arrival.size) <= config.disk_bytes / SHARE
        && arrival.wall_nanos > write_nanos(arrival.size);
    Placement {
        memory: Place::when(memory),
        disk: Place::when(disk),
    }
}

/// Nanoseconds that writing so many bytes is estimated to cost.
fn write_nanos(size: u64) -> u64 {
    size.saturating_mul(WRITE_NANOS_PER_BYTE)
        .saturating_add(WRITE_NANOS)
}

/// What the worth of a value on disk is made of.
pub(super) fn on_disk(nanos: u64, size: u64, uses: u32) -> Appraisal {
    Appraisal {
        nanos,
        weight: disk::weight(1, size),
        uses,
    }
}

#[cfg(test)]
#[path = "decide_test.rs"]
mod decide_test;

//! Which of a node's blob shards holds a content. Every sender computes it, so it is a function and
//! not an actor's secret.
//!
//! It refuses to be placement: nodes need not agree on it, and the data on disk does not depend on
//! it; it only spreads the work.

use deriva_model::ContentHash;

/// The shard of `content` among `shards`: the first eight bytes of the hash, big-endian, modulo the
/// number of shards. With no shards at all the answer is 0.
#[must_use]
pub fn shard_of(content: &ContentHash, shards: usize) -> usize {
    let [a, b, c, d, e, f, g, h, ..] = *content.as_bytes();
    let head = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let shard = head.checked_rem(shards as u64).unwrap_or(0);
    usize::try_from(shard).unwrap_or(0)
}

#[cfg(test)]
#[path = "shard_test.rs"]
mod shard_test;

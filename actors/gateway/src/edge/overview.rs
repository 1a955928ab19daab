//! The state of this node in numbers, gathered from the store, the cache and the evaluator.

use crate::context::GatewayContext;
use deriva_messages::{
    Fault,
    cache::{CacheCounts, CacheMessage},
};
use deriva_system::{
    compute::ComputeCounts,
    storage::{
        Space, StorageFault,
        layout::{Counter, parse_number},
    },
};
use std::{sync::Arc, time::Duration};

/// What the store has counted.
const COUNTERS: [Counter; 2] = [Counter::Recipes, Counter::Leaves];

/// One look at the node.
#[derive(Clone, Debug)]
pub(crate) struct Overview {
    pub(crate) recipes: u64,
    pub(crate) leaves: u64,
    pub(crate) cache: CacheCounts,
    pub(crate) compute: ComputeCounts,
    /// From 0 to 1; 0 before the first lookup.
    pub(crate) hit_rate: f64,
    /// Computing that the cache has saved since the start.
    pub(crate) saved: Duration,
    pub(crate) uptime: Duration,
    /// Why no writes are taken, if none are.
    pub(crate) refuses_writes: Option<StorageFault>,
}

impl Overview {
    /// Asks everybody. `patience` bounds the answer of the cache's actor.
    ///
    /// # Errors
    /// The store could not be read, or the cache does not answer.
    pub(crate) async fn gather(
        context: &Arc<GatewayContext>,
        patience: Duration,
    ) -> Result<Self, Fault> {
        let count = |reply| CacheMessage::Count { reply };
        let cache = context.node.slots.cache.call(patience, count).await?;
        let (hits, misses) = context.node.values.lookups();
        let [recipes, leaves] = context.blocking(counters).await?;
        Ok(Self {
            recipes,
            leaves,
            cache,
            compute: context.node.compute.counts(),
            hit_rate: rate(hits, misses),
            saved: context.node.values.saved(),
            uptime: context.uptime(),
            refuses_writes: context.node.storage.refuses_writes(),
        })
    }
}

fn counters(context: &GatewayContext) -> Result<[u64; 2], Fault> {
    let keys = COUNTERS.map(Counter::key);
    let read = context.node.storage.get_many(Space::Meta, &keys)?;
    let mut numbers = [0; 2];
    for (number, bytes) in numbers.iter_mut().zip(read) {
        // A counter that was never written is nothing counted yet.
        *number = bytes.and_then(|bytes| parse_number(&bytes)).unwrap_or(0);
    }
    Ok(numbers)
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a rate needs no more than 53 bits"
)]
pub(crate) fn rate(hits: u64, misses: u64) -> f64 {
    let all = hits.saturating_add(misses);
    if all == 0 {
        return 0.0;
    }
    hits as f64 / all as f64
}

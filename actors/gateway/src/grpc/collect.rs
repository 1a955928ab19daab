//! `GarbageCollect`: a collection, as a client asks for it.

use super::{address, call::Call};
use deriva_messages::{
    Fault,
    gc::{Collect, Collected, Extent, GcMessage},
};
use deriva_proto::{GcRequest, GcResponse};
use std::time::Duration;

/// What nobody claims is kept so long after its last touch, unless the request says otherwise.
const DEFAULT_GRACE: Duration = Duration::from_secs(24 * 3600);
/// Addresses that one answer lists: some 2 MiB.
const DETAIL_MAX: usize = 65_536;

/// Answers at the end of the collection, so the request's own time bounds it and no actor's
/// patience does. A collection whose caller went away goes on.
pub(super) async fn collect(call: Call, message: GcRequest) -> Result<GcResponse, Fault> {
    let request = read(&message)?;
    let clock = call.context.node.clock.clone();
    let began = clock.monotonic();
    let collect = |reply| GcMessage::Collect { request, reply };
    let gc = &call.context.node.slots.gc;
    let done = gc.call(call.deadline.left(), collect).await?;
    let took = clock.monotonic().saturating_sub(began);
    Ok(answer(&done, message.dry_run, took))
}

fn read(message: &GcRequest) -> Result<Collect, Fault> {
    let grace = match (message.no_grace, message.grace_period_secs) {
        (true, 0) => Duration::ZERO,
        (false, 0) => DEFAULT_GRACE,
        (false, secs) => Duration::from_secs(secs),
        (true, _) => {
            let reason = "give a grace period or none, not both".to_owned();
            return Err(Fault::Malformed { reason });
        }
    };
    Ok(Collect {
        grace,
        extent: match message.dry_run {
            true => Extent::DryRun,
            false => Extent::Remove,
        },
        max_removals: (message.max_removals > 0).then_some(message.max_removals),
        detail: match message.detail_addrs {
            true => DETAIL_MAX,
            false => 0,
        },
    })
}

fn answer(done: &Collected, dry_run: bool, took: Duration) -> GcResponse {
    GcResponse {
        blobs_removed: done.leaves,
        recipes_removed: done.recipes,
        cache_entries_removed: done.values,
        bytes_reclaimed_blobs: done.leaf_bytes,
        bytes_reclaimed_cache: done.value_bytes,
        total_bytes_reclaimed: done.leaf_bytes.saturating_add(done.value_bytes),
        live_blobs: done.live_leaves,
        live_recipes: done.live_recipes,
        pinned_count: done.pinned,
        duration_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        removed_addrs: done.removed.iter().map(address::write).collect(),
        dry_run,
    }
}

#[cfg(test)]
#[path = "collect_test.rs"]
mod collect_test;

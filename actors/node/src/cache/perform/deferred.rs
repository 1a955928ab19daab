//! What a deferred cascade writes down before it is answered, and how a start ends one that was cut
//! off: its caller has heard that it will be done.
//!
//! It refuses to remember addresses: the root is enough, and what depends on it is found again.

use super::{
    Disk,
    cascade::{Hands, Owner, crowded},
};
use deriva_messages::{
    Fault,
    blob::DropReason,
    cache::{CascadePolicy, CascadeRoot},
};
use deriva_model::CAddr;
use deriva_system::storage::{
    Durability, Reading, Space,
    commit::Step,
    layout::{self, CascadeEntry},
};
use std::sync::Arc;

/// Deferred cascades that are not done, each of 50 bytes on disk.
const PENDING_MAX: usize = 1024;

/// The key of what was written down.
pub(super) struct Noted(Vec<u8>);

/// Writes a cascade down; it is on disk when this answers.
pub(super) async fn note(disk: &Disk, address: CAddr, root: CascadeRoot) -> Result<Noted, Fault> {
    let entry = CascadeEntry { address, root };
    let step = move |step: &mut Step<'_>| {
        let pending = step.scan(Space::Meta, layout::CASCADES_PREFIX, &[], PENDING_MAX)?;
        if pending.len() >= PENDING_MAX {
            return Err(crowded());
        }
        let last = pending.last().and_then(|(key, _)| layout::last_number(key));
        let key = layout::cascade_key(last.map_or(0, |last| last.saturating_add(1)));
        step.put(Space::Meta, key.clone(), entry.encode());
        Ok(Noted(key))
    };
    disk.commit.commit(Durability::Synced, step).await
}

/// The cascade is done. Where that gets lost it is only done again.
pub(super) async fn done(
    disk: &Disk,
    Noted(key): Noted,
    durability: Durability,
) -> Result<(), Fault> {
    let step = move |step: &mut Step<'_>| {
        step.delete(Space::Meta, key);
        Ok(())
    };
    disk.commit.commit(durability, step).await
}

/// Ends the cascades that were answered and cut off. The actor has not begun, so the memory, of
/// which a restarted one finds some, is this function's.
pub(in crate::cache) async fn finish_cascades(disk: &Arc<Disk>) -> Result<(), Fault> {
    let storage = disk.storage.clone();
    let read = move || storage.scan(Space::Meta, layout::CASCADES_PREFIX, &[], PENDING_MAX);
    let left = disk.lane.run(read).await??;
    if left.is_empty() {
        return Ok(());
    }
    // Never finished, so it covers whatever began before.
    let window = disk.values.invalidations().cascade();
    let cascades = left.len();
    for (key, raw) in left {
        let ended = match CascadeEntry::parse(&raw) {
            Some(entry) => finish(disk, entry).await,
            None => clear_all(disk).await,
        };
        ended?;
        done(disk, Noted(key), Durability::Synced).await?;
    }
    drop(window);
    metrics::counter!("cache_cascades_resumed_total").increment(cascades as u64);
    tracing::info!(
        cascades,
        "deferred cascades that were cut off have been ended"
    );
    Ok(())
}

async fn finish(disk: &Arc<Disk>, entry: CascadeEntry) -> Result<(), Fault> {
    let hands = Hands {
        disk: disk.clone(),
        owner: Owner::Starting,
        asked: (entry.address, entry.root, 0),
    };
    match hands.reach(CascadePolicy::Deferred, || false).await {
        Ok(reached) => hands.take_out(&reached).await.map(|_| ()),
        // The graph has grown over what one cascade may reach: then no value is trusted.
        Err(Fault::OverLimit { .. }) => clear_all(disk).await,
        Err(fault) => Err(fault),
    }
}

/// Every value goes: what a cascade would have reached is not known.
async fn clear_all(disk: &Arc<Disk>) -> Result<(), Fault> {
    for (address, _) in disk.values.entries() {
        disk.values.unlink(&address);
    }
    loop {
        let page = disk.least().await?;
        if page.is_empty() {
            return Ok(());
        }
        let recipes = page.iter().map(|aged| aged.recipe).collect();
        let dropped = disk.drop_values(recipes, DropReason::Invalidated).await?;
        disk.forget_ages(page, dropped.values()).await?;
    }
}

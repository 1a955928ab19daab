//! Uploads that an earlier start left behind: found by their `staged/` keys, removed page by page
//! while the node already serves.
//!
//! It refuses to touch what this start has opened.

use super::{decide::Chunks, perform::Hands};
use deriva_messages::{Fault, blob::Locator};
use deriva_system::storage::{Space, Storage, StorageFault, layout};

/// Uploads looked at in one piece of the lane's work.
const PAGE: usize = 64;

/// Removes them all; a failure is logged, and the next start goes on.
pub(super) async fn clean(hands: &Hands) {
    match clean_pages(hands).await {
        Ok(0) => {}
        Ok(cleaned) => tracing::info!(cleaned, "uploads torn by an earlier stop were removed"),
        Err(fault) => tracing::warn!(%fault, "torn uploads are left to the next start"),
    }
}

async fn clean_pages(hands: &Hands) -> Result<u64, Fault> {
    let mut cleaned = 0;
    let mut from = layout::STAGED_PREFIX.to_vec();
    loop {
        let (storage, uploads) = (hands.args.storage.clone(), hands.args.uploads.clone());
        let start = from.clone();
        let read = move || -> Result<Vec<Locator>, StorageFault> {
            let page = storage.scan(Space::Meta, layout::STAGED_PREFIX, &start, PAGE)?;
            Ok(page
                .iter()
                .filter_map(|(key, _)| layout::last_number(key).map(Locator))
                .take_while(|locator| uploads.is_from_before(*locator))
                .collect())
        };
        let torn = hands.args.lane.run(read).await??;
        let Some(last) = torn.last() else {
            return Ok(cleaned);
        };
        from = layout::staged_key(Locator(last.0.saturating_add(1)));
        for locator in torn {
            let storage = hands.args.storage.clone();
            let count = move || chunk_places(storage.as_ref(), locator);
            let count = hands.args.lane.run(count).await??;
            hands.delete_staged(Chunks { locator, count }).await;
            cleaned += 1;
        }
    }
}

/// One above the highest index of a locator's chunks. "There is a chunk at or after this index" is
/// true up to the highest and false beyond, so halving finds it in 33 reads; a scan would read all
/// of the upload's bytes.
fn chunk_places(storage: &dyn Storage, locator: Locator) -> Result<u64, StorageFault> {
    let prefix = locator.0.to_be_bytes();
    let (mut below, mut above) = (0, 1 << 32);
    while below < above {
        let middle = below + (above - below) / 2;
        let index = u32::try_from(middle).unwrap_or(u32::MAX);
        let from = layout::chunk_key(locator, index);
        if storage.scan(Space::Chunks, &prefix, &from, 1)?.is_empty() {
            above = middle;
        } else {
            below = middle + 1;
        }
    }
    Ok(below)
}

#[cfg(test)]
#[path = "torn_test.rs"]
mod torn_test;

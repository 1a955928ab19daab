//! Voidings: everything that a function made leaves memory and disk, and everything made from it.
//!
//! It refuses to trust records alone: a value whose own record is gone may live on in what was made
//! from it, so the walk begins at every stored recipe of the function. What only travelled with
//! requests goes altogether, for nobody knows what it was made from.

use super::{Disk, cascade, reach};
use deriva_messages::{
    Fault,
    cache::{CacheMessage, Evicted},
};
use deriva_model::{CAddr, FunctionId};
use deriva_system::{
    storage::{Space, Storage, StorageFault, layout},
    supervise::Envelope,
};
use ractor::ActorRef;
use std::{collections::HashSet, sync::Arc};
use tokio::sync::oneshot;

/// Recipes looked at in one piece of the lane's work.
const PAGE: usize = 4096;

/// Voids what a function made. Whoever asks holds the window in which nothing is recorded and no
/// value trusted.
pub(in crate::cache) async fn void(
    disk: Arc<Disk>,
    cache: ActorRef<Envelope<CacheMessage>>,
    function: FunctionId,
) -> Result<Evicted, Fault> {
    let evicted = match walk(&disk, &cache, &function).await {
        Ok(evicted) => evicted,
        // Too much for a walk, or too damaged: then nothing stays.
        Err(fault) => {
            tracing::warn!(%fault, %function, "what it made could not be found, so every value goes");
            evict_all(&cache).await?
        }
    };
    metrics::counter!("cache_voided_values_total").increment(evicted.values);
    disk.publish().await;
    Ok(evicted)
}

async fn walk(
    disk: &Arc<Disk>,
    cache: &ActorRef<Envelope<CacheMessage>>,
    function: &FunctionId,
) -> Result<Evicted, Fault> {
    let seeds = seeds(disk, function).await?;
    cascade::void_from(disk.clone(), cache, seeds).await
}

/// Every recipe of the function, and everything in memory that no stored edge leads to.
async fn seeds(disk: &Disk, function: &FunctionId) -> Result<Vec<CAddr>, Fault> {
    let mut seeds: HashSet<CAddr> = HashSet::new();
    let prefix: Arc<[u8]> = function.document_prefix().into();
    let mut from = Some(Vec::new());
    while let Some(start) = from {
        let (storage, prefix) = (disk.storage.clone(), prefix.clone());
        let read = move || page(storage.as_ref(), &prefix, &start);
        let (found, next) = disk.lane.run(read).await??;
        seeds.extend(found);
        reach::within_reach(seeds.len())?;
        from = next;
    }
    let travelling = disk.values.travelling();
    seeds.extend(travelling.iter().map(|record| record.recipe));
    reach::within_reach(seeds.len())?;
    Ok(seeds.into_iter().collect())
}

type Found = (Vec<CAddr>, Option<Vec<u8>>);

/// The recipes of one page whose documents begin like this, and where the next page begins.
fn page(storage: &dyn Storage, prefix: &[u8], from: &[u8]) -> Result<Found, StorageFault> {
    let entries = storage.scan(Space::Recipes, &[], from, PAGE)?;
    let next = match entries.last() {
        Some((last, _)) if entries.len() == PAGE => Some([&last[..], &[0][..]].concat()),
        _ => None,
    };
    let of_the_function = entries.iter().filter(|(_, stored)| {
        let document = layout::parse_stamped(stored).map(|(_, document)| document);
        // One that cannot be read may be of any function.
        document.is_none_or(|document| document.starts_with(prefix))
    });
    let addresses = of_the_function.filter_map(|(key, _)| CAddr::try_from_slice(key).ok());
    Ok((addresses.collect(), next))
}

async fn evict_all(cache: &ActorRef<Envelope<CacheMessage>>) -> Result<Evicted, Fault> {
    let (reply, evicted) = oneshot::channel();
    let message = CacheMessage::EvictAll {
        reply: reply.into(),
    };
    let gone = || Fault::Unavailable {
        what: "the cache".to_owned(),
    };
    let envelope = Envelope {
        message,
        credit: None,
    };
    cache.cast(envelope).map_err(|_| gone())?;
    evicted.await.map_err(|_| gone())?
}

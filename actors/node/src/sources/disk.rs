//! Values on disk: found by their record, verified by their content hash, brought back to memory.
//!
//! It refuses to fail for a value's sake: one that is damaged is dropped, and its recipe answers.

use super::{
    NodeSources,
    fetch::{Answers, open_recipe},
};
use crate::blob::{DROP_MAX, ReadFault, shard_of, steps::look_many};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{BlobMessage, DropReason},
};
use deriva_model::{CAddr, ContentHash, CutoffKey, Record, SealedRecipe, limits};
use deriva_system::{
    compute::{Known, Look},
    storage::{
        Space, StorageFault,
        commit::read_number,
        layout::{self, Counter},
    },
    view::{Landing, Origin, Produced, Resident, Source},
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Bytes of values that one fetch brings back; the recipes of the rest are answered. Memory holds
/// them all until the evaluation has them.
const VALUES_MAX: u64 = 512 << 20;
/// Recipes tried for one cutoff key: they came out the same, so any of them will do.
const CUTOFFS_MAX: usize = 4;

/// A value that has a record.
struct Recorded {
    at: usize,
    recipe: Arc<SealedRecipe>,
    record: Record,
    /// Whether two executions agreed on it; looked up only for those who want no others.
    is_verified: bool,
}

/// Turns recipes among the answers into values, where a value is on disk.
pub(super) fn values(
    sources: &NodeSources,
    answers: &mut Answers<'_>,
    begun: u64,
    look: Look,
) -> Result<(), Fault> {
    let mut bad = Vec::new();
    let mut recorded = recorded(sources, answers, &mut bad)?;
    keep_verified(sources, &mut recorded, look)?;
    let wanted: Vec<_> = recorded
        .iter()
        .map(|value| (value.record.output, value.record.size))
        .collect();
    let read = sources.reader.many(&wanted)?;
    for (value, bytes) in recorded.into_iter().zip(read) {
        match bytes {
            Ok(bytes) => {
                let at = value.at;
                if let Some(known) = bring_back(sources, value, bytes, begun) {
                    answers.set(at, known);
                }
            }
            Err(ReadFault::Store(fault)) => return Err(fault.into()),
            Err(_) => bad.push(value.recipe.address()),
        }
    }
    drop_damaged(sources, &bad);
    Ok(())
}

/// The records of the recipes among the answers, as far as their values fit the bound. Where no value
/// is on disk at all, which one look tells, none has a record.
fn recorded(
    sources: &NodeSources,
    answers: &Answers<'_>,
    bad: &mut Vec<CAddr>,
) -> Result<Vec<Recorded>, StorageFault> {
    let values = read_number(sources.storage.as_ref(), &Counter::Values.key());
    if values == Ok(0) {
        return Ok(Vec::new());
    }
    let mut asked = Vec::new();
    let mut keys = Vec::new();
    for (at, known) in answers.found.iter().enumerate() {
        if let Some(Known::Recipe(recipe)) = known {
            asked.push((at, recipe.clone()));
            keys.push(layout::address_key(&recipe.address()));
        }
    }
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    // A damaged record reads as none: it is dropped, and its value computed again.
    let documents = look_many(sources.storage.as_ref(), Space::Records, &keys)?;
    let mut found = Vec::new();
    let mut along = 0u64;
    for ((at, recipe), document) in asked.into_iter().zip(documents) {
        let Some(document) = document else { continue };
        let Some(record) = open_record(&recipe, &document) else {
            bad.push(recipe.address());
            continue;
        };
        if along.saturating_add(record.size) > VALUES_MAX {
            metrics::counter!("sources_values_left_total").increment(1);
            continue;
        }
        along += record.size;
        found.push(Recorded {
            at,
            recipe,
            record,
            is_verified: false,
        });
    }
    Ok(found)
}

/// Leaves out what only one execution vouches for, where that is not enough. An agreement names the
/// content that it was on.
fn keep_verified(
    sources: &NodeSources,
    recorded: &mut Vec<Recorded>,
    look: Look,
) -> Result<(), StorageFault> {
    if look != Look::ForVerified || recorded.is_empty() {
        return Ok(());
    }
    let keys = recorded.iter().map(|value| value.recipe.address());
    let keys: Vec<Vec<u8>> = keys.map(|recipe| layout::agreed_key(&recipe)).collect();
    let agreed = sources.storage.get_many(Space::Meta, &keys)?;
    for (value, agreed) in recorded.iter_mut().zip(agreed) {
        value.is_verified = agreed.is_some_and(|on| *on == *value.record.output.as_bytes());
    }
    recorded.retain(|value| value.is_verified);
    Ok(())
}

/// The record on disk, if it can be read.
pub(super) fn standing(sources: &NodeSources, recipe: &CAddr) -> Option<Arc<Record>> {
    let key = layout::address_key(recipe);
    let document = sources.storage.get(Space::Records, &key);
    let document = document
        .inspect_err(|fault| tracing::warn!(%fault, "a record could not be read"))
        .ok()??;
    let record = Record::decode(&document).ok()?;
    (record.recipe == *recipe).then(|| Arc::new(record))
}

/// A record that fits its recipe; no value is larger than what a batch function takes.
fn open_record(recipe: &SealedRecipe, document: &[u8]) -> Option<Record> {
    let record = Record::decode(document).ok()?;
    let inputs = recipe.recipe().inputs();
    let fits = record.recipe == recipe.address()
        && *record.function == *recipe.recipe().function()
        && record.inputs.iter().map(|input| &input.address).eq(inputs)
        && record.size <= limits::BATCH_INPUT_BYTES as u64;
    fits.then_some(record)
}

/// `None` when it was invalidated while it was read.
fn bring_back(sources: &NodeSources, value: Recorded, bytes: Bytes, begun: u64) -> Option<Known> {
    let cutoff = cutoff_of(&value.recipe, &value.record);
    let address = value.recipe.address();
    let resident = Resident::new(bytes, Arc::new(value.record), cutoff, Origin::Stored);
    if value.is_verified {
        resident.mark_verified();
    }
    let value = Arc::new(resident);
    let landing = sources.offer(Produced {
        address,
        value: value.clone(),
        source: Source::Disk,
        begun,
    });
    if landing == Landing::Stale {
        return None;
    }
    sources.values.count_saved(&value);
    Some(Known::Value(value))
}

fn cutoff_of(recipe: &SealedRecipe, record: &Record) -> CutoffKey {
    let contents: Vec<ContentHash> = record.inputs.iter().map(|input| input.content).collect();
    CutoffKey::of(recipe.recipe(), &contents)
}

/// The value of any recipe on disk that is the same computation over the same contents. A store
/// that cannot be read gives none: the function runs instead.
pub(super) fn cutoff(sources: &NodeSources, key: &CutoffKey) -> Option<(ContentHash, Bytes)> {
    let entries = sources
        .storage
        .scan(Space::Cutoffs, key.as_bytes(), &[], CUTOFFS_MAX);
    let entries = entries
        .inspect_err(|fault| tracing::warn!(%fault, "cutoff entries could not be read"))
        .ok()?;
    let recipes = entries
        .iter()
        .filter_map(|(key, _)| layout::last_address(key));
    for address in recipes {
        match same_value(sources, key, address) {
            Ok(Some(value)) => return Some(value),
            Ok(None) => {}
            Err(fault) if fault.is_loss() => drop_damaged(sources, &[address]),
            Err(fault) => {
                tracing::warn!(?fault, "a cutoff value could not be read");
                return None;
            }
        }
    }
    None
}

/// The value under a cutoff entry; the entry is believed only if recipe and record say the same.
fn same_value(
    sources: &NodeSources,
    key: &CutoffKey,
    address: CAddr,
) -> Result<Option<(ContentHash, Bytes)>, ReadFault> {
    let place = layout::address_key(&address);
    let recipe = match sources.recipes.get(&address) {
        Some(recipe) => recipe,
        None => match sources.storage.get(Space::Recipes, &place)? {
            // A recipe that is gone or damaged is no reason to drop anything here.
            None => return Ok(None),
            Some(stored) => match open_recipe(address, &stored) {
                Ok(recipe) => Arc::new(recipe),
                Err(_) => return Ok(None),
            },
        },
    };
    let Some(document) = sources.storage.get(Space::Records, &place)? else {
        return Ok(None);
    };
    let record =
        open_record(&recipe, &document).filter(|record| cutoff_of(&recipe, record) == *key);
    let record = record.ok_or(ReadFault::Missing)?;
    let bytes = sources.reader.whole(&record.output, record.size)?;
    Ok(Some((record.output, bytes)))
}

/// Asks a shard to drop values that failed. Nobody waits for it: until it is done they fail again.
fn drop_damaged(sources: &NodeSources, recipes: &[CAddr]) {
    for page in recipes.chunks(DROP_MAX) {
        let damaged = page.len() as u64;
        metrics::counter!("cache_damaged_values_total").increment(damaged);
        let Some(first) = page.first() else { continue };
        let shard = shard_of(&first.as_content(), sources.blobs.len());
        let (reply, _unheard) = oneshot::channel();
        let dropping = BlobMessage::Drop {
            recipes: page.to_vec(),
            why: DropReason::Evicted,
            reply: reply.into(),
        };
        let rung = sources.blobs.get(shard).map(|slot| slot.ring(dropping));
        if !matches!(rung, Some(Ok(()))) {
            metrics::counter!("cache_damaged_drops_missed_total").increment(1);
        }
    }
}

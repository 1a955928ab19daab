//! What a collection does inside commit steps: each removal is judged again where it is written.

use super::{
    super::{
        GcArgs,
        decide::{Fate, Judge, damaged},
    },
    Buried, DEFAULT_GRACE,
};
use crate::blob::steps::{drop_step, remove_leaf_step};
use deriva_messages::{Fault, blob::DropReason};
use deriva_model::{CAddr, Epoch};
use deriva_system::storage::{
    Durability, Reading, Space, Storage, StorageFault,
    commit::{Step, read_number},
    layout::{self, CollectionEntry, Counter},
};
use parking_lot::Mutex;
use std::collections::HashSet;

/// Tombstones looked at, and removed, at once.
const TOMBS_PAGE: usize = 256;

/// Removes those of `going` that still go, up to what the collection may. `dying` learns every
/// address whose holders are kept waiting, whatever becomes of the step.
pub(super) fn bury(
    step: &mut Step<'_>,
    going: &[CAddr],
    judge: &Judge<'_>,
    mut entry: CollectionEntry,
    dying: &Mutex<Vec<CAddr>>,
) -> Result<Buried, Fault> {
    let Some(tombstone) = judge.collection.tombstone() else {
        return Ok(Buried {
            left: entry.left,
            ..Buried::default()
        });
    };
    let mut buried = Buried::default();
    for address in going {
        if entry.left == 0 {
            break;
        }
        let fate = judge.fate(step, address)?;
        let along = match &fate {
            Fate::Stays => continue,
            Fate::Leaf { .. } => &[][..],
            Fate::Recipe { aliases } => aliases,
        };
        if !condemn(judge, std::iter::once(address).chain(along), dying) {
            continue;
        }
        for dead in std::iter::once(address).chain(along) {
            let kills = layout::number(tombstone.kills_up_to.number());
            step.put(Space::Meta, layout::tomb_key(dead), kills);
        }
        entry.left = entry.left.saturating_sub(1 + along.len() as u64);
        match fate {
            Fate::Stays => {}
            Fate::Leaf { size } => {
                remove_leaf_step(step, address)?;
                buried.leaves.push((*address, size));
            }
            Fate::Recipe { aliases } => remove_recipe(step, address, &aliases, &mut buried)?,
        }
    }
    buried.left = entry.left;
    let left = entry.encode();
    step.put(Space::Meta, layout::META_COLLECTION.to_vec(), left);
    Ok(buried)
}

/// Whether nobody holds any of them. Those condemned before one that is held wait in vain for a
/// moment, which harms nobody.
fn condemn<'a>(
    judge: &Judge<'_>,
    mut addresses: impl Iterator<Item = &'a CAddr>,
    dying: &Mutex<Vec<CAddr>>,
) -> bool {
    addresses.all(|address| {
        let condemned = judge.holds.condemn(address);
        if condemned {
            dying.lock().push(*address);
        }
        condemned
    })
}

/// A recipe with its edges, its forgetting, its value, and the aliases that led to it.
fn remove_recipe(
    step: &mut Step<'_>,
    recipe: &CAddr,
    aliases: &[CAddr],
    buried: &mut Buried,
) -> Result<(), Fault> {
    let dropped = drop_step(step, std::slice::from_ref(recipe), DropReason::Evicted)?;
    buried.values += dropped.values;
    buried.value_bytes = buried.value_bytes.saturating_add(dropped.bytes);
    let inputs_key = layout::inputs_key(recipe);
    let inputs = match step.get(Space::Edges, &inputs_key)? {
        None => Vec::new(),
        Some(raw) => layout::parse_inputs(&raw).ok_or_else(|| damaged(Space::Edges, recipe))?,
    };
    step.delete(Space::Edges, inputs_key);
    let inputs: HashSet<CAddr> = inputs.into_iter().collect();
    for input in &inputs {
        step.delete(Space::Edges, layout::dependent_key(input, recipe));
    }
    let fewer = i64::try_from(aliases.len()).unwrap_or(i64::MAX);
    if fewer > 0 {
        step.count(Counter::Aliases, -fewer)?;
    }
    for alias in aliases {
        step.delete(Space::Aliases, layout::address_key(alias));
        step.delete(Space::Edges, layout::dependent_key(recipe, alias));
    }
    step.delete(Space::Recipes, layout::address_key(recipe));
    step.delete(Space::Meta, layout::forgotten_key(recipe));
    step.count(Counter::Recipes, -1)?;
    buried.recipes.push(*recipe);
    buried.aliases.extend(aliases);
    released(step, inputs, buried)
}

/// An input that was an alias leads on to its recipe, which may be free now.
fn released(step: &Step<'_>, inputs: HashSet<CAddr>, buried: &mut Buried) -> Result<(), Fault> {
    for input in inputs {
        if let Some(raw) = step.get(Space::Aliases, &layout::address_key(&input))?
            && let Some((_, to)) = layout::parse_alias(&raw)
        {
            buried.released.push(to);
        }
        buried.released.push(input);
    }
    Ok(())
}

/// Takes away tombstones that are older than the longest grace there ever was.
pub(super) async fn prune_tombs(args: &GcArgs, now: u64) -> Result<(), Fault> {
    let mut from = layout::TOMB_PREFIX.to_vec();
    loop {
        let (storage, start) = (args.storage.clone(), from.clone());
        let read = move || old_tombs(storage.as_ref(), &start, now);
        let (old, next) = args.lane.run(read).await??;
        if !old.is_empty() {
            let step = move |step: &mut Step<'_>| {
                for key in old {
                    step.delete(Space::Meta, key);
                }
                Ok(())
            };
            args.commit.commit(Durability::Behind, step).await?;
        }
        match next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

type Keys = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// The old ones of one page, and where the next page begins.
fn old_tombs(storage: &dyn Storage, from: &[u8], now: u64) -> Result<Keys, StorageFault> {
    let grace = read_number(storage, layout::META_LONGEST_GRACE)?.max(DEFAULT_GRACE);
    let page = storage.scan(Space::Meta, layout::TOMB_PREFIX, from, TOMBS_PAGE)?;
    let next = match page.last() {
        Some((last, _)) if page.len() == TOMBS_PAGE => Some([&last[..], &[0][..]].concat()),
        _ => None,
    };
    let mut old = Vec::new();
    for (key, value) in page {
        let Some(kills) = layout::parse_number(&value) else {
            continue;
        };
        // It was made in the second epoch after those that it kills.
        let made = Epoch::new(kills).next().next();
        let start = storage.get(Space::Meta, &layout::epoch_start_key(made))?;
        let start = start.and_then(|start| layout::parse_number(&start));
        if start.is_some_and(|start| now.saturating_sub(start) > grace) {
            old.push(key);
        }
    }
    Ok((old, next))
}

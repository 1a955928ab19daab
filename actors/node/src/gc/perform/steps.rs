//! What a collection does inside commit steps: each removal is judged again where it is written.

use super::{
    super::{
        GcArgs,
        decide::{Fate, Judge, damaged},
    },
    Buried, DEFAULT_GRACE, STEP_WORK,
};
use crate::blob::steps::{drop_step, remove_leaves_step};
use bytes::Bytes;
use deriva_messages::{Fault, address_map::AddressMap, blob::DropReason};
use deriva_model::{CAddr, Epoch};
use deriva_system::storage::{
    Durability, Reading, Space, Storage, StorageFault,
    commit::{Step, read_number},
    layout::{self, CollectionEntry, Counter},
};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};

/// Tombstones looked at, and removed, at once.
const TOMBS_PAGE: usize = 1024;
/// Bytes of the least chunk, as a power of two: what the work for a leaf is estimated by.
const LEAST_CHUNK_LOG2: u32 = 14;

/// Opens two epochs and writes down that the collection runs in the second.
pub(super) async fn begin(args: &GcArgs, grace: u64, left: u64) -> Result<CollectionEntry, Fault> {
    let step = move |step: &mut Step<'_>| {
        step.open_epoch();
        let entry = CollectionEntry {
            epoch: step.open_epoch(),
            grace,
            left,
        };
        let key = layout::META_COLLECTION.to_vec();
        step.put(Space::Meta, key, entry.encode());
        let longest = read_number(step, layout::META_LONGEST_GRACE)?.max(grace);
        let longest = layout::number(longest);
        step.put(Space::Meta, layout::META_LONGEST_GRACE.to_vec(), longest);
        Ok(entry)
    };
    args.commit.commit(Durability::Synced, step).await
}

/// What stands there of a collection under way.
pub(super) async fn left_behind(args: &GcArgs) -> Result<Option<Bytes>, Fault> {
    let storage = args.storage.clone();
    let read = move || storage.get(Space::Meta, layout::META_COLLECTION);
    Ok(args.lane.run(read).await??)
}

/// The collection is over, as far as a start can tell.
pub(super) async fn end(args: &GcArgs) -> Result<(), Fault> {
    let step = |step: &mut Step<'_>| {
        step.delete(Space::Meta, layout::META_COLLECTION.to_vec());
        Ok(())
    };
    args.commit.commit(Durability::Synced, step).await
}

impl Buried {
    /// The next address; none when nothing more may go, or this has enough to do.
    pub(super) fn next(&mut self, going: &mut impl Iterator<Item = CAddr>) -> Option<CAddr> {
        if self.left == 0 {
            return None;
        }
        if self.work >= STEP_WORK {
            self.rest.extend(going);
            return None;
        }
        going.next()
    }

    pub(super) fn took_leaf(&mut self, leaf: CAddr, size: u64) {
        self.left = self.left.saturating_sub(1);
        self.work += 1 + (size >> LEAST_CHUNK_LOG2);
        self.leaves.push((leaf, size));
    }

    pub(super) fn took_recipe(&mut self, recipe: CAddr, value: Option<u64>, aliases: &[CAddr]) {
        self.left = self.left.saturating_sub(1);
        self.recipes.push((recipe, value));
        self.took_aliases(aliases);
    }

    pub(super) fn took_aliases(&mut self, aliases: &[CAddr]) {
        let number = aliases.len() as u64;
        self.left = self.left.saturating_sub(number);
        self.work += number;
        self.aliases.extend(aliases);
    }
}

/// Removes those of `going` that still go, as far as `left` of them may. `dying` learns every
/// address whose holders are kept waiting, whatever becomes of the step.
pub(super) fn bury(
    step: &mut Step<'_>,
    going: Vec<CAddr>,
    judge: &Judge<'_>,
    left: u64,
    dying: &Mutex<Vec<CAddr>>,
) -> Result<Buried, Fault> {
    let mut buried = Buried {
        left,
        ..Buried::default()
    };
    let Some(tombstone) = judge.collection.tombstone() else {
        return Ok(buried);
    };
    let going = distinct(going);
    // A removal takes claims away and adds none: who goes now still goes after those before it, and
    // what stays only because of them is released by them, and comes again.
    let fates: AddressMap<CAddr, Fate> = going
        .iter()
        .copied()
        .zip(judge.fates(step, &going)?)
        .collect();
    let (mut tombs, mut leaves) = (Vec::new(), Vec::new());
    let mut going = going.into_iter();
    while let Some(address) = buried.next(&mut going) {
        let fate = fates.get(&address).cloned().unwrap_or(Fate::Stays);
        let fate = fate.within(buried.left);
        let removed = fate.removed(&address);
        if removed.is_empty() || !condemn(judge, &removed, dying) {
            continue;
        }
        let kills = layout::number(tombstone.kills_up_to.number());
        let stones = removed.iter().map(layout::tomb_key);
        tombs.extend(stones.map(|key| (key, Bytes::from(kills.clone()))));
        match fate {
            Fate::Stays => {}
            Fate::Leaf { size } => {
                leaves.push((address, size));
                buried.took_leaf(address, size);
            }
            Fate::Recipe { aliases } => {
                remove_aliases(step, &address, &aliases)?;
                let value = remove_recipe(step, &address, &mut buried)?;
                buried.took_recipe(address, value, &aliases);
            }
            Fate::Aliases(aliases) => {
                remove_aliases(step, &address, &aliases)?;
                buried.took_aliases(&aliases);
            }
        }
    }
    remove_leaves_step(step, &leaves)?;
    step.put_many(Space::Meta, tombs);
    let entry = CollectionEntry {
        epoch: judge.collection.epoch,
        grace: judge.collection.grace_millis,
        left: buried.left,
    };
    let key = layout::META_COLLECTION.to_vec();
    step.put(Space::Meta, key, entry.encode());
    Ok(buried)
}

/// Each once, ascending.
pub(super) fn distinct(mut going: Vec<CAddr>) -> Vec<CAddr> {
    going.sort_unstable();
    going.dedup();
    going
}

/// Whether nobody holds any of them. Those condemned before one that is held wait in vain for a
/// moment, which harms nobody.
fn condemn(judge: &Judge<'_>, addresses: &[CAddr], dying: &Mutex<Vec<CAddr>>) -> bool {
    addresses.iter().all(|address| {
        let condemned = judge.holds.condemn(address);
        if condemned {
            dying.lock().push(*address);
        }
        condemned
    })
}

/// A recipe with its edges, its forgetting and its value; bytes of that, if it was on disk.
fn remove_recipe(
    step: &mut Step<'_>,
    recipe: &CAddr,
    buried: &mut Buried,
) -> Result<Option<u64>, Fault> {
    let dropped = drop_step(step, std::slice::from_ref(recipe), DropReason::Evicted)?;
    let inputs = inputs(step, recipe)?;
    step.delete(Space::Edges, layout::inputs_key(recipe));
    for input in &inputs {
        step.delete(Space::Edges, layout::dependent_key(input, recipe));
    }
    step.delete(Space::Recipes, layout::address_key(recipe));
    step.delete(Space::Meta, layout::forgotten_key(recipe));
    step.count(Counter::Recipes, -1)?;
    release(step, &inputs, buried)?;
    Ok((dropped.values() > 0).then_some(dropped.bytes()))
}

fn remove_aliases(step: &mut Step<'_>, recipe: &CAddr, aliases: &[CAddr]) -> Result<(), Fault> {
    if aliases.is_empty() {
        return Ok(());
    }
    for alias in aliases {
        step.delete(Space::Aliases, layout::address_key(alias));
        step.delete(Space::Edges, layout::dependent_key(recipe, alias));
    }
    let fewer = i64::try_from(aliases.len()).unwrap_or(i64::MAX);
    step.count(Counter::Aliases, -fewer)?;
    Ok(())
}

/// What a recipe names, each once, in the order of its first appearance: a dry run meets them in
/// the same order.
pub(super) fn inputs(store: &dyn Reading, recipe: &CAddr) -> Result<Vec<CAddr>, StorageFault> {
    let Some(raw) = store.get(Space::Edges, &layout::inputs_key(recipe))? else {
        return Ok(Vec::new());
    };
    let mut inputs = layout::parse_inputs(&raw).ok_or_else(|| damaged(Space::Edges, recipe))?;
    let mut seen = HashSet::new();
    inputs.retain(|input| seen.insert(*input));
    Ok(inputs)
}

/// What a removed recipe named is looked at next. An input that was an alias leads on to its recipe,
/// which may be free now.
pub(super) fn release(
    store: &dyn Reading,
    inputs: &[CAddr],
    buried: &mut Buried,
) -> Result<(), StorageFault> {
    buried.work += 1 + inputs.len() as u64;
    for input in inputs {
        if let Some(raw) = store.get(Space::Aliases, &layout::address_key(input))?
            && let Some((_, to)) = layout::parse_alias(&raw)
        {
            buried.released.push(to);
        }
        buried.released.push(*input);
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
    let mut starts: HashMap<Epoch, Option<u64>> = HashMap::new();
    for (key, value) in page {
        let Some(kills) = layout::parse_number(&value) else {
            continue;
        };
        // It was made in the second epoch after those that it kills, as many others were.
        let made = Epoch::new(kills).next().next();
        let start = match starts.get(&made) {
            Some(start) => *start,
            None => {
                let start = storage.get(Space::Meta, &layout::epoch_start_key(made))?;
                let start = start.and_then(|start| layout::parse_number(&start));
                starts.insert(made, start);
                start
            }
        };
        if start.is_some_and(|start| now.saturating_sub(start) > grace) {
            old.push(key);
        }
    }
    Ok((old, next))
}

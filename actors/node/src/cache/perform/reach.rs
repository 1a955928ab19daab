//! What a cascade reaches: the dependents of an address, stored or only travelling, nearest first.
//!
//! It refuses to recurse, and to reach further than its bound.

use super::cascade::{Hands, ended};
use deriva_messages::{
    Fault,
    cache::{CascadePolicy, CascadeRoot},
};
use deriva_model::{CAddr, Record};
use deriva_system::{
    AddressMap, AddressSet,
    storage::{Space, Storage, StorageFault, layout},
};
use std::{
    collections::{BTreeMap, VecDeque, hash_map::Entry},
    sync::Arc,
};
use tokio::task::JoinHandle;

/// Addresses that one cascade may reach: some 100 bytes each while it lasts.
const REACH_MAX: usize = 5_000_000;
/// Nodes whose dependents are read in one piece of the lane's work: at most so many ...
const EXPANDED_AT_ONCE: usize = 4096;
/// ... and, as long as these are more than a few, one part in so many of what is open, so that some
/// are read while what depends on others is gone through.
const EXPANDED_PARTS: usize = 4;
const FEW: usize = 64;
/// Pieces on their way.
const PIECES_AHEAD: usize = 2;
/// Dependents read at once.
const PAGE: usize = 4096;

/// What depends on an address, nearest first; the address itself stands before them if it goes too.
pub(super) struct Reached {
    pub(super) order: Vec<CAddr>,
    pub(super) traversed: u64,
    pub(super) max_depth: u32,
}

impl Reached {
    const fn of(order: Vec<CAddr>) -> Self {
        Self {
            order,
            traversed: 0,
            max_depth: 0,
        }
    }
}

impl Hands {
    pub(super) async fn reach(
        &self,
        policy: CascadePolicy,
        is_unwanted: impl Fn() -> bool,
    ) -> Result<Reached, Fault> {
        let (address, root, _) = self.asked;
        let mut reached = match policy {
            CascadePolicy::None => Reached::of(vec![address]),
            _ => self.reach_from(vec![address], is_unwanted).await?,
        };
        if root == CascadeRoot::Spared {
            reached.order.remove(0);
        }
        Ok(reached)
    }

    /// The starts and everything that depends on them.
    pub(super) async fn reach_from(
        &self,
        starts: Vec<CAddr>,
        is_unwanted: impl Fn() -> bool,
    ) -> Result<Reached, Fault> {
        // Before the walk: one that is stored meanwhile has edges by the time it travels no more.
        let travelling = self.disk.values.travelling();
        let mut depths: AddressMap<CAddr, u32> = starts.iter().map(|start| (*start, 0)).collect();
        let started = starts.len() as u64;
        let mut order = starts;
        let (mut at, mut pieces) = (0, VecDeque::with_capacity(PIECES_AHEAD));
        loop {
            if is_unwanted() {
                return Err(Fault::Cancelled);
            }
            while pieces.len() < PIECES_AHEAD && at < order.len() {
                let open = &order[at..];
                let piece = open.len().div_ceil(EXPANDED_PARTS).max(FEW);
                let piece = open.len().min(piece).min(EXPANDED_AT_ONCE);
                pieces.push_back(self.expanded(open[..piece].to_vec()));
                at += piece;
            }
            // In the order in which they were begun, so that the nearest come first.
            let Some(piece) = pieces.pop_front() else {
                break;
            };
            for (input, dependent) in ended(piece.await)?? {
                let depth = depths.get(&input).copied().unwrap_or(0).saturating_add(1);
                if let Entry::Vacant(place) = depths.entry(dependent) {
                    place.insert(depth);
                    order.push(dependent);
                }
            }
            within_reach(order.len())?;
        }
        add_travelling(&travelling, &mut depths, &mut order);
        within_reach(order.len())?;
        let traversed = order.len() as u64 - started;
        let max_depth = depths.values().max().copied().unwrap_or(0);
        Ok(Reached {
            order,
            traversed,
            max_depth,
        })
    }

    /// Begins to read what depends on some addresses.
    fn expanded(&self, inputs: Vec<CAddr>) -> Expanded {
        let disk = self.disk.clone();
        tokio::spawn(async move {
            let storage = disk.storage.clone();
            let read = move || dependents(storage.as_ref(), &inputs);
            Ok(disk.lane.run(read).await??)
        })
    }
}

/// Dependents on their way, each with what it depends on.
type Expanded = JoinHandle<Result<Vec<(CAddr, CAddr)>, Fault>>;

/// Values whose recipes are stored nowhere have no edges: their records say what they consumed.
fn add_travelling(
    records: &[Arc<Record>],
    depths: &mut AddressMap<CAddr, u32>,
    order: &mut Vec<CAddr>,
) {
    let travelling: AddressSet<CAddr> = records.iter().map(|record| record.recipe).collect();
    // Who consumed one that is stored nowhere itself, and who is reached already, by depth.
    let mut consumers: AddressMap<CAddr, Vec<CAddr>> = AddressMap::default();
    let mut next: BTreeMap<u32, Vec<CAddr>> = BTreeMap::new();
    for record in records {
        let inputs = record.inputs.iter().map(|input| input.address);
        let beneath = inputs.clone().filter_map(|input| depths.get(&input)).min();
        if let Some(depth) = beneath {
            let level = next.entry(depth.saturating_add(1)).or_default();
            level.push(record.recipe);
        }
        for input in inputs.filter(|input| travelling.contains(input)) {
            consumers.entry(input).or_default().push(record.recipe);
        }
    }
    while let Some((depth, level)) = next.pop_first() {
        for recipe in level {
            let Entry::Vacant(place) = depths.entry(recipe) else {
                continue;
            };
            place.insert(depth);
            order.push(recipe);
            if let Some(above) = consumers.remove(&recipe) {
                let level = next.entry(depth.saturating_add(1)).or_default();
                level.extend(above);
            }
        }
    }
}

pub(super) fn within_reach(got: usize) -> Result<(), Fault> {
    if got <= REACH_MAX {
        return Ok(());
    }
    Err(Fault::OverLimit {
        what: "the addresses that a cascade reaches".to_owned(),
        limit: REACH_MAX as u64,
        got: got as u64,
    })
}

/// Those on which anything depends: most of what is reached stands at the end of its chain. Looked
/// for in the order of their keys, so that the next is near.
fn with_dependents(
    storage: &dyn Storage,
    inputs: &[CAddr],
) -> Result<AddressSet<CAddr>, StorageFault> {
    let mut sorted = inputs.to_vec();
    sorted.sort_unstable();
    let prefixes: Vec<Vec<u8>> = sorted.iter().map(layout::dependents_prefix).collect();
    let firsts = storage.first_under(Space::Edges, &prefixes)?;
    let with_any = sorted.into_iter().zip(firsts);
    Ok(with_any
        .filter_map(|(input, first)| first.map(|_| input))
        .collect())
}

/// The stored dependents of some addresses, each with what it depends on.
fn dependents(
    storage: &dyn Storage,
    inputs: &[CAddr],
) -> Result<Vec<(CAddr, CAddr)>, StorageFault> {
    let mut found = Vec::new();
    let mut seen = AddressSet::default();
    let with_any = with_dependents(storage, inputs)?;
    for input in inputs.iter().filter(|input| with_any.contains(*input)) {
        let prefix = layout::dependents_prefix(input);
        let mut from = prefix.clone();
        loop {
            let page = storage.scan(Space::Edges, &prefix, &from, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                let dependent =
                    layout::last_address(&key).ok_or_else(|| StorageFault::Damaged {
                        why: format!("a dependent of {input} cannot be read"),
                    })?;
                if seen.insert(dependent) {
                    found.push((*input, dependent));
                }
                from = key;
            }
            if !full || found.len() > REACH_MAX {
                break;
            }
            // The next key after the last one read.
            from.push(0);
        }
    }
    Ok(found)
}

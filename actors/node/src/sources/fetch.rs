//! Looking up many addresses: memory first, then one batch of reads a space.
//!
//! It refuses to bring along more bytes than its bounds: a leaf over them is answered as a leaf on
//! disk, a value over them by its recipe.

use super::{NodeSources, disk};
use crate::blob::ReadFault;
use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::{CAddr, ContentHash, SealedRecipe, limits};
use deriva_system::{
    alias,
    compute::{Known, Look, Sources, StoredContent},
    storage::{Space, StorageFault, layout},
};
use std::sync::Arc;

/// Bytes of a leaf that comes along.
const SMALL_LEAF: u64 = limits::INLINE_REPLY_BYTES as u64;
/// Bytes of leaves that come along with one fetch.
const LEAVES_MAX: u64 = 64 << 20;

/// The answers of one fetch, some still open.
pub(super) struct Answers<'a> {
    pub(super) addresses: &'a [CAddr],
    pub(super) found: Vec<Option<Known>>,
}

impl Answers<'_> {
    /// Places and addresses without an answer.
    fn open(&self) -> (Vec<usize>, Vec<Vec<u8>>) {
        let open = self.found.iter().zip(self.addresses).enumerate();
        open.filter(|(_, (known, _))| known.is_none())
            .map(|(at, (_, address))| (at, layout::address_key(address)))
            .unzip()
    }

    pub(super) fn address(&self, at: usize) -> CAddr {
        // Every place is one that was asked for.
        self.addresses
            .get(at)
            .copied()
            .unwrap_or(CAddr::from_bytes([0; CAddr::LEN]))
    }

    pub(super) fn set(&mut self, at: usize, known: Known) {
        if let Some(place) = self.found.get_mut(at) {
            *place = Some(known);
        }
    }
}

pub(super) fn fetch(
    sources: &NodeSources,
    addresses: &[CAddr],
    look: Look,
) -> Result<Vec<Known>, Fault> {
    // Before anything is read: what is invalidated from here on is not recorded from this fetch.
    let begun = sources.values.invalidation_number();
    let mut answers = Answers {
        addresses,
        found: addresses
            .iter()
            .map(|address| {
                let value = sources.resident(address, look);
                value.or_else(|| sources.recipes.get(address).map(Known::Recipe))
            })
            .collect(),
    };
    leaves(sources, &mut answers)?;
    recipes(sources, &mut answers, look)?;
    aliases(sources, &mut answers)?;
    if look != Look::ForRecipes && !sources.is_voiding() {
        disk::values(sources, &mut answers, begun, look)?;
    }
    let found = answers.found.into_iter();
    Ok(found.map(|known| known.unwrap_or(Known::Nothing)).collect())
}

fn leaves(sources: &NodeSources, answers: &mut Answers<'_>) -> Result<(), Fault> {
    let (open, keys) = answers.open();
    if open.is_empty() {
        return Ok(());
    }
    let markers = read(sources, Space::Leaves, &keys)?;
    let mut small: Vec<(usize, (ContentHash, u64))> = Vec::new();
    let mut along = 0u64;
    for (at, marker) in open.into_iter().zip(markers) {
        let Some(marker) = marker else { continue };
        let owner = answers.address(at);
        let content = owner.as_content();
        let size = leaf_size(owner, &marker)?;
        if size <= SMALL_LEAF && along.saturating_add(size) <= LEAVES_MAX {
            along += size;
            small.push((at, (content, size)));
            continue;
        }
        let stored = StoredContent {
            owner,
            content,
            size,
        };
        answers.set(at, Known::StoredLeaf(stored));
    }
    let wanted: Vec<_> = small.iter().map(|(_, wanted)| *wanted).collect();
    let read = sources.reader.many(&wanted)?;
    for ((at, (content, _)), bytes) in small.into_iter().zip(read) {
        let bytes = bytes.map_err(|fault: ReadFault| fault.of_leaf(answers.address(at)))?;
        answers.set(at, Known::Leaf { content, bytes });
    }
    Ok(())
}

/// Many keys that are addresses. Where the disk has damaged one, the fault names it.
fn read(
    sources: &NodeSources,
    space: Space,
    keys: &[Vec<u8>],
) -> Result<Vec<Option<Bytes>>, Fault> {
    let fault = match sources.storage.get_many(space, keys) {
        Ok(read) => return Ok(read),
        Err(fault) => fault,
    };
    if !matches!(fault, StorageFault::Damaged { .. }) {
        return Err(fault.into());
    }
    for key in keys {
        let damaged = sources.storage.get(space, key);
        if let (Err(StorageFault::Damaged { why }), Ok(address)) =
            (damaged, CAddr::try_from_slice(key))
        {
            return Err(Fault::DataLoss { address, what: why });
        }
    }
    Err(fault.into())
}

fn leaf_size(address: CAddr, marker: &[u8]) -> Result<u64, Fault> {
    match layout::parse_leaf_marker(marker) {
        Some((_, size)) => Ok(size),
        None => Err(Fault::DataLoss {
            address,
            what: "its marker cannot be read".to_owned(),
        }),
    }
}

fn recipes(sources: &NodeSources, answers: &mut Answers<'_>, look: Look) -> Result<(), Fault> {
    let (open, keys) = answers.open();
    if open.is_empty() {
        return Ok(());
    }
    let removals = sources.recipes.removals();
    let stored = read(sources, Space::Recipes, &keys)?;
    for (at, stored) in open.into_iter().zip(stored) {
        let Some(stored) = stored else { continue };
        let address = answers.address(at);
        let recipe = Arc::new(sources.recipes.shared(open_recipe(address, &stored)?));
        sources.recipes.admit(recipe.clone(), sources.recipe_bytes);
        sources.recipes.recheck(&address, removals);
        // The recipe is stored after all, so a value that came with a request counts.
        let value = match look {
            Look::ForValues => sources.values.get(&address),
            Look::ForVerified => {
                let value = sources.values.get(&address);
                value.filter(|value| value.is_verified())
            }
            Look::ForRecipes => None,
        };
        let known = value.map_or(Known::Recipe(recipe), |value| {
            value.mark_durable();
            sources.values.count_saved(&value);
            Known::Value(value)
        });
        answers.set(at, known);
    }
    Ok(())
}

/// A stored recipe, verified against its address.
pub(super) fn open_recipe(address: CAddr, stored: &Bytes) -> Result<SealedRecipe, Fault> {
    let loss = |what: String| Fault::DataLoss { address, what };
    let (_, bytes) =
        layout::parse_stamped(stored).ok_or_else(|| loss("its entry cannot be read".to_owned()))?;
    let recipe = SealedRecipe::open(bytes.to_vec()).map_err(|error| loss(error.to_string()))?;
    if recipe.address() != address {
        return Err(loss("its bytes are another recipe's".to_owned()));
    }
    Ok(recipe)
}

fn aliases(sources: &NodeSources, answers: &mut Answers<'_>) -> Result<(), Fault> {
    let (open, keys) = answers.open();
    if open.is_empty() {
        return Ok(());
    }
    let stored = read(sources, Space::Aliases, &keys)?;
    let found = open.into_iter().zip(stored);
    let (places, entries): (Vec<usize>, Vec<_>) = found
        .filter_map(|(at, stored)| Some((at, (answers.address(at), stored?))))
        .unzip();
    let targets = alias::follow_many(sources.storage.as_ref(), &sources.recipes, &entries)?;
    for (at, to) in places.into_iter().zip(targets) {
        if let Some(to) = to {
            answers.set(at, Known::Alias(to));
        }
    }
    Ok(())
}

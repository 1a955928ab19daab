//! What a put does inside its commit step. A step that answers a fault writes nothing, so every check
//! may stand where it is easiest to read.

use super::super::decide;
use super::{edges::damaged, forget};
use bytes::Bytes;
use deriva_messages::{Fault, address_map::AddressSet, dag::MissingInputs};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::storage::{
    Reading, Space,
    commit::Step,
    layout::{self, Counter},
};
use std::{collections::HashSet, sync::Arc};

/// Where an address may stand, most frequent first. The value is an epoch and then other bytes in
/// each of the three, which is what lets a touch be the same for all.
const TOUCHABLE: [Space; 3] = [Space::Leaves, Space::Recipes, Space::Aliases];

/// Stores recipes with their edges; how many were not there before. Their order does not matter:
/// they become visible together. What is asked of the store is asked for all of them at once.
pub(super) fn put(
    step: &mut Step<'_>,
    recipes: &[Arc<SealedRecipe>],
    missing: MissingInputs,
) -> Result<u64, Fault> {
    let absent = absent_inputs(step, recipes)?;
    if missing == MissingInputs::Refuse && !absent.is_empty() {
        return Err(missing_inputs(recipes, &absent));
    }
    // In the order of their keys they find their places sooner, to be read as well as to be written.
    let mut recipes: Vec<&SealedRecipe> = recipes.iter().map(Arc::as_ref).collect();
    recipes.sort_unstable_by_key(|recipe| recipe.address());
    recipes.dedup_by_key(|recipe| recipe.address());
    let addresses: Vec<CAddr> = recipes.iter().map(|recipe| recipe.address()).collect();
    forget::revive(step, &addresses)?;
    let known = touch_many_in(step, Space::Recipes, &addresses)?;
    let new = recipes.iter().zip(known).filter(|(_, known)| !known);
    let new: Vec<&SealedRecipe> = new.map(|(recipe, _)| *recipe).collect();
    refuse_leaves(step, &new)?;
    write(step, &new);
    let created = new.len() as u64;
    if created > 0 {
        step.count(Counter::Recipes, i64::try_from(created).unwrap_or(i64::MAX))?;
    }
    Ok(created)
}

/// What the recipes name and neither stands anywhere nor comes with them. The rest of it outside of
/// the batch is touched.
fn absent_inputs(
    step: &mut Step<'_>,
    recipes: &[Arc<SealedRecipe>],
) -> Result<HashSet<CAddr>, Fault> {
    let batch: AddressSet<CAddr> = recipes.iter().map(|recipe| recipe.address()).collect();
    let inputs = recipes.iter().flat_map(|recipe| recipe.recipe().inputs());
    let outside = inputs.filter(|input| !batch.contains(input)).copied();
    let mut open: Vec<CAddr> = outside.collect();
    open.sort_unstable();
    open.dedup();
    for space in TOUCHABLE {
        if open.is_empty() {
            break;
        }
        let mut found = touch_many_in(step, space, &open)?.into_iter();
        open.retain(|_| found.next() != Some(true));
    }
    Ok(open.into_iter().collect())
}

/// The first recipe that lacks inputs, and which.
fn missing_inputs(recipes: &[Arc<SealedRecipe>], absent: &HashSet<CAddr>) -> Fault {
    let lacks = |recipe: &&Arc<SealedRecipe>| {
        let mut inputs = recipe.recipe().inputs().iter();
        inputs.any(|input| absent.contains(input))
    };
    match recipes.iter().find(lacks) {
        Some(recipe) => {
            let inputs = distinct_inputs(recipe).into_iter();
            let absent = inputs.filter(|input| absent.contains(input)).collect();
            Fault::missing_inputs(recipe.address(), absent)
        }
        None => Fault::Breach {
            what: "an input is missing that no recipe names".to_owned(),
        },
    }
}

/// In the order of their first appearance, so that a fault names them as the recipe does.
fn distinct_inputs(recipe: &SealedRecipe) -> Vec<CAddr> {
    /// Up to here looking through them costs less than a set.
    const FEW: usize = 16;
    let inputs = recipe.recipe().inputs();
    if inputs.len() <= FEW {
        let first =
            |(at, input): (usize, &CAddr)| (!inputs[..at].contains(input)).then_some(*input);
        return inputs.iter().enumerate().filter_map(first).collect();
    }
    let mut seen = HashSet::new();
    let inputs = inputs.iter().copied();
    inputs.filter(|input| seen.insert(*input)).collect()
}

pub(super) fn touch_in(step: &mut Step<'_>, space: Space, address: &CAddr) -> Result<bool, Fault> {
    let touched = touch_many_in(step, space, std::slice::from_ref(address))?;
    Ok(touched == [true])
}

/// Touches what stands in a space under many addresses; of each, in order, whether anything does.
fn touch_many_in(
    step: &mut Step<'_>,
    space: Space,
    addresses: &[CAddr],
) -> Result<Vec<bool>, Fault> {
    let keys: Vec<Vec<u8>> = addresses.iter().map(layout::address_key).collect();
    let values = step.get_many(space, &keys)?;
    let now = step.epoch();
    let mut found = Vec::with_capacity(addresses.len());
    for ((address, key), value) in addresses.iter().zip(keys).zip(values) {
        found.push(value.is_some());
        let Some(value) = value else { continue };
        let (epoch, rest) = layout::parse_stamped(&value).ok_or_else(|| damaged(space, address))?;
        if decide::ages_in(epoch, now) {
            step.put(space, key, layout::stamped(now, &rest));
        }
    }
    Ok(found)
}

/// Writes recipes that are not there, with their edges.
fn write(step: &mut Step<'_>, recipes: &[&SealedRecipe]) {
    let epoch = step.epoch();
    let mut documents = Vec::with_capacity(recipes.len());
    // The inputs of all come before the dependents of any in the order of the keys.
    let (mut edges, mut dependents) = (Vec::with_capacity(recipes.len()), Vec::new());
    for recipe in recipes {
        let address = recipe.address();
        let stamped = layout::stamped(epoch, recipe.bytes());
        documents.push((layout::address_key(&address), stamped.into()));
        let named = layout::inputs_value(recipe.recipe().inputs());
        edges.push((layout::inputs_key(&address), named.into()));
        for input in distinct_inputs(recipe) {
            dependents.push((layout::dependent_key(&input, &address), Bytes::new()));
        }
    }
    step.put_many(Space::Recipes, documents);
    edges.append(&mut dependents);
    step.put_many(Space::Edges, edges);
}

/// As `refuse_leaf`, for many.
fn refuse_leaves(step: &Step<'_>, recipes: &[&SealedRecipe]) -> Result<(), Fault> {
    let keys = recipes.iter().map(|recipe| recipe.address());
    let keys: Vec<Vec<u8>> = keys.map(|address| layout::address_key(&address)).collect();
    let leaves = step.get_many(Space::Leaves, &keys)?;
    let both = recipes.iter().zip(leaves).find(|(_, leaf)| leaf.is_some());
    both.map_or(Ok(()), |(recipe, _)| Err(two_things(&recipe.address())))
}

/// A leaf's bytes are never a recipe (`laws.md`), so one address for both is a broken invariant.
pub(super) fn refuse_leaf(step: &Step<'_>, address: &CAddr) -> Result<(), Fault> {
    match step.get(Space::Leaves, &layout::address_key(address))? {
        None => Ok(()),
        Some(_) => Err(two_things(address)),
    }
}

fn two_things(address: &CAddr) -> Fault {
    Fault::Breach {
        what: format!("{address} names a leaf and a recipe"),
    }
}

//! What a put does inside its commit step. A step that answers a fault writes nothing, so every check
//! may stand where it is easiest to read.

use super::super::decide;
use super::{edges::damaged, forget};
use deriva_messages::{Fault, dag::MissingInputs};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::storage::{
    Reading, Space,
    commit::Step,
    layout::{self, Counter},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Where an address may stand, most frequent first. The value is an epoch and then other bytes in
/// each of the three, which is what lets a touch be the same for all.
const TOUCHABLE: [Space; 3] = [Space::Leaves, Space::Recipes, Space::Aliases];

/// Stores recipes with their edges; how many were not there before. Their order does not matter:
/// they become visible together.
pub(super) fn put(
    step: &mut Step<'_>,
    recipes: &[Arc<SealedRecipe>],
    missing: MissingInputs,
) -> Result<u64, Fault> {
    let batch: HashSet<CAddr> = recipes.iter().map(|recipe| recipe.address()).collect();
    // What the inputs outside the batch were found to be: whether they exist.
    let mut found: HashMap<CAddr, bool> = HashMap::new();
    let mut created = 0_u32;
    for recipe in recipes {
        let mut absent = Vec::new();
        for input in distinct_inputs(recipe) {
            let known = batch.contains(&input).then_some(true);
            let here = match known.or_else(|| found.get(&input).copied()) {
                Some(here) => here,
                None => touch(step, &input)?,
            };
            found.insert(input, here);
            if !here {
                absent.push(input);
            }
        }
        if missing == MissingInputs::Refuse && !absent.is_empty() {
            return Err(Fault::missing_inputs(recipe.address(), absent));
        }
        created += u32::from(store(step, recipe)?);
    }
    if created > 0 {
        step.count(Counter::Recipes, i64::from(created))?;
    }
    Ok(u64::from(created))
}

/// In the order of their first appearance, so that a fault names them as the recipe does.
fn distinct_inputs(recipe: &SealedRecipe) -> Vec<CAddr> {
    let mut seen = HashSet::new();
    let inputs = recipe.recipe().inputs().iter().copied();
    inputs.filter(|input| seen.insert(*input)).collect()
}

/// Touches whatever stands under an address; whether anything does.
fn touch(step: &mut Step<'_>, address: &CAddr) -> Result<bool, Fault> {
    for space in TOUCHABLE {
        if touch_in(step, space, address)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn touch_in(step: &mut Step<'_>, space: Space, address: &CAddr) -> Result<bool, Fault> {
    let key = layout::address_key(address);
    let Some(value) = step.get(space, &key)? else {
        return Ok(false);
    };
    let (epoch, rest) = layout::parse_stamped(&value).ok_or_else(|| damaged(space, address))?;
    let now = step.epoch();
    if decide::ages_in(epoch, now) {
        step.put(space, key, layout::stamped(now, &rest));
    }
    Ok(true)
}

/// Writes one recipe with its edges, or touches it; whether it is new.
fn store(step: &mut Step<'_>, recipe: &SealedRecipe) -> Result<bool, Fault> {
    let address = recipe.address();
    forget::revive(step, &address)?;
    if touch_in(step, Space::Recipes, &address)? {
        return Ok(false);
    }
    refuse_leaf(step, &address)?;
    let stamped = layout::stamped(step.epoch(), recipe.bytes());
    step.put(Space::Recipes, layout::address_key(&address), stamped);
    let inputs = layout::inputs_value(recipe.recipe().inputs());
    step.put(Space::Edges, layout::inputs_key(&address), inputs);
    for input in distinct_inputs(recipe) {
        step.put(
            Space::Edges,
            layout::dependent_key(&input, &address),
            Vec::new(),
        );
    }
    Ok(true)
}

/// A leaf's bytes are never a recipe (`laws.md`), so one address for both is a broken invariant.
pub(super) fn refuse_leaf(step: &Step<'_>, address: &CAddr) -> Result<(), Fault> {
    match step.get(Space::Leaves, &layout::address_key(address))? {
        None => Ok(()),
        Some(_) => Err(Fault::Breach {
            what: format!("{address} names a leaf and a recipe"),
        }),
    }
}

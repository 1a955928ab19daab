//! Forgetting: a recipe is withdrawn as a root under a fresh epoch, and a put revives it.
//!
//! It refuses to remove anything: a forgotten recipe stays while a live one depends on it, and goes
//! when a collection is asked for.

use super::super::{DagArgs, decide};
use super::edges::{damaged, for_dependents};
use deriva_messages::{
    Fault,
    dag::{Consumers, Forgotten},
};
use deriva_model::{CAddr, Epoch};
use deriva_system::{
    alias,
    storage::{Durability, Reading, Space, StorageFault, commit::Step, layout},
};
use std::collections::HashSet;

/// Consumers that one forget looks at: bounds the length of its step, which others wait for.
const CONSUMERS_MAX: usize = 65_536;

pub(super) async fn forget(
    args: DagArgs,
    address: CAddr,
    consumers: Consumers,
) -> Result<Forgotten, Fault> {
    let step = move |step: &mut Step<'_>| forget_step(step, address, consumers);
    let done = args.commit.commit(Durability::Synced, step).await?;
    metrics::counter!("dag_recipes_forgotten_total").increment(done.recipes);
    Ok(done)
}

pub(super) fn forget_step(
    step: &mut Step<'_>,
    address: CAddr,
    consumers: Consumers,
) -> Result<Forgotten, Fault> {
    let recipe = recipe_at(step, address)?;
    let mut going = vec![recipe];
    walk(step, recipe, |step, consumer| match consumers {
        Consumers::Forget => {
            going.push(consumer);
            Ok(())
        }
        Consumers::Refuse if is_root(step, &consumer)? => Err(Fault::InUse {
            address,
            by: consumer,
        }),
        Consumers::Refuse => Ok(()),
    })?;
    let mut fresh = Vec::new();
    for address in going {
        let is_recipe = step
            .get(Space::Recipes, &layout::address_key(&address))?
            .is_some();
        if is_recipe && forgotten_in(step, &address)?.is_none() {
            fresh.push(address);
        }
    }
    if fresh.is_empty() {
        return Ok(Forgotten::default());
    }
    let epoch = layout::number(step.open_epoch().number());
    for recipe in &fresh {
        step.put(Space::Meta, layout::forgotten_key(recipe), epoch.clone());
    }
    Ok(Forgotten {
        recipes: fresh.len() as u64,
    })
}

/// The recipe that an address is or leads to.
fn recipe_at(step: &Step<'_>, address: CAddr) -> Result<CAddr, Fault> {
    let key = layout::address_key(&address);
    if step.get(Space::Recipes, &key)?.is_some() {
        return Ok(address);
    }
    if let Some(value) = step.get(Space::Aliases, &key)? {
        // An alias that leads astray would let another recipe be forgotten.
        return alias::follow(step, address, &value);
    }
    match step.get(Space::Leaves, &key)? {
        None => Err(Fault::NotFound { address }),
        Some(_) => Err(Fault::Malformed {
            reason: format!(
                "{address} is a leaf and no root; unpin it and forget what names it, and a collection takes it"
            ),
        }),
    }
}

/// Everything that depends on a node, through aliases too, each once.
fn walk(
    step: &Step<'_>,
    node: CAddr,
    mut each: impl FnMut(&Step<'_>, CAddr) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut seen = HashSet::from([node]);
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        for_dependents(step, &node, |dependent| {
            if !seen.insert(dependent) {
                return Ok(());
            }
            decide::within("the consumers of one forget", CONSUMERS_MAX, seen.len() - 1)?;
            open.push(dependent);
            each(step, dependent)
        })?;
    }
    Ok(())
}

/// Whether a consumer is alive by itself: pinned, or a recipe that was not forgotten.
fn is_root(step: &Step<'_>, consumer: &CAddr) -> Result<bool, Fault> {
    let key = layout::address_key(consumer);
    if step.get(Space::Pins, &key)?.is_some() {
        return Ok(true);
    }
    let is_recipe = step.get(Space::Recipes, &key)?.is_some();
    Ok(is_recipe && forgotten_in(step, consumer)?.is_none())
}

/// In which epoch a recipe was forgotten, if it is.
pub(super) fn forgotten_in(step: &Step<'_>, recipe: &CAddr) -> Result<Option<Epoch>, StorageFault> {
    let value = step.get(Space::Meta, &layout::forgotten_key(recipe))?;
    value.map(|value| epoch_of(recipe, &value)).transpose()
}

fn epoch_of(recipe: &CAddr, value: &[u8]) -> Result<Epoch, StorageFault> {
    let epoch = layout::parse_number(value).ok_or_else(|| damaged(Space::Meta, recipe))?;
    Ok(Epoch::new(epoch))
}

/// A put met the recipes: they are roots again, stamped above their forgetting.
pub(super) fn revive(step: &mut Step<'_>, recipes: &[CAddr]) -> Result<(), StorageFault> {
    let keys: Vec<Vec<u8>> = recipes.iter().map(layout::forgotten_key).collect();
    let values = step.get_many(Space::Meta, &keys)?;
    for ((recipe, key), value) in recipes.iter().zip(keys).zip(values) {
        let Some(value) = value else { continue };
        if step.epoch() <= epoch_of(recipe, &value)? {
            step.open_epoch();
        }
        step.delete(Space::Meta, key);
    }
    Ok(())
}

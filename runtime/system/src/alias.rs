//! Following an alias: from an address of the old form to its recipe. Until the import is declared
//! complete both hashes are checked on every read: that of the recipe's canonical bytes against its
//! address, and that of its old form against the alias.
//!
//! It refuses to write and to walk: one step from an old address to its recipe, no further. A
//! recipe that is in memory was verified when it came there and is not hashed again.

use crate::{
    storage::{Reading, Space, Storage, StorageFault, commit::read_number, layout},
    view::RecipeView,
};
use bytes::Bytes;
use deriva_messages::{Fault, dag::ImportState};
use deriva_model::{CAddr, Epoch, Recipe, SealedRecipe, legacy_address};
use std::sync::Arc;

/// How far an alias is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Its recipe is looked at, every time.
    Checked,
    /// The import was declared complete.
    Declared,
}

/// How far aliases are believed at this moment.
///
/// # Errors
/// The store could not be read.
pub fn trust(store: &dyn Reading) -> Result<Trust, StorageFault> {
    Ok(declared(store)?.map_or(Trust::Checked, |_| Trust::Declared))
}

/// The epoch in which the import was declared complete.
///
/// # Errors
/// The store could not be read.
pub fn declared(store: &dyn Reading) -> Result<Option<Epoch>, StorageFault> {
    let entry = store.get(Space::Meta, layout::META_IMPORT)?;
    // Bytes of another shape were not written here: whoever doubts, checks.
    let number = entry.and_then(|bytes| layout::parse_number(&bytes));
    Ok(number.map(Epoch::new))
}

/// How the import of old recipes stands.
///
/// # Errors
/// The store could not be read.
pub fn import_state(store: &dyn Reading) -> Result<ImportState, StorageFault> {
    Ok(ImportState {
        declared: declared(store)?,
        aliases: read_number(store, &layout::Counter::Aliases.key())?,
    })
}

/// Which recipe the entry of an alias leads to.
///
/// # Errors
/// `DataLoss` naming the old address, or the store could not be read.
pub fn follow(store: &dyn Reading, old: CAddr, entry: &[u8]) -> Result<CAddr, Fault> {
    let to = target(old, entry)?;
    if trust(store)? == Trust::Declared {
        return Ok(to);
    }
    match store.get(Space::Recipes, &layout::address_key(&to))? {
        None => Err(leads_nowhere(old, to)),
        Some(stored) => check(old, opened(old, to, &stored)?.recipe()).map(|()| to),
    }
}

/// The same for the entries of many aliases, in their order, recipes read in one batch. `None`: the
/// alias was collected since its entry was read.
///
/// # Errors
/// As [`follow`], for the first alias that fails.
pub fn follow_many(
    storage: &dyn Storage,
    recipes: &RecipeView,
    entries: &[(CAddr, Bytes)],
) -> Result<Vec<Option<CAddr>>, Fault> {
    let targets = entries.iter().map(|(old, entry)| target(*old, entry));
    let targets: Vec<CAddr> = targets.collect::<Result<_, _>>()?;
    if targets.is_empty() || trust(storage)? == Trust::Declared {
        return Ok(targets.into_iter().map(Some).collect());
    }
    let mut found: Vec<Option<Arc<SealedRecipe>>> =
        targets.iter().map(|to| recipes.get(to)).collect();
    let open: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_none()).collect();
    let keys: Vec<Vec<u8>> = open
        .iter()
        .map(|at| layout::address_key(&targets[*at]))
        .collect();
    let read = storage.get_many(Space::Recipes, &keys);
    let read = read.map_err(|fault| named(storage, fault, entries, &targets))?;
    for (at, stored) in open.into_iter().zip(read) {
        if let Some(stored) = stored {
            let recipe = opened(entries[at].0, targets[at], &stored)?;
            found[at] = Some(Arc::new(recipe));
        }
    }
    let all = entries.iter().zip(targets).zip(found);
    all.map(|(((old, _), to), recipe)| match recipe {
        Some(recipe) => check(*old, recipe.recipe()).map(|()| Some(to)),
        None => gone(storage, *old, to),
    })
    .collect()
}

/// Where the disk has damaged a recipe, the fault names the alias that leads to it.
fn named(
    storage: &dyn Storage,
    fault: StorageFault,
    entries: &[(CAddr, Bytes)],
    targets: &[CAddr],
) -> Fault {
    if let StorageFault::Damaged { .. } = fault {
        for ((old, _), to) in entries.iter().zip(targets) {
            let read = storage.get(Space::Recipes, &layout::address_key(to));
            if let Err(StorageFault::Damaged { why }) = read {
                return loss(*old, format!("its alias leads to {to}: {why}"));
            }
        }
    }
    fault.into()
}

/// A recipe goes in the same step as the aliases that lead to it, so either both were collected
/// since, or the alias leads nowhere.
fn gone(storage: &dyn Storage, old: CAddr, to: CAddr) -> Result<Option<CAddr>, Fault> {
    match storage.get(Space::Aliases, &layout::address_key(&old))? {
        None => Ok(None),
        Some(_) => Err(leads_nowhere(old, to)),
    }
}

fn target(old: CAddr, entry: &[u8]) -> Result<CAddr, Fault> {
    let parsed = layout::parse_alias(entry);
    parsed
        .map(|(_, to)| to)
        .ok_or_else(|| loss(old, "its alias cannot be read".to_owned()))
}

/// The stored recipe, whose canonical bytes must be those of its address.
fn opened(old: CAddr, to: CAddr, stored: &Bytes) -> Result<SealedRecipe, Fault> {
    let damaged = |what: &str| loss(old, format!("its alias leads to {to}: {what}"));
    let (_, bytes) =
        layout::parse_stamped(stored).ok_or_else(|| damaged("its entry cannot be read"))?;
    let recipe = SealedRecipe::open(bytes.to_vec()).map_err(|error| damaged(&error.to_string()))?;
    if recipe.address() != to {
        return Err(damaged("its bytes are another recipe's"));
    }
    Ok(recipe)
}

fn check(old: CAddr, recipe: &Recipe) -> Result<(), Fault> {
    let is = match legacy_address(recipe) {
        Some(is) if is == old => return Ok(()),
        Some(is) => format!("its alias leads to a recipe whose old address is {is}"),
        None => "its alias leads to a recipe that has no old form".to_owned(),
    };
    Err(loss(old, is))
}

fn leads_nowhere(old: CAddr, to: CAddr) -> Fault {
    loss(old, format!("its alias leads to {to}, which is not stored"))
}

fn loss(address: CAddr, what: String) -> Fault {
    Fault::DataLoss { address, what }
}

#[cfg(test)]
#[path = "alias_test.rs"]
mod alias_test;

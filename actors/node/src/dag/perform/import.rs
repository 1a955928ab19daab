//! Importing: recipes in the old form become recipes of today, and their old addresses lead to them.
//!
//! It refuses to decode and to judge functions (who takes the bytes in does both). An alias that
//! stands wrong on disk is mended by importing its recipe again: both hashes prove the new entry.

use super::super::{DagArgs, decide};
use super::{
    admit,
    edges::StepGraph,
    store::{self, refuse_leaf, touch_in},
};
use deriva_messages::{
    Fate, Fault,
    dag::{ImportState, Imported, MissingInputs, OldRecipe},
};
use deriva_model::{CAddr, Inputs, SealedRecipe, legacy_address, would_cycle};
use deriva_system::{
    alias,
    storage::{
        Durability, Reading, Space, StorageFault,
        commit::Step,
        layout::{self, Counter},
    },
};
use std::sync::Arc;

/// What became of each, in the order sent, and how many recipes are new.
type Outcomes = (Vec<Result<Imported, Fault>>, u64);

pub(super) async fn import(
    args: DagArgs,
    recipes: Vec<OldRecipe>,
    missing: MissingInputs,
) -> Result<Vec<Result<Imported, Fault>>, Fault> {
    decide::fits_one_put(recipes.iter().map(|one| &one.recipe))?;
    for one in &recipes {
        claims_its_own(one)?;
    }
    let sealed: Vec<Arc<SealedRecipe>> = recipes.iter().map(|one| one.recipe.clone()).collect();
    let (removals, limit) = (args.view.removals(), args.config.graph_node_limit);
    let step = move |step: &mut Step<'_>| import_step(step, &recipes, missing, limit);
    let (outcomes, created) = args.commit.commit(Durability::Synced, step).await?;
    let stored: Vec<_> = sealed
        .into_iter()
        .zip(&outcomes)
        .filter_map(|(recipe, outcome)| outcome.is_ok().then_some(recipe))
        .collect();
    let new = outcomes.iter().filter(|one| **one == Ok(Imported::New));
    metrics::counter!("dag_recipes_stored_total").increment(created);
    metrics::counter!("dag_aliases_stored_total").increment(new.count() as u64);
    admit(&args, &stored, removals).await;
    Ok(outcomes)
}

/// Whoever sends both addresses cannot make one lead to another's recipe.
fn claims_its_own(one: &OldRecipe) -> Result<(), Fault> {
    if legacy_address(one.recipe.recipe()) == Some(one.old) {
        return Ok(());
    }
    let (old, new) = (one.old, one.recipe.address());
    Err(Fault::Malformed {
        reason: format!("{old} is not the old address of recipe {new}"),
    })
}

pub(super) fn import_step(
    step: &mut Step<'_>,
    recipes: &[OldRecipe],
    missing: MissingInputs,
    node_limit: usize,
) -> Result<Outcomes, Fault> {
    let mut outcomes = vec![Ok(Imported::Known); recipes.len()];
    let mut created = 0;
    for at in decide::import_order(recipes) {
        let (Some(one), Some(outcome)) = (recipes.get(at), outcomes.get_mut(at)) else {
            continue;
        };
        *outcome = match import_one(step, one, missing, node_limit) {
            Ok((imported, more)) => {
                created += more;
                Ok(imported)
            }
            Err(fault) if fault.fate() == Fate::Refusal => Err(fault),
            // The world's or ours: then nothing of the step stands.
            Err(fault) => return Err(fault),
        };
    }
    Ok((outcomes, created))
}

/// Every refusal comes before the first write but touches.
fn import_one(
    step: &mut Step<'_>,
    one: &OldRecipe,
    missing: MissingInputs,
    node_limit: usize,
) -> Result<(Imported, u64), Fault> {
    let (old, to) = (one.old, one.recipe.address());
    refuse_leaf(step, &old)?;
    let key = layout::address_key(&old);
    let entry = step.get(Space::Aliases, &key)?;
    let before = entry.as_deref().map(layout::parse_alias);
    if let Some(Some((_, before))) = before
        && before == to
    {
        let created = put(step, &one.recipe, missing)?;
        touch_in(step, Space::Aliases, &old)?;
        return Ok((Imported::Known, created));
    }
    if leads_back(step, one, node_limit)? {
        return Err(Fault::Cycle { from: old, to });
    }
    let created = put(step, &one.recipe, missing)?;
    match before {
        None => step.count(Counter::Aliases, 1)?,
        Some(wrong) => mended(step, old, wrong.map(|(_, wrong)| wrong)),
    }
    step.put(Space::Aliases, key, layout::alias_value(step.epoch(), &to));
    step.put(Space::Edges, layout::dependent_key(&to, &old), Vec::new());
    if step.get(Space::Meta, layout::META_IMPORT)?.is_some() {
        step.delete(Space::Meta, layout::META_IMPORT.to_vec());
    }
    Ok((Imported::New, created))
}

fn put(
    step: &mut Step<'_>,
    recipe: &Arc<SealedRecipe>,
    missing: MissingInputs,
) -> Result<u64, Fault> {
    store::put(step, std::slice::from_ref(recipe), missing)
}

/// The entry that stood there was damaged; the edge that it was read as goes with it.
fn mended(step: &mut Step<'_>, old: CAddr, wrong: Option<CAddr>) {
    tracing::warn!(%old, "an alias was wrong on disk and is put right by its import");
    metrics::counter!("dag_aliases_mended_total").increment(1);
    if let Some(wrong) = wrong {
        step.delete(Space::Edges, layout::dependent_key(&wrong, &old));
    }
}

/// Whether the recipe already reaches its own old address.
fn leads_back(step: &Step<'_>, one: &OldRecipe, node_limit: usize) -> Result<bool, Fault> {
    // What nothing depends on is reached from nowhere but the recipe itself: an import in the
    // graph's order ends here.
    let prefix = layout::dependents_prefix(&one.old);
    let unnamed = step.scan(Space::Edges, &prefix, &prefix, 1)?.is_empty();
    if unnamed && !one.recipe.recipe().inputs().contains(&one.old) {
        return Ok(false);
    }
    let graph = WithRecipe {
        stored: StepGraph(step),
        recipe: &one.recipe,
    };
    would_cycle(&graph, one.old, one.recipe.address(), node_limit).map_err(decide::law_fault)
}

/// The graph as it would be with one recipe more.
struct WithRecipe<'step, 'group> {
    stored: StepGraph<'step, 'group>,
    recipe: &'step SealedRecipe,
}

impl Inputs for WithRecipe<'_, '_> {
    type Error = StorageFault;

    fn inputs(&self, node: &CAddr) -> Result<Option<Vec<CAddr>>, StorageFault> {
        if *node == self.recipe.address() {
            return Ok(Some(self.recipe.recipe().inputs().to_vec()));
        }
        self.stored.inputs(node)
    }
}

pub(super) async fn complete(args: DagArgs) -> Result<ImportState, Fault> {
    let step = |step: &mut Step<'_>| {
        if alias::declared(step)?.is_none() {
            let epoch = layout::number(step.epoch().number());
            step.put(Space::Meta, layout::META_IMPORT.to_vec(), epoch);
        }
        Ok(alias::import_state(step)?)
    };
    args.commit.commit(Durability::Synced, step).await
}

//! The mind: how much one message may hold, what a touch changes, and the part of the graph that a
//! question reaches. Pure data; the order, the depth and the cycles themselves are law (`model`).

mod closure;

pub(super) use closure::Closure;

use deriva_messages::{Fault, dag::OldRecipe};
use deriva_model::{CAddr, Epoch, GraphError, SealedRecipe, dependency_order};
use std::{collections::HashMap, fmt::Display, sync::Arc};

/// Recipes of one put: as many as an evaluator would open slots for in one recipe; a longer stream
/// is put in several.
pub const PUT_RECIPES_MAX: usize = 65_536;
/// Canonical bytes of one put: bounds the memory of a step and the bytes of one atomic write.
pub const PUT_BYTES_MAX: usize = 64 << 20;
/// Edges that a question may read for each node it may reach: real graphs have a few inputs a
/// recipe, and an edge costs four bytes while the question is answered.
const EDGES_PER_NODE: usize = 8;

/// Bounds of the node's graph.
#[derive(Clone, Copy, Debug)]
pub struct DagConfig {
    /// Bytes of recipes in memory; the disk has them all.
    pub recipe_budget_bytes: u64,
    /// Nodes that one question, or the check of one alias, may reach.
    pub graph_node_limit: usize,
}

impl Default for DagConfig {
    fn default() -> Self {
        Self {
            recipe_budget_bytes: 256 << 20,
            graph_node_limit: 5_000_000,
        }
    }
}

impl DagConfig {
    /// Edges that one question may read.
    pub(super) const fn edge_limit(&self) -> usize {
        let edges = self.graph_node_limit.saturating_mul(EDGES_PER_NODE);
        if edges > u32::MAX as usize {
            return u32::MAX as usize;
        }
        edges
    }
}

/// Whether a put fits one message.
pub(super) fn fits_one_put<'a>(
    recipes: impl ExactSizeIterator<Item = &'a Arc<SealedRecipe>>,
) -> Result<(), Fault> {
    within(
        "the number of recipes in one put",
        PUT_RECIPES_MAX,
        recipes.len(),
    )?;
    let bytes = recipes.map(|recipe| recipe.bytes().len()).sum();
    within("the bytes of recipes in one put", PUT_BYTES_MAX, bytes)
}

/// The places of old recipes in an order in which each comes after those that it names, by their old
/// addresses or by those that they have now.
pub(super) fn import_order(recipes: &[OldRecipe]) -> Vec<usize> {
    let mut numbers: HashMap<CAddr, u32> = HashMap::new();
    for (number, one) in (0_u32..).zip(recipes) {
        numbers.entry(one.old).or_insert(number);
        numbers.entry(one.recipe.address()).or_insert(number);
    }
    let needs = |one: &OldRecipe| {
        let inputs = one.recipe.recipe().inputs().iter();
        inputs
            .filter_map(|input| numbers.get(input).copied())
            .collect()
    };
    let needs: Vec<Vec<u32>> = recipes.iter().map(needs).collect();
    dependency_order(recipes.len(), |number| &needs[number])
}

pub(super) fn within(what: &str, limit: usize, got: usize) -> Result<(), Fault> {
    if got <= limit {
        return Ok(());
    }
    Err(Fault::OverLimit {
        what: what.to_owned(),
        limit: limit as u64,
        got: got as u64,
    })
}

/// Whether something last touched in `touched` is written again by a touch in `now`.
pub(super) fn ages_in(touched: Epoch, now: Epoch) -> bool {
    touched < now
}

/// A law's refusal as the caller hears it.
pub(super) fn law_fault<E: Display>(error: GraphError<E>) -> Fault {
    match error {
        GraphError::TooManyNodes { limit } => Fault::OverLimit {
            what: "the nodes of the graph around one address".to_owned(),
            limit: limit as u64,
            got: limit as u64 + 1,
        },
        GraphError::Cycle { node } => Fault::Breach {
            what: format!("the stored graph has a cycle through {node}"),
        },
        GraphError::Lookup(why) => Fault::StoreFailed {
            why: why.to_string(),
        },
    }
}

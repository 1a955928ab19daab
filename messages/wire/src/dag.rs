//! What the `DagActor` hears: recipes, the edges between them, and questions about the graph.

use crate::Reply;
use deriva_model::{CAddr, SealedRecipe};
use std::sync::Arc;

/// What to do about inputs that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingInputs {
    Refuse,
    /// Accepted; a Get names them if they are still missing then.
    Allow,
}

/// A question about the graph around one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphQuestion {
    /// In recipe order, repeats included.
    Inputs,
    /// Ascending.
    Dependents,
    /// Ascending, without the address itself.
    TransitiveInputs,
    /// Ascending, without the address itself.
    TransitiveDependents,
    /// Inputs before consumers, the address last.
    TopologicalOrder,
    /// The address with its depth.
    Depth,
}

/// One node of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphNode {
    pub address: CAddr,
    /// Length of the longest chain of inputs; told by `Depth` only, else 0.
    pub depth: u64,
}

#[derive(Debug)]
pub enum DagMessage {
    /// Stores recipes in one atomic step, inputs before consumers or in any order; answered when
    /// they are on disk. All are stored or none.
    Put {
        recipes: Vec<Arc<SealedRecipe>>,
        missing: MissingInputs,
        reply: Reply<()>,
    },
    /// Says that an old address leads to a recipe; the recipe is stored with it.
    PutAlias {
        old: CAddr,
        recipe: Arc<SealedRecipe>,
        reply: Reply<()>,
    },
    Ask {
        address: CAddr,
        question: GraphQuestion,
        reply: Reply<Vec<GraphNode>>,
    },
}

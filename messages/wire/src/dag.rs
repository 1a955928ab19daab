//! What the `DagActor` hears: recipes, the edges between them, and questions about the graph.

use crate::{Fault, Reply};
use deriva_model::{CAddr, Epoch, SealedRecipe};
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

/// One page of the pinned addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinPage {
    /// Ascending.
    pub addresses: Vec<CAddr>,
    /// How many pins there are on all pages.
    pub total: u64,
    /// Whether more follow.
    pub more: bool,
}

/// What becomes of the consumers of a recipe that is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumers {
    /// A live one is a reason to refuse.
    Refuse,
    /// They are forgotten along with it.
    Forget,
}

/// What a forget withdrew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Recipes that were roots before.
    pub recipes: u64,
}

/// A recipe from before DCF, with the address that it had then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldRecipe {
    pub old: CAddr,
    pub recipe: Arc<SealedRecipe>,
}

/// What became of one old recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// Its old address leads to it from now on.
    New,
    /// It did so before.
    Known,
}

/// How the import of old recipes stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportState {
    /// In which epoch it was declared complete; nothing was imported since. While it is not, both
    /// hashes are checked on every read of an alias.
    pub declared: Option<Epoch>,
    /// Old addresses that lead to a recipe.
    pub aliases: u64,
}

#[derive(Debug)]
pub enum DagMessage {
    /// Stores recipes in one atomic step, inputs before consumers or in any order; answered when
    /// they are on disk. All are stored or none.
    Put {
        recipes: Vec<Arc<SealedRecipe>>,
        missing: MissingInputs,
        /// Told, well before the answer, when it is decided that they are stored, and dropped when it
        /// is decided that they are not: a put that is sent then is decided after this one, which it
        /// may name. What was decided may fail to be written all the same.
        decided: Option<Reply<()>>,
        reply: Reply<()>,
    },
    /// Says of old addresses which recipe each leads to; the recipes are stored with them, inputs
    /// before consumers whatever order they come in. One that is refused keeps none of the others
    /// out, but those that need it. Answered in the order sent, when they are on disk.
    Import {
        recipes: Vec<OldRecipe>,
        missing: MissingInputs,
        reply: Reply<Vec<Result<Imported, Fault>>>,
    },
    /// Declares the import complete: from now on an alias is believed without a look at its recipe.
    /// An alias that is new later takes that back. Answered when it is on disk.
    CompleteImport { reply: Reply<ImportState> },
    Ask {
        address: CAddr,
        question: GraphQuestion,
        reply: Reply<Vec<GraphNode>>,
    },
    /// Makes a stored address a root; whether it was none. Answered when it is on disk.
    Pin { address: CAddr, reply: Reply<bool> },
    /// Withdraws a pin; whether there was one. Answered when it is on disk.
    Unpin { address: CAddr, reply: Reply<bool> },
    ListPins {
        /// The page begins above this address.
        after: Option<CAddr>,
        /// Addresses of one page; bounded by the actor as well.
        limit: usize,
        reply: Reply<PinPage>,
    },
    /// Withdraws a recipe as a root under a fresh epoch; an alias stands for its recipe. Answered
    /// when it is on disk.
    Forget {
        address: CAddr,
        consumers: Consumers,
        reply: Reply<Forgotten>,
    },
}

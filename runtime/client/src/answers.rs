//! What the server's answers mean, in the domain's types.
//!
//! It refuses to hold behaviour; the answers that are plain counts stay as the interface has them.

use std::collections::BTreeMap;

use deriva_model::{CAddr, ContentHash, FunctionId, Recipe};

/// What an address stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// The server knows nothing under this address.
    Unknown,
    /// Bytes that somebody put.
    Leaf {
        /// Their number.
        size: u64,
    },
    /// How a value is made.
    Recipe(Recipe),
    /// An address of the old form.
    Alias {
        /// Where it leads.
        of: CAddr,
    },
}

/// What an address stands for, with the address that it had before DCF.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What it stands for.
    pub is: Resolution,
    /// Of an alias, the recipe that it leads to, where the server tells it.
    pub recipe: Option<Recipe>,
    /// Of a recipe that was imported and of its alias: the address of the old form.
    pub old_addr: Option<CAddr>,
}

/// One old recipe, as the server imported or refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRecipe {
    /// The address of the old form: BLAKE3 of the bytes as they arrived.
    pub old_addr: CAddr,
    /// The address of today; none where the bytes are no recipe.
    pub addr: Option<CAddr>,
    /// What became of it.
    pub outcome: ImportOutcome,
}

/// What became of one old recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Its old address leads to it from now on.
    New,
    /// It did so before.
    Known,
    /// It is not stored.
    Refused {
        /// Why, for a program.
        reason: String,
        /// Why, for a person.
        message: String,
        /// The first of the inputs that do not exist.
        missing: Vec<CAddr>,
        /// How many do not exist.
        missing_count: u64,
    },
}

/// One answer of a graph query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// The address found.
    pub addr: CAddr,
    /// Of a depth query: the length of the longest chain of inputs. 0 in every other query.
    pub depth: u64,
}

/// One node beneath an address, and what is known of its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// The node's address.
    pub addr: CAddr,
    /// `leaf`, `recipe`, `alias` or `missing`.
    pub kind: String,
    /// What makes the value; absent for what is not a recipe.
    pub function: Option<FunctionId>,
    /// What it is made of, in recipe order.
    pub inputs: Vec<CAddr>,
    /// Its params, in their canonical strings.
    pub params: BTreeMap<String, String>,
    /// Whether the value can be answered without executing anything.
    pub cached: bool,
    /// The record of a materialization, where one is known.
    pub record: Option<ExplainedRecord>,
}

/// What a materialization made and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedRecord {
    /// BLAKE3 of the value.
    pub content_hash: ContentHash,
    /// Bytes of the value.
    pub size: u64,
    /// What the execution took, in nanoseconds.
    pub cost_nanos: u64,
    /// The content hashes of the inputs it consumed, in recipe order.
    pub consumed: Vec<ContentHash>,
}

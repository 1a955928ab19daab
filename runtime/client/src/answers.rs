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

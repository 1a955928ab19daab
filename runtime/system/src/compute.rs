//! The compute port: who turns recipes into values, and what it asks of the rest of the node.
//!
//! It refuses to know functions and actors: the evaluator stands behind `Compute`, the node's views
//! and store stand behind `Sources`.

use crate::{
    scratch::{Scratch, ScratchFile},
    view::{Produced, Resident},
};
use bytes::Bytes;
use deriva_messages::Fault;
pub use deriva_messages::{
    materialize::{Depth, Materialize, Mode, Transient},
    verify::{Rate, Verification, Violation},
};
use deriva_model::{
    CAddr, ContentHash, CutoffKey, FunctionId, Recipe, Record, SealedRecipe, Trace,
};
use std::{
    sync::Arc,
    task::{Context, Poll},
};

/// Bytes that lie on disk, addressed by what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredContent {
    /// What a fault will name.
    pub owner: CAddr,
    pub content: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// What an address was found to be.
#[derive(Clone, Debug)]
pub enum Known {
    /// A value in memory, verified.
    Value(Arc<Resident>),
    /// A leaf whose bytes were small enough to come along, verified.
    Leaf {
        content: ContentHash,
        bytes: Bytes,
    },
    /// A leaf on disk.
    StoredLeaf(StoredContent),
    /// A recipe whose value is not known.
    Recipe(Arc<SealedRecipe>),
    /// Another name of a recipe.
    Alias(CAddr),
    Nothing,
}

/// Whether an address must be stored here for its value to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Values first.
    ForValues,
    /// Values that two executions agreed on first; others are not known.
    ForVerified,
    /// What it is, its value aside: for evaluations that compute everything afresh.
    ForRecipes,
}

/// What an evaluation asks of the node. The calls may block on the disk, except `resident`.
pub trait Sources: Send + Sync + 'static {
    /// What memory knows, without touching the disk. `None` says nothing about the disk.
    fn resident(&self, address: &CAddr, look: Look) -> Option<Known>;

    /// A value in memory whose recipe travels with the request: whether the recipe is also stored
    /// does not matter.
    fn travelling(&self, address: &CAddr) -> Option<Arc<Resident>>;

    /// What the node knows about many addresses, in their order, read as one batch. Values on disk
    /// come verified; one that fails is dropped and its recipe answered instead.
    ///
    /// # Errors
    /// The store could not be read, or a leaf's bytes are damaged.
    fn fetch(&self, addresses: &[CAddr], look: Look) -> Result<Vec<Known>, Fault>;

    /// All bytes of stored content, verified.
    ///
    /// # Errors
    /// `DataLoss`, or the store could not be read.
    fn load(&self, stored: &StoredContent) -> Result<Bytes, Fault>;

    /// One chunk of stored content, verified; chunks are numbered from 0 and add up to its size.
    ///
    /// # Errors
    /// `DataLoss`, `Malformed` past the last chunk, or the store could not be read.
    fn chunk(&self, stored: &StoredContent, index: u32) -> Result<Bytes, Fault>;

    /// The value of a recipe that is the same computation over the same contents.
    fn cutoff(&self, key: &CutoffKey, patience: Patience) -> Option<(ContentHash, Bytes)>;

    /// How many recipes a plan found with their values, and how many have to run.
    fn looked_up(&self, found: u64, to_run: u64);

    /// The number of the newest invalidation: what was begun under an older one and consumed what a
    /// newer one covers is not recorded. See `Produced::begun`.
    fn invalidations(&self) -> u64;

    /// A value was computed: the cache decides what becomes of it.
    fn produced(&self, produced: Produced);

    /// Why a function is not executed here, if it is not: it was caught.
    fn refusal(&self, function: &FunctionId) -> Option<Fault>;

    /// The record that stands for a recipe's value, in memory or on disk; its bytes are not looked at.
    fn standing(&self, recipe: &CAddr) -> Option<Arc<Record>>;

    /// A function gave two answers. When this returns it is refused and no cached value is taken for
    /// true any more; it does not wait for the disk.
    fn distrust(&self, violation: &Violation);

    /// Waits until the distrust is on disk, and everything that was made through the function gone.
    ///
    /// # Errors
    /// It could not be brought to an end yet; the distrust goes on until it is.
    fn void(&self, violation: &Violation) -> Result<(), Fault>;

    /// Temporary files for what is too much for memory.
    fn scratch(&self) -> Arc<dyn Scratch>;
}

/// How far a cutoff lookup may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Memory only: executing costs less than a read.
    Memory,
    Disk,
}

/// What a reader of a production finds next.
#[derive(Debug)]
pub enum Next {
    /// Never empty.
    Piece(Bytes),
    /// A piece that has left memory, to be read where blocking is allowed.
    Away {
        file: Arc<dyn ScratchFile>,
        number: u64,
    },
    /// The value is whole, and is this.
    End {
        content: ContentHash,
        /// Bytes.
        size: u64,
    },
}

/// One reader of a value that is still being computed. It reads from the beginning, at its own pace;
/// the production stays a bounded distance ahead of the fastest. Dropped, it leaves.
pub trait Tail: Send {
    /// The next piece, or the end. After an end or a fault it must not be asked again.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Next, Fault>>;

    /// Whether the production stands still until one of its readers takes more.
    fn is_awaited(&self) -> bool;
}

/// An evaluated root.
pub enum Outcome {
    /// In memory.
    Bytes { content: ContentHash, bytes: Bytes },
    /// A leaf on disk, to be streamed from there.
    Stored(StoredContent),
    /// Provisional: what it is, and whether it is at all, is known at its end.
    Production(Box<dyn Tail>),
}

impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes { content, bytes } => write!(f, "{} bytes of {content}", bytes.len()),
            Self::Stored(stored) => stored.fmt(f),
            Self::Production(_) => f.write_str("a production"),
        }
    }
}

/// An evaluation that ended well, or that gives out its value while it goes on.
#[derive(Debug)]
pub struct Evaluated {
    pub outcome: Outcome,
    /// Of the modes that record.
    pub trace: Option<Trace>,
}

/// Called once with the end of an evaluation, on a thread of the evaluator; must not block.
pub type Done = Box<dyn FnOnce(Result<Evaluated, Fault>) + Send>;

/// Withdraws its request when dropped; computations that others wait for go on.
pub trait Ticket: Send + Sync {}

/// The port.
pub trait Compute: Send + Sync + 'static {
    /// Begins an evaluation and returns at once.
    fn start(&self, request: Materialize, done: Done) -> Box<dyn Ticket>;

    /// Whether the recipe's function exists here and its inputs and params fit. Gives the function's
    /// id, which all of its recipes may share.
    ///
    /// # Errors
    /// `RefusedRecipe` with what does not fit and what would.
    fn check(&self, recipe: &Recipe) -> Result<Arc<FunctionId>, Fault>;

    /// What can be called, sorted by name and version.
    fn functions(&self) -> Vec<FunctionDescription>;

    /// Functions executed, and steps answered by early cutoff, since the start.
    fn counts(&self) -> ComputeCounts;
}

/// What the evaluator has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComputeCounts {
    pub executions: u64,
    pub cutoffs: u64,
    pub failures: u64,
    pub in_flight: u64,
    /// Values made twice and compared: those that agreed and those that did not. What was cut off in
    /// between is neither.
    pub agreed: u64,
    pub differed: u64,
}

/// A function as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDescription {
    pub name: String,
    pub version: String,
    pub description: String,
    pub min_inputs: u32,
    pub max_inputs: Option<u32>,
    pub params: Vec<ParamDescription>,
    pub example: String,
}

/// A param as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamDescription {
    pub name: String,
    /// The kind and its bounds, in words.
    pub kind: String,
    /// Whether it has to be given.
    pub required: bool,
    /// What stands in when it is not given, where something does.
    pub default: Option<String>,
    pub description: String,
}

//! One function to call, from what it is called on to what came of it: plain data.
//!
//! It refuses to call anything: that is `execute`.

use super::{
    hold::{Held, Made},
    live::Live,
};
use crate::{budget::check_input_total, call::Call};
use deriva_model::{ContentHash, CutoffKey, SealedRecipe};
use deriva_system::view::{Origin, Resident};
use smallvec::SmallVec;
use std::sync::{Arc, atomic::AtomicBool};

/// Values by position in a recipe; most recipes name no more than two.
pub(super) type Inputs = SmallVec<[Arc<Held>; 2]>;

/// One function to call.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) recipe: Arc<SealedRecipe>,
    /// By position in the recipe.
    pub(super) inputs: Inputs,
    pub(super) origin: Origin,
    /// Set when nobody needs the result any more.
    pub(super) cancelled: Arc<AtomicBool>,
}

impl Task {
    /// Bytes of the inputs that are known.
    pub(super) fn input_bytes(&self) -> u64 {
        let sizes = self.inputs.iter().map(|held| held.size());
        sizes.fold(0, u64::saturating_add)
    }

    /// Productions in the longest row that ends with this one.
    pub(super) fn depth(&self) -> usize {
        let beneath = self.inputs.iter().filter_map(|held| held.as_live());
        1 + beneath.map(Live::depth).max().unwrap_or(0)
    }
}

/// What a task consumes, once all of it is known.
pub(super) struct Known {
    /// By position in the recipe.
    pub(super) contents: SmallVec<[ContentHash; 2]>,
    pub(super) key: CutoffKey,
}

impl Known {
    /// `None` while an input is still being made.
    pub(super) fn of(task: &Task) -> Option<Self> {
        let contents: Option<SmallVec<_>> = task.inputs.iter().map(|held| held.content()).collect();
        let contents = contents?;
        Some(Self {
            key: CutoffKey::of(task.recipe.recipe(), &contents),
            contents,
        })
    }
}

/// A task that was looked at.
pub(super) struct Prepared {
    pub(super) call: Call,
    /// `None` while an input is not known yet.
    pub(super) known: Option<Known>,
    /// Of the inputs that are known.
    pub(super) input_bytes: u64,
    pub(super) is_live: bool,
}

impl Prepared {
    /// Whether the inputs are more than one call may take, or not there as a whole.
    pub(super) fn is_large(&self) -> bool {
        self.is_live || check_input_total(self.input_bytes).is_err()
    }
}

/// A value, with its record where it has one.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) content: ContentHash,
    pub(super) made: Made,
    /// Not of a value that is too large to be kept, or whose inputs were not read to their ends.
    pub(super) value: Option<Arc<Resident>>,
}

//! What the board keeps of one flight.
//!
//! A graph may have millions of flights, all of them made under one lock: what is not needed before
//! a function runs is not made before.

use super::{Audience, Check, FlightId, Held, Job, RequestId, SealedRecipe, Task, Verdict};
use deriva_system::view::Origin;
use smallvec::SmallVec;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Inputs and consumers that stand in the flight itself: most have no more.
const INLINE: usize = 2;

#[derive(Clone, Debug)]
pub(super) enum Input {
    Here(Arc<Held>),
    From(FlightId),
}

#[derive(Debug)]
pub(in crate::evaluator) struct Flight {
    pub(super) check: Check,
    pub(super) recipe: Arc<SealedRecipe>,
    pub(super) origin: Origin,
    pub(super) rank: u32,
    pub(super) begun: u64,
    /// By position in the recipe.
    pub(super) inputs: SmallVec<[Input; INLINE]>,
    /// Positions that are not filled yet.
    pub(super) open: usize,
    /// Flight and position, once for each position.
    pub(super) consumers: SmallVec<[(FlightId, u32); INLINE]>,
    pub(super) waiters: Vec<RequestId>,
    /// Consumers and waiters that still live; the lists above may name some that do not.
    pub(super) interest: usize,
    /// While its function runs: set when nobody needs the result any more.
    pub(super) running: Option<Arc<AtomicBool>>,
    /// The same of the productions that it pulls.
    pub(super) pulled: Box<[Arc<AtomicBool>]>,
    /// Of the first execution that ended, if there are two.
    pub(super) verdict: Option<Box<Verdict>>,
    /// Whether a consumer is executed twice: then the value is held, for it is consumed twice.
    pub(super) is_held: bool,
}

impl Flight {
    /// One that nobody needs yet and that consumes nothing.
    pub(super) fn new(check: Check, recipe: Arc<SealedRecipe>, origin: Origin) -> Self {
        Self {
            check,
            recipe,
            origin,
            rank: 0,
            begun: 0,
            inputs: SmallVec::new(),
            open: 0,
            consumers: SmallVec::new(),
            waiters: Vec::new(),
            interest: 0,
            running: None,
            pulled: Box::default(),
            verdict: None,
            is_held: false,
        }
    }

    /// Ends what runs for it, at the next checkpoint.
    pub(super) fn cancel(&self) {
        for cancelled in self.running.iter().chain(&self.pulled) {
            cancelled.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn audience(&self) -> Audience {
        let consumers = self.interest.saturating_sub(self.waiters.len());
        // One who consumes it twice stands for two.
        let twice = usize::from(self.is_held && consumers > 0);
        Audience {
            consumers: consumers + twice,
            waiters: self.waiters.len(),
        }
    }

    /// One execution of it, on inputs that are all there.
    pub(super) fn job(
        &self,
        id: FlightId,
        inputs: SmallVec<[Input; INLINE]>,
        cancelled: Arc<AtomicBool>,
    ) -> Job {
        let inputs = inputs.into_iter().filter_map(|input| match input {
            Input::Here(held) => Some(held),
            Input::From(_) => None,
        });
        Job {
            flight: id,
            audience: self.audience(),
            check: self.check,
            task: Task {
                recipe: self.recipe.clone(),
                inputs: inputs.collect(),
                origin: self.origin,
                cancelled,
            },
            begun: self.begun,
        }
    }
}

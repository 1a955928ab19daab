//! What the board keeps of one flight, and how it finds it by number.
//!
//! A graph may have millions of flights, all of them made under one lock: what is not needed before
//! a function runs is not made before.

use super::{Audience, CAddr, Check, FlightId, Held, Job, RequestId, SealedRecipe, Task, Verdict};
use deriva_system::view::Origin;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

#[derive(Clone, Debug)]
pub(super) enum Input {
    Here(Arc<Held>),
    From(FlightId),
}

#[derive(Debug)]
pub(in crate::evaluator) struct Flight {
    pub(super) address: CAddr,
    pub(super) check: Check,
    pub(super) recipe: Arc<SealedRecipe>,
    pub(super) origin: Origin,
    pub(super) rank: u32,
    pub(super) begun: u64,
    /// By position in the recipe.
    pub(super) inputs: Vec<Input>,
    /// Positions that are not filled yet.
    pub(super) open: usize,
    /// Flight and position, once for each position.
    pub(super) consumers: Vec<(FlightId, usize)>,
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
    pub(super) fn job(&self, id: FlightId, inputs: Vec<Input>, cancelled: Arc<AtomicBool>) -> Job {
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

/// Flights by number. They stand in boxes, so that a table that grows moves only their places.
pub(super) type Flights = HashMap<FlightId, Box<Flight>, BuildHasherDefault<NumberHasher>>;

/// Spreads numbers that this process gave out one after the other: nobody outside chooses them.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio: neighbours land far apart, in the high bits too.
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }
}

//! What the board keeps of one flight, and how it finds it by number.
//!
//! A graph may have millions of flights, all of them made under one lock: what is not needed before
//! a function runs is not made before.

use super::{Audience, CAddr, FlightId, Held, RequestId, SealedRecipe};
use deriva_system::view::Origin;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::{Arc, atomic::AtomicBool},
};

#[derive(Debug)]
pub(super) enum Input {
    Here(Arc<Held>),
    From(FlightId),
}

#[derive(Debug)]
pub(in crate::evaluator) struct Flight {
    pub(super) address: CAddr,
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
}

impl Flight {
    pub(super) fn audience(&self) -> Audience {
        Audience {
            consumers: self.interest.saturating_sub(self.waiters.len()),
            waiters: self.waiters.len(),
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

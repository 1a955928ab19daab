//! Values that came into the view and that its owner has not booked yet, in their order.
//!
//! It refuses to grow over its bound: what has no room is not let into the view either.

use super::Produced;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

#[derive(Debug)]
pub(super) struct Arrivals {
    waiting: Mutex<VecDeque<Produced>>,
    /// Sum of their weights, and of those that are on their way in.
    weight: AtomicU64,
    /// Bytes, by weight.
    most: u64,
    /// The owner was told and did not hear.
    unheard: AtomicBool,
}

impl Arrivals {
    pub(super) fn new(most: u64) -> Self {
        Self {
            waiting: Mutex::default(),
            weight: AtomicU64::new(0),
            most,
            unheard: AtomicBool::new(false),
        }
    }

    /// Sets room aside, if there is enough.
    pub(super) fn reserve(&self, weight: u64) -> bool {
        let before = self.weight.fetch_add(weight, Ordering::Relaxed);
        let fits = before.saturating_add(weight) <= self.most;
        if !fits {
            self.give_back(weight);
        }
        fits
    }

    pub(super) fn give_back(&self, weight: u64) {
        self.weight.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Takes the room that was set aside for it. Whether the owner is to be told: of the first, of the
    /// next when it did not hear, and of all while room gets scarce.
    pub(super) fn push(&self, produced: Produced) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.push_back(produced);
        let is_first = waiting.len() == 1;
        // Only looked at mostly: the flag is one for all threads.
        let is_unheard =
            self.unheard.load(Ordering::Relaxed) && self.unheard.swap(false, Ordering::Relaxed);
        is_first || is_unheard || self.is_pressed()
    }

    /// The owner was to be told and could not be.
    pub(super) fn unheard(&self) {
        self.unheard.store(true, Ordering::Relaxed);
    }

    /// Whether half of the room is taken.
    pub(super) fn is_pressed(&self) -> bool {
        self.weight.load(Ordering::Relaxed) > self.most / 2
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock().len()
    }

    /// The oldest, at most so many.
    pub(super) fn take(&self, most: usize) -> Vec<Produced> {
        let mut waiting = self.waiting.lock();
        let count = most.min(waiting.len());
        let taken: Vec<Produced> = waiting.drain(..count).collect();
        drop(waiting);
        let weight = taken.iter().map(|produced| produced.value.weight()).sum();
        self.give_back(weight);
        taken
    }
}

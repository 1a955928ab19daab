//! Functions that were caught giving two answers. While a function is marked it is refused, and until
//! everything made through it is gone no value of the cache is taken for true.
//!
//! Whoever catches a function marks it here, at once; the `VerifyActor` brings the marks to disk and
//! clears them. It refuses to forget a mark by itself.

use super::{Invalidations, invalidations::Voiding};
use deriva_messages::{Fault, verify::Violation};
use deriva_model::FunctionId;
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

#[derive(Debug)]
struct Marked {
    violation: Violation,
    /// Until what was made through the function is gone.
    voiding: Option<Voiding>,
}

/// The node's marks. Bounded by the functions of its registry.
#[derive(Debug)]
pub struct Marks {
    invalidations: Arc<Invalidations>,
    marked: RwLock<BTreeMap<FunctionId, Marked>>,
    /// How many there are: an execution looks no further while there is none.
    count: AtomicUsize,
}

impl Marks {
    /// None yet. The invalidations are those of the node's value view.
    #[must_use]
    pub fn new(invalidations: Arc<Invalidations>) -> Self {
        Self {
            invalidations,
            marked: RwLock::default(),
            count: AtomicUsize::new(0),
        }
    }

    /// Marks a function. From here on it is refused and nothing cached is served, until
    /// [`Self::voided`].
    pub fn mark(&self, violation: Violation) {
        let voiding = Some(self.invalidations.void());
        self.put(violation, voiding);
    }

    /// The owner's, at the start: a mark whose voiding was finished.
    pub fn restore(&self, violation: Violation) {
        self.put(violation, None);
    }

    fn put(&self, violation: Violation, voiding: Option<Voiding>) {
        let mut marked = self.marked.write();
        let function = violation.function.clone();
        // Another voiding under way goes on as this one: two are no different from one.
        marked.insert(function, Marked { violation, voiding });
        self.count.store(marked.len(), Ordering::Release);
    }

    /// The owner's: everything made through the function before it was marked is gone.
    pub fn voided(&self, function: &FunctionId) {
        let voiding = self
            .marked
            .write()
            .get_mut(function)
            .map(|marked| marked.voiding.take());
        // Raises the floor of what is recorded: not under the lock of everybody who reads marks.
        drop(voiding);
    }

    /// The owner's: takes a mark away; whether it stood. One whose voiding is not finished stays.
    pub fn clear(&self, function: &FunctionId) -> bool {
        let mut marked = self.marked.write();
        if marked
            .get(function)
            .is_none_or(|marked| marked.voiding.is_some())
        {
            return false;
        }
        marked.remove(function);
        self.count.store(marked.len(), Ordering::Release);
        true
    }

    /// Why a function is refused, if it is.
    #[must_use]
    pub fn refusal(&self, function: &FunctionId) -> Option<Fault> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let marked = self.marked.read();
        let violation = Box::new(marked.get(function)?.violation.clone());
        Some(Fault::Nondeterministic { violation })
    }

    /// Those whose voiding is not finished.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Violation> {
        let marked = self.marked.read();
        let open = marked.values().filter(|marked| marked.voiding.is_some());
        open.map(|marked| marked.violation.clone()).collect()
    }

    /// All of them, by function.
    #[must_use]
    pub fn all(&self) -> Vec<Violation> {
        let marked = self.marked.read();
        marked
            .values()
            .map(|marked| marked.violation.clone())
            .collect()
    }
}

#[cfg(test)]
#[path = "marks_test.rs"]
mod marks_test;

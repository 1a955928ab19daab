//! What requests in flight use, and what a collection is about to remove: the two never overlap.
//!
//! It refuses to guess: what is being removed is waited for, and then looked up as what it is.

use crate::{AddressMap, AddressSet};
use deriva_model::CAddr;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct State {
    /// How many requests hold an address.
    held: AddressMap<CAddr, usize>,
    /// Addresses whose removal is being decided or written.
    dying: AddressSet<CAddr>,
}

/// The node's holds. Bounded by the requests in flight and by one collection's batch.
#[derive(Debug, Default)]
pub struct Holds {
    state: Mutex<State>,
    buried: Notify,
}

/// Addresses that are not removed while this lives, nor anything that they reach.
#[derive(Debug)]
pub struct Held {
    holds: Arc<Holds>,
    addresses: Vec<CAddr>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.holds.state.lock();
        for address in &self.addresses {
            if let Some(count) = state.held.get_mut(address) {
                *count -= 1;
                if *count == 0 {
                    state.held.remove(address);
                }
            }
        }
    }
}

impl Holds {
    /// Holds addresses, stored or not. Waits while one of them is being removed, which takes as
    /// long as one commit.
    pub async fn hold(self: &Arc<Self>, addresses: Vec<CAddr>) -> Held {
        loop {
            let buried = self.buried.notified();
            tokio::pin!(buried);
            // From here on no waking is missed.
            buried.as_mut().enable();
            if self.try_hold(&addresses) {
                let holds = self.clone();
                return Held { holds, addresses };
            }
            buried.await;
        }
    }

    fn try_hold(&self, addresses: &[CAddr]) -> bool {
        let mut state = self.state.lock();
        let is_dying = |address: &CAddr| state.dying.contains(address);
        if !state.dying.is_empty() && addresses.iter().any(is_dying) {
            return false;
        }
        state.held.reserve(addresses.len());
        for address in addresses {
            *state.held.entry(*address).or_default() += 1;
        }
        true
    }

    #[must_use]
    pub fn is_held(&self, address: &CAddr) -> bool {
        self.state.lock().held.contains_key(address)
    }

    /// The collection's, in the step that removes: whether nobody holds it. From now on whoever
    /// would waits until it is buried.
    #[must_use]
    pub fn condemn(&self, address: &CAddr) -> bool {
        let mut state = self.state.lock();
        if state.held.contains_key(address) {
            return false;
        }
        state.dying.insert(*address);
        true
    }

    /// The collection's: these removals are done, or will not be.
    pub fn bury(&self, addresses: &[CAddr]) {
        let mut state = self.state.lock();
        for address in addresses {
            state.dying.remove(address);
        }
        drop(state);
        self.buried.notify_waiters();
    }
}

#[cfg(test)]
#[path = "holds_test.rs"]
mod holds_test;

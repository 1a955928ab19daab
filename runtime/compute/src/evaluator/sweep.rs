//! How the board lets go: of flights that nobody needs any more, and of what they leave behind.
//!
//! Requests that come and go while functions run leave entries of dead flights in lists of living
//! ones. Lists are swept when the dead outnumber the living, so that a sweep costs less than what
//! filled them. It refuses to drop flights under the lock: values in temporary files go with them.

use super::{Board, Flight, FlightId, Ready, producers};
use deriva_system::AddressMap;
use std::cmp::Reverse;

/// Entries of dead flights that a list may hold beyond as many as it has living ones.
const DEAD_MAX: usize = 64;
/// Room for addresses that is kept when nothing is under way.
const KEPT_ADDRESSES: usize = 4096;

impl Board {
    /// Takes one consumer off each, and ends those that nobody needs any more, all the way down.
    pub(super) fn let_go(&mut self, mut freed: Vec<FlightId>) {
        while let Some(producer) = freed.pop() {
            if let Some(flight) = self.flights.get_mut(producer) {
                flight.interest = flight.interest.saturating_sub(1);
            }
            self.drop_if_unwanted(producer, &mut freed);
            self.sweep_consumers(producer);
        }
    }

    pub(super) fn drop_if_unwanted(&mut self, id: FlightId, freed: &mut Vec<FlightId>) {
        if self.is_wanted(id) {
            return;
        }
        if let Some(flight) = self.remove(id) {
            flight.cancel();
            freed.extend(producers(&flight));
            self.gone.push(flight);
        }
    }

    /// How many flights are ready, at most: some entries are of flights that are gone or running.
    pub(in crate::evaluator) fn ready_at_most(&self) -> usize {
        self.ready.len()
    }

    /// What ended since the last time, to be dropped outside the lock.
    pub(in crate::evaluator) fn take_gone(&mut self) -> Vec<Flight> {
        std::mem::take(&mut self.gone)
    }

    /// Whether nothing is under way and nobody waits.
    #[cfg(test)]
    pub(in crate::evaluator) fn is_empty(&self) -> bool {
        self.flights.len() == 0
            && self.by_address.is_empty()
            && self.by_request.is_empty()
            && self.gone.is_empty()
    }

    /// Positions that wait for a flight.
    #[cfg(test)]
    pub(in crate::evaluator) fn consumers(&self) -> usize {
        let flights = self.flights.iter();
        flights.map(|(_, flight)| flight.audience().consumers).sum()
    }

    /// Places of requests that wait for a flight.
    #[cfg(test)]
    pub(in crate::evaluator) fn waiting(&self) -> usize {
        let flights = self.flights.iter();
        flights.map(|(_, flight)| flight.waiters.len()).sum()
    }

    /// Addresses of flights that have ended go together, when the last one has or another graph comes:
    /// one by one each would be looked for where memory is slow.
    pub(super) fn sweep_addresses(&mut self) {
        let live = self.flights.len();
        if live == 0 && self.by_address.capacity() > KEPT_ADDRESSES {
            self.by_address = AddressMap::default();
        } else if live == 0 {
            self.by_address.clear();
        } else if self.by_address.len() > 2 * live + DEAD_MAX {
            self.by_address
                .retain(|_, flight| self.flights.contains(*flight));
        }
    }

    /// Requests that come and go while all workers are busy leave dead entries behind.
    pub(super) fn sweep_ready(&mut self) {
        if self.ready.len() <= 2 * self.flights.len() + DEAD_MAX {
            return;
        }
        let full = self
            .flights
            .iter()
            .filter(|(_, flight)| flight.open == 0 && flight.running.is_none());
        self.ready = full
            .map(|(id, flight)| Ready {
                rank: flight.rank,
                older: Reverse(id),
            })
            .collect();
    }

    /// Consumers that come and go while a flight runs leave dead entries behind.
    pub(super) fn sweep_consumers(&mut self, id: FlightId) {
        let Some(flight) = self.flights.get_mut(id) else {
            return;
        };
        if flight.consumers.len() <= 2 * flight.interest + DEAD_MAX {
            return;
        }
        let mut consumers = std::mem::take(&mut flight.consumers);
        consumers.retain(|(consumer, _)| self.flights.contains(*consumer));
        if let Some(flight) = self.flights.get_mut(id) {
            flight.consumers = consumers;
        }
    }
}

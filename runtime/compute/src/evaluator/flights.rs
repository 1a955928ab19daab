//! The flights by their numbers: a slab, for a graph may have millions, and each is looked at a few
//! times under one lock.
//!
//! It refuses to find a flight under the number of another that had its place before.

use super::flight::Flight;
use std::fmt;

/// Places that are kept when nothing is under way; more are given back.
const KEPT_PLACES: usize = 1 << 16;

/// A flight's number, which no other has, and its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::evaluator) struct FlightId {
    number: u64,
    place: u32,
}

impl fmt::Debug for FlightId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flight {}", self.number)
    }
}

#[derive(Debug, Default)]
pub(super) struct Flights {
    /// With the number of each flight.
    places: Vec<Option<(u64, Flight)>>,
    free: Vec<u32>,
    /// Flights begun so far.
    begun: u64,
}

impl Flights {
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Makes room for so many more, in one step.
    pub(super) fn reserve(&mut self, more: usize) {
        self.places.reserve(more.saturating_sub(self.free.len()));
    }

    pub(super) fn insert(&mut self, flight: Flight) -> FlightId {
        let number = self.begun;
        self.begun += 1;
        let entry = Some((number, flight));
        let place = match self.free.pop() {
            Some(place) => {
                if let Some(free) = self.places.get_mut(place as usize) {
                    *free = entry;
                }
                place
            }
            None => {
                self.places.push(entry);
                // The planner's limit stands far below the largest number that fits.
                u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
            }
        };
        FlightId { number, place }
    }

    pub(super) fn get(&self, id: FlightId) -> Option<&Flight> {
        match self.places.get(id.place as usize) {
            Some(Some((number, flight))) if *number == id.number => Some(flight),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: FlightId) -> Option<&mut Flight> {
        match self.places.get_mut(id.place as usize) {
            Some(Some((number, flight))) if *number == id.number => Some(flight),
            _ => None,
        }
    }

    pub(super) fn contains(&self, id: FlightId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn remove(&mut self, id: FlightId) -> Option<Flight> {
        self.get(id)?;
        let (_, flight) = self.places.get_mut(id.place as usize)?.take()?;
        self.free.push(id.place);
        if self.len() == 0 && self.places.capacity() > KEPT_PLACES {
            self.places = Vec::new();
            self.free = Vec::new();
        }
        Some(flight)
    }

    /// Everything under way, which is under way no more.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Flight> + use<> {
        self.free = Vec::new();
        let places = std::mem::take(&mut self.places);
        places.into_iter().flatten().map(|(_, flight)| flight)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (FlightId, &Flight)> {
        (0..).zip(&self.places).filter_map(|(place, entry)| {
            let (number, flight) = entry.as_ref()?;
            let number = *number;
            Some((FlightId { number, place }, flight))
        })
    }
}

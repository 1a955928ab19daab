//! The owner's half of the value view: what the `CacheActor` alone does with it.
//!
//! It refuses to count a use: looking after the values is none.

use super::{Produced, Resident, ValueView, beginning};
use deriva_model::{CAddr, CutoffKey, Record};
use std::sync::Arc;

impl ValueView {
    /// The owner's: takes a value out of memory, inside an invalidation or a cascade, which sees to
    /// it that nothing older comes in again. Gives the value that was there.
    pub fn unlink(&self, address: &CAddr) -> Option<Arc<Resident>> {
        self.remove(address)
    }

    /// What is in memory of recipes that only travel with requests: what each consumed is known from
    /// its record alone.
    #[must_use]
    pub fn travelling(&self) -> Vec<Arc<Record>> {
        let travelling = self.map.iter();
        let travelling = travelling.filter(|entry| !entry.value().is_durable());
        travelling
            .map(|entry| entry.value().record.clone())
            .collect()
    }

    /// The owner's: what arrived and is not booked yet, the oldest first, at most so many. The
    /// values are in the view, unless they went meanwhile.
    #[must_use]
    pub fn take_arrivals(&self, most: usize) -> Vec<Produced> {
        self.arrivals.take(most)
    }

    /// Whether what arrived and is not booked should be booked at once: half of its room is taken.
    #[must_use]
    pub fn is_pressed(&self) -> bool {
        self.arrivals.is_pressed()
    }

    /// How many values arrived that are not booked yet.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.arrivals.len()
    }

    /// The owner's.
    pub fn remove(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let (_, value) = self.map.remove(address)?;
        self.forget_cutoff(&value);
        Some(value)
    }

    /// The owner's: nanoseconds of the computation whose value has this cutoff key; 0 if none is in
    /// the map.
    #[must_use]
    pub fn cutoff_nanos(&self, key: &CutoffKey) -> u64 {
        let twin = self.cutoffs.get(&beginning(key));
        twin.filter(|twin| twin.cutoff == *key)
            .map_or(0, |twin| twin.recompute_nanos())
    }

    /// The owner's: from here on a value's cutoff key leads to it, whoever had it before.
    pub fn take_over_cutoff(&self, address: &CAddr) {
        // With the value's place locked: whoever takes it out afterwards finds the key.
        if let Some(there) = self.map.get(address) {
            self.cutoffs
                .insert(beginning(&there.cutoff), there.value().clone());
        }
    }

    /// The owner's: does something to a value while its place is locked, so that no other takes it
    /// meanwhile; nothing if none is there. It must not look into the view.
    pub fn while_there<T>(
        &self,
        address: &CAddr,
        act: impl FnOnce(&Arc<Resident>) -> T,
    ) -> Option<T> {
        self.map.get(address).map(|there| act(there.value()))
    }

    /// Bytes of a value in memory; counts no hit.
    #[must_use]
    pub fn size_of(&self, address: &CAddr) -> Option<u64> {
        let value = self.map.get(address)?;
        Some(value.bytes.len() as u64)
    }

    /// The owner's look without counting a hit.
    #[must_use]
    pub fn peek(&self, address: &CAddr) -> Option<Arc<Resident>> {
        self.map.get(address).map(|entry| entry.value().clone())
    }

    /// The owner's, after a restart: everything in memory, in no order.
    #[must_use]
    pub fn entries(&self) -> Vec<(CAddr, Arc<Resident>)> {
        self.map
            .iter()
            .map(|entry| (*entry.key(), entry.value().clone()))
            .collect()
    }
}

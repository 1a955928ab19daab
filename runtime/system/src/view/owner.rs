//! The owner's half of the value view: what the `CacheActor` alone does with it.
//!
//! It refuses to count a use: looking after the values is none.

use super::{Produced, Resident, ValueView};
use deriva_model::{CAddr, CutoffKey, Record};
use std::sync::Arc;

impl ValueView {
    /// The owner's: takes a value out of memory, inside an invalidation or a cascade, which sees to
    /// it that nothing older comes in again. Gives the value that was there.
    pub fn unlink(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let arrived = self.inbox.lock().take(address).map(|new| new.value);
        self.remove(address).or(arrived)
    }

    /// What is in memory of recipes that only travel with requests: what each consumed is known from
    /// its record alone.
    #[must_use]
    pub fn travelling(&self) -> Vec<Arc<Record>> {
        let settled = self.map.iter();
        let settled = settled.filter(|entry| !entry.value().is_durable());
        let mut records: Vec<_> = settled.map(|entry| entry.value().record.clone()).collect();
        let inbox = self.inbox.lock();
        let arrived = inbox.values.values().filter(|new| !new.value.is_durable());
        records.extend(arrived.map(|new| new.value.record.clone()));
        records
    }

    /// The owner's: what arrived, with nothing taken out of the inbox yet.
    #[must_use]
    pub fn landed(&self) -> Vec<Produced> {
        self.inbox.lock().values.values().cloned().collect()
    }

    /// The owner's: what it has dealt with leaves the inbox, and reports whether more has come.
    pub fn clear_landed(&self, dealt: &[Produced]) -> bool {
        let mut inbox = self.inbox.lock();
        for done in dealt {
            let same = inbox
                .values
                .get(&done.address)
                .is_some_and(|now| Arc::ptr_eq(&now.value, &done.value));
            if same {
                inbox.take(&done.address);
            }
        }
        !inbox.values.is_empty()
    }

    /// The owner's: empties the inbox and gives what it held.
    pub fn drain_inbox(&self) -> Vec<Produced> {
        let mut inbox = self.inbox.lock();
        inbox.weight = 0;
        inbox.cutoffs.clear();
        inbox.values.drain().map(|(_, produced)| produced).collect()
    }

    /// The owner's.
    pub fn insert(&self, address: CAddr, value: Arc<Resident>) {
        let cutoff = value.cutoff;
        let before = self.map.insert(address, value);
        // A value that came out otherwise than before leaves no cutoff entry behind.
        if let Some(before) = before.filter(|before| before.cutoff != cutoff) {
            self.cutoffs
                .remove_if(&before.cutoff, |_, holder| *holder == address);
        }
        self.cutoffs.insert(cutoff, address);
    }

    /// The owner's.
    pub fn remove(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let (_, value) = self.map.remove(address)?;
        self.cutoffs
            .remove_if(&value.cutoff, |_, holder| holder == address);
        Some(value)
    }

    /// The owner's: nanoseconds of the computation whose value has this cutoff key; 0 if none is in
    /// the map.
    #[must_use]
    pub fn cutoff_nanos(&self, key: &CutoffKey) -> u64 {
        let holder = self.cutoffs.get(key).map(|entry| *entry.value());
        let twin = holder.and_then(|address| self.peek(&address));
        twin.filter(|value| value.cutoff == *key)
            .map_or(0, |value| value.recompute_nanos())
    }

    /// Bytes of a value in memory, one that has just arrived included; counts no hit.
    #[must_use]
    pub fn size_of(&self, address: &CAddr) -> Option<u64> {
        let settled = || self.peek(address).map(|value| value.bytes.len() as u64);
        let arrived = || {
            let inbox = self.inbox.lock();
            let new = inbox.values.get(address);
            new.map(|new| new.value.bytes.len() as u64)
        };
        // The three looks of `get`.
        settled().or_else(arrived).or_else(settled)
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

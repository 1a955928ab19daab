//! Storage in memory that can also fail on command: tests and the simulation share it.
//!
//! It keeps what is synced apart from what is only written, so a test can cut the power.

use super::{Batch, Durability, Entry, Reading, Space, Storage, StorageFault};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

type Place = (Space, Vec<u8>);
type Map = BTreeMap<Place, Bytes>;

#[derive(Debug, Default)]
struct State {
    map: Map,
    /// Keys that the disk itself answers with an error, until they are written again.
    corrupt: BTreeSet<(Space, Vec<u8>)>,
    /// What stood under a key before each change that is not synced yet, oldest first.
    unsynced: Vec<(Place, Option<Bytes>)>,
    /// What the next writes answer instead of writing.
    failing: Option<StorageFault>,
    writes: u64,
    syncs: u64,
}

/// An ordered map of bytes; nothing of it outlives the process.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    state: Mutex<State>,
}

impl MemoryStorage {
    /// From now on writes answer this, until `heal`.
    pub fn fail_writes(&self, fault: StorageFault) {
        self.state.lock().failing = Some(fault);
    }

    pub fn heal(&self) {
        self.state.lock().failing = None;
    }

    /// Throws away what was not synced.
    pub fn cut_power(&self) {
        let mut state = self.state.lock();
        while let Some((key, before)) = state.unsynced.pop() {
            match before {
                Some(value) => state.map.insert(key, value),
                None => state.map.remove(&key),
            };
        }
    }

    /// Puts other bytes under a key, behind everybody's back.
    pub fn damage(&self, space: Space, key: &[u8], value: impl Into<Bytes>) {
        let mut state = self.state.lock();
        state.map.insert((space, key.to_vec()), value.into());
    }

    /// From now on reading the key is answered as damaged, until it is written again.
    pub fn corrupt(&self, space: Space, key: &[u8]) {
        self.state.lock().corrupt.insert((space, key.to_vec()));
    }

    /// How many batches were written, and how many of them synced.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.writes, state.syncs)
    }
}

impl Reading for MemoryStorage {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        let state = self.state.lock();
        let key = (space, key.to_vec());
        if state.corrupt.contains(&key) {
            return Err(StorageFault::Damaged {
                why: format!("a block of {} is corrupt", space.name()),
            });
        }
        Ok(state.map.get(&key).cloned())
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault> {
        let start = if from > prefix { from } else { prefix };
        Ok(self
            .state
            .lock()
            .map
            .range((space, start.to_vec())..)
            .take_while(|((at, key), _)| *at == space && key.starts_with(prefix))
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl Storage for MemoryStorage {
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StorageFault> {
        let mut state = self.state.lock();
        if let Some(fault) = &state.failing {
            return Err(fault.clone());
        }
        state.writes += 1;
        for (space, key, value) in batch.changes() {
            let key = (space, key.to_vec());
            let before = match value {
                Some(value) => state.map.insert(key.clone(), value.clone()),
                None => state.map.remove(&key),
            };
            state.corrupt.remove(&key);
            state.unsynced.push((key, before));
        }
        if durability == Durability::Synced {
            state.syncs += 1;
            state.unsynced.clear();
        }
        Ok(())
    }

    fn refuses_writes(&self) -> Option<StorageFault> {
        self.state.lock().failing.clone()
    }
}

#[cfg(test)]
#[path = "memory_test.rs"]
mod memory_test;

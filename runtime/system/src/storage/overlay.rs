//! What a step of the commit lane sees: the store with the changes of the steps before it.
//!
//! It refuses to write: a step's changes are applied here and travel to the store as one batch.

use super::{Batch, Entry, Reading, Space, StorageFault, Write};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Changes over a store that they have not reached yet.
pub struct Overlay<'store> {
    base: &'store dyn Reading,
    /// `None` is a deletion.
    changes: BTreeMap<(Space, Vec<u8>), Option<Bytes>>,
}

impl<'store> Overlay<'store> {
    #[must_use]
    pub fn new(base: &'store dyn Reading) -> Self {
        Self {
            base,
            changes: BTreeMap::new(),
        }
    }

    /// Whether it shows the store as it is.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    pub fn apply(&mut self, batch: &Batch) {
        for write in batch.writes() {
            match write {
                Write::Put { space, key, value } => self
                    .changes
                    .insert((*space, key.clone()), Some(value.clone())),
                Write::Delete { space, key } => self.changes.insert((*space, key.clone()), None),
            };
        }
    }
}

impl Reading for Overlay<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        match self.changes.get(&(space, key.to_vec())) {
            Some(change) => Ok(change.clone()),
            None => self.base.get(space, key),
        }
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault> {
        let start = if from > prefix { from } else { prefix };
        let changed: Vec<_> = self
            .changes
            .range((space, start.to_vec())..)
            .take_while(|((at, key), _)| *at == space && key.starts_with(prefix))
            .collect();
        // Each deletion here can hide one entry of the store, so that many more are asked for.
        let hidden = changed
            .iter()
            .filter(|(_, change)| change.is_none())
            .count();
        let base = self
            .base
            .scan(space, prefix, from, limit.saturating_add(hidden))?;
        let mut merged: BTreeMap<Vec<u8>, Bytes> = base.into_iter().collect();
        for ((_, key), change) in changed {
            match change {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        Ok(merged.into_iter().take(limit).collect())
    }
}

#[cfg(test)]
#[path = "overlay_test.rs"]
mod overlay_test;

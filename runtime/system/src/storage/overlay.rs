//! What a step of the commit lane sees: the store with the changes of the steps before it.
//!
//! It refuses to write: a step's changes are gathered here, taken over by its group, and travel to the
//! store as one batch. A key that was changed more than once travels once.

use super::{Batch, Entry, Reading, Space, StorageFault};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

/// Changes over a store that they have not reached yet. Whoever writes them meanwhile shares them.
pub struct Overlay<'below> {
    below: &'below dyn Reading,
    changes: Arc<Batch>,
}

impl<'below> Overlay<'below> {
    #[must_use]
    pub fn new(below: &'below dyn Reading) -> Self {
        Self::over(below, Arc::default())
    }

    /// Shows what is below as it is with these changes.
    #[must_use]
    pub const fn over(below: &'below dyn Reading, changes: Arc<Batch>) -> Self {
        Self { below, changes }
    }

    /// Whether it shows what is below as it is.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of keys and values, of every change that was made.
    #[must_use]
    pub fn size(&self) -> usize {
        self.changes.size()
    }

    /// Its own changes, to add to. Nobody shares them while it is added to, so nothing is copied.
    pub fn changes_mut(&mut self) -> &mut Batch {
        Arc::make_mut(&mut self.changes)
    }

    /// Lets go of what is below.
    #[must_use]
    pub fn into_changes(self) -> Batch {
        Arc::unwrap_or_clone(self.changes)
    }
}

impl Reading for Overlay<'_> {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        match self.changes.of(space).get(key) {
            Some(change) => Ok(change.clone()),
            None => self.below.get(space, key),
        }
    }

    fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>, StorageFault> {
        let changes = self.changes.of(space);
        if changes.is_empty() {
            return self.below.get_many(space, keys);
        }
        let mut found = vec![None; keys.len()];
        let mut open = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            match changes.get(key) {
                Some(change) => found[at] = change.clone(),
                None => open.push(at),
            }
        }
        let asked: Vec<Vec<u8>> = open.iter().map(|at| keys[*at].clone()).collect();
        let below = self.below.get_many(space, &asked)?;
        for (at, value) in open.into_iter().zip(below) {
            found[at] = value;
        }
        Ok(found)
    }

    /// Where nothing was changed under a prefix, what is below answers.
    fn first_under(
        &self,
        space: Space,
        prefixes: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageFault> {
        let changes = self.changes.of(space);
        let is_changed = |prefix: &Vec<u8>| {
            let from = (Bound::Included(prefix.as_slice()), Bound::Unbounded);
            let next = changes.range::<[u8], _>(from).next();
            next.is_some_and(|(key, _)| key.starts_with(prefix))
        };
        let mut found = vec![None; prefixes.len()];
        let (mut open, mut asked) = (Vec::new(), Vec::new());
        for (at, prefix) in prefixes.iter().enumerate() {
            if is_changed(prefix) {
                let entries = self.scan(space, prefix, prefix, 1)?;
                found[at] = entries.into_iter().next().map(|(key, _)| key);
            } else {
                open.push(at);
                asked.push(prefix.clone());
            }
        }
        let below = self.below.first_under(space, &asked)?;
        for (at, key) in open.into_iter().zip(below) {
            found[at] = key;
        }
        Ok(found)
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
            .of(space)
            .range::<[u8], _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .collect();
        // Each deletion here can hide one entry of the store, so that many more are asked for.
        let hidden = changed
            .iter()
            .filter(|(_, change)| change.is_none())
            .count();
        let below = self
            .below
            .scan(space, prefix, from, limit.saturating_add(hidden))?;
        if changed.is_empty() {
            return Ok(below);
        }
        let mut merged: BTreeMap<Vec<u8>, Bytes> = below.into_iter().collect();
        for (key, change) in changed {
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

//! What is written at once.

use super::Space;
use bytes::Bytes;
use std::collections::BTreeMap;

/// One space's changes by key; `None` is a deletion.
pub(super) type Keys = BTreeMap<Vec<u8>, Option<Bytes>>;

/// Changes that become visible together. A key that is changed again has its last change only, and
/// all are in the order of spaces and keys: what is written so finds its place sooner.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// One map a space, so that a look needs no key of its own.
    spaces: [Keys; Space::ALL.len()],
    /// Bytes of keys and values, of every change that was made.
    size: usize,
}

impl Batch {
    pub fn put(&mut self, space: Space, key: Vec<u8>, value: impl Into<Bytes>) {
        let value = value.into();
        self.size += key.len() + value.len();
        self.of_mut(space).insert(key, Some(value));
    }

    pub fn delete(&mut self, space: Space, key: Vec<u8>) {
        self.size += key.len();
        self.of_mut(space).insert(key, None);
    }

    /// Puts many keys at once, each there once: what comes sorted costs less than key by key.
    pub fn put_many(&mut self, space: Space, entries: Vec<(Vec<u8>, Bytes)>) {
        let sizes = entries.iter().map(|(key, value)| key.len() + value.len());
        self.size += sizes.sum::<usize>();
        let entries = entries.into_iter().map(|(key, value)| (key, Some(value)));
        take_over(self.of_mut(space), entries.collect());
    }

    /// Takes over changes that were made after these.
    pub fn absorb(&mut self, later: Self) {
        self.size += later.size;
        for (keys, more) in self.spaces.iter_mut().zip(later.spaces) {
            take_over(keys, more);
        }
    }

    /// Every change, by space and by key: what the key's value is from then on, none for a deletion.
    pub fn changes(&self) -> impl Iterator<Item = (Space, &[u8], Option<&Bytes>)> {
        let spaces = Space::ALL.into_iter().zip(&self.spaces);
        spaces.flat_map(|(space, keys)| {
            let keys = keys.iter();
            keys.map(move |(key, value)| (space, key.as_slice(), value.as_ref()))
        })
    }

    pub(super) fn of(&self, space: Space) -> &Keys {
        &self.spaces[space as usize]
    }

    fn of_mut(&mut self, space: Space) -> &mut Keys {
        &mut self.spaces[space as usize]
    }

    /// Bytes of keys and values, of every change that was made.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spaces.iter().all(Keys::is_empty)
    }
}

/// The later ones win. A few are put in one by one, which leaves the many as they are.
fn take_over(keys: &mut Keys, mut more: Keys) {
    /// Times as many keys as come, above which each finds its own place.
    const FEW: usize = 16;
    match keys.len() / FEW > more.len() {
        true => keys.extend(more),
        false => keys.append(&mut more),
    }
}

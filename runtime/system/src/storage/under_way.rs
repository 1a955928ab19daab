//! How work under way stands on disk, so that a start goes on with it: part of the layout, frozen
//! like the rest of it.

use super::{CASCADES_PREFIX, parse_number, split_number};
use deriva_messages::cache::CascadeRoot;
use deriva_model::{CAddr, Epoch};

/// What a collection under way writes down, so that one that was cut off is gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectionEntry {
    pub epoch: Epoch,
    /// Milliseconds.
    pub grace: u64,
    /// Objects that it may still remove.
    pub left: u64,
}

impl CollectionEntry {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let numbers = [self.epoch.number(), self.grace, self.left];
        numbers.map(u64::to_be_bytes).concat()
    }

    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = split_number(bytes)?;
        let (grace, rest) = split_number(rest)?;
        Some(Self {
            epoch: Epoch::new(epoch),
            grace,
            left: parse_number(rest)?,
        })
    }
}

/// A deferred cascade that was answered and is not done. Its root is enough: what depends on it is
/// found again, because nothing goes before what depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CascadeEntry {
    pub address: CAddr,
    pub root: CascadeRoot,
}

const SPARED: u8 = 0;
const INCLUDED: u8 = 1;

impl CascadeEntry {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let root = match self.root {
            CascadeRoot::Spared => SPARED,
            CascadeRoot::Included => INCLUDED,
        };
        [&[root][..], self.address.as_bytes()].concat()
    }

    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (root, address) = bytes.split_first()?;
        Some(Self {
            root: match *root {
                SPARED => CascadeRoot::Spared,
                INCLUDED => CascadeRoot::Included,
                _ => return None,
            },
            address: CAddr::try_from_slice(address).ok()?,
        })
    }
}

#[must_use]
pub fn cascade_key(number: u64) -> Vec<u8> {
    [CASCADES_PREFIX, &number.to_be_bytes()].concat()
}

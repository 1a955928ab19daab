//! Which values leave the disk: the least worth first, by the number that stands with each.
//!
//! It refuses to read: what a page of the order holds is handed in.

use super::{CacheConfig, worth::Inflation};

/// Bytes that a value costs on disk beside its own, so that empty ones are not free.
pub(in crate::cache) const OVERHEAD: u64 = 512;

/// Bytes that so many values take.
pub(in crate::cache) fn weight(values: u64, bytes: u64) -> u64 {
    values.saturating_mul(OVERHEAD).saturating_add(bytes)
}

/// What the cache holds on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) struct OnDisk {
    pub(in crate::cache) values: u64,
    pub(in crate::cache) bytes: u64,
}

/// A value whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Candidate {
    /// Bytes of the value; `None` stands for one that is gone already.
    pub(in crate::cache) size: Option<u64>,
    /// Its worth, as it stands on disk.
    pub(in crate::cache) worth: u64,
    /// What its merit is by now, if it is in memory and its uses are known.
    pub(in crate::cache) merit: Option<u64>,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Fate {
    Goes,
    /// It was used since it was weighed: its worth is this.
    Stays(u64),
}

impl OnDisk {
    /// Whether some have to go.
    pub(in crate::cache) fn is_over(self, config: &CacheConfig) -> bool {
        weight(self.values, self.bytes) > config.disk_bytes
    }

    /// The fates of the candidates, from the least worth on, until the rest is within bounds.
    /// `chances` bounds how many may stay, so that uses cannot keep the disk over its bound.
    pub(in crate::cache) fn judge(
        mut self,
        candidates: &[Candidate],
        config: &CacheConfig,
        inflation: &mut Inflation,
        chances: &mut usize,
    ) -> Vec<Fate> {
        let mut fates = Vec::new();
        for candidate in candidates {
            if !self.is_over(config) {
                break;
            }
            let fate = candidate.fate(*inflation, chances);
            if let (Fate::Goes, Some(size)) = (fate, candidate.size) {
                inflation.rise(candidate.worth, self.values);
                self.values = self.values.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(size);
            }
            fates.push(fate);
        }
        fates
    }
}

impl Candidate {
    fn fate(&self, inflation: Inflation, chances: &mut usize) -> Fate {
        let (Some(_), Some(merit)) = (self.size, self.merit) else {
            return Fate::Goes;
        };
        let worth = inflation.worth(merit);
        if worth <= self.worth || *chances == 0 {
            return Fate::Goes;
        }
        *chances -= 1;
        Fate::Stays(worth)
    }
}

#[cfg(test)]
#[path = "disk_test.rs"]
mod disk_test;

//! The liveness law: what a collection may throw away, as a pure predicate.
//!
//! It refuses to know clocks and stores: epochs and their starting times are given out by others,
//! in order, and reachability is worked out by whoever asks.

use std::fmt;

/// A number given out in order, with a starting time, by whoever rules the epochs. Touches carry one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of that number.
    pub const fn new(number: u64) -> Epoch {
        Epoch(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Two touches of one object, seen by two replicas: the later one holds.
    #[must_use]
    pub fn merge(self, other: Epoch) -> Epoch {
        self.max(other)
    }

    /// The epoch after this one, from whose start the age of what this one touched runs. The last
    /// number is its own successor: it never comes to that.
    #[must_use]
    pub const fn next(self) -> Epoch {
        Epoch(self.0.saturating_add(1))
    }

    fn before(self, epochs: u64) -> Option<Epoch> {
        self.0.checked_sub(epochs).map(Epoch)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why something is alive, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// It is a root, or a root reaches it through inputs and aliases.
    Reached,
    /// It is pinned, or a ref names it.
    Pinned,
    /// A request in flight uses it.
    InFlight,
    /// Nobody claims it.
    Nobody,
}

/// When an object was last touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Touched {
    /// The epoch of its last touch.
    pub epoch: Epoch,
    /// Milliseconds since the start of the epoch after that one; `None` while that has not begun.
    pub age_millis: Option<u64>,
}

/// One collection: it was asked for or configured, never decided by the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Collection {
    /// The epoch in which it runs, the second of the two that it opened.
    pub epoch: Epoch,
    /// Milliseconds that an unclaimed object is kept; 0 is no grace.
    pub grace_millis: u64,
}

/// A removal. It beats the touches that it may kill and no later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tombstone {
    /// The highest touch epoch that it may kill.
    pub kills_up_to: Epoch,
}

/// Why an object stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeepReason {
    /// Somebody claims it.
    Claimed(Claim),
    /// It was touched in the collection's epoch or the one before.
    TouchedLately,
    /// It is not older than the grace period.
    InGrace,
}

/// What a collection does with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It stays.
    Keep(KeepReason),
    /// It goes, under this tombstone.
    Remove(Tombstone),
}

impl Collection {
    /// Judges one object. A collection in epoch E removes only what nobody claims, was last touched
    /// before E−1, and is older than the grace period.
    pub fn judge(&self, claim: Claim, touched: Touched) -> Verdict {
        match claim {
            Claim::Nobody => {}
            Claim::Reached | Claim::Pinned | Claim::InFlight => {
                return Verdict::Keep(KeepReason::Claimed(claim));
            }
        }
        let Some(tombstone) = self.tombstone().filter(|stone| stone.kills(touched.epoch)) else {
            return Verdict::Keep(KeepReason::TouchedLately);
        };
        match touched.age_millis {
            Some(_) if self.grace_millis == 0 => Verdict::Remove(tombstone),
            Some(age) if age > self.grace_millis => Verdict::Remove(tombstone),
            Some(_) | None => Verdict::Keep(KeepReason::InGrace),
        }
    }

    /// The tombstone of its removals: kills up to E−2. `None` in the first two epochs.
    pub fn tombstone(&self) -> Option<Tombstone> {
        let kills_up_to = self.epoch.before(2)?;
        Some(Tombstone { kills_up_to })
    }
}

impl Tombstone {
    /// Whether an object with that last touch is dead under this tombstone.
    pub fn kills(&self, touch: Epoch) -> bool {
        touch <= self.kills_up_to
    }

    /// Two tombstones of one object: the one that kills more holds.
    #[must_use]
    pub fn merge(self, other: Tombstone) -> Tombstone {
        Tombstone {
            kills_up_to: self.kills_up_to.max(other.kills_up_to),
        }
    }

    /// The least epoch that a put which meets this tombstone must be stamped with.
    pub fn stamp_above(&self) -> Epoch {
        self.kills_up_to.next()
    }
}

#[cfg(test)]
#[path = "epoch_test.rs"]
mod epoch_test;

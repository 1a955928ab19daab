//! What a value is worth its place: the one number by which memory and disk rank what they hold.
//!
//! GreedyDual-Size-Frequency with the measured cost: worth = inflation + uses × cost / weight. The
//! inflation rises towards the worth of every victim, so what is not used again falls behind what
//! came later. It refuses floating point: the same history gives the same victims everywhere.

/// Binary digits behind the point of a worth, which is counted in nanoseconds a byte.
const FRACTION_BITS: u32 = 16;
/// A merit goes no higher, so that inflation has 4096 times as much room above it. Reaching the end
/// of the number's range would take centuries of computing: inflation rises by no more than the
/// cost of everything that was evicted, divided by the bytes of the cache.
const MERIT_MAX: u128 = 1 << 52;
/// Nanoseconds that every miss costs beside the function: the plan, the queue, the hash.
const MISS_NANOS: u64 = 10_000;
/// More uses than this count no more, so that what was popular once can be overtaken.
pub(super) const USES_COUNTED: u32 = 64;
/// What the worth of a value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appraisal {
    /// Nanoseconds that recomputing it takes.
    pub nanos: u64,
    /// Bytes of its place.
    pub weight: u64,
    /// How often it was asked for, the first time included.
    pub uses: u32,
}

impl Appraisal {
    /// Nanoseconds saved a byte held, in fixed point. Never more than 2^52.
    pub(super) fn merit(self) -> u64 {
        let uses = u128::from(self.uses.clamp(1, USES_COUNTED));
        let nanos = u128::from(self.nanos.saturating_add(MISS_NANOS));
        let merit = ((nanos * uses) << FRACTION_BITS) / u128::from(self.weight.max(1));
        u64::try_from(merit.min(MERIT_MAX)).unwrap_or(u64::MAX)
    }

    /// The same without digits behind the point, as it stands on disk. Never more than 2^36.
    pub(in crate::cache) fn whole_merit(self) -> u64 {
        self.merit() >> FRACTION_BITS
    }
}

/// What the worth of everything new starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) struct Inflation {
    level: u64,
    /// What the last division left over, so that no rise is lost however much is held.
    left: u128,
}

impl Inflation {
    pub(in crate::cache) const fn at(level: u64) -> Self {
        Self { level, left: 0 }
    }

    pub(in crate::cache) const fn level(self) -> u64 {
        self.level
    }

    /// The worth of what has this merit now.
    pub(in crate::cache) const fn worth(self, merit: u64) -> u64 {
        self.level.saturating_add(merit)
    }

    /// One of `held` values was evicted. The rule as published rises to the worth of the victim at
    /// once, and so forgets what was popular too fast; here it takes about as many victims as
    /// values are held.
    pub(in crate::cache) fn rise(&mut self, victim: u64, held: u64) {
        let held = u128::from(held.max(1));
        let all = self.left + u128::from(victim.saturating_sub(self.level));
        let step = u64::try_from(all / held).unwrap_or(u64::MAX);
        self.left = all % held;
        self.level = self.level.saturating_add(step);
    }
}

#[cfg(test)]
#[path = "worth_test.rs"]
mod worth_test;

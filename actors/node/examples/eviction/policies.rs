//! The policies, each as one value after the other is asked for.
//!
//! It refuses to favour any: all count the same bytes for a place, and a value that fits is taken in
//! before others go.

use super::traces::{Trace, Value};
use deriva_actors::cache::{Appraisal, CacheConfig, Ledger};
use deriva_model::CAddr;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What a replay came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) hits: u64,
    /// Nanoseconds that hits saved.
    pub(crate) saved: u128,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.saved += other.saved;
    }
}

/// A cache of values that are known by their number.
pub(crate) trait Policy {
    /// `capacity` in bytes, by weight.
    fn new(capacity: u64) -> Self;
    /// A value is asked for; whether it was there. It is afterwards, if the policy has it so.
    fn ask(&mut self, number: u32, value: &Value) -> bool;
}

pub(crate) fn replay(trace: &Trace, mut policy: impl Policy) -> Outcome {
    let mut outcome = Outcome::default();
    for (number, value) in trace.asked() {
        if policy.ask(number, value) {
            outcome.hits += 1;
            outcome.saved += u128::from(value.nanos);
        }
    }
    outcome
}

/// The policy of production, by its own code. The counters that values carry there are kept here.
pub(crate) struct Gdsf {
    ledger: Ledger,
    uses: HashMap<CAddr, u32>,
}

impl Policy for Gdsf {
    fn new(capacity: u64) -> Self {
        let config = CacheConfig {
            memory_bytes: capacity,
            memory_values: usize::MAX,
            disk_bytes: 0,
        };
        Self {
            ledger: Ledger::new(config),
            uses: HashMap::new(),
        }
    }

    fn ask(&mut self, number: u32, value: &Value) -> bool {
        let address = address(number);
        if let Some(uses) = self.uses.get_mut(&address) {
            *uses = uses.saturating_add(1);
            return true;
        }
        let appraisal = Appraisal {
            nanos: value.nanos,
            weight: value.weight(),
            uses: 1,
        };
        let (_, before) = self.ledger.admit(address, value.size, appraisal);
        self.uses.insert(address, 1 + before);
        let uses = &self.uses;
        let victims = self
            .ledger
            .evict(|address| uses.get(address).copied().unwrap_or(0));
        for victim in victims {
            self.uses.remove(&victim);
        }
        false
    }
}

/// Addresses are hashes, so numbers are spread over all bits.
fn address(number: u32) -> CAddr {
    let mut bytes = [0; CAddr::LEN];
    let spread = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for (place, byte) in bytes.iter_mut().zip(spread.to_be_bytes()) {
        *place = byte;
    }
    CAddr::from_bytes(bytes)
}

/// The value whose last use is the oldest goes.
pub(crate) struct Lru {
    capacity: u64,
    weight: u64,
    now: u64,
    held: HashMap<u32, (u64, u64)>,
    order: BTreeMap<u64, u32>,
}

impl Policy for Lru {
    fn new(capacity: u64) -> Self {
        Self {
            capacity,
            weight: 0,
            now: 0,
            held: HashMap::new(),
            order: BTreeMap::new(),
        }
    }

    fn ask(&mut self, number: u32, value: &Value) -> bool {
        self.now += 1;
        let before = self.held.insert(number, (self.now, value.weight()));
        self.order.insert(self.now, number);
        if let Some((last, _)) = before {
            self.order.remove(&last);
            return true;
        }
        self.weight += value.weight();
        while self.weight > self.capacity {
            let Some((_, victim)) = self.order.pop_first() else {
                break;
            };
            if let Some((_, weight)) = self.held.remove(&victim) {
                self.weight -= weight;
            }
        }
        false
    }
}

/// A hand goes from old to new and round again: what was visited since it last came is spared.
pub(crate) struct Sieve {
    capacity: u64,
    weight: u64,
    /// Whether it was visited, and its weight.
    held: HashMap<u32, (bool, u64)>,
    /// From the oldest to where the hand is: spared on this round. In order.
    passed: VecDeque<u32>,
    /// From the hand to the newest. In order.
    ahead: VecDeque<u32>,
}

impl Policy for Sieve {
    fn new(capacity: u64) -> Self {
        Self {
            capacity,
            weight: 0,
            held: HashMap::new(),
            passed: VecDeque::new(),
            ahead: VecDeque::new(),
        }
    }

    fn ask(&mut self, number: u32, value: &Value) -> bool {
        if let Some((visited, _)) = self.held.get_mut(&number) {
            *visited = true;
            return true;
        }
        // Room is made first: the newest is not looked at by the hand that makes it.
        while self.weight + value.weight() > self.capacity && !self.held.is_empty() {
            self.step();
        }
        self.held.insert(number, (false, value.weight()));
        self.ahead.push_back(number);
        self.weight += value.weight();
        false
    }
}

impl Sieve {
    fn step(&mut self) {
        let Some(number) = self.ahead.pop_front() else {
            self.ahead = std::mem::take(&mut self.passed);
            return;
        };
        match self.held.get_mut(&number) {
            Some((visited, _)) if *visited => {
                *visited = false;
                self.passed.push_back(number);
            }
            Some((_, weight)) => {
                self.weight -= *weight;
                self.held.remove(&number);
            }
            None => {}
        }
    }
}

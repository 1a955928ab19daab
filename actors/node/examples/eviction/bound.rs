//! What a policy could save that knows all requests beforehand.
//!
//! A hit is a stay: the value stays from one request for it to the next. It weighs its bytes in
//! every moment between, and saves its cost at the end. A policy is a choice of stays whose bytes
//! together never exceed the cache.

use super::traces::{Trace, Value};
use std::cmp::Ordering;

struct Stay {
    value: Value,
    from: usize,
    to: usize,
}

impl Stay {
    /// Bytes times requests.
    fn room(&self) -> u128 {
        u128::from(self.value.weight()) * (self.to - self.from) as u128
    }

    /// The one that saves more for its room is less, so that it comes first.
    fn before(&self, other: &Self) -> Ordering {
        let ours = u128::from(self.value.nanos) * other.room();
        let theirs = u128::from(other.value.nanos) * self.room();
        theirs.cmp(&ours)
    }
}

/// All stays, those that save most for their room first.
fn stays(trace: &Trace) -> Vec<Stay> {
    let mut last = vec![None; trace.values.len()];
    let mut stays = Vec::new();
    for (at, (number, value)) in trace.asked().enumerate() {
        let Some(place) = last.get_mut(number as usize) else {
            continue;
        };
        if let Some(from) = place.replace(at) {
            stays.push(Stay {
                value: *value,
                from,
                to: at,
            });
        }
    }
    stays.sort_by(Stay::before);
    stays
}

/// Nanoseconds that no policy can exceed.
///
/// Over the whole trace there is room for `capacity` bytes times all its requests, and the stays of
/// any policy fit into that. Filling it with the stays that save most for their room, and a part of
/// the first that does not fit, saves at least as much as any choice does (the fractional knapsack),
/// even one that no cache could hold in every moment.
pub(crate) fn bound(trace: &Trace, capacity: u64) -> u128 {
    let mut room = u128::from(capacity) * trace.requests.len() as u128;
    let mut saved = 0;
    for stay in stays(trace) {
        let nanos = u128::from(stay.value.nanos);
        if stay.room() > room {
            saved += (nanos * room).div_ceil(stay.room());
            break;
        }
        room -= stay.room();
        saved += nanos;
    }
    saved
}

/// Nanoseconds that a schedule saves which could really be kept to by whoever knows all requests:
/// the stays that save most for their room, each taken if it fits in every moment. The best policy
/// lies between this and `bound`.
pub(crate) fn schedule(trace: &Trace, capacity: u64) -> u128 {
    let mut occupied = Occupied::new(trace.requests.len());
    let mut saved = 0;
    for stay in stays(trace) {
        let weight = stay.value.weight();
        if occupied.most(stay.from, stay.to).saturating_add(weight) <= capacity {
            occupied.add(stay.from, stay.to, weight);
            saved += u128::from(stay.value.nanos);
        }
    }
    saved
}

/// Bytes taken in each moment, as a tree over the moments.
struct Occupied {
    leaves: usize,
    /// The most bytes in any moment below a node, without what stands in `whole` above it.
    most: Vec<u64>,
    /// Bytes taken in every moment below a node.
    whole: Vec<u64>,
}

impl Occupied {
    fn new(moments: usize) -> Self {
        let leaves = moments.next_power_of_two();
        Self {
            leaves,
            most: vec![0; 2 * leaves],
            whole: vec![0; 2 * leaves],
        }
    }

    fn most(&self, from: usize, to: usize) -> u64 {
        self.most_below(1, (0, self.leaves), (from, to))
    }

    fn add(&mut self, from: usize, to: usize, weight: u64) {
        self.add_below(1, (0, self.leaves), (from, to), weight);
    }

    fn most_below(&self, node: usize, (low, high): (usize, usize), asked: (usize, usize)) -> u64 {
        if asked.1 <= low || high <= asked.0 {
            return 0;
        }
        if asked.0 <= low && high <= asked.1 {
            return self.most[node];
        }
        let middle = low.midpoint(high);
        let left = self.most_below(2 * node, (low, middle), asked);
        let right = self.most_below(2 * node + 1, (middle, high), asked);
        self.whole[node] + left.max(right)
    }

    fn add_below(
        &mut self,
        node: usize,
        (low, high): (usize, usize),
        asked: (usize, usize),
        weight: u64,
    ) {
        if asked.1 <= low || high <= asked.0 {
            return;
        }
        if asked.0 <= low && high <= asked.1 {
            self.most[node] += weight;
            self.whole[node] += weight;
            return;
        }
        let middle = low.midpoint(high);
        self.add_below(2 * node, (low, middle), asked, weight);
        self.add_below(2 * node + 1, (middle, high), asked, weight);
        self.most[node] = self.whole[node] + self.most[2 * node].max(self.most[2 * node + 1]);
    }
}

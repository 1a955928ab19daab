//! What `csv_aggregate` knows of its groups: in memory as many as fit, the records of all others in
//! the order of their groups.

use std::collections::BTreeMap;

use crate::budget::Budget;
use crate::external::{Key, Order, Sorted, Sorter, Ties, cells};
use crate::function::FunctionError;

/// Scratch for a group in memory besides its key: tree node and tally.
const GROUP_SCRATCH: u64 = 200;
/// Groups take one part in so many of the scratch memory, then records one of what is left.
const MEMORY_PARTED: u64 = 2;
/// Bytes of a record's line and gain.
const GAIN_BYTES: usize = 17;

/// What a record adds to its group.
#[derive(Clone, Copy)]
pub(super) enum Gain {
    Nothing,
    One,
    Number(f64),
}

impl Gain {
    /// The gain of the record on `line`, as bytes.
    fn spell(self, line: u64) -> [u8; GAIN_BYTES] {
        let (kind, number) = match self {
            Self::Nothing => (0, 0.0),
            Self::One => (1, 0.0),
            Self::Number(number) => (2, number),
        };
        let mut bytes = [0; GAIN_BYTES];
        let all = line.to_be_bytes().into_iter();
        let all = all.chain([kind]).chain(number.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        bytes
    }

    fn read(bytes: &[u8]) -> (Self, u64) {
        let eight = |from: usize| -> [u8; 8] {
            let bytes = bytes.get(from..from + 8);
            bytes.and_then(|it| it.try_into().ok()).unwrap_or_default()
        };
        let line = u64::from_be_bytes(eight(0));
        let gain = match bytes.get(8) {
            Some(1) => Self::One,
            Some(2) => Self::Number(f64::from_be_bytes(eight(9))),
            _ => Self::Nothing,
        };
        (gain, line)
    }
}

/// Figures of a group so far.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) sum: f64,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

/// A group so far.
#[derive(Default)]
pub(super) struct Group {
    pub(super) tally: Tally,
    /// The line on which its sum first was no double any more.
    pub(super) overflow: Option<u64>,
}

impl Group {
    fn add(&mut self, gain: Gain, line: u64) {
        let tally = &mut self.tally;
        let number = match gain {
            Gain::Nothing => return,
            Gain::One => {
                tally.count += 1;
                return;
            }
            Gain::Number(number) => number,
        };
        tally.count += 1;
        tally.sum += number;
        // Only a smaller or larger one replaces, so of equal ones the first stays.
        tally.min = Some(tally.min.filter(|min| *min <= number).unwrap_or(number));
        tally.max = Some(tally.max.filter(|max| *max >= number).unwrap_or(number));
        if !tally.sum.is_finite() && self.overflow.is_none() {
            self.overflow = Some(line);
        }
    }
}

/// The cells of a group, and the group.
pub(super) type Found = (Vec<Vec<u8>>, Group);

/// All groups, by keys that stand in their order.
#[derive(Default)]
pub(super) struct Groups {
    held: BTreeMap<Vec<u8>, Group>,
    memory: Option<u64>,
    paid: u64,
    others: Option<Sorter>,
    given: Given,
}

/// How far the records in files have been read.
#[derive(Default)]
enum Given {
    #[default]
    NotYet,
    /// A record of the next group is at hand.
    Ahead(Box<Sorted>),
    Over,
}

impl Groups {
    /// Adds the gain of the record on `line`; gives its group if that is in memory.
    pub(super) fn add(
        &mut self,
        key: &[u8],
        gain: Gain,
        line: u64,
        budget: &mut Budget,
    ) -> Result<Option<&Group>, FunctionError> {
        let memory = *self
            .memory
            .get_or_insert_with(|| budget.scratch_left() / MEMORY_PARTED);
        if !self.held.contains_key(key) {
            let price = GROUP_SCRATCH + key.len() as u64;
            if self.others.is_some() || (!self.held.is_empty() && self.paid + price > memory) {
                let new = || Sorter::new(Order::Ascending, Ties::All, MEMORY_PARTED);
                let others = self.others.get_or_insert_with(new);
                others.push(key, &gain.spell(line), budget)?;
                return Ok(None);
            }
            budget.charge_scratch(price)?;
            self.paid += price;
            self.held.insert(key.to_vec(), Group::default());
        }
        let group = self.held.get_mut(key);
        Ok(group.map(|group| {
            group.add(gain, line);
            &*group
        }))
    }

    /// The next group in order, with its cells.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Result<Option<Found>, FunctionError> {
        if let Some(others) = self.others.take() {
            let mut sorted = Box::new(others.finish(budget)?);
            if sorted.advance(budget)? {
                self.given = Given::Ahead(sorted);
            }
        }
        let Given::Ahead(sorted) = &mut self.given else {
            let group = self.held.pop_first();
            return Ok(group.map(|(key, group)| (cells(&key), group)));
        };
        if let Some(first) = self.held.first_entry()
            && first.key().as_slice() < sorted.key()
        {
            let (key, group) = first.remove_entry();
            return Ok(Some((cells(&key), group)));
        }
        let mut key = Key::default();
        key.copy(sorted.key(), budget)?;
        let mut group = Group::default();
        let mut more = true;
        while more && sorted.key() == key.bytes() {
            let (gain, line) = Gain::read(sorted.payload());
            group.add(gain, line);
            more = sorted.advance(budget)?;
        }
        if !more {
            self.given = Given::Over;
        }
        let found = cells(key.bytes());
        key.release(budget);
        Ok(Some((found, group)))
    }
}

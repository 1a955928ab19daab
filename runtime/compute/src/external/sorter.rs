//! Sorts any number of records in bounded memory: full runs go to scratch files and are merged.
//!
//! Runs of one level lie in one file. When a level has as many as can be merged at once they become
//! one run of the next level, so there are few runs and files at any time, the files hold at most
//! twice what came in, and a record is rewritten once a level: the logarithm of the number of runs to
//! the base of how many are merged at once. The order is that of one stable sort of everything.

use std::cmp::Ordering;

use super::cursor::{Cursor, cursor_cost};
use super::merge::Merge;
use super::piece_bytes;
use super::run::Run;
use super::sorted::{Listed, Sorted};
use super::tape::{Stretch, Tape, Writer};
use crate::budget::Budget;
use crate::function::FunctionError;

/// Most runs merged at once: beyond, a merge gains little and its memory is better left to others.
const MAX_FAN_IN: usize = 64;
/// Fewest runs that a merge can do with, whatever they cost: the budget refuses what it cannot pay.
const MIN_FAN_IN: usize = 2;

/// Which way keys are sorted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

impl Order {
    pub(super) fn of(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// What becomes of records with equal keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ties {
    /// All stay, in the order they came.
    All,
    /// The first that came stays.
    First,
}

#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) order: Order,
    pub(super) ties: Ties,
}

/// A sorted run in a file.
pub(super) struct Part {
    level: usize,
    stretch: Stretch,
    longest: u64,
}

impl Part {
    pub(super) fn cursor(
        &self,
        piece: usize,
        budget: &mut Budget,
    ) -> Result<Cursor, FunctionError> {
        Cursor::open(self.stretch.clone(), piece, self.longest, budget)
    }
}

/// Takes records in, within its share of the scratch memory that is left at the first of them.
pub(crate) struct Sorter {
    rule: Rule,
    /// Its share is one part in so many.
    parted: u64,
    memory: Option<u64>,
    piece: usize,
    run: Run,
    /// The oldest first, so levels never rise.
    parts: Vec<Part>,
    /// The file of each level.
    tapes: Vec<Option<Tape>>,
}

impl Sorter {
    /// A sorter that takes one part in `parted` of what scratch memory is left.
    pub(crate) fn new(order: Order, ties: Ties, parted: u64) -> Self {
        Self {
            rule: Rule { order, ties },
            parted: parted.max(1),
            memory: None,
            piece: 0,
            run: Run::default(),
            parts: Vec::new(),
            tapes: Vec::new(),
        }
    }

    /// Takes a record.
    pub(crate) fn push(
        &mut self,
        key: &[u8],
        payload: &[u8],
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let memory = match self.memory {
            Some(memory) => memory,
            None => {
                let memory = budget.scratch_left() / self.parted;
                self.piece = piece_bytes(memory);
                *self.memory.insert(memory)
            }
        };
        budget.charge_steps(1)?;
        // One record alone may be longer than the share: the budget says whether it can be held.
        if self.run.len() > 0 && !self.run.fits(key, payload, self.piece, memory) {
            self.spill(budget)?;
            self.settle(memory, budget)?;
        }
        self.run.push(key, payload, self.piece, budget)
    }

    /// The records in order.
    pub(crate) fn finish(mut self, budget: &mut Budget) -> Result<Sorted, FunctionError> {
        if self.parts.is_empty() {
            self.run.sort(self.rule.order, budget)?;
            return Ok(Sorted::Memory(Listed::new(self.run, self.rule)));
        }
        if self.run.len() > 0 {
            self.spill(budget)?;
        }
        self.collapse(budget.scratch_left() / self.parted, budget)?;
        let merge = Merge::open(&self.parts, self.rule, self.piece, budget)?;
        Ok(Sorted::Merged(merge))
    }

    /// Writes the records in memory as a run of the lowest level.
    fn spill(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        self.run.sort(self.rule.order, budget)?;
        let run = std::mem::take(&mut self.run);
        let mut sorted = Sorted::Memory(Listed::new(run, self.rule));
        let part = self.write(&mut sorted, 0, budget)?;
        self.parts.push(part);
        sorted.release(budget);
        Ok(())
    }

    /// Merges the runs of each level that has its fill.
    fn settle(&mut self, memory: u64, budget: &mut Budget) -> Result<(), FunctionError> {
        let mut level = 0;
        loop {
            let of = |part: &Part| part.level == level;
            let from = self.parts.iter().position(of).unwrap_or(self.parts.len());
            let mates = self.parts.iter().skip(from).take_while(|part| of(part));
            let mates = mates.count();
            let one_more = self.fan_in(from, mates, memory) <= mates;
            if mates < MIN_FAN_IN || !one_more {
                return Ok(());
            }
            self.merge(from, mates, level + 1, budget)?;
            if let Some(tape) = self.tapes.get_mut(level) {
                *tape = None;
            }
            level += 1;
        }
    }

    /// How many runs as long in their records as the `count` from `from` can be merged at once.
    fn fan_in(&self, from: usize, count: usize, memory: u64) -> usize {
        let parts = self.parts.iter().skip(from).take(count);
        let longest = parts.map(|part| part.longest).max().unwrap_or(0);
        // Writing takes a piece, and so does the key that went before.
        let room = memory.saturating_sub(self.piece as u64 + longest);
        let fits = room / cursor_cost(self.piece, longest);
        usize::try_from(fits).map_or(MAX_FAN_IN, |fits| fits.clamp(MIN_FAN_IN, MAX_FAN_IN))
    }

    /// Merges the newest runs, which are the smallest, until all that are left can be merged at once.
    fn collapse(&mut self, memory: u64, budget: &mut Budget) -> Result<(), FunctionError> {
        loop {
            // Nothing is added to a file any more: each goes with the last of its runs.
            self.tapes.clear();
            let count = self.parts.len();
            let together = self.fan_in(0, count, memory);
            if count <= together {
                return Ok(());
            }
            let excess = count - together + 1;
            let mates = excess.clamp(MIN_FAN_IN, together);
            self.merge(count - mates, mates, 0, budget)?;
        }
    }

    /// Makes one run of `level` out of `count` runs.
    fn merge(
        &mut self,
        from: usize,
        count: usize,
        level: usize,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let parts: Vec<Part> = self.parts.splice(from..from + count, []).collect();
        let mut merged = Sorted::Merged(Merge::open(&parts, self.rule, self.piece, budget)?);
        let part = self.write(&mut merged, level, budget)?;
        merged.release(budget);
        self.parts.insert(from, part);
        Ok(())
    }

    fn write(
        &mut self,
        sorted: &mut Sorted,
        level: usize,
        budget: &mut Budget,
    ) -> Result<Part, FunctionError> {
        if self.tapes.len() <= level {
            self.tapes.resize_with(level + 1, || None);
        }
        let mut made = None;
        let slot = self.tapes.get_mut(level).unwrap_or(&mut made);
        let tape = match slot {
            Some(tape) => tape,
            None => slot.insert(Tape::new(budget)?),
        };
        let mut writer = Writer::open(tape, self.piece, budget)?;
        while sorted.advance(budget)? {
            writer.record(sorted.key(), sorted.payload(), tape, budget)?;
        }
        let (stretch, longest) = writer.seal(tape, budget)?;
        Ok(Part {
            level,
            stretch,
            longest,
        })
    }
}

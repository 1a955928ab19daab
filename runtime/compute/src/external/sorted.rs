//! Records in their order, from memory or from a merge, one at a time.

use super::merge::Merge;
use super::run::Run;
use super::sorter::{Rule, Sorter, Ties};
use crate::budget::Budget;
use crate::function::FunctionError;

/// Records in order, one at a time.
pub(crate) enum Sorted {
    /// All of them fitted into memory.
    Memory(Listed),
    Merged(Merge),
}

/// A sorted run in memory, being read.
pub(crate) struct Listed {
    run: Run,
    rule: Rule,
    /// The record after the one at hand.
    next: usize,
}

impl Listed {
    pub(super) fn new(run: Run, rule: Rule) -> Self {
        Self { run, rule, next: 0 }
    }

    /// The records themselves.
    pub(crate) fn into_run(self) -> Run {
        self.run
    }

    fn advance(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        budget.charge_steps(1)?;
        let key = self.at_hand().0;
        let mut next = self.next;
        while self.rule.ties == Ties::First
            && self.next > 0
            && next < self.run.len()
            && self.run.get(next).0 == key
        {
            budget.charge_read(key.len() as u64)?;
            next += 1;
        }
        self.next = next + 1;
        Ok(next < self.run.len())
    }

    fn at_hand(&self) -> (&[u8], &[u8]) {
        let at = self.next.checked_sub(1);
        at.map(|at| self.run.get(at)).unwrap_or_default()
    }
}

impl Sorted {
    /// Goes to the next record, the first at first; false after the last.
    pub(crate) fn advance(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        match self {
            Self::Memory(listed) => listed.advance(budget),
            Self::Merged(merge) => merge.advance(budget),
        }
    }

    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Memory(listed) => listed.at_hand().0,
            Self::Merged(merge) => merge.key(),
        }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        match self {
            Self::Memory(listed) => listed.at_hand().1,
            Self::Merged(merge) => merge.payload(),
        }
    }

    /// Lets go of everything.
    pub(crate) fn release(self, budget: &mut Budget) {
        match self {
            Self::Memory(mut listed) => listed.run.clear(budget),
            Self::Merged(merge) => merge.release(budget),
        }
    }
}

/// A key and a payload.
pub(crate) type Record<'a> = (&'a [u8], &'a [u8]);

/// A sort from its first record in to its last record out.
pub(crate) enum Sorting {
    Taking(Sorter),
    Giving(Sorted),
    Over,
}

impl Sorting {
    /// Takes a record; only before the first was asked for.
    pub(crate) fn push(
        &mut self,
        key: &[u8],
        payload: &[u8],
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        match self {
            Self::Taking(sorter) => sorter.push(key, payload, budget),
            Self::Giving(_) | Self::Over => Err(FunctionError::failed(
                "a sort was given more after its end; report this defect of the function",
            )),
        }
    }

    /// The next record in order, as its key and its payload.
    pub(crate) fn next(
        &mut self,
        budget: &mut Budget,
    ) -> Result<Option<Record<'_>>, FunctionError> {
        if matches!(self, Self::Taking(_))
            && let Self::Taking(sorter) = std::mem::replace(self, Self::Over)
        {
            *self = Self::Giving(sorter.finish(budget)?);
        }
        let Self::Giving(sorted) = self else {
            return Ok(None);
        };
        let more = sorted.advance(budget)?;
        Ok(more.then(|| (sorted.key(), sorted.payload())))
    }
}

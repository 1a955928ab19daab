//! Merges sorted runs: always the least of their first records, of equal ones that of the oldest run.

use super::cursor::Cursor;
use super::keys::Key;
use super::run::head;
use super::sorter::{Part, Rule, Ties};
use crate::budget::Budget;
use crate::function::FunctionError;

/// Sorted runs being merged.
pub(crate) struct Merge {
    rule: Rule,
    cursors: Vec<Entrant>,
    /// Positions of cursors that have a record, as a heap: the one that comes first is at the top.
    heap: Vec<usize>,
    /// Whether the record at the top was given out.
    given: Given,
    last: Key,
}

#[derive(PartialEq, Eq)]
enum Given {
    Nothing,
    Top,
}

struct Entrant {
    head: u64,
    cursor: Cursor,
}

impl Merge {
    pub(super) fn open(
        parts: &[Part],
        rule: Rule,
        piece: usize,
        budget: &mut Budget,
    ) -> Result<Self, FunctionError> {
        let mut merge = Self {
            rule,
            cursors: Vec::with_capacity(parts.len()),
            heap: Vec::with_capacity(parts.len()),
            given: Given::Nothing,
            last: Key::default(),
        };
        for part in parts {
            let mut cursor = part.cursor(piece, budget)?;
            if cursor.advance(budget)? {
                let head = head(cursor.key());
                merge.heap.push(merge.cursors.len());
                merge.cursors.push(Entrant { head, cursor });
            }
        }
        for at in (0..merge.heap.len() / 2).rev() {
            merge.sink(at, budget)?;
        }
        Ok(merge)
    }

    /// Goes to the next record; false after the last.
    pub(crate) fn advance(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        if self.given == Given::Top {
            self.step(budget)?;
            while self.rule.ties == Ties::First
                && !self.heap.is_empty()
                && self.key() == self.last.bytes()
            {
                budget.charge_read(self.last.bytes().len() as u64)?;
                self.step(budget)?;
            }
        }
        self.given = Given::Top;
        if self.rule.ties == Ties::First {
            let mut last = std::mem::take(&mut self.last);
            last.copy(self.key(), budget)?;
            self.last = last;
        }
        Ok(!self.heap.is_empty())
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.top().map(Cursor::key).unwrap_or_default()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.top().map(Cursor::payload).unwrap_or_default()
    }

    /// Lets go of everything.
    pub(super) fn release(self, budget: &mut Budget) {
        for entrant in self.cursors {
            entrant.cursor.release(budget);
        }
        self.last.release(budget);
    }

    fn top(&self) -> Option<&Cursor> {
        let entrant = self.cursors.get(*self.heap.first()?);
        entrant.map(|entrant| &entrant.cursor)
    }

    /// Takes the record at the top away.
    fn step(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let top = self.heap.first().copied();
        let Some(entrant) = top.and_then(|top| self.cursors.get_mut(top)) else {
            return Ok(());
        };
        if entrant.cursor.advance(budget)? {
            entrant.head = head(entrant.cursor.key());
        } else {
            self.heap.swap_remove(0);
        }
        self.sink(0, budget)
    }

    /// Lets what stands at `at` sink to its place.
    fn sink(&mut self, mut at: usize, budget: &mut Budget) -> Result<(), FunctionError> {
        loop {
            let mut first = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.before(child, first, budget)? {
                    first = child;
                }
            }
            if first == at {
                return Ok(());
            }
            self.heap.swap(at, first);
            at = first;
        }
    }

    fn before(&self, a: usize, b: usize, budget: &mut Budget) -> Result<bool, FunctionError> {
        let entrant = |at: usize| {
            let number = *self.heap.get(at)?;
            Some((number, self.cursors.get(number)?))
        };
        let (Some((a, left)), Some((b, right))) = (entrant(a), entrant(b)) else {
            return Ok(false);
        };
        budget.charge_steps(1)?;
        let mut order = left.head.cmp(&right.head);
        if order.is_eq() {
            let (left, right) = (left.cursor.key(), right.cursor.key());
            budget.charge_read(left.len().min(right.len()) as u64)?;
            order = left.cmp(right);
        }
        // Cursors stand in the order of their runs.
        Ok(self.rule.order.of(order).then(a.cmp(&b)).is_lt())
    }
}

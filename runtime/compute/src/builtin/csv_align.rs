//! How `csv_join` works where the right table is larger than memory.
//!
//! The left records are kept in their order, and their keys are sorted with their numbers. Both sides
//! are then gone through by key; every pair is a right record under the number of its left one, and
//! sorting those pairs stably by that number brings back the order of the result. So what lies in
//! scratch files is, at most, both tables and the right side of the result. Left records that share a
//! key may be many: their numbers are kept in a spool and read again for each right record.

use super::csv_join::{Left, Row, matched};
use super::flow::Outbox;
use crate::budget::Budget;
use crate::external::{Cursor, Key, Order, Reel, Sorted, Sorter, Spool, Ties};
use crate::function::FunctionError;

// Shares of the scratch memory that the right table's merge leaves, as one part in so many. Records
// of all three are held at once, and writing and merging need some besides.

/// Left records, as they begin a record of the result.
const TEXTS_PARTED: u64 = 8;
/// Left keys and, once those are sorted, pairs.
const SORTS_PARTED: u64 = 4;
/// Numbers of left records with one key.
const NUMBERS_PARTED: u64 = 16;

/// Left records in their order, and right ones under the numbers of those they belong to.
pub(super) struct Aligned {
    left: Cursor,
    /// The number of the left record at hand, and what it still waits for.
    number: u64,
    state: State,
    pairs: Sorted,
    /// Keeps what the cursor reads.
    _texts: Reel,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next left record has to be fetched.
    Fetch,
    Unmatched,
    Matched,
}

/// Reads the left table and finds all pairs.
pub(super) fn align(
    mut left: Left,
    mut right: Sorted,
    row: Row,
    budget: &mut Budget,
) -> Result<Aligned, FunctionError> {
    let mut texts = Spool::new(TEXTS_PARTED);
    let mut keys = Sorter::new(Order::Ascending, Ties::All, SORTS_PARTED);
    let mut number = 0u64;
    while left.advance(row, budget)? {
        texts.record(left.text(), budget)?;
        keys.push(left.key(), &number.to_be_bytes(), budget)?;
        number += 1;
    }
    left.release(budget);
    let mut keys = keys.finish(budget)?;
    let mut pairs = Sorter::new(Order::Ascending, Ties::All, SORTS_PARTED);
    pair(&mut keys, &mut right, &mut pairs, budget)?;
    keys.release(budget);
    right.release(budget);
    let texts = texts.seal(budget)?;
    let mut pairs = pairs.finish(budget)?;
    pairs.advance(budget)?;
    Ok(Aligned {
        left: texts.cursor(budget)?,
        number: 0,
        state: State::Fetch,
        pairs,
        _texts: texts,
    })
}

/// Puts every right record under the number of every left one with its key.
fn pair(
    left: &mut Sorted,
    right: &mut Sorted,
    pairs: &mut Sorter,
    budget: &mut Budget,
) -> Result<(), FunctionError> {
    let mut promised = 0u64;
    let mut more = left.advance(budget)?;
    let mut key = Key::default();
    let mut numbers: Option<Reel> = None;
    while right.advance(budget)? {
        if numbers.is_none() || right.key() != key.bytes() {
            if let Some(numbers) = numbers.take() {
                numbers.release(budget);
            }
            key.copy(right.key(), budget)?;
            while more && left.key() < key.bytes() {
                more = left.advance(budget)?;
            }
            let mut same = Spool::new(NUMBERS_PARTED);
            while more && left.key() == key.bytes() {
                same.record(left.payload(), budget)?;
                more = left.advance(budget)?;
            }
            numbers = Some(same.seal(budget)?);
        }
        let Some(numbers) = &numbers else { continue };
        let mut cursor = numbers.cursor(budget)?;
        while cursor.advance(budget)? {
            // What every record of the result has at least: no files are filled for a result that
            // will be refused.
            promised += right.payload().len() as u64 + 1;
            if promised > budget.output_left() {
                budget.charge_output(promised)?;
            }
            pairs.push(cursor.payload(), right.payload(), budget)?;
        }
    }
    if let Some(numbers) = numbers {
        numbers.release(budget);
    }
    key.release(budget);
    Ok(())
}

impl Aligned {
    /// Writes a record, or goes to the next left one; false at the end.
    pub(super) fn step(
        &mut self,
        row: Row,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<bool, FunctionError> {
        if self.state == State::Fetch {
            self.state = State::Unmatched;
            return self.left.advance(budget);
        }
        // Numbers of pairs rise, and each is that of a left record. The end has no key.
        if self.pairs.key() == self.number.to_be_bytes() {
            matched(self.left.payload(), self.pairs.payload(), out, budget)?;
            self.pairs.advance(budget)?;
            self.state = State::Matched;
            return Ok(true);
        }
        if self.state == State::Unmatched {
            row.unmatched(self.left.payload(), out, budget)?;
        }
        self.number += 1;
        self.state = State::Fetch;
        Ok(true)
    }
}

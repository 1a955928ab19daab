//! `median`: the middle of the numbers on the lines of the input, without sorting them.
//!
//! The numbers are kept, in memory or in a scratch file, and the middle one is found byte by byte
//! from the top: a pass counts how many numbers share what is known of it and go on with each of the
//! 256 bytes. Eight passes find one number, whatever their count; one more finds its successor.

use super::flow::{Flow, LineWork, Outbox};
use super::number;
use super::statistics::{no_number, read};
use crate::budget::Budget;
use crate::external::{Reel, Spool, ordered, unordered};
use crate::function::FunctionError;

/// Bits that a pass settles.
const DIGIT_BITS: u32 = 8;
/// What a digit can be.
const DIGITS: usize = 1 << DIGIT_BITS;
/// Half of the scratch memory holds numbers, and the rest a piece of them.
const MEMORY_PARTED: u64 = 2;

pub(super) struct Median {
    line: u64,
    count: u64,
    numbers: Option<Spool>,
}

impl Median {
    pub(super) fn new() -> Self {
        Self {
            line: 0,
            count: 0,
            numbers: Some(Spool::new(MEMORY_PARTED)),
        }
    }
}

impl LineWork for Median {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.line += 1;
        if let Some(number) = read(line, self.line)?
            && let Some(numbers) = &mut self.numbers
        {
            self.count += 1;
            numbers.push(&ordered(number).to_be_bytes(), budget)?;
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let Some(numbers) = self.numbers.take() else {
            return Ok(Flow::Done);
        };
        if self.count == 0 {
            return Err(no_number());
        }
        let numbers = numbers.seal(budget)?;
        budget.charge_scratch(numbers.piece_bytes())?;
        let half = self.count / 2;
        let result = if self.count % 2 == 1 {
            unordered(nth(&numbers, half, budget)?)
        } else {
            let below = nth(&numbers, half - 1, budget)?;
            let above = successor(&numbers, below, half, budget)?;
            // Halved first, so that two great numbers have a mean; halves are exact but for the tiniest.
            unordered(below) / 2.0 + unordered(above) / 2.0
        };
        numbers.release(budget);
        out.push(number::format(result).as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

/// The number at that place, counted from 0, were they sorted.
fn nth(numbers: &Reel, place: u64, budget: &mut Budget) -> Result<u64, FunctionError> {
    let mut place = place;
    let mut known = 0u64;
    let mut left = u64::BITS;
    while left > 0 {
        left -= DIGIT_BITS;
        let above = left + DIGIT_BITS;
        let mut counts = [0u64; DIGITS];
        for_each(numbers, budget, |number| {
            if number.checked_shr(above).unwrap_or(0) == known {
                let digit = (number >> left) as usize % DIGITS;
                if let Some(count) = counts.get_mut(digit) {
                    *count += 1;
                }
            }
        })?;
        let mut digit = 0u64;
        for count in counts {
            if place < count {
                break;
            }
            place -= count;
            digit += 1;
        }
        known = known << DIGIT_BITS | digit;
    }
    Ok(known)
}

/// The number at that place, where `before` stands in the place before it.
fn successor(
    numbers: &Reel,
    before: u64,
    place: u64,
    budget: &mut Budget,
) -> Result<u64, FunctionError> {
    let (mut up_to, mut next) = (0u64, u64::MAX);
    for_each(numbers, budget, |number| {
        if number <= before {
            up_to += 1;
        } else {
            next = next.min(number);
        }
    })?;
    Ok(if up_to > place { before } else { next })
}

fn for_each(
    numbers: &Reel,
    budget: &mut Budget,
    mut what: impl FnMut(u64),
) -> Result<(), FunctionError> {
    for at in 0..numbers.pieces() {
        let piece = numbers.piece(at, budget)?.unwrap_or_default();
        budget.charge_steps(piece.len() as u64 / 8)?;
        for bytes in piece.as_chunks::<8>().0 {
            what(u64::from_be_bytes(*bytes));
        }
    }
    Ok(())
}

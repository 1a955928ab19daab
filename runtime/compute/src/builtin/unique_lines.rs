//! `unique_lines`: of equal lines the first, in the order they came.
//!
//! A line ends at `\n`; a `\r` before it belongs to the line. Two lines with one BLAKE3 are one line,
//! as everywhere here. Lines are given out as they come while their hashes fit into memory. From then
//! on a line that is not among those is new for all that is known: it is put aside with its number,
//! sorted by its hash to find the first of each kind, and those by their numbers. All of them come
//! after all that was given out before.

use std::collections::BTreeSet;

use super::card::{card, cost};
use super::flow::{Flow, Held, LineWork, Outbox, Streamed, by_line};
use super::lines::push_line;
use crate::budget::Budget;
use crate::external::{Order, Sorter, Sorting, Ties};
use crate::function::{Arity, FunctionError};

/// Scratch for a line seen: its hash and its place in a tree.
const SEEN_BYTES: u64 = 64;
/// Hashes take one part in so many of the scratch memory, then lines one of what is left.
const MEMORY_PARTED: u64 = 2;

pub(super) fn unique_lines() -> Streamed {
    let spec = card(
        "unique_lines",
        "Keeps of equal lines the first, in the order they came; `sort_lines` with unique=true sorts \
         them too. Every line of the result ends in a newline.",
        Arity::exactly(&["lines"]),
        cost(500, 20_000),
    );
    Streamed::new(spec, |inputs, _| by_line(inputs, Unique::default()))
}

#[derive(Default)]
struct Unique {
    seen: BTreeSet<[u8; 32]>,
    most: Option<u64>,
    lines: u64,
    numbered: Held,
    /// Lines put aside, by their hashes.
    aside: Option<Sorting>,
    /// The first of each kind, by their numbers.
    firsts: Option<Sorting>,
}

fn sorting(ties: Ties) -> Sorting {
    Sorting::Taking(Sorter::new(Order::Ascending, ties, MEMORY_PARTED))
}

impl Unique {
    fn put_aside(
        &mut self,
        hash: &[u8; 32],
        line: &[u8],
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.numbered.bytes.clear();
        self.numbered.push(&self.lines.to_be_bytes(), budget)?;
        self.numbered.push(line, budget)?;
        let aside = self.aside.get_or_insert_with(|| sorting(Ties::First));
        aside.push(hash, &self.numbered.bytes, budget)
    }

    /// Finds the first of each kind among what was put aside.
    fn sort_out(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let Some(mut aside) = self.aside.take() else {
            return Ok(());
        };
        let seen = std::mem::take(&mut self.seen).len() as u64;
        budget.release_scratch(seen * SEEN_BYTES);
        let firsts = self.firsts.insert(sorting(Ties::All));
        while let Some((_, numbered)) = aside.next(budget)? {
            let (number, line) = numbered.split_at(size_of::<u64>().min(numbered.len()));
            firsts.push(number, line, budget)?;
        }
        Ok(())
    }
}

impl LineWork for Unique {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let most = *self
            .most
            .get_or_insert_with(|| budget.scratch_left() / MEMORY_PARTED / SEEN_BYTES);
        let hash = *blake3::hash(line).as_bytes();
        self.lines += 1;
        if self.seen.contains(&hash) {
            return Ok(Flow::More);
        }
        if self.aside.is_some() || self.seen.len() as u64 >= most.max(1) {
            self.put_aside(&hash, line, budget)?;
            return Ok(Flow::More);
        }
        budget.charge_scratch(SEEN_BYTES)?;
        self.seen.insert(hash);
        push_line(line, out, budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.sort_out(budget)?;
        let Some(firsts) = &mut self.firsts else {
            return Ok(Flow::Done);
        };
        while !out.full() {
            let Some((_, line)) = firsts.next(budget)? else {
                return Ok(Flow::Done);
            };
            push_line(line, out, budget)?;
        }
        Ok(Flow::More)
    }
}

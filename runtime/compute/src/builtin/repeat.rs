//! `repeat`: the input many times over. The input is held once, as scratch, and the whole result is
//! charged before its first byte is given.

use bytes::Bytes;

use super::card::{card, cost, param};
use super::cut_bytes::length;
use super::flow::{Held, Opened, Streamed, only};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::streaming::{PIECE_BYTES, Pieces};

/// Most repetitions: beyond it the loop, not the bytes, would be the cost.
const MAX_COUNT: i64 = 1_000_000;

pub(super) fn repeat() -> Streamed {
    let count = ParamKind::I64 {
        min: 0,
        max: MAX_COUNT,
    };
    let spec = card(
        "repeat",
        "Gives its input `count` times, one after the other; 0 times is the empty value.",
        Arity::exactly(&["data"]),
        cost(300, 1_000),
    )
    .with(param("count", count, Presence::Required, "How many times."))
    .example("-i ADDR -p count=3");
    Streamed::new(spec, |inputs, params| -> Opened {
        Ok(Box::new(Repeat {
            input: Some(only(inputs)?),
            data: Bytes::new(),
            left: length(params, "count")?,
            rest: Bytes::new(),
        }))
    })
}

struct Repeat {
    input: Option<Box<dyn Pieces>>,
    data: Bytes,
    /// Repetitions not begun.
    left: u64,
    /// What is left of the one that was.
    rest: Bytes,
}

impl Repeat {
    /// Takes the whole input in. Many copies of a short one stand side by side, so that a piece does
    /// not cost a call for each byte.
    fn gather(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let Some(mut input) = self.input.take() else {
            return Ok(());
        };
        let mut held = Held::default();
        while let Some(piece) = input.next(budget)? {
            budget.charge_read(piece.len() as u64)?;
            held.push(&piece, budget)?;
        }
        if held.bytes.is_empty() {
            self.left = 0;
            return Ok(());
        }
        budget.charge_output(self.left.saturating_mul(held.bytes.len() as u64))?;
        self.data = Bytes::from(held.bytes);
        Ok(())
    }
}

impl Pieces for Repeat {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.gather(budget)?;
        if self.data.len() < PIECE_BYTES && self.left > 0 {
            let room = PIECE_BYTES / self.data.len().max(1);
            let times = usize::try_from(self.left)
                .map_or(room, |left| left.min(room))
                .max(1);
            self.left -= times as u64;
            budget.charge_read((times * self.data.len()) as u64)?;
            return Ok(Some(Bytes::from(self.data.repeat(times))));
        }
        if self.rest.is_empty() && self.left > 0 {
            self.left -= 1;
            self.rest = self.data.clone();
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        budget.charge_read(piece.len() as u64)?;
        Ok((!piece.is_empty()).then_some(piece))
    }
}

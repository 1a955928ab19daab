//! `repeat`: the input many times over. The input is kept once, in memory or in a scratch file, and
//! the whole result is charged before its first byte is given.

use bytes::Bytes;

use super::card::{card, cost, param};
use super::cut_bytes::length;
use super::flow::{Opened, Streamed, only};
use crate::budget::Budget;
use crate::external::{Reel, Spool};
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::streaming::{PIECE_BYTES, Pieces};

/// Most repetitions: beyond it the loop, not the bytes, would be the cost.
const MAX_COUNT: i64 = 1_000_000;
/// Half of the scratch memory holds the input before a file does.
const MEMORY_PARTED: u64 = 2;

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
            data: None,
            left: length(params, "count")?,
            next: 0,
        }))
    })
}

struct Repeat {
    input: Option<Box<dyn Pieces>>,
    data: Option<Data>,
    /// Repetitions not ended.
    left: u64,
    /// The next piece of the one that goes on.
    next: u64,
}

/// What is repeated.
enum Data {
    /// Less than a piece. Many copies stand side by side, so that a piece does not cost a call for
    /// each byte.
    Short(Bytes),
    Long(Reel),
}

impl Repeat {
    /// Takes the whole input in: what does not fit into memory lies in a scratch file meanwhile.
    fn gather(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let Some(mut input) = self.input.take() else {
            return Ok(());
        };
        let mut spool = Spool::new(MEMORY_PARTED);
        while let Some(piece) = input.next(budget)? {
            budget.charge_read(piece.len() as u64)?;
            spool.push(&piece, budget)?;
        }
        let bytes = spool.bytes();
        budget.charge_output(self.left.saturating_mul(bytes))?;
        let reel = spool.seal(budget)?;
        budget.charge_scratch(reel.piece_bytes())?;
        self.data = match reel.piece(0, budget)? {
            Some(only) if reel.pieces() == 1 => Some(Data::Short(only)),
            Some(_) => Some(Data::Long(reel)),
            None => None,
        };
        Ok(())
    }
}

impl Pieces for Repeat {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.gather(budget)?;
        let Some(data) = self.data.as_ref().filter(|_| self.left > 0) else {
            return Ok(None);
        };
        let piece = match data {
            Data::Short(data) => {
                let room = PIECE_BYTES / data.len().max(1);
                let times = usize::try_from(self.left)
                    .map_or(room, |left| left.min(room))
                    .max(1);
                self.left -= times as u64;
                Bytes::from(data.repeat(times))
            }
            Data::Long(reel) => {
                let piece = reel.piece(self.next, budget)?.unwrap_or_default();
                self.next += 1;
                if self.next == reel.pieces() {
                    self.next = 0;
                    self.left -= 1;
                }
                piece
            }
        };
        budget.charge_read(piece.len() as u64)?;
        Ok(Some(piece))
    }
}

//! `reverse`: the input back to front, by bytes, by Unicode scalars or by lines.
//!
//! Scalars are not what a reader calls letters: a letter and the accent that follows it change places.
//! The input is kept, in memory or in a scratch file, and its pieces are read from the last.

use bytes::Bytes;

use super::card::{card, cost, default, word};
use super::flow::{Opened, Outbox, Streamed, only};
use super::utf8::Utf8;
use crate::budget::Budget;
use crate::external::{Reel, Spool};
use crate::function::{Arity, FunctionError};
use crate::streaming::Pieces;

/// Half of the scratch memory holds the input before a file does; the rest is for a long line.
const MEMORY_PARTED: u64 = 2;

pub(super) fn reverse() -> Streamed {
    let spec = card(
        "reverse",
        "Gives its input back to front. With unit=lines every line of the result ends in a \
         newline, the last one too; with unit=chars the input must be UTF-8.",
        Arity::exactly(&["data"]),
        cost(300, 1_000),
    )
    .with(word(
        "unit",
        &["bytes", "chars", "lines"],
        default("bytes"),
        "What changes places: bytes, Unicode scalars, or lines.",
    ))
    .example("-i ADDR -p unit=lines");
    Streamed::new(spec, |inputs, params| -> Opened {
        let unit = match params.string("unit")? {
            "chars" => Unit::Chars(Bytes::new()),
            "lines" => Unit::Lines(Vec::new()),
            _ => Unit::Bytes,
        };
        Ok(Box::new(Reverse {
            input: Some(only(inputs)?),
            unit,
            kept: None,
            left: 0,
            rest: Bytes::new(),
            out: Outbox::default(),
        }))
    })
}

/// What changes places, with what is held of the pieces behind the one at work.
enum Unit {
    Bytes,
    /// The end of a character that begins in the piece before.
    Chars(Bytes),
    /// Parts of a line that begins in a piece before, the last part first.
    Lines(Vec<Bytes>),
}

struct Reverse {
    input: Option<Box<dyn Pieces>>,
    unit: Unit,
    kept: Option<Reel>,
    /// Pieces not taken up.
    left: u64,
    /// What is left of the one at work.
    rest: Bytes,
    out: Outbox,
}

impl Reverse {
    fn gather(&mut self, budget: &mut Budget) -> Result<(), FunctionError> {
        let Some(mut input) = self.input.take() else {
            return Ok(());
        };
        let mut utf8 = Utf8::default();
        let mut spool = Spool::new(MEMORY_PARTED);
        let mut ended = false;
        while let Some(piece) = input.next(budget)? {
            budget.charge_read(piece.len() as u64)?;
            if matches!(self.unit, Unit::Chars(_)) {
                utf8.feed(&piece, |_text| Ok(()))?;
            }
            ended = piece.ends_with(b"\n");
            spool.push(&piece, budget)?;
        }
        utf8.finish()?;
        if matches!(self.unit, Unit::Lines(_)) && spool.bytes() > 0 && !ended {
            spool.push(b"\n", budget)?;
        }
        let kept = spool.seal(budget)?;
        budget.charge_scratch(kept.piece_bytes())?;
        self.left = kept.pieces();
        self.kept = Some(kept);
        self.load(budget)?;
        if matches!(self.unit, Unit::Lines(_)) {
            // The last newline ends the last line and begins no other.
            self.rest.truncate(self.rest.len().saturating_sub(1));
        }
        Ok(())
    }

    /// Takes up the piece before; false before the first.
    fn load(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        self.rest = Bytes::new();
        let Some(kept) = self.kept.as_ref().filter(|_| self.left > 0) else {
            return Ok(false);
        };
        self.left -= 1;
        self.rest = kept.piece(self.left, budget)?.unwrap_or_default();
        Ok(true)
    }

    /// Writes some of what is left; false at the end.
    fn step(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        match &mut self.unit {
            Unit::Bytes => {
                let mut bytes = self.rest.to_vec();
                bytes.reverse();
                self.out.push(&bytes, budget)?;
                self.load(budget)
            }
            Unit::Chars(end) => {
                let text = [self.rest.as_ref(), end.as_ref()].concat();
                let inside = |byte: &u8| byte & 0xc0 == 0x80;
                let from = text.iter().take_while(|byte| inside(byte)).count();
                let (cut, whole) = text.split_at(from);
                // Checked when it came, so the fallback is never taken.
                let whole = std::str::from_utf8(whole).unwrap_or_default();
                budget.charge_steps(whole.len() as u64)?;
                let reversed: String = whole.chars().rev().collect();
                self.out.push(reversed.as_bytes(), budget)?;
                *end = Bytes::copy_from_slice(cut);
                self.load(budget)
            }
            Unit::Lines(parts) => {
                let cut = memchr::memrchr(b'\n', &self.rest);
                let line = self.rest.split_off(cut.map_or(0, |at| at + 1));
                budget.charge_read(line.len() as u64)?;
                if cut.is_none() && self.left > 0 {
                    budget.charge_scratch(line.len() as u64)?;
                    parts.push(line);
                    return self.load(budget);
                }
                self.out.push(&line, budget)?;
                for part in std::mem::take(parts).iter().rev() {
                    self.out.push(part, budget)?;
                    budget.release_scratch(part.len() as u64);
                }
                self.out.push(b"\n", budget)?;
                self.rest.truncate(cut.unwrap_or(0));
                Ok(cut.is_some())
            }
        }
    }
}

impl Pieces for Reverse {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.gather(budget)?;
        while self.kept.is_some() && !self.out.full() {
            let empty = self.kept.as_ref().is_some_and(|kept| kept.pieces() == 0);
            if empty || !self.step(budget)? {
                self.kept = None;
            }
        }
        Ok(self.out.take())
    }
}

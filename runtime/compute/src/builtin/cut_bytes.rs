//! `take`, `skip`, `byte_count` and `xor`: plain work on bytes, in memory of a piece.

use bytes::{Buf, Bytes};
use deriva_model::Value;

use super::card::{card, cost, param};
use super::flow::{Flow, Inputs, Opened, Outbox, Streamed, Transform, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::params::Params;
use crate::streaming::Pieces;

const COUNT: ParamKind = ParamKind::I64 {
    min: 0,
    max: i64::MAX,
};

pub(super) fn take() -> Streamed {
    let spec = card(
        "take",
        "Gives the first `count` bytes of its input, or all of a shorter one.",
        Arity::exactly(&["data"]),
        cost(300, 500),
    )
    .with(param("count", COUNT, Presence::Required, "How many bytes."))
    .example("-i ADDR -p count=100");
    Streamed::new(spec, |inputs, params| {
        through(inputs, Take(length(params, "count")?))
    })
}

pub(super) fn skip() -> Streamed {
    let spec = card(
        "skip",
        "Gives its input without the first `count` bytes; of a shorter one nothing.",
        Arity::exactly(&["data"]),
        cost(300, 500),
    )
    .with(param(
        "count",
        COUNT,
        Presence::Required,
        "How many bytes are left out.",
    ))
    .example("-i ADDR -p count=100");
    Streamed::new(spec, |inputs, params| {
        through(inputs, Skip(length(params, "count")?))
    })
}

pub(super) fn byte_count() -> Streamed {
    let spec = card(
        "byte_count",
        "Gives the number of bytes of its input, in decimal, without a newline.",
        Arity::exactly(&["data"]),
        cost(300, 100),
    );
    Streamed::new(spec, |inputs, _| through(inputs, ByteCount(0)))
}

pub(super) fn xor() -> Streamed {
    let spec = card(
        "xor",
        "Combines two inputs of equal length byte by byte with exclusive or. Inputs of different \
         length are refused.",
        Arity::exactly(&["left", "right"]),
        cost(300, 700),
    )
    .example("-i ADDR1 ADDR2");
    Streamed::new(spec, open_xor)
}

/// A param that says how many, as a length.
pub(super) fn length(params: &Params, name: &str) -> Result<u64, FunctionError> {
    Ok(u64::try_from(params.i64(name)?).unwrap_or(0))
}

/// A count with a default.
pub(super) fn or_else(count: i64) -> Presence {
    Presence::Default(Value::I64(count))
}

/// The shorter of what is there and what is asked.
fn at_most(asked: u64, there: usize) -> usize {
    usize::try_from(asked).map_or(there, |asked| asked.min(there))
}

struct Take(u64);

impl Transform for Take {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let piece = input.split_to(at_most(self.0, input.len()));
        out.push(&piece, budget)?;
        self.0 -= piece.len() as u64;
        Ok(if self.0 == 0 { Flow::Done } else { Flow::More })
    }
}

struct Skip(u64);

impl Transform for Skip {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let skipped = at_most(self.0, input.len());
        input.advance(skipped);
        self.0 -= skipped as u64;
        out.push(input, budget)?;
        input.clear();
        Ok(Flow::More)
    }
}

struct ByteCount(u64);

impl Transform for ByteCount {
    fn feed(
        &mut self,
        input: &mut Bytes,
        _out: &mut Outbox,
        _budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.0 += input.len() as u64;
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(self.0.to_string().as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

fn open_xor(inputs: Inputs, _params: &Params) -> Opened {
    let mut sides = inputs.into_iter().map(Side::new);
    match (sides.next(), sides.next()) {
        (Some(left), Some(right)) => Ok(Box::new(Xor { left, right })),
        _ => Err(FunctionError::failed("xor takes two inputs")),
    }
}

struct Side {
    input: Box<dyn Pieces>,
    held: Bytes,
}

impl Side {
    fn new(input: Box<dyn Pieces>) -> Self {
        Self {
            input,
            held: Bytes::new(),
        }
    }

    /// Whether there are bytes, after pulling if need be.
    fn ready(&mut self, budget: &mut Budget) -> Result<bool, FunctionError> {
        if self.held.is_empty()
            && let Some(piece) = self.input.next(budget)?
        {
            self.held = piece;
        }
        Ok(!self.held.is_empty())
    }
}

struct Xor {
    left: Side,
    right: Side,
}

impl Pieces for Xor {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        match (self.left.ready(budget)?, self.right.ready(budget)?) {
            (false, false) => return Ok(None),
            (true, true) => {}
            _ => {
                return Err(FunctionError::failed(
                    "the two inputs have different lengths; cut the longer one with `take`",
                ));
            }
        }
        let len = self.left.held.len().min(self.right.held.len());
        budget.charge_output(len as u64)?;
        budget.charge_read(len as u64)?;
        let left = self.left.held.split_to(len);
        let right = self.right.held.split_to(len);
        let mixed: Vec<u8> = left.iter().zip(right.iter()).map(|(l, r)| l ^ r).collect();
        Ok(Some(Bytes::from(mixed)))
    }
}

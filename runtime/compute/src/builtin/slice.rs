//! `slice`: a range of the input's bytes.
//!
//! A negative `start` or `end` counts from the end. A range that reaches past either edge is cut at
//! the edge, as the head of a short file is the file; one that is empty or lies outside gives the
//! empty value. The bytes are copied: a slice kept in memory must not hold the whole input there.
//! Counted from the end, what may still be left out or needed is held back, as scratch.

use bytes::Bytes;
use deriva_model::Value;

use super::card::{card, cost, param};
use super::flow::{Flow, Held, Inputs, Opened, Outbox, Streamed, Transform, through};
use crate::budget::{Budget, CHECKPOINT_BYTES};
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::params::{ParamError, Params};

const ANY: ParamKind = ParamKind::I64 {
    min: i64::MIN,
    max: i64::MAX,
};

pub(super) fn slice() -> Streamed {
    let length = ParamKind::I64 {
        min: 0,
        max: i64::MAX,
    };
    let spec = card(
                "slice",
                "Gives the bytes from `start` up to, not including, `end`, or `length` bytes from \
                 `start`; with neither, all from `start`. Negative positions count from the end. What \
                 lies past an edge is left out.",
                Arity::exactly(&["data"]),
                cost(300, 500),
            )
            .with(param(
                "start",
                ANY,
                Presence::Default(Value::I64(0)),
                "Offset of the first byte, counted from 0; negative counts from the end.",
            ))
            .with(param(
                "end",
                ANY,
                Presence::Optional,
                "Offset after the last byte; negative counts from the end. Not with `length`.",
            ))
            .with(param(
                "length",
                length,
                Presence::Optional,
                "How many bytes. Not with `end`.",
            ))
            .example("-i ADDR -p start=0 -p length=100");
    Streamed::new(spec, open).checked(check)
}

fn check(params: &Params) -> Result<(), ParamError> {
    let start = params.i64("start")?;
    let end = params.optional_i64("end")?;
    if end.is_some() && params.optional_i64("length")?.is_some() {
        return Err(conflict("length", "end", "give one of them"));
    }
    // Of opposite signs they can be compared only once the input's length is known.
    let comparable = end.filter(|end| (*end < 0) == (start < 0));
    if comparable.is_some_and(|end| start > end) {
        let reason = "the start lies after the end, so the slice is empty whatever the input";
        return Err(conflict("start", "end", reason));
    }
    Ok(())
}

fn open(inputs: Inputs, params: &Params) -> Opened {
    let start = params.i64("start")?;
    let stop = match (params.optional_i64("end")?, params.optional_i64("length")?) {
        (Some(end), _) => Stop::End(end),
        (None, Some(length)) => Stop::Length(u64::try_from(length).unwrap_or(0)),
        (None, None) => Stop::Never,
    };
    if start < 0 {
        let keep = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
        let (held, gone) = (Held::default(), 0);
        return through(
            inputs,
            FromEnd {
                start,
                stop,
                keep,
                held,
                gone,
            },
        );
    }
    let start = start.unsigned_abs();
    let (left, back) = match stop {
        Stop::End(end) if end < 0 => (u64::MAX, end.unsigned_abs()),
        Stop::End(end) => (end.unsigned_abs().saturating_sub(start), 0),
        Stop::Length(length) => (length, 0),
        Stop::Never => (u64::MAX, 0),
    };
    through(
        inputs,
        FromStart {
            skip: start,
            left,
            back: usize::try_from(back).unwrap_or(usize::MAX),
            held: Held::default(),
        },
    )
}

#[derive(Clone, Copy)]
enum Stop {
    End(i64),
    Length(u64),
    Never,
}

/// The slice begins at an offset from the start; the last `back` bytes are held back.
struct FromStart {
    skip: u64,
    left: u64,
    back: usize,
    held: Held,
}

impl Transform for FromStart {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let skipped = usize::try_from(self.skip).map_or(input.len(), |n| n.min(input.len()));
        let mut piece = std::mem::take(input).split_off(skipped);
        self.skip -= skipped as u64;
        let taken = usize::try_from(self.left).map_or(piece.len(), |n| n.min(piece.len()));
        piece.truncate(taken);
        self.left -= taken as u64;
        if self.back == 0 {
            out.push(&piece, budget)?;
        } else {
            self.held.push(&piece, budget)?;
            let sure = self.held.bytes.len().saturating_sub(self.back);
            // Let go in blocks, so that what stays is not moved for every byte.
            if sure >= CHECKPOINT_BYTES as usize {
                budget.charge_read(self.back as u64)?;
                let sure: Vec<u8> = self.held.bytes.drain(..sure).collect();
                out.push(&sure, budget)?;
            }
        }
        Ok(if self.left == 0 {
            Flow::Done
        } else {
            Flow::More
        })
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let sure = self.held.bytes.len().saturating_sub(self.back);
        out.push(self.held.bytes.get(..sure).unwrap_or_default(), budget)?;
        Ok(Flow::Done)
    }
}

/// The slice begins at an offset from the end: the last `keep` bytes are held.
struct FromEnd {
    start: i64,
    stop: Stop,
    keep: usize,
    held: Held,
    gone: usize,
}

impl Transform for FromEnd {
    fn feed(
        &mut self,
        input: &mut Bytes,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.held.push(input, budget)?;
        input.clear();
        let over = self.held.bytes.len().saturating_sub(self.keep);
        if over >= CHECKPOINT_BYTES as usize {
            budget.charge_read(self.keep as u64)?;
            self.held.bytes.drain(..over);
            self.gone += over;
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let len = self.gone + self.held.bytes.len();
        let start = offset(self.start, len);
        let end = match self.stop {
            Stop::End(end) => offset(end, len),
            Stop::Length(length) => {
                start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
            }
            Stop::Never => len,
        };
        let from = start.saturating_sub(self.gone);
        let to = end.min(len).saturating_sub(self.gone);
        out.push(self.held.bytes.get(from..to).unwrap_or_default(), budget)?;
        Ok(Flow::Done)
    }
}

/// A position as an offset within `0..=len`.
fn offset(position: i64, len: usize) -> usize {
    let distance = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    if position < 0 {
        len.saturating_sub(distance)
    } else {
        distance.min(len)
    }
}

fn conflict(param: &str, other: &str, reason: &str) -> ParamError {
    ParamError::Conflict {
        param: param.to_string(),
        other: other.to_string(),
        reason: reason.to_string(),
    }
}

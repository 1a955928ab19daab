//! `slice`: a range of the input's bytes.
//!
//! A negative `start` or `end` counts from the end. A range that reaches past either edge is cut at
//! the edge, as the head of a short file is the file; one that is empty or lies outside gives the
//! empty value. The bytes are copied: a slice kept in memory must not hold the whole input there.

use bytes::Bytes;
use deriva_model::Value;

use super::card::{card, cost, input, param};
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::{ParamError, Params};

pub(super) struct Slice {
    spec: FunctionSpec,
}

const ANY: ParamKind = ParamKind::I64 {
    min: i64::MIN,
    max: i64::MAX,
};

impl Slice {
    pub(super) fn new() -> Self {
        let length = ParamKind::I64 {
            min: 0,
            max: i64::MAX,
        };
        Self {
            spec: card(
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
            .example("-i ADDR -p start=0 -p length=100"),
        }
    }
}

impl ComputeFunction for Slice {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn check(&self, params: &Params) -> Result<(), ParamError> {
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

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let data = input(&self.spec, inputs, 0)?;
        budget.charge_steps(1)?;
        let start = offset(params.i64("start")?, data.len());
        let end = match (params.optional_i64("end")?, params.optional_i64("length")?) {
            (Some(end), _) => offset(end, data.len()),
            (None, Some(length)) => {
                start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
            }
            (None, None) => data.len(),
        };
        let piece = data.get(start..end.min(data.len())).unwrap_or_default();
        let mut output = Output::with_room(piece.len() as u64, budget)?;
        output.push(piece, budget)?;
        Ok(output.finish())
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

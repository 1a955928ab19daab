//! `repeat`: the input many times over. The whole result is charged before the first byte is allocated.

use bytes::Bytes;

use super::card::{card, cost, input, param};
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::Params;

/// Most repetitions: beyond it the loop, not the bytes, would be the cost.
const MAX_COUNT: i64 = 1_000_000;

pub(super) struct Repeat {
    spec: FunctionSpec,
}

impl Repeat {
    pub(super) fn new() -> Self {
        let count = ParamKind::I64 {
            min: 0,
            max: MAX_COUNT,
        };
        Self {
            spec: card(
                "repeat",
                "Gives its input `count` times, one after the other; 0 times is the empty value.",
                Arity::exactly(&["data"]),
                cost(300, 1_000),
            )
            .with(param("count", count, Presence::Required, "How many times."))
            .example("-i ADDR -p count=3"),
        }
    }
}

impl ComputeFunction for Repeat {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let data = input(&self.spec, inputs, 0)?;
        let count = u64::try_from(params.i64("count")?).unwrap_or(0);
        budget.charge_steps(1)?;
        if data.is_empty() {
            return Ok(Bytes::new());
        }
        let total = count.saturating_mul(data.len() as u64);
        let mut output = Output::with_room(total, budget)?;
        for _ in 0..count {
            output.push(data, budget)?;
        }
        Ok(output.finish())
    }
}

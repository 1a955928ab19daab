//! `concat`: the inputs one after the other, in recipe order. Of no inputs it gives the empty value.

use bytes::Bytes;

use super::card::{card, cost, default, text};
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec};
use crate::params::Params;

pub(super) struct Concat {
    spec: FunctionSpec,
}

impl Concat {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
                "concat",
                "Joins its inputs in recipe order, with the separator between every two of them.",
                Arity::any("part"),
                cost(300, 500),
            )
            .with(text(
                "separator",
                default(""),
                "Text put between two inputs, never before the first or after the last.",
            ))
            .example("-i ADDR1 ADDR2 -p separator=-"),
        }
    }
}

impl ComputeFunction for Concat {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let separator = params.string("separator")?.as_bytes();
        let separators = inputs.len().saturating_sub(1) as u64;
        let parts: u64 = inputs.iter().map(|part| part.len() as u64).sum();
        let total = parts.saturating_add(separators.saturating_mul(separator.len() as u64));
        let mut output = Output::with_room(total, budget)?;
        for (position, part) in inputs.iter().enumerate() {
            budget.charge_steps(1)?;
            if position > 0 {
                output.push(separator, budget)?;
            }
            output.push(part, budget)?;
        }
        Ok(output.finish())
    }
}

//! `identity`: the input, unchanged. It gives a second name to bytes and copies nothing.

use bytes::Bytes;

use super::card::{card, cost, input};
use super::flow::{Inputs, Opened, only};
use crate::budget::Budget;
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec};
use crate::params::Params;
use crate::streaming::{Pieces, StreamingComputeFunction};

pub(super) struct Identity {
    spec: FunctionSpec,
}

impl Identity {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
                "identity",
                "Gives its input unchanged.",
                Arity::exactly(&["data"]),
                cost(200, 0),
            ),
        }
    }
}

impl ComputeFunction for Identity {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        _params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let data = input(&self.spec, inputs, 0)?;
        budget.charge_steps(1)?;
        budget.charge_output(data.len() as u64)?;
        Ok(data.clone())
    }

    fn streaming(&self) -> Option<&dyn StreamingComputeFunction> {
        Some(self)
    }
}

impl StreamingComputeFunction for Identity {
    fn open(&self, inputs: Inputs, _params: &Params) -> Opened {
        Ok(Box::new(Same(only(inputs)?)))
    }
}

struct Same(Box<dyn Pieces>);

impl Pieces for Same {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        let piece = self.0.next(budget)?;
        budget.charge_output(piece.as_ref().map_or(0, |piece| piece.len() as u64))?;
        Ok(piece)
    }
}

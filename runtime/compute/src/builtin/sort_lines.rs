//! `sort_lines`: the lines of the input in the order of their bytes.
//!
//! A line ends at `\n`; a `\r` before it belongs to the line. A last line without a newline gets one,
//! so the result is empty or ends in a newline. Bytes need not be text; there is no locale.

use bytes::Bytes;
use deriva_model::Value;

use super::card::{card, cost, default, input, param, word};
use super::order::sort;
use crate::budget::{Budget, CHECKPOINT_BYTES, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::Params;

pub(super) struct SortLines {
    spec: FunctionSpec,
}

impl SortLines {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
                "sort_lines",
                "Sorts the lines of its input by their bytes, without a locale. Every line of the \
                 result ends in a newline, the last one too.",
                Arity::exactly(&["lines"]),
                cost(500, 50_000),
            )
            .with(word(
                "order",
                &["asc", "desc"],
                default("asc"),
                "Ascending or descending.",
            ))
            .with(param(
                "unique",
                ParamKind::Bool,
                Presence::Default(Value::Bool(false)),
                "Whether of equal lines only one is kept.",
            ))
            .example("-i ADDR -p order=desc -p unique=true"),
        }
    }
}

impl ComputeFunction for SortLines {
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
        let descending = params.string("order")? == "desc";
        let unique = params.bool("unique")?;
        let lines = split_lines(data, budget)?;
        let mut lines = sort(lines, budget, |a, b| {
            let order = if descending { b.cmp(a) } else { a.cmp(b) };
            (order, a.len().min(b.len()))
        })?;
        if unique {
            lines.dedup();
        }
        let mut output = Output::new();
        for line in lines {
            output.push(line, budget)?;
            output.push(b"\n", budget)?;
        }
        Ok(output.finish())
    }
}

/// The lines without their newlines, 16 bytes of scratch each.
fn split_lines<'a>(data: &'a [u8], budget: &mut Budget) -> Result<Vec<&'a [u8]>, FunctionError> {
    let mut count = 0u64;
    for piece in data.chunks(CHECKPOINT_BYTES as usize) {
        budget.charge_read(piece.len() as u64)?;
        count += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    if data.is_empty() {
        return Ok(Vec::new());
    }
    let count = count + u64::from(!data.ends_with(b"\n"));
    budget.charge_scratch(count.saturating_mul(size_of::<&[u8]>() as u64))?;
    let body = data.strip_suffix(b"\n").unwrap_or(data);
    budget.charge_steps(count)?;
    Ok(body.split(|byte| *byte == b'\n').collect())
}

//! `reverse`: the input back to front, by bytes, by Unicode scalars or by lines.
//!
//! Scalars are not what a reader calls letters: a letter and the accent that follows it change places.

use bytes::Bytes;

use super::card::{card, cost, default, input, word};
use super::text::for_each_piece;
use crate::budget::{Budget, CHECKPOINT_BYTES, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec};
use crate::params::Params;

pub(super) struct Reverse {
    spec: FunctionSpec,
}

impl Reverse {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
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
            .example("-i ADDR -p unit=lines"),
        }
    }
}

impl ComputeFunction for Reverse {
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
        budget.charge_steps(1)?;
        match params.string("unit")? {
            "chars" => by_chars(data, budget),
            "lines" => by_lines(data, budget),
            _ => by_bytes(data, budget),
        }
    }
}

fn by_bytes(data: &[u8], budget: &mut Budget) -> Result<Bytes, FunctionError> {
    let mut output = Output::with_room(data.len() as u64, budget)?;
    for piece in data.rchunks(CHECKPOINT_BYTES as usize) {
        let mut piece = piece.to_vec();
        piece.reverse();
        output.push(&piece, budget)?;
    }
    Ok(output.finish())
}

fn by_chars(data: &[u8], budget: &mut Budget) -> Result<Bytes, FunctionError> {
    let mut pieces: Vec<usize> = Vec::new();
    for_each_piece(0, data, budget, |text, budget| {
        budget.charge_scratch(size_of::<usize>() as u64)?;
        pieces.push(text.len());
        Ok(())
    })?;
    let mut output = Output::with_room(data.len() as u64, budget)?;
    let mut end = data.len();
    for len in pieces.into_iter().rev() {
        let start = end - len;
        // Checked above, so the fallback is never taken.
        let text = data.get(start..end).map(std::str::from_utf8);
        let text = text.and_then(Result::ok).unwrap_or_default();
        budget.charge_steps(text.len() as u64)?;
        let reversed: String = text.chars().rev().collect();
        output.push(reversed.as_bytes(), budget)?;
        end = start;
    }
    Ok(output.finish())
}

fn by_lines(data: &[u8], budget: &mut Budget) -> Result<Bytes, FunctionError> {
    let mut rest = data.strip_suffix(b"\n").unwrap_or(data);
    let missing = u64::from(!data.is_empty() && !data.ends_with(b"\n"));
    let mut output = Output::with_room(data.len() as u64 + missing, budget)?;
    if data.is_empty() {
        return Ok(output.finish());
    }
    loop {
        let cut = last_newline(rest, budget)?;
        let line = cut.map_or(rest, |at| rest.get(at + 1..).unwrap_or_default());
        output.push(line, budget)?;
        output.push(b"\n", budget)?;
        match cut {
            Some(at) => rest = rest.get(..at).unwrap_or_default(),
            None => return Ok(output.finish()),
        }
    }
}

/// Looks for the last newline, paying for what it looks at.
fn last_newline(data: &[u8], budget: &mut Budget) -> Result<Option<usize>, FunctionError> {
    let mut end = data.len();
    for piece in data.rchunks(CHECKPOINT_BYTES as usize) {
        let start = end - piece.len();
        let found = piece.iter().rposition(|byte| *byte == b'\n');
        let looked_at = piece.len() - found.unwrap_or(0);
        budget.charge_read(looked_at as u64)?;
        if let Some(at) = found {
            return Ok(Some(start + at));
        }
        end = start;
    }
    Ok(None)
}

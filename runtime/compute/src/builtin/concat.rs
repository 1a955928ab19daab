//! `concat`: the inputs one after the other, in recipe order. Of no inputs it gives the empty value.

use bytes::Bytes;

use super::card::{card, cost, default, text};
use super::flow::{Inputs, Opened, Streamed};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError};
use crate::params::Params;
use crate::streaming::Pieces;

pub(super) fn concat() -> Streamed {
    let spec = card(
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
    .example("-i ADDR1 ADDR2 -p separator=-");
    Streamed::new(spec, open)
}

fn open(inputs: Inputs, params: &Params) -> Opened {
    let mut parts = inputs.into_iter();
    Ok(Box::new(Concat {
        part: parts.next(),
        parts,
        separator: Bytes::copy_from_slice(params.string("separator")?.as_bytes()),
    }))
}

struct Concat {
    part: Option<Box<dyn Pieces>>,
    parts: std::vec::IntoIter<Box<dyn Pieces>>,
    separator: Bytes,
}

impl Pieces for Concat {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        while let Some(part) = &mut self.part {
            budget.charge_steps(1)?;
            let piece = match part.next(budget)? {
                Some(piece) => piece,
                None => {
                    self.part = self.parts.next();
                    if self.part.is_none() || self.separator.is_empty() {
                        continue;
                    }
                    self.separator.clone()
                }
            };
            budget.charge_output(piece.len() as u64)?;
            budget.charge_read(piece.len() as u64)?;
            return Ok(Some(piece));
        }
        Ok(None)
    }
}

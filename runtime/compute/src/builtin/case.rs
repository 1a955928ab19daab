//! `uppercase` and `lowercase`: UTF-8 text, scalar by scalar, by tables frozen in this folder.
//!
//! They refuse bytes that are not UTF-8, and know neither context nor locale (see `case_table.rs`).

use bytes::Bytes;

use super::card::{card, cost, input};
use super::case_table::{CaseTable, LOWER, Mapped, UPPER};
use super::text::for_each_piece;
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec};
use crate::params::Params;

pub(super) struct Case {
    spec: FunctionSpec,
    table: &'static CaseTable,
    /// What the table does to ASCII, where nearly all text lies.
    ascii: fn(&mut [u8]),
}

impl Case {
    pub(super) fn upper() -> Self {
        Self {
            spec: case_card("uppercase", "Turns UTF-8 text into upper case"),
            table: &UPPER,
            ascii: <[u8]>::make_ascii_uppercase,
        }
    }

    pub(super) fn lower() -> Self {
        Self {
            spec: case_card("lowercase", "Turns UTF-8 text into lower case"),
            table: &LOWER,
            ascii: <[u8]>::make_ascii_lowercase,
        }
    }

    /// One piece of text, mapped. A scalar of two bytes may become six, so at most three times as long.
    fn map_piece(&self, text: &str, budget: &mut Budget) -> Result<Vec<u8>, FunctionError> {
        if text.is_ascii() {
            let mut mapped = text.as_bytes().to_vec();
            (self.ascii)(&mut mapped);
            return Ok(mapped);
        }
        let mut mapped = String::with_capacity(text.len());
        for scalar in text.chars() {
            budget.charge_steps(1)?;
            if scalar.is_ascii() {
                let mut byte = [scalar as u8];
                (self.ascii)(&mut byte);
                mapped.extend(byte.map(char::from));
                continue;
            }
            match self.table.map(scalar) {
                Mapped::One(scalar) => mapped.push(scalar),
                Mapped::Many(scalars) => mapped.push_str(scalars),
            }
        }
        Ok(mapped.into_bytes())
    }
}

fn case_card(name: &str, what: &str) -> FunctionSpec {
    card(
        name,
        &format!(
            "{what}, scalar by scalar by the full mappings of Unicode 17.0, without context or \
             locale (a final sigma is a sigma like any other). Refuses bytes that are not UTF-8."
        ),
        Arity::exactly(&["text"]),
        cost(300, 4_000),
    )
}

impl ComputeFunction for Case {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        _params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let bytes = input(&self.spec, inputs, 0)?;
        let mut output = Output::new();
        for_each_piece(0, bytes, budget, |text, budget| {
            let mapped = self.map_piece(text, budget)?;
            output.push(&mapped, budget)
        })?;
        Ok(output.finish())
    }
}

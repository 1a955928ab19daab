//! `uppercase` and `lowercase`: UTF-8 text, scalar by scalar, by tables frozen in this folder.
//!
//! They refuse bytes that are not UTF-8, and know neither context nor locale (see `case_table.rs`).

use bytes::Bytes;

use super::card::{card, cost};
use super::case_table::{CaseTable, LOWER, Mapped, UPPER};
use super::flow::{Flow, Outbox, Streamed, Transform, through};
use super::utf8::Utf8;
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec};

pub(super) fn upper() -> Streamed {
    let spec = case_card("uppercase", "Turns UTF-8 text into upper case");
    Streamed::new(spec, |inputs, _| {
        let utf8 = Utf8::default();
        let case = Case {
            table: &UPPER,
            ascii: <[u8]>::make_ascii_uppercase,
        };
        through(inputs, Mapping { case, utf8 })
    })
}

pub(super) fn lower() -> Streamed {
    let spec = case_card("lowercase", "Turns UTF-8 text into lower case");
    Streamed::new(spec, |inputs, _| {
        let utf8 = Utf8::default();
        let case = Case {
            table: &LOWER,
            ascii: <[u8]>::make_ascii_lowercase,
        };
        through(inputs, Mapping { case, utf8 })
    })
}

struct Case {
    table: &'static CaseTable,
    /// What the table does to ASCII, where nearly all text lies.
    ascii: fn(&mut [u8]),
}

impl Case {
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

struct Mapping {
    case: Case,
    utf8: Utf8,
}

impl Transform for Mapping {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let case = &self.case;
        self.utf8.feed(input, |text| {
            let mapped = case.map_piece(text, budget)?;
            out.push(&mapped, budget)
        })?;
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.utf8.finish()?;
        Ok(Flow::Done)
    }
}

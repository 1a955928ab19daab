//! `utf8_validate`, and the check behind it: UTF-8 that comes in pieces cut anywhere.

use bytes::Bytes;

use super::card::{card, cost};
use super::flow::{Flow, Outbox, Streamed, Transform, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError};

pub(super) fn utf8_validate() -> Streamed {
    let spec = card(
        "utf8_validate",
        "Gives its input unchanged if it is UTF-8, and refuses it with the offset of the first byte \
         that is not part of a character.",
        Arity::exactly(&["text"]),
        cost(300, 600),
    );
    Streamed::new(spec, |inputs, _| through(inputs, Validate(Utf8::default())))
}

/// A text so far: how much was found to be text, and the bytes of a character that has begun.
#[derive(Default)]
pub(super) struct Utf8 {
    offset: usize,
    tail: Vec<u8>,
}

impl Utf8 {
    /// Checks the bytes that come next and hands on what is text by now, in order.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&str) -> Result<(), FunctionError>,
    ) -> Result<(), FunctionError> {
        while !self.tail.is_empty()
            && let Some((byte, rest)) = bytes.split_first()
        {
            self.tail.push(*byte);
            bytes = rest;
            match std::str::from_utf8(&self.tail) {
                Ok(text) => {
                    each(text)?;
                    self.offset += self.tail.len();
                    self.tail.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.refuse()),
            }
        }
        let (text, rest, broken) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..], false),
            Err(error) => {
                let (head, rest) = bytes.split_at(error.valid_up_to());
                // Found to be text a moment ago, so the fallback is never taken.
                let text = std::str::from_utf8(head).unwrap_or_default();
                (text, rest, error.error_len().is_some())
            }
        };
        if !text.is_empty() {
            each(text)?;
        }
        self.offset += text.len();
        if broken {
            return Err(self.refuse());
        }
        self.tail.extend_from_slice(rest);
        Ok(())
    }

    /// Refuses a text that ends within a character.
    pub(super) fn finish(&self) -> Result<(), FunctionError> {
        if self.tail.is_empty() {
            return Ok(());
        }
        Err(self.refuse())
    }

    fn refuse(&self) -> FunctionError {
        FunctionError::NotText {
            input: 0,
            offset: self.offset,
        }
    }
}

struct Validate(Utf8);

impl Transform for Validate {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.0.feed(input, |_text| Ok(()))?;
        out.push(input, budget)?;
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.0.finish()?;
        Ok(Flow::Done)
    }
}

//! `base64_encode` and `base64_decode` (RFC 4648), by our own few lines: the tree holds the crate in
//! two versions already, and a third opinion on strictness is not needed.
//!
//! Decoding accepts exactly what encoding with the same params makes, and line ends besides. Wrong
//! padding, leftover bits and every other character are refused at their offset.

use bytes::Bytes;
use deriva_model::Value;

use super::card::{card, cost, default, param, word};
use super::flow::{Flow, Outbox, Streamed, Transform, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::{ParamError, Params};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Bytes of a whole group, and the digits that spell it.
const GROUP_BYTES: usize = 3;
const GROUP_DIGITS: usize = 4;

pub(super) fn base64_encode() -> Streamed {
    let spec = card(
        "base64_encode",
        "Encodes its input as base64 (RFC 4648) on one line without a newline.",
        Arity::exactly(&["data"]),
        cost(300, 1_000),
    );
    Streamed::new(with_params(spec), |inputs, params| {
        let held = Vec::new();
        let form = Form::read(params)?;
        through(inputs, Encode { form, held })
    })
}

pub(super) fn base64_decode() -> Streamed {
    let spec = card(
        "base64_decode",
        "Decodes base64 (RFC 4648). Line ends are passed over; every other character outside of the \
         alphabet, wrong padding and leftover bits are refused.",
        Arity::exactly(&["text"]),
        cost(300, 4_000),
    );
    Streamed::new(with_params(spec), |inputs, params| {
        let form = Form::read(params)?;
        through(
            inputs,
            Decode {
                values: form.values(),
                form,
                offset: 0,
                group: 0,
                digits: 0,
                padding: 0,
            },
        )
    })
}

fn with_params(spec: FunctionSpec) -> FunctionSpec {
    spec.with(word(
        "alphabet",
        &["standard", "url"],
        default("standard"),
        "The last two digits: + and /, or - and _.",
    ))
    .with(param(
        "padding",
        ParamKind::Bool,
        Presence::Default(Value::Bool(true)),
        "Whether the text is filled up with = to a multiple of four.",
    ))
    .example("-i ADDR -p alphabet=url")
}

/// How bytes are spelled.
struct Form {
    alphabet: &'static [u8; 64],
    padded: bool,
}

impl Form {
    fn read(params: &Params) -> Result<Self, ParamError> {
        let alphabet = match params.string("alphabet")? {
            "url" => URL,
            _ => STANDARD,
        };
        let padded = params.bool("padding")?;
        Ok(Self { alphabet, padded })
    }

    /// The value of each byte that is a digit.
    fn values(&self) -> [Option<u8>; 256] {
        let mut values = [None; 256];
        for (value, digit) in (0..).zip(self.alphabet) {
            if let Some(slot) = values.get_mut(usize::from(*digit)) {
                *slot = Some(value);
            }
        }
        values
    }

    /// Spells a group of one to three bytes.
    fn spell(&self, group: &[u8], text: &mut Vec<u8>) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=group.len() {
            let value = bits >> (18 - 6 * at) & 63;
            text.extend(self.alphabet.get(value as usize));
        }
        if self.padded {
            text.extend(std::iter::repeat_n(b'=', GROUP_BYTES - group.len()));
        }
    }
}

struct Encode {
    form: Form,
    /// Bytes of a group that is not whole.
    held: Vec<u8>,
}

impl Transform for Encode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.held.extend_from_slice(input);
        input.clear();
        let groups = self.held.chunks_exact(GROUP_BYTES);
        let rest = groups.remainder().to_vec();
        let mut text = Vec::with_capacity(groups.len() * GROUP_DIGITS);
        groups.for_each(|group| self.form.spell(group, &mut text));
        self.held = rest;
        out.push(&text, budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let mut text = Vec::new();
        if !self.held.is_empty() {
            self.form.spell(&self.held, &mut text);
        }
        out.push(&text, budget)?;
        Ok(Flow::Done)
    }
}

struct Decode {
    form: Form,
    values: [Option<u8>; 256],
    offset: u64,
    /// The digits of the group at work as bits, how many there are, and how many = after them.
    group: u32,
    digits: usize,
    padding: usize,
}

impl Decode {
    fn digit(&mut self, byte: u8, bytes: &mut Vec<u8>) -> Result<(), FunctionError> {
        if byte == b'=' {
            let fits = self.form.padded && self.digits >= 2;
            self.padding += 1;
            if !fits || self.digits + self.padding > GROUP_DIGITS {
                return Err(self.refuse("an = stands where none may"));
            }
            return Ok(());
        }
        let value = self.values.get(usize::from(byte)).copied().flatten();
        let Some(value) = value.filter(|_| self.padding == 0) else {
            return Err(self.refuse("a character stands there that may not"));
        };
        self.group = self.group << 6 | u32::from(value);
        self.digits += 1;
        if self.digits == GROUP_DIGITS {
            bytes.extend(self.group.to_be_bytes().get(1..).unwrap_or_default());
            self.group = 0;
            self.digits = 0;
        }
        Ok(())
    }

    /// The bytes of a last group that is not whole.
    fn last(&self) -> Result<Vec<u8>, FunctionError> {
        let whole = match (self.digits, self.form.padded) {
            (0, _) => return Ok(Vec::new()),
            (digits, true) => digits + self.padding == GROUP_DIGITS,
            (digits, false) => digits >= 2,
        };
        if !whole {
            return Err(self.refuse("the last group is not whole"));
        }
        let bits = self.group << (6 * (GROUP_DIGITS - self.digits));
        let [_, first, second, third] = bits.to_be_bytes();
        match self.digits {
            2 if second == 0 && third == 0 => Ok(vec![first]),
            3 if third == 0 => Ok(vec![first, second]),
            _ => Err(self.refuse("the last digit has bits that belong to no byte")),
        }
    }

    fn refuse(&self, problem: &str) -> FunctionError {
        let padded = if self.form.padded { "with" } else { "without" };
        FunctionError::failed(format!(
            "the input is not base64 {padded} padding in this alphabet, at offset {}: {problem}",
            self.offset
        ))
    }
}

impl Transform for Decode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let mut bytes = Vec::with_capacity(input.len());
        for byte in input.iter() {
            if !b"\r\n".contains(byte) {
                self.digit(*byte, &mut bytes)?;
            }
            self.offset += 1;
        }
        input.clear();
        out.push(&bytes, budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(&self.last()?, budget)?;
        Ok(Flow::Done)
    }
}

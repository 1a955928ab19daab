//! `hex_encode`, `hex_decode`, `url_encode` and `url_decode`.
//!
//! What decodes accepts exactly what the encoder of the same params makes, and besides that only
//! line ends (in hex) and digits of either case. Nothing is guessed and nothing is skipped in silence.

use bytes::Bytes;

use super::card::{card, cost, default, word};
use super::csv_table::shorten;
use super::flow::{Flow, Outbox, Streamed, Transform, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec};

pub(super) fn hex_encode() -> Streamed {
    let spec = card(
        "hex_encode",
        "Encodes its input as lower-case hex digits, two for each byte, without a newline.",
        Arity::exactly(&["data"]),
        cost(300, 2_000),
    );
    Streamed::new(spec, |inputs, _| through(inputs, HexEncode))
}

pub(super) fn hex_decode() -> Streamed {
    let spec = card(
        "hex_decode",
        "Decodes hex digits of either case, two for each byte. Line ends are passed over; everything \
         else and an odd number of digits are refused.",
        Arity::exactly(&["text"]),
        cost(300, 2_000),
    );
    Streamed::new(spec, |inputs, _| {
        let (offset, half) = (0, None);
        through(inputs, HexDecode { offset, half })
    })
}

pub(super) fn url_encode() -> Streamed {
    let spec = card(
        "url_encode",
        "Percent-encodes every byte but letters, digits and -._~ (RFC 3986), with upper-case digits.",
        Arity::exactly(&["data"]),
        cost(300, 3_000),
    );
    Streamed::new(with_space(spec), |inputs, params| {
        let plus = params.string("space")? == "+";
        through(inputs, UrlEncode { plus })
    })
}

pub(super) fn url_decode() -> Streamed {
    let spec = card(
        "url_decode",
        "Decodes percent escapes, with digits of either case; every other byte stays as it is. A % \
         without two hex digits is refused.",
        Arity::exactly(&["text"]),
        cost(300, 2_000),
    );
    Streamed::new(with_space(spec), |inputs, params| {
        let plus = params.string("space")? == "+";
        through(
            inputs,
            UrlDecode {
                plus,
                offset: 0,
                escape: Vec::new(),
            },
        )
    })
}

fn with_space(spec: FunctionSpec) -> FunctionSpec {
    spec.with(word(
        "space",
        &["%20", "+"],
        default("%20"),
        "How a space is written; with +, as in forms, a + is written %2B.",
    ))
    .example("-i ADDR -p space=+")
}

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn digits(byte: u8, alphabet: &[u8; 16]) -> [u8; 2] {
    let digit = |value: u8| alphabet.get(usize::from(value)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 15)]
}

fn value_of(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

struct HexEncode;

impl Transform for HexEncode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let text: Vec<u8> = input.iter().flat_map(|byte| digits(*byte, LOWER)).collect();
        input.clear();
        out.push(&text, budget)?;
        Ok(Flow::More)
    }
}

struct HexDecode {
    offset: u64,
    half: Option<u8>,
}

impl Transform for HexDecode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let mut bytes = Vec::with_capacity(input.len() / 2 + 1);
        for (at, byte) in input.iter().enumerate() {
            if b"\r\n".contains(byte) {
                continue;
            }
            let Some(value) = value_of(*byte) else {
                return Err(FunctionError::failed(format!(
                    "the byte \"{}\" at offset {} is not a hex digit",
                    shorten(&[*byte]),
                    self.offset + at as u64
                )));
            };
            match self.half.take() {
                Some(high) => bytes.push(high << 4 | value),
                None => self.half = Some(value),
            }
        }
        self.offset += input.len() as u64;
        input.clear();
        out.push(&bytes, budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        if self.half.is_some() {
            let problem = "the number of hex digits is odd; a byte takes two";
            return Err(FunctionError::failed(problem));
        }
        Ok(Flow::Done)
    }
}

struct UrlEncode {
    plus: bool,
}

impl Transform for UrlEncode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let mut text = Vec::with_capacity(input.len());
        for byte in input.iter() {
            match byte {
                b' ' if self.plus => text.push(b'+'),
                b'-' | b'.' | b'_' | b'~' => text.push(*byte),
                byte if byte.is_ascii_alphanumeric() => text.push(*byte),
                byte => {
                    text.push(b'%');
                    text.extend(digits(*byte, UPPER));
                }
            }
        }
        input.clear();
        out.push(&text, budget)?;
        Ok(Flow::More)
    }
}

struct UrlDecode {
    plus: bool,
    offset: u64,
    /// An escape so far, its % included.
    escape: Vec<u8>,
}

impl UrlDecode {
    fn broken(&self, offset: u64) -> FunctionError {
        FunctionError::failed(format!(
            "the % before offset {offset} is not followed by two hex digits; a % that means itself \
             is written %25"
        ))
    }
}

impl Transform for UrlDecode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let mut bytes = Vec::with_capacity(input.len());
        for byte in input.iter() {
            self.offset += 1;
            match (self.escape.as_slice(), byte) {
                ([], b'%') => self.escape.push(b'%'),
                ([], b'+') if self.plus => bytes.push(b' '),
                ([], byte) => bytes.push(*byte),
                (_, byte) if value_of(*byte).is_none() => return Err(self.broken(self.offset)),
                ([_, high], low) => {
                    let pair = value_of(*high).zip(value_of(*low));
                    bytes.extend(pair.map(|(high, low)| high << 4 | low));
                    self.escape.clear();
                }
                (_, high) => self.escape.push(*high),
            }
        }
        input.clear();
        out.push(&bytes, budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        if self.escape.is_empty() {
            return Ok(Flow::Done);
        }
        Err(self.broken(self.offset + 1))
    }
}

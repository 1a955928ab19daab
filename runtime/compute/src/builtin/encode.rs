//! `base64_encode`, `base64_decode`, `hex_encode`, `hex_decode`, `url_encode` and `url_decode`.
//!
//! What decodes accepts exactly what the encoder of the same params makes, and besides that only
//! line ends (in base64 and hex) and digits of either case (in hex and percent escapes). Nothing is
//! guessed and nothing is skipped in silence.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use deriva_model::Value;

use super::card::{card, cost, default, param, word};
use super::csv_table::shorten;
use super::flow::{Flow, Outbox, Streamed, Transform, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::{ParamError, Params};

/// Bytes of one group of base64, decoded and encoded.
const GROUP: (usize, usize) = (3, 4);

pub(super) fn base64_encode() -> Streamed {
    let spec = card(
        "base64_encode",
        "Encodes its input as base64 (RFC 4648) on one line without a newline.",
        Arity::exactly(&["data"]),
        cost(300, 1_000),
    );
    Streamed::new(with_base64_params(spec), |inputs, params| {
        through(inputs, Base64Encode(Groups::new(params)?))
    })
}

pub(super) fn base64_decode() -> Streamed {
    let spec = card(
        "base64_decode",
        "Decodes base64 (RFC 4648). Line ends are passed over; every other character outside of the \
         alphabet, wrong padding and leftover bits are refused.",
        Arity::exactly(&["text"]),
        cost(300, 1_500),
    );
    Streamed::new(with_base64_params(spec), |inputs, params| {
        through(inputs, Base64Decode(Groups::new(params)?))
    })
}

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

fn with_base64_params(spec: FunctionSpec) -> FunctionSpec {
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

fn with_space(spec: FunctionSpec) -> FunctionSpec {
    spec.with(word(
        "space",
        &["%20", "+"],
        default("%20"),
        "How a space is written; with +, as in forms, a + is written %2B.",
    ))
    .example("-i ADDR -p space=+")
}

/// Bytes on their way to whole groups.
struct Groups {
    engine: GeneralPurpose,
    held: Vec<u8>,
    offset: u64,
    padding: bool,
}

impl Groups {
    fn new(params: &Params) -> Result<Self, ParamError> {
        let alphabet = match params.string("alphabet")? {
            "url" => &URL_SAFE,
            _ => &STANDARD,
        };
        let padding = params.bool("padding")?;
        let mode = if padding {
            DecodePaddingMode::RequireCanonical
        } else {
            DecodePaddingMode::RequireNone
        };
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(padding)
            .with_decode_padding_mode(mode);
        Ok(Self {
            engine: GeneralPurpose::new(alphabet, config),
            held: Vec::new(),
            offset: 0,
            padding,
        })
    }

    /// All held bytes but those of an unfinished group.
    fn whole(&mut self, group: usize) -> Vec<u8> {
        let rest = self.held.split_off(self.held.len() / group * group);
        std::mem::replace(&mut self.held, rest)
    }
}

struct Base64Encode(Groups);

impl Transform for Base64Encode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.0.held.extend_from_slice(input);
        input.clear();
        let whole = self.0.whole(GROUP.0);
        out.push(self.0.engine.encode(whole).as_bytes(), budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(self.0.engine.encode(&self.0.held).as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

struct Base64Decode(Groups);

impl Base64Decode {
    fn decode(
        &self,
        text: &[u8],
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let bytes = self.0.engine.decode(text).map_err(|error| {
            let padded = if self.0.padding { "with" } else { "without" };
            FunctionError::failed(format!(
                "the input is not base64 {padded} padding in this alphabet, near offset {}: {error}",
                self.0.offset
            ))
        })?;
        out.push(&bytes, budget)
    }
}

impl Transform for Base64Decode {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        // The last group may hold padding, which is right nowhere else: it waits for the end.
        let digits = input.iter().filter(|byte| !b"\r\n".contains(byte));
        self.0.held.extend(digits);
        if self.0.held.len() > GROUP.1 {
            let keep = match self.0.held.len() % GROUP.1 {
                0 => GROUP.1,
                some => some,
            };
            let rest = self.0.held.split_off(self.0.held.len() - keep);
            let whole = std::mem::replace(&mut self.0.held, rest);
            if whole.contains(&b'=') {
                let problem = "padding stands before the end";
                return Err(FunctionError::failed(format!(
                    "the input is not base64, near offset {}: {problem}",
                    self.0.offset
                )));
            }
            self.decode(&whole, out, budget)?;
        }
        self.0.offset += input.len() as u64;
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.decode(&self.0.held, out, budget)?;
        Ok(Flow::Done)
    }
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

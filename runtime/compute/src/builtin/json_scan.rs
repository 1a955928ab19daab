//! Follows JSON (RFC 8259) byte by byte, in memory of a byte for each level of nesting.
//!
//! It says where values and keys begin and end, and builds nothing. It refuses what the grammar
//! refuses, and nesting beyond a fixed depth: what is a million deep is stopped at the limit.

use super::csv_table::shorten;
use crate::function::FunctionError;

/// Deepest nesting of arrays and objects.
pub(super) const MAX_DEPTH: usize = 512;

/// How many values stand at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Exactly one.
    One,
    /// Any number, with white space between them where they would run together.
    Many,
}

/// What kind of value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// What a byte does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// Nothing to be told.
    Inside,
    /// It is the first byte of a value.
    Open(Kind),
    /// It is the last byte of a value.
    Close,
    /// It is the first quote of a key.
    KeyOpen,
    /// It is the last quote of a key.
    KeyClose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    KeyOrEnd,
    Key,
    Colon,
    After,
    Text,
    Escape,
    Hex(u8),
    Number(Digits),
    Word(&'static [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Digits {
    /// Where the next byte leads, if it belongs to the number.
    fn next(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Some(Self::Whole),
            (Self::Zero | Self::Whole, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    fn may_end(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Whole | Self::Fraction | Self::Power
        )
    }
}

/// A JSON text so far.
pub(super) struct Scanner {
    shape: Shape,
    state: State,
    /// The open containers: true for an object.
    stack: Vec<bool>,
    in_key: bool,
    values: u64,
    offset: u64,
}

impl Scanner {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            shape,
            state: State::Value,
            stack: Vec::new(),
            in_key: false,
            values: 0,
            offset: 0,
        }
    }

    /// How many containers are open.
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    /// Whether the innermost open container is an object.
    pub(super) fn in_object(&self) -> bool {
        self.stack.last() == Some(&true)
    }

    /// Whether a number ends before `byte`. Asked before [`Scanner::step`] of the same byte.
    pub(super) fn ends_before(&self, byte: u8) -> bool {
        match self.state {
            State::Number(digits) => digits.may_end() && digits.next(byte).is_none(),
            _ => false,
        }
    }

    /// Takes one byte.
    pub(super) fn step(&mut self, byte: u8) -> Result<Event, FunctionError> {
        let event = self.take(byte)?;
        self.offset += 1;
        Ok(event)
    }

    /// The text ends here; whether a number ended with it.
    pub(super) fn finish(&mut self) -> Result<bool, FunctionError> {
        let number = matches!(self.state, State::Number(digits) if digits.may_end());
        if number {
            self.closed();
        }
        let whole = self.stack.is_empty()
            && match self.state {
                State::After => true,
                State::Value => self.shape == Shape::Many,
                _ => false,
            };
        if whole {
            return Ok(number);
        }
        Err(self.refuse("it ends too early"))
    }

    fn take(&mut self, byte: u8) -> Result<Event, FunctionError> {
        let blank = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.state {
            State::Text => return self.text(byte),
            State::Escape => return self.escape(byte),
            State::Hex(left) => return self.hex(byte, left),
            State::Word(rest) => return self.word(byte, rest),
            State::Number(digits) => {
                if let Some(next) = digits.next(byte) {
                    self.state = State::Number(next);
                    return Ok(Event::Inside);
                }
                if !digits.may_end() {
                    return Err(self.unexpected(byte, "a digit"));
                }
                self.closed();
                return self.take(byte);
            }
            _ if blank => return Ok(Event::Inside),
            _ => {}
        }
        match (self.state, byte) {
            (State::ValueOrEnd, b']') | (State::KeyOrEnd, b'}') => Ok(self.close()),
            (State::Value | State::ValueOrEnd, byte) => self.open(byte),
            (State::KeyOrEnd | State::Key, b'"') => {
                self.in_key = true;
                self.state = State::Text;
                Ok(Event::KeyOpen)
            }
            (State::KeyOrEnd | State::Key, byte) => Err(self.unexpected(byte, "a key in quotes")),
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(Event::Inside)
            }
            (State::Colon, byte) => Err(self.unexpected(byte, "a colon")),
            (_, byte) => self.after(byte),
        }
    }

    fn after(&mut self, byte: u8) -> Result<Event, FunctionError> {
        match (self.stack.last(), byte) {
            (Some(true), b'}') | (Some(false), b']') => Ok(self.close()),
            (Some(true), b',') => {
                self.state = State::Key;
                Ok(Event::Inside)
            }
            (Some(false), b',') => {
                self.state = State::Value;
                Ok(Event::Inside)
            }
            (Some(_), byte) => Err(self.unexpected(byte, "a comma or the end of the container")),
            (None, byte) if self.shape == Shape::Many => self.open(byte),
            (None, byte) => Err(self.unexpected(byte, "nothing after the value")),
        }
    }

    fn open(&mut self, byte: u8) -> Result<Event, FunctionError> {
        let (state, kind) = match byte {
            b'{' => (State::KeyOrEnd, Kind::Object),
            b'[' => (State::ValueOrEnd, Kind::Array),
            b'"' => (State::Text, Kind::String),
            b'-' => (State::Number(Digits::Minus), Kind::Number),
            b'0' => (State::Number(Digits::Zero), Kind::Number),
            b'1'..=b'9' => (State::Number(Digits::Whole), Kind::Number),
            b't' => (State::Word(b"rue"), Kind::Word),
            b'f' => (State::Word(b"alse"), Kind::Word),
            b'n' => (State::Word(b"ull"), Kind::Word),
            byte => return Err(self.unexpected(byte, "a value")),
        };
        if matches!(kind, Kind::Object | Kind::Array) {
            if self.stack.len() >= MAX_DEPTH {
                return Err(self.refuse(&format!("it is nested more than {MAX_DEPTH} deep")));
            }
            self.stack.push(kind == Kind::Object);
        }
        self.in_key = false;
        self.state = state;
        Ok(Event::Open(kind))
    }

    fn close(&mut self) -> Event {
        self.stack.pop();
        self.closed();
        Event::Close
    }

    fn closed(&mut self) {
        self.values += u64::from(self.stack.is_empty());
        self.state = State::After;
    }

    fn text(&mut self, byte: u8) -> Result<Event, FunctionError> {
        match byte {
            b'"' if self.in_key => {
                self.state = State::Colon;
                Ok(Event::KeyClose)
            }
            b'"' => {
                self.closed();
                Ok(Event::Close)
            }
            b'\\' => {
                self.state = State::Escape;
                Ok(Event::Inside)
            }
            0..=0x1f => Err(self.unexpected(byte, "no bare control character in a string")),
            _ => Ok(Event::Inside),
        }
    }

    fn escape(&mut self, byte: u8) -> Result<Event, FunctionError> {
        self.state = match byte {
            b'u' => State::Hex(4),
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::Text,
            byte => return Err(self.unexpected(byte, "an escape")),
        };
        Ok(Event::Inside)
    }

    fn hex(&mut self, byte: u8, left: u8) -> Result<Event, FunctionError> {
        if !byte.is_ascii_hexdigit() {
            return Err(self.unexpected(byte, "a hex digit"));
        }
        self.state = match left {
            1 => State::Text,
            more => State::Hex(more - 1),
        };
        Ok(Event::Inside)
    }

    fn word(&mut self, byte: u8, rest: &'static [u8]) -> Result<Event, FunctionError> {
        match rest.split_first() {
            Some((expected, [])) if *expected == byte => {
                self.closed();
                Ok(Event::Close)
            }
            Some((expected, rest)) if *expected == byte => {
                self.state = State::Word(rest);
                Ok(Event::Inside)
            }
            _ => Err(self.unexpected(byte, "true, false or null")),
        }
    }

    fn unexpected(&self, byte: u8, expected: &str) -> FunctionError {
        let found = shorten(&[byte]);
        self.refuse(&format!("found \"{found}\", where {expected} was expected"))
    }

    pub(super) fn refuse(&self, problem: &str) -> FunctionError {
        FunctionError::failed(format!(
            "the input is not JSON that can be read, at offset {}: {problem}",
            self.offset
        ))
    }
}

/// The text that a string in quotes spells.
pub(super) fn unescape(quoted: &[u8]) -> Result<String, FunctionError> {
    serde_json::from_slice(quoted).map_err(|_| {
        FunctionError::failed(format!(
            "the JSON string {} spells no text: half a surrogate pair stands in it",
            shorten(quoted)
        ))
    })
}

/// A text as a JSON string: quotes, backslashes and control characters are escaped, nothing else.
pub(super) fn escape_into(text: &str, into: &mut Vec<u8>) {
    into.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => into.extend_from_slice(b"\\\""),
            b'\\' => into.extend_from_slice(b"\\\\"),
            b'\n' => into.extend_from_slice(b"\\n"),
            b'\r' => into.extend_from_slice(b"\\r"),
            b'\t' => into.extend_from_slice(b"\\t"),
            0..=0x1f => into.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => into.push(byte),
        }
    }
    into.push(b'"');
}

/// Whether the bytes are one JSON number and nothing else.
pub(super) fn is_number(bytes: &[u8]) -> bool {
    let mut scanner = Scanner::new(Shape::One);
    let starts = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    bytes.first().is_some_and(starts)
        && bytes.last().is_some_and(u8::is_ascii_digit)
        && bytes.iter().all(|byte| scanner.step(*byte).is_ok())
        && scanner.finish().is_ok()
}

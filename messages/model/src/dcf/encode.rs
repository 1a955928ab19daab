//! The spelling of each thing, written. Writing never fails and never judges: limits are checked
//! by the types before they are encoded.

use std::collections::BTreeMap;

use crate::address::{CAddr, ContentHash};
use crate::value::Value;

/// A thing with one spelling in DCF.
pub trait Encode {
    /// Appends its bytes, without any document header.
    fn encode(&self, writer: &mut Writer);
}

/// Collects canonical bytes.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer with room for that many bytes; it grows when they do not suffice.
    pub fn with_capacity(capacity: usize) -> Writer {
        Writer {
            bytes: Vec::with_capacity(capacity),
        }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// Eight bytes, big-endian two's complement.
    pub fn i64(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// `00` or `01`.
    pub fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    /// A length or count: u32 little-endian. What is checked against its limit always fits; a
    /// length that does not fit is written as the greatest u32, which every decoder refuses.
    pub fn len(&mut self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.raw(&len.to_le_bytes());
    }

    /// A byte string: length, bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.len(bytes.len());
        self.raw(bytes);
    }

    /// A string: length, UTF-8 bytes.
    pub fn string(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A list: count, items in order.
    pub fn list<T: Encode>(&mut self, items: &[T]) {
        self.len(items.len());
        for item in items {
            item.encode(self);
        }
    }
}

impl Encode for CAddr {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self.as_bytes());
    }
}

impl Encode for ContentHash {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self.as_bytes());
    }
}

impl Encode for [u8; 32] {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self);
    }
}

impl Encode for Value {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(self.kind() as u8);
        match self {
            Value::String(text) => writer.string(text),
            Value::I64(number) => writer.i64(*number),
            Value::Bool(flag) => writer.bool(*flag),
            Value::Bytes(bytes) => writer.bytes(bytes),
            Value::List(items) => writer.list(items),
            Value::F64(float) => writer.u64(float.to_bits()),
        }
    }
}

/// Params: a `BTreeMap` of strings iterates in the order of the keys' bytes, which is the law's order.
impl Encode for BTreeMap<String, Value> {
    fn encode(&self, writer: &mut Writer) {
        writer.len(self.len());
        for (key, value) in self {
            writer.string(key);
            value.encode(writer);
        }
    }
}

//! The spelling of each thing, read. The bytes are hostile: a length is judged against its limit,
//! then against the bytes that are left, and only then is anything allocated.

use super::DecodeError;
use crate::address::{CAddr, ContentHash};
use crate::limits::{self, Measure, OverLimit};
use crate::value::{F64, Value, ValueKind};

/// A thing that reads its one spelling back.
pub trait Decode: Sized {
    /// Reads it from the reader's place, without any document header.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Items reserved before the first was read: beyond this a list grows as it proves itself.
const RESERVE_ITEMS: usize = 4_096;

/// A place in bytes from outside.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Stands at the beginning of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { left: bytes }
    }

    /// Bytes not yet read.
    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// Refuses bytes that nobody read.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.left.is_empty() {
            return Ok(());
        }
        Err(DecodeError::Trailing {
            extra: self.left.len() as u64,
        })
    }

    /// Takes that many bytes as they are.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, left)) = self.left.split_at_checked(count) else {
            return Err(self.truncated(count as u64));
        };
        self.left = left;
        Ok(taken)
    }

    /// Takes a fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, left)) = self.left.split_first_chunk::<N>() else {
            return Err(self.truncated(N as u64));
        };
        self.left = left;
        Ok(*taken)
    }

    fn truncated(&self, wanted: u64) -> DecodeError {
        DecodeError::Truncated {
            wanted,
            left: self.left.len() as u64,
        }
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Eight bytes, big-endian two's complement.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    /// `00` or `01`.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        bool_of(self.u8()?)
    }

    /// A length: u32 little-endian.
    fn len(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A byte string of at most 64 KiB.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.len()?;
        OverLimit::check(Measure::Bytes, limits::TEXT_BYTES, u64::from(len))?;
        self.take(len as usize)
    }

    /// A string of at most 64 KiB.
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let len = self.len()?;
        OverLimit::check(Measure::String, limits::TEXT_BYTES, u64::from(len))?;
        std::str::from_utf8(self.take(len as usize)?).map_err(|_| DecodeError::BadUtf8)
    }

    /// A count of things of at least `item_bytes` each; refused when the bytes left cannot hold them.
    pub fn count(&mut self, item_bytes: usize) -> Result<usize, DecodeError> {
        let count = self.len()?;
        let wanted = u64::from(count) * item_bytes as u64;
        if wanted > self.left.len() as u64 {
            return Err(self.truncated(wanted));
        }
        Ok(count as usize)
    }

    /// A count as [`Reader::count`], judged against its limit first.
    pub fn count_within(
        &mut self,
        item_bytes: usize,
        what: Measure,
        limit: usize,
    ) -> Result<usize, DecodeError> {
        let mut ahead = self.clone();
        OverLimit::check(what, limit, u64::from(ahead.len()?))?;
        self.count(item_bytes)
    }

    /// That many things in order.
    pub fn items<T: Decode>(&mut self, count: usize) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::with_capacity(count.min(RESERVE_ITEMS));
        for _ in 0..count {
            items.push(T::decode(self)?);
        }
        Ok(items)
    }

    /// Passes over as many inputs of `item_bytes` each as [`Reader::inputs`] would read.
    pub fn pass_inputs(&mut self, item_bytes: usize) -> Result<(), DecodeError> {
        let count = self.count_within(item_bytes, Measure::Inputs, limits::RECIPE_INPUTS)?;
        self.take(count.saturating_mul(item_bytes)).map(|_| ())
    }

    /// Inputs of a recipe or step: at most 65,536 things of at least `item_bytes` each.
    pub fn inputs<T: Decode>(&mut self, item_bytes: usize) -> Result<Vec<T>, DecodeError> {
        let count = self.count_within(item_bytes, Measure::Inputs, limits::RECIPE_INPUTS)?;
        self.items(count)
    }

    /// Opens a struct whose fields 1 to `fields` are always present.
    pub fn fields(&mut self, fields: u8) -> Result<Fields, DecodeError> {
        Ok(Fields {
            known: fields,
            announced: self.u8()?,
            read: 0,
        })
    }
}

/// Where a reader stands within a struct. It borrows nothing: each step names the reader again.
#[derive(Debug)]
pub struct Fields {
    known: u8,
    announced: u8,
    read: u8,
}

impl Fields {
    /// Reads the next field's tag, which must be the one after the last.
    pub fn next(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let expected = self.read + 1;
        if self.announced == self.read {
            return Err(DecodeError::MissingField { tag: expected });
        }
        let tag = reader.u8()?;
        if tag != expected {
            return Err(self.misplaced(tag));
        }
        self.read = expected;
        Ok(())
    }

    /// Refuses fields beyond the known ones.
    pub fn finish(self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        if self.announced == self.read {
            return Ok(());
        }
        let tag = reader.u8()?;
        Err(self.misplaced(tag))
    }

    fn misplaced(&self, tag: u8) -> DecodeError {
        if tag == 0 || tag > self.known {
            return DecodeError::UnknownField { tag };
        }
        if tag == self.read {
            return DecodeError::RepeatedField { tag };
        }
        if tag < self.read {
            return DecodeError::UnsortedField { tag };
        }
        DecodeError::MissingField { tag: self.read + 1 }
    }
}

pub(crate) fn bool_of(byte: u8) -> Result<bool, DecodeError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        got => Err(DecodeError::BadBool { got }),
    }
}

impl Decode for CAddr {
    fn decode(reader: &mut Reader<'_>) -> Result<CAddr, DecodeError> {
        reader.array().map(CAddr::from_bytes)
    }
}

impl Decode for ContentHash {
    fn decode(reader: &mut Reader<'_>) -> Result<ContentHash, DecodeError> {
        reader.array().map(ContentHash::from_bytes)
    }
}

impl Decode for [u8; 32] {
    fn decode(reader: &mut Reader<'_>) -> Result<[u8; 32], DecodeError> {
        reader.array()
    }
}

impl Decode for Value {
    fn decode(reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
        value_at(reader, 0)
    }
}

/// Recursion is bounded: a list at depth 33 is refused before its count is read.
fn value_at(reader: &mut Reader<'_>, lists_above: usize) -> Result<Value, DecodeError> {
    let byte = reader.u8()?;
    let kind = ValueKind::from_byte(byte).ok_or(DecodeError::BadKind {
        got: u32::from(byte),
    })?;
    Ok(match kind {
        ValueKind::String => Value::String(reader.string()?.to_owned()),
        ValueKind::I64 => Value::I64(reader.i64()?),
        ValueKind::Bool => Value::Bool(reader.bool()?),
        ValueKind::Bytes => Value::Bytes(reader.bytes()?.to_vec()),
        ValueKind::List => Value::List(list_at(reader, lists_above + 1)?),
        ValueKind::F64 => {
            let float = F64::from_canonical_bits(reader.u64()?);
            Value::F64(float.ok_or(DecodeError::NonCanonicalNan)?)
        }
    })
}

fn list_at(reader: &mut Reader<'_>, depth: usize) -> Result<Vec<Value>, DecodeError> {
    if depth > limits::NESTING {
        return Err(DecodeError::TooDeep {
            limit: limits::NESTING,
        });
    }
    // The shortest value is a bool: a kind and a byte.
    let count = reader.count(2)?;
    let mut items = Vec::with_capacity(count.min(RESERVE_ITEMS));
    for _ in 0..count {
        items.push(value_at(reader, depth)?);
    }
    Ok(items)
}

/// Params, ascending by their keys, which stay where they stand.
pub(crate) fn read_params<'a>(
    reader: &mut Reader<'a>,
) -> Result<Vec<(&'a str, Value)>, DecodeError> {
    // The shortest pair is an empty key (4 bytes of length) and a bool.
    let count = reader.count_within(6, Measure::Params, limits::RECIPE_PARAMS)?;
    let mut params: Vec<(&str, Value)> = Vec::with_capacity(count.min(RESERVE_ITEMS));
    for _ in 0..count {
        let key = reader.string()?;
        ascending(params.last().map(|(last, _)| *last), key)?;
        params.push((key, Value::decode(reader)?));
    }
    Ok(params)
}

/// Refuses a key that does not stand after the last one.
pub(crate) fn ascending(last: Option<&str>, key: &str) -> Result<(), DecodeError> {
    match last {
        Some(last) if last == key => Err(DecodeError::RepeatedKey),
        Some(last) if last > key => Err(DecodeError::UnsortedKeys),
        _ => Ok(()),
    }
}

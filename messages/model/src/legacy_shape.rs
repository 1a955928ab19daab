//! Whether bytes would be a recipe in the old form if today had no limits. An import asks, so that a
//! recipe that has grown over them is refused by name instead of being taken for a leaf.
//!
//! It refuses to build what it reads: nothing is allocated but one number a level of nesting.

use super::{fits, number};
use crate::address::CAddr;
use crate::dcf::decode::bool_of;
use crate::dcf::{DecodeError, Reader};

/// Lists within lists that are followed; no old encoder got near it without overflowing its stack.
const NESTING_MAX: usize = 65_536;

/// Whether these bytes have the old form from end to end, whatever their lengths and counts.
pub fn has_legacy_shape(bytes: &[u8]) -> bool {
    walk(bytes).is_ok()
}

fn walk(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(bytes);
    if text(&mut reader)?.is_empty() {
        return Err(DecodeError::EmptyName);
    }
    if text(&mut reader)?.is_empty() {
        return Err(DecodeError::EmptyVersion);
    }
    let inputs = number(&mut reader)?;
    let inputs = fits(&reader, inputs, CAddr::LEN)?;
    reader.take(inputs * CAddr::LEN)?;
    // A param takes bytes, so a count that lies runs out of them.
    let params = number(&mut reader)?;
    let mut before: Option<&str> = None;
    for _ in 0..params {
        let key = text(&mut reader)?;
        if before.is_some_and(|before| before >= key) {
            return Err(DecodeError::UnsortedKeys);
        }
        before = Some(key);
        value(&mut reader)?;
    }
    reader.finish()
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let bytes = run(reader)?;
    std::str::from_utf8(bytes).map_err(|_| DecodeError::BadUtf8)
}

fn run<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let len = number(reader)?;
    let len = fits(reader, len, 1)?;
    reader.take(len)
}

/// One value, without recursion: the items left on each open level.
fn value(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let mut open = vec![1_u64];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        match reader.array().map(u32::from_le_bytes)? {
            0 => drop(text(reader)?),
            1 => drop(reader.array::<8>()?),
            2 => drop(bool_of(reader.u8()?)?),
            3 => drop(run(reader)?),
            4 if open.len() > NESTING_MAX => {
                return Err(DecodeError::TooDeep { limit: NESTING_MAX });
            }
            4 => open.push(number(reader)?),
            got => return Err(DecodeError::BadKind { got }),
        }
    }
    Ok(())
}

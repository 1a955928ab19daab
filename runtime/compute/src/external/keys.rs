//! Keys whose bytes stand in the order of what they spell, so that one comparison of bytes is all
//! that sorting needs.

use crate::budget::Budget;
use crate::function::FunctionError;

/// A key in the making, paid for at its greatest length.
#[derive(Default)]
pub(crate) struct Key {
    bytes: Vec<u8>,
}

impl Key {
    /// Begins another key.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a cell so that keys, compared as bytes, stand in the order of their cells: a zero is
    /// written as `00 ff`, and `00 00` ends the cell before anything longer.
    pub(crate) fn cell(&mut self, cell: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        self.room(2 * cell.len() + 2, budget)?;
        let mut rest = cell;
        while let Some(zero) = memchr::memchr(0, rest) {
            let (before, after) = rest.split_at(zero + 1);
            self.bytes.extend_from_slice(before);
            self.bytes.push(0xff);
            rest = after;
        }
        self.bytes.extend_from_slice(rest);
        self.bytes.extend_from_slice(&[0, 0]);
        Ok(())
    }

    /// Adds a finite number, or that there is none, which comes before all: eight bytes. Zero has no
    /// sign here.
    pub(crate) fn number(
        &mut self,
        number: Option<f64>,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let spelled = number.map_or(0, |number| ordered(number + 0.0));
        self.room(size_of::<u64>(), budget)?;
        self.bytes.extend_from_slice(&spelled.to_be_bytes());
        Ok(())
    }

    /// Takes over a whole key.
    pub(crate) fn copy(&mut self, key: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        self.clear();
        self.room(key.len(), budget)?;
        self.bytes.extend_from_slice(key);
        Ok(())
    }

    /// Lets go of it.
    pub(crate) fn release(self, budget: &mut Budget) {
        budget.release_scratch(self.bytes.capacity() as u64);
    }

    fn room(&mut self, more: usize, budget: &mut Budget) -> Result<(), FunctionError> {
        let (len, before) = (self.bytes.len() + more, self.bytes.capacity());
        if len > before {
            let after = len.max(2 * before);
            budget.charge_scratch(after as u64)?;
            self.bytes.reserve_exact(after - self.bytes.len());
            budget.release_scratch(before as u64);
        }
        budget.charge_read(more as u64)
    }
}

/// The cells of a key that was made of cells alone ([`Key::cell`]).
pub(crate) fn cells(key: &[u8]) -> Vec<Vec<u8>> {
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let mut rest = key;
    while let Some(zero) = memchr::memchr(0, rest) {
        let (before, after) = rest.split_at(zero);
        cell.extend_from_slice(before);
        if after.get(1) == Some(&0xff) {
            cell.push(0);
        } else {
            cells.push(std::mem::take(&mut cell));
        }
        rest = after.get(2..).unwrap_or_default();
    }
    cells
}

/// The bits of a double, so that they stand in its total order. That of a finite one is never 0.
pub(crate) fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// The double of [`ordered`] bits.
pub(crate) fn unordered(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 {
        bits & !(1 << 63)
    } else {
        !bits
    })
}

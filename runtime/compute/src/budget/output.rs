//! A result in the making, paid for byte by byte.
//!
//! It refuses to allocate before it has charged.

use super::{Budget, CHECKPOINT_BYTES, Resource, exceeded};
use crate::function::FunctionError;
use bytes::Bytes;

/// A result in the making: every byte is charged before it is held, and copied in pieces so that
/// the clock is looked at in between.
pub struct Output {
    bytes: Vec<u8>,
}

impl Output {
    /// An empty result.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// An empty result with room for `len` bytes, if the budget could pay for them.
    ///
    /// # Errors
    /// [`FunctionError::BudgetExceeded`], before anything is allocated.
    pub fn with_room(len: u64, budget: &Budget) -> Result<Self, FunctionError> {
        let room = usize::try_from(len)
            .ok()
            .filter(|_| len <= budget.output_left());
        let Some(room) = room else {
            return Err(exceeded(Resource::OutputBytes, budget.limits.output_bytes));
        };
        Ok(Self {
            bytes: Vec::with_capacity(room),
        })
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// As [`Budget::charge_steps`].
    pub fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        budget.charge_output(bytes.len() as u64)?;
        for piece in bytes.chunks(CHECKPOINT_BYTES as usize) {
            budget.charge_read(piece.len() as u64)?;
            self.bytes.extend_from_slice(piece);
        }
        Ok(())
    }

    /// The finished result.
    #[must_use]
    pub fn finish(self) -> Bytes {
        Bytes::from(self.bytes)
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

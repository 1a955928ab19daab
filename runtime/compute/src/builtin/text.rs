//! Reads bytes as UTF-8 in bounded pieces, so that the clock is looked at while a large text is checked.

use crate::budget::{Budget, CHECKPOINT_BYTES};
use crate::function::FunctionError;

/// Longest encoding of a scalar, less one: what a cut may leave of one.
const MAX_TAIL: usize = 3;

/// Cuts `bytes` into pieces of text of at most 64 KiB and hands each on, in order.
///
/// Refuses with the offset of the first byte that is not part of a character; `each` may have seen
/// the pieces before it.
pub(super) fn for_each_piece(
    input: usize,
    bytes: &[u8],
    budget: &mut Budget,
    mut each: impl FnMut(&str, &mut Budget) -> Result<(), FunctionError>,
) -> Result<(), FunctionError> {
    let mut offset = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, last) = match rest.split_at_checked(CHECKPOINT_BYTES as usize) {
            Some((piece, after)) => (piece, after.is_empty()),
            None => (rest, true),
        };
        budget.charge_read(piece.len() as u64)?;
        let text = match std::str::from_utf8(piece) {
            Ok(text) => text,
            Err(error) => {
                let good = error.valid_up_to();
                let cut_by_us =
                    !last && error.error_len().is_none() && piece.len() - good <= MAX_TAIL;
                if !cut_by_us {
                    return Err(FunctionError::NotText {
                        input,
                        offset: offset + good,
                    });
                }
                valid_head(piece, good)
            }
        };
        each(text, budget)?;
        offset += text.len();
        rest = rest.get(text.len()..).unwrap_or_default();
    }
    Ok(())
}

/// The first `good` bytes, which a check has found to be text.
fn valid_head(piece: &[u8], good: usize) -> &str {
    piece
        .get(..good)
        .and_then(|head| std::str::from_utf8(head).ok())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "text_test.rs"]
mod text_test;

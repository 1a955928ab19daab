//! What is larger than memory: sorted runs that are merged, and spools that are read again.
//!
//! Everything held is charged to the budget's scratch memory before it is taken and given back when
//! it goes; what does not fit lies in scratch files, which go with their last handle (and whose index
//! the scratch port pays for: a thousandth of what they hold, at 64 KiB a piece). Small inputs touch
//! no file. This folder knows records as a key and a payload of bytes: what they mean, and
//! that their keys stand in the wanted order as bytes, is the function's affair. It refuses to guess
//! at the size of anything, and to read back what it did not write.

mod cursor;
mod keys;
mod merge;
mod order;
mod run;
mod sorted;
mod sorter;
mod spool;
mod tape;

#[cfg(test)]
mod external_test;

pub(crate) use cursor::Cursor;
pub(crate) use keys::{Key, cells, ordered, unordered};
pub(crate) use run::Run;
pub(crate) use sorted::{Sorted, Sorting};
pub(crate) use sorter::{Order, Sorter, Ties};
pub(crate) use spool::{Reel, Spool};

use crate::streaming::PIECE_BYTES;

/// Pieces that the memory of a merge is cut into, so that many runs are merged at once.
const PIECES_IN_MEMORY: u64 = 16;
/// Shortest piece, in bytes: below, a file's index weighs too much.
const MIN_PIECE_BYTES: u64 = 1024;
/// Pieces are multiples of this, so that numbers do not lie across two of them.
const PIECE_GRAIN: u64 = 64;

/// How long a piece is for who works in `memory` bytes: 64 KiB where there is room for many.
fn piece_bytes(memory: u64) -> usize {
    let len = (memory / PIECES_IN_MEMORY).clamp(MIN_PIECE_BYTES, PIECE_BYTES as u64);
    usize::try_from(len - len % PIECE_GRAIN).unwrap_or(PIECE_BYTES)
}

//! Records in memory, sorted by their keys: a run in the making, or all there is.
//!
//! Bytes lie in blocks that never move, with sixteen bytes a record beside them. It refuses records
//! that the budget does not pay for; when it is full somebody else decides.

use std::cmp::Ordering;
use std::ops::Range;

use super::order::sort;
use super::sorter::Order;
use super::tape::{header, parse};
use crate::budget::Budget;
use crate::function::FunctionError;

/// Memory of a block besides its bytes.
const BLOCK_BYTES: u64 = 64;
/// Records that there is room for at first.
const FIRST_ITEMS: usize = 16;
/// A record longer than this part of a block has a block of its own, so that little stays empty.
const LARGE_PART: usize = 4;

/// A record: the beginning of its key, which settles most comparisons by itself, and its place.
#[derive(Clone, Copy)]
struct Item {
    head: u64,
    block: u32,
    at: u32,
}

const ITEM_BYTES: u64 = size_of::<Item>() as u64;

/// The first eight bytes of a key as a number of the same order; a shorter key is filled with zeros,
/// so equal heads decide nothing.
pub(super) fn head(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}

/// Records in memory.
#[derive(Default)]
pub(crate) struct Run {
    blocks: Vec<Vec<u8>>,
    /// The block that is being filled.
    filling: Option<u32>,
    items: Vec<Item>,
    paid: u64,
}

/// What one more record costs: bytes of a new block, and room for items.
struct Price {
    block: Option<usize>,
    items: Option<usize>,
}

impl Price {
    fn bytes(&self) -> u64 {
        let block = self.block.map_or(0, |len| len as u64 + BLOCK_BYTES);
        block + self.items.map_or(0, |items| items as u64 * ITEM_BYTES)
    }
}

impl Run {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether one more record fits into `memory`, with what sorting will take.
    pub(super) fn fits(&self, key: &[u8], payload: &[u8], piece: usize, memory: u64) -> bool {
        let price = self.price(encoded(key, payload), piece);
        let sorting = (self.items.len() as u64 + 1) * ITEM_BYTES;
        self.paid + price.bytes() + sorting <= memory
    }

    fn price(&self, len: usize, piece: usize) -> Price {
        let room = |block: &Vec<u8>| block.capacity() - block.len();
        let left = self.filling.and_then(|at| self.blocks.get(at as usize));
        let block = if len > piece / LARGE_PART {
            Some(len)
        } else if left.map_or(0, room) < len {
            Some(piece)
        } else {
            None
        };
        let full = self.items.len() == self.items.capacity();
        let items = full.then(|| (2 * self.items.len()).max(FIRST_ITEMS));
        Price { block, items }
    }

    pub(super) fn push(
        &mut self,
        key: &[u8],
        payload: &[u8],
        piece: usize,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let len = encoded(key, payload);
        let price = self.price(len, piece);
        budget.charge_scratch(price.bytes())?;
        self.paid += price.bytes();
        budget.charge_read(len as u64)?;
        if let Some(items) = price.items {
            let before = self.items.capacity() as u64 * ITEM_BYTES;
            self.items.reserve_exact(items - self.items.len());
            budget.release_scratch(before);
            self.paid -= before;
        }
        let block = match price.block {
            Some(size) => {
                let number = u32::try_from(self.blocks.len()).map_err(|_| too_many())?;
                self.blocks.push(Vec::with_capacity(size));
                if size == piece {
                    self.filling = Some(number);
                }
                number
            }
            None => self.filling.unwrap_or_default(),
        };
        let Some(bytes) = self.blocks.get_mut(block as usize) else {
            return Err(too_many());
        };
        let at = u32::try_from(bytes.len()).map_err(|_| too_many())?;
        let (lengths, taken) = header(key.len(), payload.len());
        bytes.extend_from_slice(lengths.get(..taken).unwrap_or_default());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(payload);
        let head = head(key);
        self.items.push(Item { head, block, at });
        Ok(())
    }

    /// Sorts the records by their keys, equal ones in the order they came.
    pub(super) fn sort(&mut self, order: Order, budget: &mut Budget) -> Result<(), FunctionError> {
        let items = std::mem::take(&mut self.items);
        let blocks = &self.blocks;
        self.items = sort(items, budget, |a, b| {
            let heads = a.head.cmp(&b.head);
            if heads.is_ne() {
                return (order.of(heads), size_of::<u64>());
            }
            let (left, _) = record(blocks, a);
            let (right, _) = record(blocks, b);
            (order.of(left.cmp(right)), left.len().min(right.len()))
        })?;
        Ok(())
    }

    /// The key and the payload of a record.
    pub(crate) fn get(&self, at: usize) -> (&[u8], &[u8]) {
        let item = self.items.get(at);
        item.map(|item| record(&self.blocks, item))
            .unwrap_or_default()
    }

    /// The records of that key, once they are sorted in ascending order.
    pub(crate) fn find(&self, key: &[u8]) -> Range<usize> {
        let sought = head(key);
        let compare = |item: &Item| -> Ordering {
            let whole = || record(&self.blocks, item).0.cmp(key);
            item.head.cmp(&sought).then_with(whole)
        };
        let from = self.items.partition_point(|item| compare(item).is_lt());
        let rest = self.items.get(from..).unwrap_or_default();
        from..from + rest.partition_point(|item| compare(item).is_eq())
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self, budget: &mut Budget) {
        budget.release_scratch(self.paid);
        *self = Self::default();
    }
}

fn record<'a>(blocks: &'a [Vec<u8>], item: &Item) -> (&'a [u8], &'a [u8]) {
    let block = blocks.get(item.block as usize);
    let bytes = block.and_then(|block| block.get(item.at as usize..));
    parse(bytes.unwrap_or_default())
}

fn encoded(key: &[u8], payload: &[u8]) -> usize {
    header(key.len(), payload.len()).1 + key.len() + payload.len()
}

fn too_many() -> FunctionError {
    FunctionError::failed("a sort has more in memory than can be counted; lower the scratch limit")
}

//! A stable merge sort that pays for each comparison, so that a sort stops when its budget ends.
//!
//! The standard library's sort cannot be stopped half way but by a panic.

use std::cmp::Ordering;

use crate::budget::Budget;
use crate::function::FunctionError;

/// Sorts `items` by `compare`, equal ones in the order they came. `compare` also says how many bytes
/// it looked at. Scratch for a second copy of the items is charged while there is one.
pub(super) fn sort<T: Copy>(
    mut items: Vec<T>,
    budget: &mut Budget,
    mut compare: impl FnMut(&T, &T) -> (Ordering, usize),
) -> Result<Vec<T>, FunctionError> {
    let copy = (items.len() as u64).saturating_mul(size_of::<T>() as u64);
    budget.charge_scratch(copy)?;
    let mut merged: Vec<T> = Vec::with_capacity(items.len());
    let mut width = 1;
    while width < items.len() {
        merged.clear();
        for pair in items.chunks(width.saturating_mul(2)) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            merge(left, right, &mut merged, budget, &mut compare)?;
        }
        std::mem::swap(&mut items, &mut merged);
        width = width.saturating_mul(2);
    }
    budget.release_scratch(copy);
    Ok(items)
}

fn merge<T: Copy>(
    mut left: &[T],
    mut right: &[T],
    merged: &mut Vec<T>,
    budget: &mut Budget,
    compare: &mut impl FnMut(&T, &T) -> (Ordering, usize),
) -> Result<(), FunctionError> {
    while let (Some((l, left_rest)), Some((r, right_rest))) =
        (left.split_first(), right.split_first())
    {
        let (order, looked_at) = compare(l, r);
        budget.charge_steps(1)?;
        budget.charge_read(looked_at as u64)?;
        if order == Ordering::Greater {
            merged.push(*r);
            right = right_rest;
        } else {
            merged.push(*l);
            left = left_rest;
        }
    }
    budget.charge_steps((left.len() + right.len()) as u64)?;
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    Ok(())
}

#[cfg(test)]
#[path = "order_test.rs"]
mod order_test;

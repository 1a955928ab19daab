//! The recipes of a source: where each stands, the address that it had, and what it needs. Their
//! bytes stay where they are until they are sent.
//!
//! It refuses to grow without end: over its bounds a source is imported in parts.

use std::{collections::HashMap, fmt, path::PathBuf};

use deriva_model::{CAddr, dependency_order};

use crate::cli::failure::Failure;

/// Recipes of one import: some 150 bytes each.
const RECIPES_MAX: usize = 8_000_000;
/// Inputs of all of them together: 36 bytes each.
const INPUTS_MAX: usize = 32_000_000;

/// Where a recipe's bytes stand in the source.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    Record {
        /// From 1.
        number: u64,
        /// Of its first byte, after the length.
        offset: u64,
        /// Bytes.
        len: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Record { number, offset, .. } => write!(f, "record {number} at byte {offset}"),
        }
    }
}

/// A recipe that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) place: Place,
    pub(super) old: CAddr,
    pub(super) inputs: Vec<CAddr>,
}

/// A recipe that is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) place: Place,
    pub(super) old: CAddr,
}

/// All that were found.
#[derive(Default)]
pub(super) struct Index {
    items: Vec<Item>,
    /// Inputs of all, in one row.
    inputs: Vec<CAddr>,
    /// Where the inputs of each end in the row.
    ends: Vec<usize>,
}

impl Index {
    pub(super) fn push(&mut self, recipe: Recipe) -> Result<(), Failure> {
        let inputs = self.inputs.len() + recipe.inputs.len();
        if self.items.len() == RECIPES_MAX || inputs > INPUTS_MAX {
            return Err(Failure::usage(format!(
                "one import takes {RECIPES_MAX} recipes with {INPUTS_MAX} inputs in all; \
                 import the source in parts, what needs the other last"
            )));
        }
        self.inputs.extend(recipe.inputs);
        self.ends.push(self.inputs.len());
        self.items.push(Item {
            place: recipe.place,
            old: recipe.old,
        });
        Ok(())
    }

    /// Each after those of them that it needs.
    pub(super) fn ordered(self) -> Vec<Item> {
        let mut numbers: HashMap<CAddr, u32> = HashMap::with_capacity(self.items.len());
        for (number, item) in (0_u32..).zip(&self.items) {
            numbers.entry(item.old).or_insert(number);
        }
        let mut row: Vec<u32> = Vec::new();
        let mut spans = Vec::with_capacity(self.items.len());
        let mut begin = 0;
        for end in self.ends {
            let from = row.len();
            let inputs = self.inputs.get(begin..end).unwrap_or_default().iter();
            row.extend(inputs.filter_map(|input| numbers.get(input)));
            spans.push(from..row.len());
            begin = end;
        }
        drop((numbers, self.inputs));
        let needs = |number: usize| {
            let span = spans.get(number).cloned().unwrap_or_default();
            row.get(span).unwrap_or_default()
        };
        let order = dependency_order(self.items.len(), needs);
        let mut items: Vec<Option<Item>> = self.items.into_iter().map(Some).collect();
        let in_order = order.into_iter();
        in_order
            .filter_map(|number| items.get_mut(number)?.take())
            .collect()
    }
}

//! The layered graph: leaves of 64 bytes, then layers of equal width in which every recipe combines
//! its own column of the layer before with another, then a tree down to one root. Every recipe has two
//! inputs, and the root needs all of them.
//!
//! It refuses to repeat itself: another seed gives other leaves, so nothing is known from before, and
//! no two values are the same, so nothing is answered by early cutoff. The function is `xor`, and a
//! layer looks to one side only, in turn to the right and to the left: what it makes of the layer
//! before can be undone, so values that were independent stay so.

use deriva_model::{CAddr, FunctionId, Recipe};
use std::collections::BTreeMap;

/// Bytes of a leaf, and of every value.
pub(super) const LEAF_BYTES: usize = 64;
/// Recipes of one layer.
const WIDTH: usize = 1000;

/// Leaves, and recipes in an order in which they can be put; the last is the root.
pub(super) struct Layered {
    pub(super) leaves: Vec<Vec<u8>>,
    pub(super) recipes: Vec<Recipe>,
}

impl Layered {
    /// About `nodes` recipes; of few nodes the layers are narrower.
    pub(super) fn new(seed: u64, nodes: usize) -> Self {
        let width = WIDTH.min(nodes / 4).max(2);
        let mut dice = Dice(seed);
        let leaves: Vec<Vec<u8>> = (0..=width).map(|_| dice.bytes(LEAF_BYTES)).collect();
        let mut layer: Vec<CAddr> = leaves.iter().map(|leaf| CAddr::of_leaf(leaf)).collect();
        let edge = layer[width];
        layer.truncate(width);
        let mut recipes = Vec::with_capacity(nodes);
        while recipes.len() + 2 * width <= nodes {
            layer = (0..width)
                .map(|at| {
                    let beyond = width - 1 - at;
                    let other = match beyond {
                        0 => edge,
                        beyond => layer[at + 1 + dice.below(beyond)],
                    };
                    put(&mut recipes, layer[at], other)
                })
                .collect();
            layer.reverse();
        }
        while layer.len() > 1 {
            let pairs = layer.chunks(2);
            layer = pairs
                .map(|pair| match pair {
                    [one, other] => put(&mut recipes, *one, *other),
                    _ => pair[0],
                })
                .collect();
        }
        Self { leaves, recipes }
    }

    pub(super) fn root(&self) -> Option<CAddr> {
        self.recipes.last().map(Recipe::address)
    }
}

fn put(recipes: &mut Vec<Recipe>, one: CAddr, other: CAddr) -> CAddr {
    let function = FunctionId::new("xor", "1.0.0");
    let recipe = Recipe::new(function, vec![one, other], BTreeMap::new())
        .unwrap_or_else(|over| unreachable!("two inputs are within the limits: {over:?}"));
    let address = recipe.address();
    recipes.push(recipe);
    address
}

/// SplitMix64: a seed gives the same numbers on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }

    /// Bytes that nothing can compress.
    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.roll().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

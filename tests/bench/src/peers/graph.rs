//! The graph that Deriva and every peer run, and what it comes to in a plain loop.
//!
//! The same graph is made in Python (`tests/bench/peers/graph.py`, which says why it has this shape); the
//! test beside this file compares the two.

use bytes::Bytes;
use deriva_model::{CAddr, FunctionId, Recipe, SealedRecipe};
use std::{collections::BTreeMap, sync::Arc};

/// Bytes of a leaf, and so of every value.
pub const VALUE_BYTES: usize = 32;

/// How large a graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Leaves, and nodes of a layer of the body; an odd prime.
    pub width: usize,
    /// Layers of the body, before it narrows to the root.
    pub layers: usize,
}

impl Shape {
    /// Both inputs of each node, by position: the leaves come first, then the nodes in order.
    #[must_use]
    pub fn wiring(self) -> Vec<[usize; 2]> {
        let Self { mut width, layers } = self;
        let mut pairs = Vec::new();
        let mut base = 0;
        for layer in 0..layers {
            let stride = 1 + layer % (width - 1);
            pairs.extend((0..width).map(|at| [base + at, base + (at + stride) % width]));
            base += width;
        }
        while width > 1 {
            let stride = ((width - 1) / 2).max(1);
            pairs.extend((0..width - stride).map(|at| [base + at, base + at + stride]));
            base += width;
            width -= stride;
        }
        pairs
    }
}

/// Leaves and wiring, in memory.
#[derive(Clone, Debug)]
pub struct Graph {
    pub leaves: Vec<Bytes>,
    pub wiring: Vec<[usize; 2]>,
}

impl Graph {
    #[must_use]
    pub fn new(shape: Shape, seed: u64) -> Self {
        let noise = Bytes::from(noise(seed, shape.width * VALUE_BYTES));
        let leaves =
            (0..shape.width).map(|at| noise.slice(at * VALUE_BYTES..(at + 1) * VALUE_BYTES));
        Self {
            leaves: leaves.collect(),
            wiring: shape.wiring(),
        }
    }

    /// Every value, leaves first, by other code than the node's.
    #[must_use]
    pub fn values(&self) -> Vec<Bytes> {
        let mut values = self.leaves.clone();
        for [left, right] in &self.wiring {
            let both = values[*left].iter().zip(&values[*right]);
            values.push(both.map(|(left, right)| left ^ right).collect());
        }
        values
    }
}

/// The nodes as recipes, inputs before consumers, each made when it is asked for; the root is the last.
pub struct Nodes {
    graph: Arc<Graph>,
    /// Of the leaves, and of the nodes so far.
    addresses: Vec<CAddr>,
}

impl Nodes {
    #[must_use]
    pub fn of(graph: &Arc<Graph>) -> Self {
        let mut addresses = Vec::with_capacity(graph.leaves.len() + graph.wiring.len());
        addresses.extend(graph.leaves.iter().map(|leaf| CAddr::of_leaf(leaf)));
        Self {
            graph: graph.clone(),
            addresses,
        }
    }
}

impl Iterator for Nodes {
    type Item = SealedRecipe;

    fn next(&mut self) -> Option<SealedRecipe> {
        let at = self.addresses.len() - self.graph.leaves.len();
        let inputs = self.graph.wiring.get(at)?;
        let inputs = inputs.map(|input| self.addresses[input]).to_vec();
        let recipe = Recipe::new(FunctionId::new("xor", "1.0.0"), inputs, BTreeMap::new());
        let sealed = SealedRecipe::seal(recipe.unwrap_or_else(|over| {
            unreachable!("two inputs are within the limits: {over:?}");
        }));
        self.addresses.push(sealed.address());
        Some(sealed)
    }
}

/// Bytes of SplitMix64, the same for the same seed on every machine.
fn noise(mut seed: u64, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

#[cfg(test)]
#[path = "graph_test.rs"]
mod graph_test;

//! The shape of a plan: which nodes are one, and which stand on the longest chain.
//!
//! It refuses a cycle, and to recurse: a chain may be a million recipes long.

use super::{Kind, Node, Plan, PlanNode};
use deriva_model::CAddr;
use deriva_system::Fault;
use std::collections::HashMap;

impl Plan {
    /// Two names of one recipe are one node: an alias and what it leads to.
    pub(super) fn unite(&mut self) {
        let mut first: HashMap<CAddr, Node> = HashMap::with_capacity(self.nodes.len());
        let mut same = Vec::with_capacity(self.nodes.len());
        for (at, node) in self.nodes.iter().enumerate() {
            same.push(*first.entry(node.address).or_insert(at));
        }
        if first.len() == self.nodes.len() {
            return;
        }
        let united = |node: Node| same.get(node).copied().unwrap_or(node);
        self.root = united(self.root);
        for (at, node) in self.nodes.iter_mut().enumerate() {
            if let Kind::Run { inputs, .. } = &mut node.kind {
                if united(at) == at {
                    inputs.iter_mut().for_each(|input| *input = united(*input));
                } else {
                    // The other name needs nothing: what it named is needed once.
                    inputs.clear();
                }
            }
        }
    }

    /// How often each node is named as an input by what the root reaches, and how many nodes that is.
    fn references(&self) -> (Vec<u32>, usize) {
        let mut references = vec![0u32; self.nodes.len()];
        let mut open = vec![self.root];
        let mut reached = 1;
        while let Some(at) = open.pop() {
            let Some(node) = self.nodes.get(at) else {
                continue;
            };
            for input in node.inputs() {
                let Some(count) = references.get_mut(*input) else {
                    continue;
                };
                *count += 1;
                if *count == 1 && *input != self.root {
                    reached += 1;
                    open.push(*input);
                }
            }
        }
        (references, reached)
    }

    /// Longest chain first: each node learns how many recipes stand between it and the root.
    pub(super) fn rank(&mut self) -> Result<(), Fault> {
        let (mut left, reached) = self.references();
        let mut ready = vec![self.root];
        let mut ranked = 0;
        while let Some(at) = ready.pop() {
            ranked += 1;
            let Some(node) = self.nodes.get(at) else {
                continue;
            };
            let rank = node.rank + 1;
            for input in node.inputs().to_vec() {
                let Some(below) = self.nodes.get_mut(input) else {
                    continue;
                };
                below.rank = below.rank.max(rank);
                let Some(left) = left.get_mut(input) else {
                    continue;
                };
                *left -= 1;
                if *left == 0 {
                    ready.push(input);
                }
            }
        }
        if ranked == reached {
            return Ok(());
        }
        // Only an alias can close a cycle, and its insertion is checked.
        Err(Fault::Breach {
            what: "the graph has a cycle".to_owned(),
        })
    }

    /// Recipes that have to run.
    pub(in crate::evaluator) fn to_run(&self) -> u64 {
        let runs = |node: &&PlanNode| matches!(node.kind, Kind::Run { .. });
        self.nodes.iter().filter(runs).count() as u64
    }

    /// Recipes on the longest chain.
    pub(in crate::evaluator) fn depth(&self) -> u32 {
        self.nodes.iter().map(|node| node.rank).max().unwrap_or(0)
    }
}

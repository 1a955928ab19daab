//! The shape of a plan: which nodes are one, and which stand on the longest chain.
//!
//! It refuses a cycle, and to recurse: a chain may be a million recipes long.

use super::{Kind, Node, Plan, PlanNode};
use deriva_model::CAddr;
use deriva_system::{AddressMap, Fault};

impl Plan {
    /// Two names of one recipe are one node: an alias and what it leads to.
    pub(super) fn unite(&mut self) {
        let mut first: AddressMap<CAddr, Node> = AddressMap::default();
        let mut same = Vec::with_capacity(self.nodes.len());
        for (at, node) in (0..).zip(&self.nodes) {
            same.push(*first.entry(node.address).or_insert(at));
        }
        if first.len() == self.nodes.len() {
            return;
        }
        let united = |node: Node| same.get(node as usize).copied().unwrap_or(node);
        self.root = united(self.root);
        self.inputs
            .iter_mut()
            .for_each(|input| *input = united(*input));
        for (at, node) in (0..).zip(&mut self.nodes) {
            if let Kind::Run { inputs, .. } = &mut node.kind
                && united(at) != at
            {
                // The other name needs nothing: what it named is needed once.
                *inputs = 0..0;
            }
        }
    }

    /// How often each node is named as an input by what the root reaches, and how many nodes that is.
    fn references(&self) -> (Vec<u32>, usize) {
        let mut references = vec![0u32; self.nodes.len()];
        let mut open = vec![self.root];
        let mut reached = 1;
        while let Some(at) = open.pop() {
            for input in self.inputs_of(at) {
                let Some(count) = references.get_mut(*input as usize) else {
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
            let Some(Kind::Run { inputs, .. }) = self.node(at).map(|node| &node.kind) else {
                continue;
            };
            let inputs = inputs.start as usize..inputs.end as usize;
            let rank = self.node(at).map_or(0, |node| node.rank) + 1;
            for input in self.inputs.get(inputs).unwrap_or_default() {
                let input = *input as usize;
                let (Some(below), Some(left)) = (self.nodes.get_mut(input), left.get_mut(input))
                else {
                    continue;
                };
                below.rank = below.rank.max(rank);
                *left -= 1;
                if *left == 0 {
                    ready.push(input as Node);
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

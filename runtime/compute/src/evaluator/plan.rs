//! Planning: from a root to the recipes that have to run and the values that are there already.
//!
//! The graph is walked level by level; what memory does not know is read from disk in one batch a
//! level. It refuses to run anything, and to go deeper than what is known.

use super::hold::Held;
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::{
    Fault,
    compute::{Known, Look, Sources, Transient},
    view::Origin,
};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

/// Nodes of one request: bounds the memory that a request can ask for (some 300 bytes a node).
pub(super) const NODES_MAX: usize = 16_000_000;
/// Aliases that may follow one another; an alias leads to a recipe, so one is the rule.
const ALIAS_HOPS_MAX: usize = 8;
/// Addresses in one batch of reads: bounds the memory of a batch.
const BATCH_MAX: usize = 8192;

pub(super) type Node = usize;

#[derive(Debug)]
pub(super) enum Kind {
    Have(Arc<Held>),
    Run {
        recipe: Arc<SealedRecipe>,
        /// By position in the recipe.
        inputs: Vec<Node>,
        origin: Origin,
    },
}

#[derive(Debug)]
pub(super) struct PlanNode {
    /// Alias-resolved.
    pub(super) address: CAddr,
    pub(super) kind: Kind,
    /// Recipes on the longest chain from here up to the root.
    pub(super) rank: u32,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) nodes: Vec<PlanNode>,
    pub(super) root: Node,
}

/// Where recipes that are not stored come from, and what may be taken as known.
pub(super) struct Planner<'a> {
    pub(super) sources: &'a dyn Sources,
    pub(super) transient: &'a Transient,
    pub(super) look: Look,
}

/// A node that is referred to but not yet looked at.
enum Slot {
    Open,
    Filled(PlanNode),
}

#[derive(Default)]
struct Draft {
    slots: Vec<Slot>,
    /// Alias-resolved address → node.
    by_address: HashMap<CAddr, Node>,
    /// Referred address → node, where it differs: filled when an alias is followed.
    missing: Vec<CAddr>,
    first_consumer: HashMap<CAddr, CAddr>,
}

impl Planner<'_> {
    pub(super) fn plan(&self, root: CAddr) -> Result<Plan, Fault> {
        let mut draft = Draft::default();
        let root_node = draft.refer(root)?;
        let mut frontier = vec![root];
        while !frontier.is_empty() {
            let found = self.look_up(&frontier)?;
            let mut next = Vec::new();
            for (address, known) in frontier.into_iter().zip(found) {
                self.place(&mut draft, address, known, &mut next)?;
            }
            frontier = next;
        }
        if !draft.missing.is_empty() {
            return Err(draft.name_the_missing(root));
        }
        draft.finish(root_node)
    }

    /// What is known of each address, aliases followed.
    fn look_up(&self, addresses: &[CAddr]) -> Result<Vec<(CAddr, Known, Origin)>, Fault> {
        let mut found: Vec<Option<(CAddr, Known, Origin)>> = Vec::with_capacity(addresses.len());
        let mut open: Vec<(usize, CAddr)> = Vec::new();
        for (at, address) in addresses.iter().enumerate() {
            let known = self.in_memory(address);
            if known.is_none() {
                open.push((at, *address));
            }
            found.push(known);
        }
        self.fetch_open(&mut found, open)?;
        Ok(found
            .into_iter()
            .zip(addresses)
            .map(|(known, address)| known.unwrap_or((*address, Known::Nothing, Origin::Stored)))
            .collect())
    }

    fn fetch_open(
        &self,
        found: &mut [Option<(CAddr, Known, Origin)>],
        mut open: Vec<(usize, CAddr)>,
    ) -> Result<(), Fault> {
        for _ in 0..=ALIAS_HOPS_MAX {
            let mut follow = Vec::new();
            for part in open.chunks(BATCH_MAX) {
                let addresses: Vec<CAddr> = part.iter().map(|(_, address)| *address).collect();
                let read = self.sources.fetch(&addresses, self.look)?;
                for ((at, address), known) in part.iter().zip(read) {
                    match known {
                        Known::Alias(to) => follow.push((*at, to)),
                        known => {
                            if let Some(slot) = found.get_mut(*at) {
                                *slot = Some((*address, known, Origin::Stored));
                            }
                        }
                    }
                }
            }
            if follow.is_empty() {
                return Ok(());
            }
            open = follow;
        }
        Err(Fault::Breach {
            what: format!("more than {ALIAS_HOPS_MAX} aliases follow one another"),
        })
    }

    /// What travels with the request comes first: its value may be known though it is not stored.
    fn in_memory(&self, address: &CAddr) -> Option<(CAddr, Known, Origin)> {
        if let Some(recipe) = self.transient.get(address) {
            let known = match self.look {
                Look::ForValues => self.sources.travelling(address),
                Look::ForRecipes => None,
            };
            let known = known.map_or_else(|| Known::Recipe(recipe.clone()), Known::Value);
            return Some((*address, known, Origin::Transient));
        }
        match self.sources.resident(address, self.look)? {
            Known::Alias(_) => None,
            known => Some((*address, known, Origin::Stored)),
        }
    }

    /// Fills the node of `address`; what it needs and nobody looked at yet joins `next`.
    fn place(
        &self,
        draft: &mut Draft,
        address: CAddr,
        (resolved, known, origin): (CAddr, Known, Origin),
        next: &mut Vec<CAddr>,
    ) -> Result<(), Fault> {
        let kind = match known {
            Known::Value(value) => {
                Kind::Have(Arc::new(Held::known(value.content(), value.bytes.clone())))
            }
            Known::Leaf { content, bytes } => Kind::Have(Arc::new(Held::known(content, bytes))),
            Known::StoredLeaf(stored) => Kind::Have(Arc::new(Held::stored(stored))),
            Known::Recipe(recipe) => {
                let mut inputs = Vec::with_capacity(recipe.recipe().inputs().len());
                for input in recipe.recipe().inputs() {
                    if !draft.by_address.contains_key(input) {
                        next.push(*input);
                        draft.first_consumer.insert(*input, resolved);
                    }
                    inputs.push(draft.refer(*input)?);
                }
                Kind::Run {
                    recipe,
                    inputs,
                    origin,
                }
            }
            Known::Alias(_) | Known::Nothing => {
                draft.missing.push(address);
                return Ok(());
            }
        };
        draft.fill(address, resolved, kind);
        Ok(())
    }
}

impl Draft {
    fn refer(&mut self, address: CAddr) -> Result<Node, Fault> {
        if self.slots.len() >= NODES_MAX {
            return Err(Fault::OverLimit {
                what: "nodes of one graph".to_owned(),
                limit: NODES_MAX as u64,
                got: self.slots.len() as u64 + 1,
            });
        }
        match self.by_address.entry(address) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(free) => {
                let node = self.slots.len();
                free.insert(node);
                self.slots.push(Slot::Open);
                Ok(node)
            }
        }
    }

    fn fill(&mut self, referred: CAddr, resolved: CAddr, kind: Kind) {
        let Some(node) = self.by_address.get(&referred).copied() else {
            return;
        };
        if let Some(slot) = self.slots.get_mut(node) {
            *slot = Slot::Filled(PlanNode {
                address: resolved,
                kind,
                rank: 0,
            });
        }
    }

    fn name_the_missing(self, root: CAddr) -> Fault {
        match self.missing.first() {
            Some(first) if *first != root => {
                let consumer = self.first_consumer.get(first).copied().unwrap_or(root);
                Fault::missing_inputs(consumer, self.missing)
            }
            _ => Fault::NotFound { address: root },
        }
    }

    fn finish(self, root: Node) -> Result<Plan, Fault> {
        let nodes: Option<Vec<PlanNode>> = self
            .slots
            .into_iter()
            .map(|slot| match slot {
                Slot::Filled(node) => Some(node),
                Slot::Open => None,
            })
            .collect();
        let nodes = nodes.ok_or_else(|| Fault::Breach {
            what: "a planned node was never looked at".to_owned(),
        })?;
        let mut plan = Plan { nodes, root };
        plan.unite();
        plan.rank()?;
        Ok(plan)
    }
}

impl Plan {
    /// Two names of one recipe are one node: an alias and what it leads to.
    fn unite(&mut self) {
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
        for node in &mut self.nodes {
            if let Kind::Run { inputs, .. } = &mut node.kind {
                inputs.iter_mut().for_each(|input| *input = united(*input));
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
    fn rank(&mut self) -> Result<(), Fault> {
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

    /// Recipes on the longest chain.
    pub(super) fn depth(&self) -> u32 {
        self.nodes.iter().map(|node| node.rank).max().unwrap_or(0)
    }
}

impl PlanNode {
    pub(super) fn inputs(&self) -> &[Node] {
        match &self.kind {
            Kind::Have(_) => &[],
            Kind::Run { inputs, .. } => inputs,
        }
    }
}

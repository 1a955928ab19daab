//! Planning: from a root to the recipes that have to run and the values that are there already.
//!
//! The graph is walked level by level; what memory does not know is read from disk in one batch a
//! level. It refuses to run anything, and to go deeper than what is known.

#[path = "shape.rs"]
mod shape;

use super::{board::Checks, hold::Held};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::{
    Fault,
    compute::{Known, Look, Sources, Transient},
    view::Origin,
};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Nodes of one request: bounds the memory that a request can ask for (some 600 bytes a node, measured).
const NODES_MAX: usize = 16_000_000;
/// Inputs of all recipes of one request together: a few recipes with many inputs are few nodes, but
/// each of their inputs costs some 60 bytes.
const INPUTS_MAX: usize = 64_000_000;
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
    /// Recipes whose values were known.
    pub(super) known: u64,
    pub(super) checks: Checks,
}

/// How large a graph may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanLimits {
    pub(super) nodes: usize,
    /// Of all recipes together.
    pub(super) inputs: usize,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            nodes: NODES_MAX,
            inputs: INPUTS_MAX,
        }
    }
}

/// Where recipes that are not stored come from, and what may be taken as known.
pub(super) struct Planner<'a> {
    pub(super) sources: &'a dyn Sources,
    pub(super) transient: &'a Transient,
    pub(super) look: Look,
    /// How the root is looked at: `look`, or only as what it is.
    pub(super) root_look: Look,
    /// Looked at before each level: a graph of many levels is many reads.
    pub(super) cancelled: &'a AtomicBool,
    pub(super) limits: PlanLimits,
}

/// A node that is referred to but not yet looked at.
enum Slot {
    Open,
    Filled(PlanNode),
}

#[derive(Default)]
struct Draft {
    limits: PlanLimits,
    /// Of all recipes so far.
    inputs: usize,
    slots: Vec<Slot>,
    /// Alias-resolved address → node.
    by_address: HashMap<CAddr, Node>,
    /// Referred address → node, where it differs: filled when an alias is followed.
    missing: Vec<CAddr>,
    known: u64,
    first_consumer: HashMap<CAddr, CAddr>,
}

impl Planner<'_> {
    pub(super) fn plan(&self, root: CAddr) -> Result<Plan, Fault> {
        let mut draft = Draft {
            limits: self.limits,
            ..Draft::default()
        };
        let root_node = draft.refer(root)?;
        let mut frontier = vec![root];
        let mut look = self.root_look;
        while !frontier.is_empty() {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Fault::Cancelled);
            }
            let found = self.look_up(&frontier, look)?;
            look = self.look;
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
    fn look_up(
        &self,
        addresses: &[CAddr],
        look: Look,
    ) -> Result<Vec<(CAddr, Known, Origin)>, Fault> {
        let mut found: Vec<Option<(CAddr, Known, Origin)>> = Vec::with_capacity(addresses.len());
        let mut open: Vec<(usize, CAddr)> = Vec::new();
        for (at, address) in addresses.iter().enumerate() {
            let known = self.in_memory(address, look);
            if known.is_none() {
                open.push((at, *address));
            }
            found.push(known);
        }
        self.fetch_open(&mut found, open, look)?;
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
        look: Look,
    ) -> Result<(), Fault> {
        for _ in 0..=ALIAS_HOPS_MAX {
            let mut follow = Vec::new();
            for part in open.chunks(BATCH_MAX) {
                let addresses: Vec<CAddr> = part.iter().map(|(_, address)| *address).collect();
                let read = self.sources.fetch(&addresses, look)?;
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
    fn in_memory(&self, address: &CAddr, look: Look) -> Option<(CAddr, Known, Origin)> {
        if let Some(recipe) = self.transient.get(address) {
            let known = match look {
                Look::ForValues => self.sources.travelling(address),
                Look::ForVerified => {
                    let value = self.sources.travelling(address);
                    value.filter(|value| value.is_verified())
                }
                Look::ForRecipes => None,
            };
            let known = known.map_or_else(|| Known::Recipe(recipe.clone()), Known::Value);
            return Some((*address, known, Origin::Transient));
        }
        match self.sources.resident(address, look)? {
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
                draft.known += 1;
                Kind::Have(Arc::new(Held::known(value.content(), value.bytes.clone())))
            }
            Known::Leaf { content, bytes } => Kind::Have(Arc::new(Held::known(content, bytes))),
            Known::StoredLeaf(stored) => Kind::Have(Arc::new(Held::stored(stored))),
            Known::Recipe(recipe) => {
                draft.count_inputs(recipe.recipe().inputs().len())?;
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
    fn count_inputs(&mut self, more: usize) -> Result<(), Fault> {
        self.inputs += more;
        within("inputs in one graph", self.limits.inputs, self.inputs)
    }

    fn refer(&mut self, address: CAddr) -> Result<Node, Fault> {
        match self.by_address.entry(address) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(free) => {
                let node = self.slots.len();
                within("nodes of one graph", self.limits.nodes, node + 1)?;
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
        let mut plan = Plan {
            nodes,
            root,
            known: self.known,
            checks: Checks::default(),
        };
        plan.unite();
        plan.rank()?;
        Ok(plan)
    }
}

fn within(what: &str, limit: usize, got: usize) -> Result<(), Fault> {
    if got <= limit {
        return Ok(());
    }
    Err(Fault::OverLimit {
        what: what.to_owned(),
        limit: limit as u64,
        got: got as u64,
    })
}

impl PlanNode {
    pub(super) fn inputs(&self) -> &[Node] {
        match &self.kind {
            Kind::Have(_) => &[],
            Kind::Run { inputs, .. } => inputs,
        }
    }
}

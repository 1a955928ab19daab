//! Planning: from a root to the recipes that have to run and the values that are there already.
//!
//! The graph is walked level by level; what memory does not know is read from disk in one batch a
//! level. It refuses to run anything, and to go deeper than what is known.

#[path = "shape.rs"]
mod shape;

use super::{board::Checks, hold::Held};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::{
    AddressMap, Fault,
    compute::{Known, Look, Sources, Transient},
    view::Origin,
};
use std::{
    collections::hash_map::Entry,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Nodes of one request: bounds the memory that a request can ask for (some 400 bytes a node).
const NODES_MAX: usize = 16_000_000;
/// Inputs of all recipes of one request together: a few recipes with many inputs are few nodes, but
/// each of their inputs costs some 60 bytes.
const INPUTS_MAX: usize = 64_000_000;
/// Aliases that may follow one another; an alias leads to a recipe, so one is the rule.
const ALIAS_HOPS_MAX: usize = 8;
/// Addresses in one batch of reads: bounds the memory of a batch.
const BATCH_MAX: usize = 8192;

/// A node by its number; `NODES_MAX` of them fit.
pub(super) type Node = u32;

#[derive(Debug)]
pub(super) enum Kind {
    Have(Arc<Held>),
    Run {
        recipe: Arc<SealedRecipe>,
        /// Where its inputs stand in the plan's list of them, by position in the recipe.
        inputs: Range<u32>,
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
    /// The inputs of all nodes, each node's together.
    pub(super) inputs: Vec<Node>,
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

/// What an address is, aliases followed, and where that is known from.
type Found = (CAddr, Known, Origin);

/// An address that is referred to and not yet looked at, with its node.
type Open = (Node, CAddr);

#[derive(Default)]
struct Draft {
    limits: PlanLimits,
    /// `None` of a node that was not looked at yet.
    nodes: Vec<Option<PlanNode>>,
    inputs: Vec<Node>,
    /// By the address that is referred to; an alias has a node of its own at first.
    by_address: AddressMap<CAddr, Node>,
    missing: Vec<Open>,
    known: u64,
    aliases: usize,
}

impl Planner<'_> {
    pub(super) fn plan(&self, root: CAddr) -> Result<Plan, Fault> {
        let mut draft = Draft {
            limits: self.limits,
            ..Draft::default()
        };
        let mut frontier = Vec::new();
        let root_node = draft.refer(root, &mut frontier)?;
        let mut look = self.root_look;
        while !frontier.is_empty() {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Fault::Cancelled);
            }
            let mut next = Vec::with_capacity(frontier.len());
            // Part by part, so that what was found of a part is still at hand when it is placed.
            for part in frontier.chunks(BATCH_MAX) {
                let found = self.look_up(part, look)?;
                for (open, known) in part.iter().zip(found) {
                    place(&mut draft, *open, known, &mut next)?;
                }
            }
            look = self.look;
            frontier = next;
        }
        if !draft.missing.is_empty() {
            return Err(draft.name_the_missing(root));
        }
        draft.finish(root_node)
    }

    /// What is known of each address, aliases followed.
    fn look_up(&self, part: &[Open], look: Look) -> Result<Vec<Found>, Fault> {
        let mut found: Vec<Option<Found>> = Vec::with_capacity(part.len());
        let mut open: Vec<(usize, CAddr)> = Vec::new();
        for (at, (_, address)) in part.iter().enumerate() {
            let known = self.in_memory(address, look);
            if known.is_none() {
                open.push((at, *address));
            }
            found.push(known);
        }
        self.fetch_open(&mut found, open, look)?;
        Ok(found
            .into_iter()
            .zip(part)
            .map(|(known, (_, address))| {
                known.unwrap_or((*address, Known::Nothing, Origin::Stored))
            })
            .collect())
    }

    fn fetch_open(
        &self,
        found: &mut [Option<Found>],
        mut open: Vec<(usize, CAddr)>,
        look: Look,
    ) -> Result<(), Fault> {
        for _ in 0..=ALIAS_HOPS_MAX {
            let mut follow = Vec::new();
            if open.is_empty() {
                return Ok(());
            }
            let addresses: Vec<CAddr> = open.iter().map(|(_, address)| *address).collect();
            let read = self.sources.fetch(&addresses, look)?;
            for ((at, address), known) in open.into_iter().zip(read) {
                match known {
                    Known::Alias(to) => follow.push((at, to)),
                    known => {
                        if let Some(slot) = found.get_mut(at) {
                            *slot = Some((address, known, Origin::Stored));
                        }
                    }
                }
            }
            open = follow;
        }
        Err(Fault::Breach {
            what: format!("more than {ALIAS_HOPS_MAX} aliases follow one another"),
        })
    }

    /// What travels with the request comes first: its value may be known though it is not stored.
    fn in_memory(&self, address: &CAddr, look: Look) -> Option<Found> {
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
}

/// Fills a node; what it needs and nobody referred to yet joins `next`.
fn place(
    draft: &mut Draft,
    (node, address): Open,
    (resolved, known, origin): Found,
    next: &mut Vec<Open>,
) -> Result<(), Fault> {
    draft.aliases += usize::from(resolved != address);
    let kind = match known {
        Known::Value(value) => {
            draft.known += 1;
            Kind::Have(Arc::new(Held::known(value.content(), value.bytes.clone())))
        }
        Known::Leaf { content, bytes } => Kind::Have(Arc::new(Held::known(content, bytes))),
        Known::StoredLeaf(stored) => Kind::Have(Arc::new(Held::stored(stored))),
        Known::Recipe(recipe) => Kind::Run {
            inputs: draft.refer_all(recipe.recipe().inputs(), next)?,
            recipe,
            origin,
        },
        Known::Alias(_) | Known::Nothing => {
            draft.missing.push((node, address));
            return Ok(());
        }
    };
    if let Some(slot) = draft.nodes.get_mut(node as usize) {
        *slot = Some(PlanNode {
            address: resolved,
            kind,
            rank: 0,
        });
    }
    Ok(())
}

impl Draft {
    /// The nodes of a recipe's inputs, in their order.
    fn refer_all(&mut self, inputs: &[CAddr], next: &mut Vec<Open>) -> Result<Range<u32>, Fault> {
        let from = self.inputs.len();
        within(
            "inputs in one graph",
            self.limits.inputs,
            from + inputs.len(),
        )?;
        for input in inputs {
            let node = self.refer(*input, next)?;
            self.inputs.push(node);
        }
        Ok(place_of(from)..place_of(self.inputs.len()))
    }

    fn refer(&mut self, address: CAddr, next: &mut Vec<Open>) -> Result<Node, Fault> {
        match self.by_address.entry(address) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(free) => {
                let node = self.nodes.len();
                within("nodes of one graph", self.limits.nodes, node + 1)?;
                let node = place_of(node);
                free.insert(node);
                self.nodes.push(None);
                next.push((node, address));
                Ok(node)
            }
        }
    }

    fn name_the_missing(self, root: CAddr) -> Fault {
        match self.missing.first() {
            Some((node, first)) if *first != root => {
                let consumer = self.consumer_of(*node).unwrap_or(root);
                let missing = self.missing.iter().map(|(_, address)| *address);
                Fault::missing_inputs(consumer, missing.collect())
            }
            _ => Fault::NotFound { address: root },
        }
    }

    /// The first that names a node among its inputs.
    fn consumer_of(&self, node: Node) -> Option<CAddr> {
        let names = |planned: &&PlanNode| match &planned.kind {
            Kind::Run { inputs, .. } => part_of(&self.inputs, inputs).contains(&node),
            Kind::Have(_) => false,
        };
        let consumer = self.nodes.iter().flatten().find(names);
        consumer.map(|planned| planned.address)
    }

    fn finish(self, root: Node) -> Result<Plan, Fault> {
        let nodes: Option<Vec<PlanNode>> = self.nodes.into_iter().collect();
        let nodes = nodes.ok_or_else(|| Fault::Breach {
            what: "a planned node was never looked at".to_owned(),
        })?;
        let mut plan = Plan {
            nodes,
            inputs: self.inputs,
            root,
            known: self.known,
            checks: Checks::default(),
        };
        if self.aliases > 0 {
            plan.unite();
        }
        plan.rank()?;
        Ok(plan)
    }
}

/// Both limits stand far below the largest number that fits.
fn place_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn part_of<'a>(inputs: &'a [Node], part: &Range<u32>) -> &'a [Node] {
    let part = part.start as usize..part.end as usize;
    inputs.get(part).unwrap_or_default()
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

impl Plan {
    pub(super) fn node(&self, node: Node) -> Option<&PlanNode> {
        self.nodes.get(node as usize)
    }

    /// A node's inputs, by position in its recipe.
    pub(super) fn inputs_of(&self, node: Node) -> &[Node] {
        match self.node(node).map(|planned| &planned.kind) {
            Some(Kind::Run { inputs, .. }) => part_of(&self.inputs, inputs),
            Some(Kind::Have(_)) | None => &[],
        }
    }
}

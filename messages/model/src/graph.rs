//! The law of the graph: order, reach, depth and cycles over whatever can look inputs up.
//!
//! Every walk is iterative with its state on the heap, bounded by a number of nodes that the caller
//! gives, and goes through inputs in recipe order, so two nodes walk alike. Nothing is cached here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::address::CAddr;

/// Where inputs are looked up.
pub trait Inputs {
    /// Why a look-up failed.
    type Error;

    /// The inputs of a recipe in order (an alias has one: what it stands for); `None` for whatever
    /// is no recipe, known or not.
    fn inputs(&self, node: &CAddr) -> Result<Option<Vec<CAddr>>, Self::Error>;
}

/// Why a walk ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError<E> {
    /// The graph below the root has more nodes than the caller allows.
    #[error("more than {limit} nodes are reached")]
    TooManyNodes {
        /// The most that were allowed.
        limit: usize,
    },
    /// A node is reached from itself.
    #[error("{node} is reached from itself")]
    Cycle {
        /// A node on the cycle.
        node: CAddr,
    },
    /// A look-up failed.
    #[error("inputs could not be looked up")]
    Lookup(#[source] E),
}

/// Everything that `root` reaches, itself included, inputs before their consumers, each once. Leaves
/// stand in it too. The order is that of a depth-first walk through inputs in recipe order.
pub fn topological_order<I: Inputs>(
    graph: &I,
    root: CAddr,
    max_nodes: usize,
) -> Result<Vec<CAddr>, GraphError<I::Error>> {
    let mut order = Vec::new();
    finish_each(graph, root, max_nodes, |node, _| order.push(node))?;
    Ok(order)
}

/// The greatest number of recipes on one way down from `root`: 0 for a leaf, 1 for a recipe over
/// leaves or without inputs.
pub fn depth<I: Inputs>(
    graph: &I,
    root: CAddr,
    max_nodes: usize,
) -> Result<u64, GraphError<I::Error>> {
    let mut depths: HashMap<CAddr, u64> = HashMap::new();
    let mut last = 0;
    finish_each(graph, root, max_nodes, |node, inputs| {
        last = inputs.map_or(0, |inputs| {
            let below = inputs.iter().filter_map(|input| depths.get(input)).max();
            1 + below.copied().unwrap_or(0)
        });
        depths.insert(node, last);
    })?;
    Ok(last)
}

/// Everything that `root` reaches, itself included. Unlike the ordered walks it minds no cycles.
pub fn reach<I: Inputs>(
    graph: &I,
    root: CAddr,
    max_nodes: usize,
) -> Result<HashSet<CAddr>, GraphError<I::Error>> {
    let mut seen = HashSet::new();
    walk(graph, root, max_nodes, &mut seen, |_| false)?;
    Ok(seen)
}

/// The numbers below `count` in an order in which each comes after those it needs; what needs itself,
/// by whatever way, comes last. Otherwise nothing is moved: of two that are free, the one that was
/// freed first comes first. Numbers that `needs` gives and that are not below `count` are nothing.
pub fn dependency_order<'a>(count: usize, needs: impl Fn(usize) -> &'a [u32]) -> Vec<usize> {
    let needed = |number: usize| {
        let all = needs(number).iter().map(|need| *need as usize);
        all.filter(|need| *need < count)
    };
    let mut waiting: Vec<usize> = (0..count).map(|number| needed(number).count()).collect();
    // Who needs whom, in one row: the consumers of a number end where those of the next begin.
    let mut ends = vec![0_usize; count + 1];
    for need in (0..count).flat_map(&needed) {
        ends[need] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += std::mem::replace(end, sum);
    }
    let mut consumers = vec![0_usize; sum];
    for number in 0..count {
        for need in needed(number) {
            consumers[ends[need]] = number;
            ends[need] += 1;
        }
    }
    let mut order: Vec<usize> = (0..count).filter(|number| waiting[*number] == 0).collect();
    let mut next = 0;
    while let Some(number) = order.get(next).copied() {
        next += 1;
        let begin = number.checked_sub(1).map_or(0, |before| ends[before]);
        for consumer in &consumers[begin..ends[number]] {
            waiting[*consumer] -= 1;
            if waiting[*consumer] == 0 {
                order.push(*consumer);
            }
        }
    }
    order.extend((0..count).filter(|number| waiting[*number] > 0));
    order
}

/// Whether an edge that makes `to` an input (or the meaning, for an alias) of `from` would close a
/// cycle: whether `to` already reaches `from`. An edge from a node to itself does.
pub fn would_cycle<I: Inputs>(
    graph: &I,
    from: CAddr,
    to: CAddr,
    max_nodes: usize,
) -> Result<bool, GraphError<I::Error>> {
    walk(graph, to, max_nodes, &mut HashSet::new(), |node| {
        node == from
    })
}

/// Goes through what `root` reaches until `found` says so; tells whether it did.
fn walk<I: Inputs>(
    graph: &I,
    root: CAddr,
    max_nodes: usize,
    seen: &mut HashSet<CAddr>,
    found: impl Fn(CAddr) -> bool,
) -> Result<bool, GraphError<I::Error>> {
    let mut open = vec![root];
    seen.insert(root);
    admit(seen.len(), max_nodes)?;
    while let Some(node) = open.pop() {
        if found(node) {
            return Ok(true);
        }
        let inputs = graph.inputs(&node).map_err(GraphError::Lookup)?;
        for input in inputs.unwrap_or_default() {
            if seen.insert(input) {
                admit(seen.len(), max_nodes)?;
                open.push(input);
            }
        }
    }
    Ok(false)
}

fn admit<E>(nodes: usize, limit: usize) -> Result<(), GraphError<E>> {
    if nodes > limit {
        return Err(GraphError::TooManyNodes { limit });
    }
    Ok(())
}

/// A node whose inputs are being gone through.
struct Frame {
    node: CAddr,
    /// `None` for what is no recipe.
    inputs: Option<Vec<CAddr>>,
    next: usize,
}

/// Where a node stands in a depth-first walk.
enum Mark {
    /// On the way down: meeting it again is a cycle.
    Open,
    /// Finished, with everything below it.
    Done,
}

/// Calls `finished` for each node, once, after all of its inputs.
fn finish_each<I: Inputs>(
    graph: &I,
    root: CAddr,
    max_nodes: usize,
    mut finished: impl FnMut(CAddr, Option<&[CAddr]>),
) -> Result<(), GraphError<I::Error>> {
    let mut marks = HashMap::new();
    admit(1, max_nodes)?;
    marks.insert(root, Mark::Open);
    let mut way = vec![enter(graph, root)?];
    while let Some(frame) = way.last_mut() {
        let inputs = frame.inputs.as_deref();
        let Some(input) = inputs.and_then(|inputs| inputs.get(frame.next)).copied() else {
            finished(frame.node, inputs);
            marks.insert(frame.node, Mark::Done);
            way.pop();
            continue;
        };
        frame.next += 1;
        let nodes = marks.len();
        match marks.entry(input) {
            Entry::Occupied(mark) => match mark.get() {
                Mark::Open => return Err(GraphError::Cycle { node: input }),
                Mark::Done => {}
            },
            Entry::Vacant(place) => {
                admit(nodes + 1, max_nodes)?;
                place.insert(Mark::Open);
                way.push(enter(graph, input)?);
            }
        }
    }
    Ok(())
}

fn enter<I: Inputs>(graph: &I, node: CAddr) -> Result<Frame, GraphError<I::Error>> {
    let inputs = graph.inputs(&node).map_err(GraphError::Lookup)?;
    Ok(Frame {
        node,
        inputs,
        next: 0,
    })
}

#[cfg(test)]
#[path = "graph_test.rs"]
mod graph_test;

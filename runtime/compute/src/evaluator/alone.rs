//! A graph evaluated one step at a time, by one thread, in an order that is fixed: sequentially (in
//! recipe order, depth first) or as a trace has it. It joins no other computation and offers nothing
//! to join, so what it finds is what it did.
//!
//! It refuses to take a trace's word for anything: every step's inputs and output are compared.

use super::{
    board::Audience,
    execute::{Executor, Reuse},
    hold::Held,
    plan::{Kind, Node, Plan},
    task::{Inputs, Task},
};
use deriva_model::{CAddr, ContentHash, SealedRecipe, Trace, TraceStep};
use deriva_system::{Fault, view::Origin};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What becomes of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Values known are used, new ones offered to the cache.
    Sequential { begun: u64 },
    /// Everything is executed and written down.
    Record,
}

pub(super) struct Alone<'a> {
    pub(super) executor: &'a Arc<Executor>,
    pub(super) cancelled: &'a Arc<AtomicBool>,
}

/// A plan with what has been computed of it.
struct Progress {
    plan: Plan,
    done: Vec<Option<Arc<Held>>>,
    /// Nodes that were computed; their values may be gone again.
    finished: Vec<bool>,
    /// Positions that still need each node's value.
    needed: Vec<usize>,
    trace: Trace,
}

impl Progress {
    fn new(plan: Plan, root: CAddr) -> Self {
        let mut needed = vec![0; plan.nodes.len()];
        for node in (0..).take(plan.nodes.len()) {
            for input in plan.inputs_of(node) {
                if let Some(count) = needed.get_mut(*input as usize) {
                    *count += 1;
                }
            }
        }
        if let Some(count) = needed.get_mut(plan.root as usize) {
            *count += 1;
        }
        let done = plan
            .nodes
            .iter()
            .map(|node| match &node.kind {
                Kind::Have(held) => Some(held.clone()),
                Kind::Run { .. } => None,
            })
            .collect();
        let steps = Vec::new();
        Self {
            finished: vec![false; plan.nodes.len()],
            plan,
            done,
            needed,
            trace: Trace { root, steps },
        }
    }

    /// Whether the node's value is there, or was there.
    fn is_done(&self, node: Node) -> bool {
        self.finished.get(node as usize).copied().unwrap_or(false)
            || self.done.get(node as usize).is_some_and(Option::is_some)
    }

    /// The first input from `position` on that has to be computed, and its position.
    fn next_open(&self, node: Node, position: usize) -> Option<(usize, Node)> {
        let inputs = self.plan.inputs_of(node);
        let rest = inputs.iter().copied().enumerate().skip(position);
        rest.into_iter().find(|(_, input)| !self.is_done(*input))
    }

    /// The inputs' values by position, if all are there.
    fn inputs(&self, node: Node) -> Option<Inputs> {
        let inputs = self.plan.inputs_of(node).iter();
        inputs
            .map(|input| self.done.get(*input as usize).cloned().flatten())
            .collect()
    }

    /// A node is computed; inputs that nobody needs any more are let go.
    fn finish(&mut self, node: Node, held: Arc<Held>, step: TraceStep) {
        self.trace.steps.push(step);
        if let Some(slot) = self.done.get_mut(node as usize) {
            *slot = Some(held);
        }
        if let Some(slot) = self.finished.get_mut(node as usize) {
            *slot = true;
        }
        for input in self.plan.inputs_of(node) {
            let input = *input as usize;
            let Some(count) = self.needed.get_mut(input) else {
                continue;
            };
            *count -= 1;
            if *count == 0
                && let Some(slot) = self.done.get_mut(input)
            {
                *slot = None;
            }
        }
    }
}

impl Alone<'_> {
    /// Depth first, inputs in recipe order.
    pub(super) fn in_order(
        &self,
        plan: Plan,
        root: CAddr,
        course: Course,
    ) -> Result<(Arc<Held>, Trace), Fault> {
        let mut progress = Progress::new(plan, root);
        // Each node on the way down, with the position of the input that comes next.
        let mut open = vec![(progress.plan.root, 0)];
        while let Some((node, position)) = open.pop() {
            if progress.is_done(node) {
                continue;
            }
            if let Some((position, input)) = progress.next_open(node, position) {
                open.push((node, position));
                open.push((input, 0));
                continue;
            }
            let inputs = progress.inputs(node).ok_or_else(|| Fault::Breach {
                what: "an input was let go before its consumer ran".to_owned(),
            })?;
            self.step(&mut progress, node, inputs, course)?;
        }
        Self::end(progress)
    }

    /// In the order of a trace, each step compared with it.
    pub(super) fn replay(
        &self,
        plan: Plan,
        root: CAddr,
        trace: &Trace,
    ) -> Result<(Arc<Held>, Trace), Fault> {
        if trace.root != root {
            let what = format!("{}, {}", Fault::OTHER_ROOT, trace.root);
            return Err(mismatch(0, root, what));
        }
        let mut progress = Progress::new(plan, root);
        let mut by_address: HashMap<CAddr, Node> = HashMap::new();
        for (at, node) in (0..).zip(&progress.plan.nodes) {
            if matches!(node.kind, Kind::Run { .. }) {
                // Of two names of one recipe the first is the node that its consumers name.
                by_address.entry(node.address).or_insert(at);
            }
        }
        for (at, expected) in trace.steps.iter().enumerate() {
            let differs = |what: String| mismatch(at as u64, expected.recipe, what);
            let node = by_address
                .get(&expected.recipe)
                .ok_or_else(|| differs("it is not part of the graph".to_owned()))?;
            let again = progress.is_done(*node);
            let inputs = progress.inputs(*node).filter(|_| !again);
            let inputs =
                inputs.ok_or_else(|| differs("it comes before its inputs, or twice".to_owned()))?;
            let contents = contents(&inputs)?;
            if contents != expected.inputs {
                return Err(differs("it consumed other contents".to_owned()));
            }
            self.step(&mut progress, *node, inputs, Course::Record)?;
            let made = progress.trace.steps.last();
            if made != Some(expected) {
                let made = made.map_or_else(String::new, |step| step.output.to_string());
                return Err(differs(format!(
                    "it made {made}, the trace says {}",
                    expected.output
                )));
            }
        }
        if !progress.is_done(progress.plan.root) {
            let steps = trace.steps.len() as u64;
            return Err(mismatch(
                steps,
                root,
                "the trace ends before the root".to_owned(),
            ));
        }
        Self::end(progress)
    }

    fn step(
        &self,
        progress: &mut Progress,
        node: Node,
        inputs: Inputs,
        course: Course,
    ) -> Result<(), Fault> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Fault::Cancelled);
        }
        let (recipe, origin) = run_of(&progress.plan, node)?;
        let reuse = match course {
            Course::Sequential { .. } => Reuse::EarlyCutoff,
            Course::Record => Reuse::Nothing,
        };
        let contents = contents(&inputs)?;
        let task = Task {
            recipe: recipe.clone(),
            inputs,
            origin,
            cancelled: self.cancelled.clone(),
        };
        // It is answered whole: nobody is shown a step.
        let executed = self.executor.execute(task, reuse, Audience::default())?;
        if let Course::Sequential { begun } = course {
            self.executor.offer(recipe.address(), &executed, begun);
        }
        let step = TraceStep {
            recipe: recipe.address(),
            inputs: contents,
            output: executed.content,
            size: executed.made.size(),
        };
        progress.finish(node, self.executor.hold(executed), step);
        Ok(())
    }

    fn end(progress: Progress) -> Result<(Arc<Held>, Trace), Fault> {
        let root = progress.plan.root;
        let held = progress.done.into_iter().nth(root as usize).flatten();
        let held = held.ok_or_else(|| Fault::Breach {
            what: "the last step did not make the root".to_owned(),
        })?;
        Ok((held, progress.trace))
    }
}

fn contents(inputs: &[Arc<Held>]) -> Result<Vec<ContentHash>, Fault> {
    inputs.iter().map(|held| held.settled()).collect()
}

fn run_of(plan: &Plan, node: Node) -> Result<(Arc<SealedRecipe>, Origin), Fault> {
    match plan.node(node).map(|planned| &planned.kind) {
        Some(Kind::Run { recipe, origin, .. }) => Ok((recipe.clone(), *origin)),
        _ => Err(Fault::Breach {
            what: "a known value was to be computed".to_owned(),
        }),
    }
}

fn mismatch(step: u64, address: CAddr, what: String) -> Fault {
    Fault::TraceMismatch {
        step,
        address,
        what,
    }
}

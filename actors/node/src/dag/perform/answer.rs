//! Questions about the graph, answered on the graph lane. What is asked about may grow meanwhile,
//! upwards only: what an address reaches is fixed when it is stored, missing inputs and aliases apart.

use super::super::{DagArgs, decide, decide::Closure};
use super::edges::Edges;
use deriva_messages::{
    Fault,
    dag::{GraphNode, GraphQuestion},
};
use deriva_model::{CAddr, depth, topological_order};
use std::collections::HashSet;

/// Nodes whose inputs are read at once. A recipe may have 2 MiB of inputs: 64 bound what is held
/// beside the answer to 128 MiB.
const READ_BATCH: usize = 64;

/// `wanted` says whether anybody still waits.
pub(super) fn answer(
    args: &DagArgs,
    address: CAddr,
    question: GraphQuestion,
    wanted: &dyn Fn() -> bool,
) -> Result<Vec<GraphNode>, Fault> {
    let walk = Walk {
        edges: Edges {
            storage: args.storage.as_ref(),
            view: &args.view,
        },
        args,
        wanted,
    };
    if !walk.edges.holds(&address)? {
        return Err(Fault::NotFound { address });
    }
    let limit = args.config.graph_node_limit;
    let nodes = match question {
        GraphQuestion::Inputs => walk.inputs(address)?,
        GraphQuestion::Dependents => walk.dependents(address)?,
        GraphQuestion::TransitiveInputs => walk.closure(address)?.into_below(),
        GraphQuestion::TransitiveDependents => walk.all_dependents(address)?,
        GraphQuestion::TopologicalOrder => {
            let closure = walk.closure(address)?;
            topological_order(&closure, address, limit).map_err(decide::law_fault)?
        }
        GraphQuestion::Depth => {
            let closure = walk.closure(address)?;
            let depth = depth(&closure, address, limit).map_err(decide::law_fault)?;
            return Ok(vec![GraphNode { address, depth }]);
        }
    };
    let plain = |address| GraphNode { address, depth: 0 };
    Ok(nodes.into_iter().map(plain).collect())
}

struct Walk<'node> {
    edges: Edges<'node>,
    args: &'node DagArgs,
    wanted: &'node dyn Fn() -> bool,
}

impl Walk<'_> {
    fn inputs(&self, address: CAddr) -> Result<Vec<CAddr>, Fault> {
        let mut found = self.edges.inputs_of(&[address])?;
        Ok(found.pop().flatten().unwrap_or_default())
    }

    fn dependents(&self, address: CAddr) -> Result<Vec<CAddr>, Fault> {
        let mut found = Vec::new();
        self.edges.for_dependents(&address, |dependent| {
            found.push(dependent);
            self.may_reach(found.len())
        })?;
        Ok(found)
    }

    fn closure(&self, root: CAddr) -> Result<Closure, Fault> {
        let mut closure = Closure::of(root, self.args.config);
        loop {
            let unread = closure.unread(READ_BATCH);
            if unread.is_empty() {
                return Ok(closure);
            }
            self.go_on()?;
            for inputs in self.edges.inputs_of(&unread)? {
                closure.expand(inputs)?;
            }
        }
    }

    fn all_dependents(&self, root: CAddr) -> Result<Vec<CAddr>, Fault> {
        let mut seen = HashSet::from([root]);
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            self.go_on()?;
            self.edges.for_dependents(&node, |dependent| {
                if seen.insert(dependent) {
                    open.push(dependent);
                }
                self.may_reach(seen.len())
            })?;
        }
        seen.remove(&root);
        let mut found: Vec<CAddr> = seen.into_iter().collect();
        found.sort_unstable();
        Ok(found)
    }

    fn may_reach(&self, nodes: usize) -> Result<(), Fault> {
        let limit = self.args.config.graph_node_limit;
        decide::within("the nodes of the graph around one address", limit, nodes)
    }

    fn go_on(&self) -> Result<(), Fault> {
        if (self.wanted)() {
            return Ok(());
        }
        Err(Fault::Cancelled)
    }
}

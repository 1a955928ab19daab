//! Everything that an address reaches through inputs and aliases, held compactly while a question is
//! answered: a number for each node, and the numbers of its inputs in one long row.
//!
//! It refuses to read: whoever gathers it feeds it the inputs of its nodes in the order of `nodes`.

use super::{DagConfig, within};
use deriva_messages::Fault;
use deriva_model::{CAddr, Inputs};
use std::{collections::HashMap, convert::Infallible, ops::Range};

pub(in crate::dag) struct Closure {
    nodes: Vec<CAddr>,
    numbers: HashMap<CAddr, u32>,
    /// Inputs of all expanded nodes, in recipe order, repeats included.
    row: Vec<u32>,
    /// Where a node's inputs stand in the row; `None` for what is no recipe and no alias.
    spans: Vec<Option<Range<u32>>>,
    limits: DagConfig,
}

impl Closure {
    pub(in crate::dag) fn of(root: CAddr, limits: DagConfig) -> Self {
        Self {
            nodes: vec![root],
            numbers: HashMap::from([(root, 0)]),
            row: Vec::new(),
            spans: Vec::new(),
            limits,
        }
    }

    /// The next nodes whose inputs have to be read, at most `most`; none when all are known.
    pub(in crate::dag) fn unread(&self, most: usize) -> Vec<CAddr> {
        let rest = self.nodes.get(self.spans.len()..).unwrap_or_default();
        rest.iter().take(most).copied().collect()
    }

    /// The inputs of the first unread node.
    pub(in crate::dag) fn expand(&mut self, inputs: Option<Vec<CAddr>>) -> Result<(), Fault> {
        let Some(inputs) = inputs else {
            self.spans.push(None);
            return Ok(());
        };
        let edges = self.row.len() + inputs.len();
        within(
            "the edges of the graph around one address",
            self.limits.edge_limit(),
            edges,
        )?;
        let start = number_of(self.row.len())?;
        for input in inputs {
            let number = self.number(input)?;
            self.row.push(number);
        }
        self.spans.push(Some(start..number_of(self.row.len())?));
        Ok(())
    }

    fn number(&mut self, node: CAddr) -> Result<u32, Fault> {
        if let Some(number) = self.numbers.get(&node) {
            return Ok(*number);
        }
        let limit = self.limits.graph_node_limit;
        within(
            "the nodes of the graph around one address",
            limit,
            self.nodes.len() + 1,
        )?;
        let number = number_of(self.nodes.len())?;
        self.nodes.push(node);
        self.numbers.insert(node, number);
        Ok(number)
    }

    /// Every node but the root, ascending.
    pub(in crate::dag) fn into_below(mut self) -> Vec<CAddr> {
        self.nodes.swap_remove(0);
        self.nodes.sort_unstable();
        self.nodes
    }
}

fn number_of(count: usize) -> Result<u32, Fault> {
    u32::try_from(count).map_err(|_| Fault::OverLimit {
        what: "the graph around one address".to_owned(),
        limit: u64::from(u32::MAX),
        got: count as u64,
    })
}

impl Inputs for Closure {
    type Error = Infallible;

    fn inputs(&self, node: &CAddr) -> Result<Option<Vec<CAddr>>, Infallible> {
        let number = self.numbers.get(node).map(|number| *number as usize);
        let span = number.and_then(|number| self.spans.get(number)?.clone());
        Ok(span.map(|span| {
            let row = self.row.get(span.start as usize..span.end as usize);
            let numbers = row.unwrap_or_default().iter();
            numbers
                .filter_map(|number| self.nodes.get(*number as usize).copied())
                .collect()
        }))
    }
}

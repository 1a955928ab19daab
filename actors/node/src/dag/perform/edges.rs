//! Reading edges, from the store and the view for questions and from a step for the check of an
//! alias. It refuses to walk: that is for whoever asks.

use bytes::Bytes;
use deriva_messages::Fault;
use deriva_model::{CAddr, Inputs};
use deriva_system::{
    alias,
    storage::{Reading, Space, Storage, StorageFault, commit::Step, layout},
    view::RecipeView,
};

/// Dependents read at once.
const PAGE: usize = 4096;

pub(super) fn damaged(space: Space, address: &CAddr) -> StorageFault {
    StorageFault::Damaged {
        why: format!("the entry of {address} in {} cannot be read", space.name()),
    }
}

/// The stored graph, the view in front of it.
pub(super) struct Edges<'node> {
    pub(super) storage: &'node dyn Storage,
    pub(super) view: &'node RecipeView,
}

impl Edges<'_> {
    /// The inputs of each node, in recipe order; those of an alias are its recipe. `None` for what
    /// is neither. Misses of the view are read in one batch.
    pub(super) fn inputs_of(&self, nodes: &[CAddr]) -> Result<Vec<Option<Vec<CAddr>>>, Fault> {
        let resident = |node| {
            self.view
                .get(node)
                .map(|found| found.recipe().inputs().to_vec())
        };
        let mut inputs: Vec<_> = nodes.iter().map(resident).collect();
        for (at, value) in self.unknown(nodes, &inputs, Space::Edges, layout::inputs_key)? {
            let read = layout::parse_inputs(&value);
            inputs[at] = Some(read.ok_or_else(|| damaged(Space::Edges, &nodes[at]))?);
        }
        let aliases = self.unknown(nodes, &inputs, Space::Aliases, layout::address_key)?;
        let places: Vec<usize> = aliases.iter().map(|(at, _)| *at).collect();
        let entries = aliases.into_iter().map(|(at, entry)| (nodes[at], entry));
        let entries: Vec<_> = entries.collect();
        let targets = alias::follow_many(self.storage, self.view, &entries)?;
        for (at, to) in places.into_iter().zip(targets) {
            inputs[at] = to.map(|to| vec![to]);
        }
        Ok(inputs)
    }

    /// What one space says of the nodes that are still unknown, by their places.
    fn unknown(
        &self,
        nodes: &[CAddr],
        inputs: &[Option<Vec<CAddr>>],
        space: Space,
        key: impl Fn(&CAddr) -> Vec<u8>,
    ) -> Result<Vec<(usize, Bytes)>, Fault> {
        let open: Vec<usize> = (0..nodes.len())
            .filter(|at| inputs[*at].is_none())
            .collect();
        let keys: Vec<Vec<u8>> = open.iter().map(|at| key(&nodes[*at])).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.storage.get_many(space, &keys)?;
        let found = open.into_iter().zip(values);
        Ok(found.filter_map(|(at, value)| Some((at, value?))).collect())
    }

    /// Calls `each` with the direct dependents of a node, ascending, until it answers a fault.
    pub(super) fn for_dependents(
        &self,
        node: &CAddr,
        each: impl FnMut(CAddr) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for_dependents(self.storage, node, each)
    }

    /// Whether anything is stored under an address.
    pub(super) fn holds(&self, address: &CAddr) -> Result<bool, Fault> {
        if self.view.contains(address) {
            return Ok(true);
        }
        for space in [Space::Recipes, Space::Leaves, Space::Aliases] {
            if self
                .storage
                .get(space, &layout::address_key(address))?
                .is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Calls `each` with the direct dependents of a node, ascending, until it answers a fault.
pub(super) fn for_dependents(
    store: &dyn Reading,
    node: &CAddr,
    mut each: impl FnMut(CAddr) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let prefix = layout::dependents_prefix(node);
    let mut from = prefix.clone();
    loop {
        let page = store.scan(Space::Edges, &prefix, &from, PAGE)?;
        let full = page.len() == PAGE;
        for (key, _) in page {
            let dependent = layout::last_address(&key);
            each(dependent.ok_or_else(|| damaged(Space::Edges, node))?)?;
            from = key;
        }
        if !full {
            return Ok(());
        }
        // The next key after the last one read.
        from.push(0);
    }
}

/// The graph as a step sees it, its own writes included.
pub(super) struct StepGraph<'step, 'group>(pub(super) &'step Step<'group>);

impl Inputs for StepGraph<'_, '_> {
    type Error = StorageFault;

    fn inputs(&self, node: &CAddr) -> Result<Option<Vec<CAddr>>, StorageFault> {
        if let Some(value) = self.0.get(Space::Edges, &layout::inputs_key(node))? {
            let inputs = layout::parse_inputs(&value);
            return inputs.map(Some).ok_or_else(|| damaged(Space::Edges, node));
        }
        let Some(value) = self.0.get(Space::Aliases, &layout::address_key(node))? else {
            return Ok(None);
        };
        let alias = layout::parse_alias(&value);
        let (_, to) = alias.ok_or_else(|| damaged(Space::Aliases, node))?;
        Ok(Some(vec![to]))
    }
}

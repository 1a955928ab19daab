//! Reading edges, from the store and the view for questions and from a step for the check of an
//! alias. It refuses to walk: that is for whoever asks.

use deriva_messages::Fault;
use deriva_model::{CAddr, Inputs};
use deriva_system::{
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
        let (edges, aliases) = (Space::Edges, Space::Aliases);
        self.fill(
            nodes,
            &mut inputs,
            edges,
            layout::inputs_key,
            layout::parse_inputs,
        )?;
        let leads_to = |value: &[u8]| layout::parse_alias(value).map(|(_, to)| vec![to]);
        self.fill(nodes, &mut inputs, aliases, layout::address_key, leads_to)?;
        Ok(inputs)
    }

    /// Reads what is still unknown from one space.
    fn fill(
        &self,
        nodes: &[CAddr],
        inputs: &mut [Option<Vec<CAddr>>],
        space: Space,
        key: impl Fn(&CAddr) -> Vec<u8>,
        parse: impl Fn(&[u8]) -> Option<Vec<CAddr>>,
    ) -> Result<(), Fault> {
        let (mut places, mut keys) = (Vec::new(), Vec::new());
        for (node, place) in nodes.iter().zip(inputs) {
            if place.is_none() {
                keys.push(key(node));
                places.push((node, place));
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        let values = self.storage.get_many(space, &keys)?;
        for ((node, place), value) in places.into_iter().zip(values) {
            if let Some(value) = value {
                *place = Some(parse(&value).ok_or_else(|| damaged(space, node))?);
            }
        }
        Ok(())
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

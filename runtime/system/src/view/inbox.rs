//! Values on their way to the owner of the view: by address and by cutoff key, at most one an address.
//!
//! It refuses to bound itself: whoever puts looks at the weight first.

use super::Produced;
use deriva_model::{CAddr, CutoffKey};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) values: HashMap<CAddr, Produced>,
    pub(super) cutoffs: HashMap<CutoffKey, CAddr>,
    /// Sum of the values' weights.
    pub(super) weight: u64,
}

impl Inbox {
    pub(super) fn put(&mut self, produced: Produced) {
        let address = produced.address;
        let before = self.take(&address);
        if let Some(before) =
            before.filter(|before| before.value.content() == produced.value.content())
        {
            produced.value.learn_from(&before.value);
        }
        self.weight = self.weight.saturating_add(produced.value.weight());
        self.cutoffs.insert(produced.value.cutoff, address);
        self.values.insert(address, produced);
    }

    pub(super) fn take(&mut self, address: &CAddr) -> Option<Produced> {
        let taken = self.values.remove(address)?;
        let cutoff = &taken.value.cutoff;
        if self.cutoffs.get(cutoff) == Some(address) {
            self.cutoffs.remove(cutoff);
        }
        self.weight = self.weight.saturating_sub(taken.value.weight());
        Some(taken)
    }
}

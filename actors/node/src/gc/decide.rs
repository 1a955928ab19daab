//! The mind: what a collection does with one address, given a view of the store. The law itself is
//! `deriva_model::Collection`; here are the claims and the ages that it judges by.

use deriva_model::{CAddr, Claim, Collection, Epoch, Touched, Verdict};
use deriva_system::{
    storage::{Reading, Space, StorageFault, layout},
    view::Holds,
};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

/// Dependents read at once.
const PAGE: usize = 256;

/// One collection's rules at this moment.
pub(super) struct Judge<'run> {
    pub(super) collection: Collection,
    /// Milliseconds since 1970.
    pub(super) now: u64,
    /// Whether the collection's own epochs have been opened, or are only imagined.
    pub(super) epochs: Epochs,
    pub(super) holds: &'run Holds,
    /// What a dry run has found to go; what depends on nothing else is no longer depended on.
    pub(super) gone: &'run HashSet<CAddr>,
    /// How long ago what was touched in an epoch was touched at most: few epochs touched everything.
    pub(super) ages: RefCell<HashMap<Epoch, Option<u64>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epochs {
    Opened,
    Imagined,
}

/// What becomes of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Leaf {
        size: u64,
    },
    /// With the aliases that lead to it and that nobody else needs.
    Recipe {
        aliases: Vec<CAddr>,
    },
    /// Only some of the aliases that lead to it: a bound leaves the rest to the next collection.
    Aliases(Vec<CAddr>),
}

impl Fate {
    /// What of it may go when so many may.
    pub(super) fn within(self, left: u64) -> Self {
        match self {
            Self::Recipe { mut aliases } if aliases.len() as u64 >= left => {
                aliases.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                Self::Aliases(aliases)
            }
            fate => fate,
        }
    }

    /// Every address that goes.
    pub(super) fn removed(&self, address: &CAddr) -> Vec<CAddr> {
        match self {
            Self::Stays => Vec::new(),
            Self::Leaf { .. } => vec![*address],
            Self::Recipe { aliases } => std::iter::once(*address)
                .chain(aliases.iter().copied())
                .collect(),
            Self::Aliases(aliases) => aliases.clone(),
        }
    }
}

impl Judge<'_> {
    /// What is stored under an address goes, or stays. What cannot be read stays.
    pub(super) fn fate(&self, store: &dyn Reading, address: &CAddr) -> Result<Fate, StorageFault> {
        if self.gone.contains(address) {
            return Ok(Fate::Stays);
        }
        match self.read_fate(store, address) {
            Err(StorageFault::Damaged { why }) => {
                metrics::counter!("gc_unreadable_total").increment(1);
                tracing::warn!(why, %address, "a collection leaves what it cannot read");
                Ok(Fate::Stays)
            }
            fate => fate,
        }
    }

    fn read_fate(&self, store: &dyn Reading, address: &CAddr) -> Result<Fate, StorageFault> {
        let key = layout::address_key(address);
        if let Some(raw) = store.get(Space::Leaves, &key)? {
            let marker = layout::parse_leaf_marker(&raw);
            let (touched, size) = marker.ok_or_else(|| damaged(Space::Leaves, address))?;
            let goes = self.goes(store, address, touched, &mut |_| Ok(true))?;
            return Ok(if goes {
                Fate::Leaf { size }
            } else {
                Fate::Stays
            });
        }
        let Some(raw) = store.get(Space::Recipes, &key)? else {
            return Ok(Fate::Stays);
        };
        let (touched, _) =
            layout::parse_stamped(&raw).ok_or_else(|| damaged(Space::Recipes, address))?;
        if !self.was_forgotten(store, address)? {
            return Ok(Fate::Stays);
        }
        let mut aliases = Vec::new();
        let goes = self.goes(store, address, touched, &mut |dependent| {
            let goes = self.alias_goes(store, &dependent)?;
            if goes {
                aliases.push(dependent);
            }
            Ok(!goes)
        })?;
        Ok(if goes {
            Fate::Recipe { aliases }
        } else {
            Fate::Stays
        })
    }

    /// Whether a recipe was forgotten before this collection began.
    fn was_forgotten(&self, store: &dyn Reading, recipe: &CAddr) -> Result<bool, StorageFault> {
        let Some(raw) = store.get(Space::Meta, &layout::forgotten_key(recipe))? else {
            return Ok(false);
        };
        let epoch = layout::parse_number(&raw).ok_or_else(|| damaged(Space::Meta, recipe))?;
        let tombstone = self.collection.tombstone();
        Ok(tombstone.is_some_and(|stone| stone.kills(Epoch::new(epoch))))
    }

    /// An alias is as alive as its recipe, unless somebody names, pins, holds or has touched it.
    fn alias_goes(&self, store: &dyn Reading, address: &CAddr) -> Result<bool, StorageFault> {
        let Some(raw) = store.get(Space::Aliases, &layout::address_key(address))? else {
            return Ok(false);
        };
        let (touched, _) =
            layout::parse_alias(&raw).ok_or_else(|| damaged(Space::Aliases, address))?;
        self.goes(store, address, touched, &mut |_| Ok(true))
    }

    /// The law. `counts` says whether a dependent is a claim.
    fn goes(
        &self,
        store: &dyn Reading,
        address: &CAddr,
        epoch: Epoch,
        counts: &mut dyn FnMut(CAddr) -> Result<bool, StorageFault>,
    ) -> Result<bool, StorageFault> {
        let touched = Touched {
            epoch,
            age_millis: self.age(store, epoch)?,
        };
        // The cheap half first: most of what is looked at is young or named by something.
        if let Verdict::Keep(_) = self.collection.judge(Claim::Nobody, touched) {
            return Ok(false);
        }
        let claim = self.claim(store, address, counts)?;
        Ok(matches!(
            self.collection.judge(claim, touched),
            Verdict::Remove(_)
        ))
    }

    fn claim(
        &self,
        store: &dyn Reading,
        address: &CAddr,
        counts: &mut dyn FnMut(CAddr) -> Result<bool, StorageFault>,
    ) -> Result<Claim, StorageFault> {
        if store
            .get(Space::Pins, &layout::address_key(address))?
            .is_some()
        {
            return Ok(Claim::Pinned);
        }
        if self.holds.is_held(address) {
            return Ok(Claim::InFlight);
        }
        let prefix = layout::dependents_prefix(address);
        let mut from = prefix.clone();
        loop {
            let page = store.scan(Space::Edges, &prefix, &from, PAGE)?;
            let full = page.len() == PAGE;
            for (key, _) in page {
                let dependent =
                    layout::last_address(&key).ok_or_else(|| damaged(Space::Edges, address))?;
                if !self.gone.contains(&dependent) && counts(dependent)? {
                    return Ok(Claim::Reached);
                }
                from = key;
            }
            if !full {
                return Ok(Claim::Nobody);
            }
            // The next key after the last one read.
            from.push(0);
        }
    }

    /// Milliseconds since the start of the epoch after the touch, or of the first after it whose
    /// start is known.
    pub(super) fn age(
        &self,
        store: &dyn Reading,
        touched: Epoch,
    ) -> Result<Option<u64>, StorageFault> {
        if let Some(age) = self.ages.borrow().get(&touched) {
            return Ok(*age);
        }
        let age = self.read_age(store, touched)?;
        self.ages.borrow_mut().insert(touched, age);
        Ok(age)
    }

    fn read_age(&self, store: &dyn Reading, touched: Epoch) -> Result<Option<u64>, StorageFault> {
        let from = layout::epoch_start_key(touched.next());
        let next = store.scan(Space::Meta, layout::EPOCHS_PREFIX, &from, 1)?;
        let Some((_, start)) = next.first() else {
            // The epochs of a dry run would open now.
            return Ok((self.epochs == Epochs::Imagined).then_some(0));
        };
        let start = layout::parse_number(start).ok_or_else(|| StorageFault::Damaged {
            why: "the start of an epoch cannot be read".to_owned(),
        })?;
        Ok(Some(self.now.saturating_sub(start)))
    }
}

pub(super) fn damaged(space: Space, address: &CAddr) -> StorageFault {
    StorageFault::Damaged {
        why: format!("the entry of {address} in {} cannot be read", space.name()),
    }
}

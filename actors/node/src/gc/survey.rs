//! Judging many addresses at once: what each judgement asks of the store is asked for all of them.
//!
//! It refuses to judge by another law: what is not plainly a leaf, or cannot be read, goes the way that
//! it would go alone.

use super::decide::{Fate, Judge, damaged};
use bytes::Bytes;
use deriva_model::{CAddr, Claim, Touched, Verdict};
use deriva_system::storage::{
    Reading, Space, StorageFault,
    commit::read_number,
    layout::{self, Counter},
};

/// Leaves whose age lets them go, by their places.
#[derive(Default)]
struct Old {
    places: Vec<usize>,
    addresses: Vec<CAddr>,
    sizes: Vec<u64>,
}

impl Judge<'_> {
    /// What becomes of each address, in order; ascending ones cost least.
    pub(super) fn fates(
        &self,
        store: &dyn Reading,
        addresses: &[CAddr],
    ) -> Result<Vec<Fate>, StorageFault> {
        match self.read_fates(store, addresses) {
            // One of them is damaged; which one shows when each is looked at alone.
            Err(StorageFault::Damaged { .. }) => {
                let one = |address| self.fate(store, address);
                addresses.iter().map(one).collect()
            }
            fates => fates,
        }
    }

    fn read_fates(
        &self,
        store: &dyn Reading,
        addresses: &[CAddr],
    ) -> Result<Vec<Fate>, StorageFault> {
        let mut fates = vec![Fate::Stays; addresses.len()];
        let old = self.old_leaves(store, addresses, &mut fates)?;
        let claimed = self.claimed(store, &old.addresses)?;
        for ((at, size), claimed) in old.places.into_iter().zip(old.sizes).zip(claimed) {
            fates[at] = match claimed {
                Claimed::ByNobody => Fate::Leaf { size },
                Claimed::BySomebody => Fate::Stays,
                Claimed::PerhapsByNobody => self.fate(store, &addresses[at])?,
            };
        }
        Ok(fates)
    }

    /// The leaves among the addresses that nothing but a claim keeps. Of what is no leaf the fate is
    /// told at once.
    fn old_leaves(
        &self,
        store: &dyn Reading,
        addresses: &[CAddr],
        fates: &mut [Fate],
    ) -> Result<Old, StorageFault> {
        let keys: Vec<Vec<u8>> = addresses.iter().map(layout::address_key).collect();
        let markers = store.get_many(Space::Leaves, &keys)?;
        let mut old = Old::default();
        for (at, (address, marker)) in addresses.iter().zip(markers).enumerate() {
            if self.gone.contains(address) {
                continue;
            }
            let Some(marker) = marker else {
                fates[at] = self.fate(store, address)?;
                continue;
            };
            let marker = layout::parse_leaf_marker(&marker);
            let (epoch, size) = marker.ok_or_else(|| damaged(Space::Leaves, address))?;
            let touched = Touched {
                epoch,
                age_millis: self.age(store, epoch)?,
            };
            if let Verdict::Remove(_) = self.collection.judge(Claim::Nobody, touched) {
                old.places.push(at);
                old.addresses.push(*address);
                old.sizes.push(size);
            }
        }
        Ok(old)
    }

    fn claimed(&self, store: &dyn Reading, leaves: &[CAddr]) -> Result<Vec<Claimed>, StorageFault> {
        if leaves.is_empty() {
            return Ok(Vec::new());
        }
        let pins = pins(store, leaves)?;
        let prefixes: Vec<Vec<u8>> = leaves.iter().map(layout::dependents_prefix).collect();
        let dependents = store.first_under(Space::Edges, &prefixes)?;
        let each = leaves.iter().zip(pins).zip(dependents);
        each.map(|((leaf, pin), dependent)| {
            if pin.is_some() || self.holds.is_held(leaf) {
                return Ok(Claimed::BySomebody);
            }
            let Some(key) = dependent else {
                return Ok(Claimed::ByNobody);
            };
            let first = layout::last_address(&key).ok_or_else(|| damaged(Space::Edges, leaf))?;
            Ok(match self.gone.contains(&first) {
                true => Claimed::PerhapsByNobody,
                false => Claimed::BySomebody,
            })
        })
        .collect()
    }
}

/// What stands of each leaf among the pins. Mostly there are none at all, which one look tells.
fn pins(store: &dyn Reading, leaves: &[CAddr]) -> Result<Vec<Option<Bytes>>, StorageFault> {
    if read_number(store, &Counter::Pins.key())? == 0 {
        return Ok(vec![None; leaves.len()]);
    }
    let keys: Vec<Vec<u8>> = leaves.iter().map(layout::address_key).collect();
    store.get_many(Space::Pins, &keys)
}

/// Who claims a leaf, as far as one look tells.
enum Claimed {
    ByNobody,
    BySomebody,
    /// Its first dependent has gone; there may be others.
    PerhapsByNobody,
}

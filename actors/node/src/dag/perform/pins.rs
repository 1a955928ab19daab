//! Pins: addresses that somebody made roots. A pin is decided in the same order as a collection's
//! removals, so what was pinned before it was removed stays.
//!
//! It refuses to pin what is not stored: a promise about nothing could not be kept.

use super::super::DagArgs;
use deriva_messages::{Fault, dag::PinPage};
use deriva_model::CAddr;
use deriva_system::storage::{
    Durability, Reading, Space, Storage, StorageFault,
    commit::{Step, read_number},
    layout::{self, Counter},
};

/// Addresses of one page: some 2 MiB in a message.
const PAGE_MAX: usize = 65_536;
/// Where an address that can be pinned stands.
const PINNABLE: [Space; 3] = [Space::Leaves, Space::Recipes, Space::Aliases];

pub(super) async fn pin(args: DagArgs, address: CAddr) -> Result<bool, Fault> {
    let step = move |step: &mut Step<'_>| pin_step(step, address);
    args.commit.commit(Durability::Synced, step).await
}

fn pin_step(step: &mut Step<'_>, address: CAddr) -> Result<bool, Fault> {
    let key = layout::address_key(&address);
    if step.get(Space::Pins, &key)?.is_some() {
        return Ok(false);
    }
    if !is_stored(step, &key)? {
        return Err(Fault::NotFound { address });
    }
    let epoch = layout::number(step.epoch().number());
    step.put(Space::Pins, key, epoch);
    step.count(Counter::Pins, 1)?;
    Ok(true)
}

fn is_stored(store: &dyn Reading, key: &[u8]) -> Result<bool, StorageFault> {
    for space in PINNABLE {
        if store.get(space, key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) async fn unpin(args: DagArgs, address: CAddr) -> Result<bool, Fault> {
    let step = move |step: &mut Step<'_>| unpin_step(step, address);
    args.commit.commit(Durability::Synced, step).await
}

fn unpin_step(step: &mut Step<'_>, address: CAddr) -> Result<bool, Fault> {
    let key = layout::address_key(&address);
    if step.get(Space::Pins, &key)?.is_none() {
        return Ok(false);
    }
    step.delete(Space::Pins, key);
    step.count(Counter::Pins, -1)?;
    Ok(true)
}

/// A page of the pins above `after`, ascending.
pub(super) async fn list(
    args: DagArgs,
    after: Option<CAddr>,
    limit: usize,
) -> Result<PinPage, Fault> {
    let storage = args.storage.clone();
    let read = move || page(storage.as_ref(), after, limit.clamp(1, PAGE_MAX));
    Ok(args.reading.run(read).await??)
}

fn page(
    storage: &dyn Storage,
    after: Option<CAddr>,
    limit: usize,
) -> Result<PinPage, StorageFault> {
    // The key after an address is the address with a zero behind it.
    let from = after.map_or_else(Vec::new, |after| [after.as_bytes(), &[0][..]].concat());
    let entries = storage.scan(Space::Pins, &[], &from, limit + 1)?;
    let more = entries.len() > limit;
    let addresses = entries.iter().take(limit).map(|(key, _)| {
        CAddr::try_from_slice(key).map_err(|error| StorageFault::Damaged {
            why: format!("a pin cannot be read: {error}"),
        })
    });
    Ok(PinPage {
        addresses: addresses.collect::<Result<_, _>>()?,
        total: read_number(storage, &Counter::Pins.key())?,
        more,
    })
}

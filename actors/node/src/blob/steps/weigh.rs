//! Where cached values stand in the order in which they leave the disk.

use super::look;
use deriva_messages::Fault;
use deriva_model::{CAddr, Record};
use deriva_system::storage::{
    Space, StorageFault,
    commit::Step,
    layout::{self, ValueMarker},
};

/// Numbers tried for one value. Two values share one only if they are worth the same and 65,536
/// others came between them, so the first is nearly always free.
const TRIED_MAX: u64 = 64;

/// The first free `age/` number from this on; `None` if none is near.
pub(super) fn free_age(step: &Step<'_>, wanted: u64) -> Result<Option<u64>, StorageFault> {
    for number in wanted..=wanted.saturating_add(TRIED_MAX) {
        if look(step, Space::Meta, &layout::age_key(number))?.is_none() {
            return Ok(Some(number));
        }
    }
    metrics::counter!("cache_age_numbers_taken_total").increment(1);
    Ok(None)
}

/// Gives values that are on disk a place further back in the order. How many moved.
///
/// # Errors
/// The store could not be read.
pub fn weigh_step(step: &mut Step<'_>, ages: &[(CAddr, u64)]) -> Result<u64, Fault> {
    let mut moved = 0;
    for (recipe, age) in ages {
        moved += u64::from(move_back(step, recipe, *age)?);
    }
    Ok(moved)
}

fn move_back(step: &mut Step<'_>, recipe: &CAddr, age: u64) -> Result<bool, StorageFault> {
    let document = look(step, Space::Records, &layout::address_key(recipe))?;
    let record = document.and_then(|document| Record::decode(&document).ok());
    let Some(record) = record.filter(|record| record.recipe == *recipe) else {
        return Ok(false);
    };
    let key = layout::value_key(&record.output, recipe);
    let marker = look(step, Space::Values, &key)?.and_then(|raw| ValueMarker::parse(&raw));
    let Some(marker) = marker.filter(|marker| marker.age < age) else {
        return Ok(false);
    };
    let Some(age) = free_age(step, age)? else {
        return Ok(false);
    };
    step.delete(Space::Meta, layout::age_key(marker.age));
    step.put(
        Space::Meta,
        layout::age_key(age),
        layout::address_key(recipe),
    );
    step.put(Space::Values, key, ValueMarker { age, ..marker }.encode());
    Ok(true)
}

//! Cached values: content, marker, record, cutoff entry and age, written and taken away together.

use super::{
    change_content, delete_chunks, look, look_many, standing, still_staged, weigh::free_age,
};
use crate::blob::decide::{self, ContentChange, Holders, Incoming, Standing};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{DropReason, Dropped},
};
use deriva_model::{CAddr, ContentHash, CutoffKey, Record};
use deriva_system::{
    AddressSet,
    storage::{
        Reading, Space, StorageFault,
        commit::{Step, read_number},
        layout::{self, Counter, ValueMarker},
    },
    view::Invalidations,
};
use std::sync::Arc;

/// A value on its way to disk.
#[derive(Clone, Debug)]
pub struct Keeping {
    pub record: Arc<Record>,
    /// The record's document.
    pub document: Bytes,
    pub cutoff: CutoffKey,
    /// The number of its `age/` entry; the next one that is free if it is taken.
    pub age: u64,
    pub begun: u64,
    /// Whether two executions agreed on it.
    pub is_verified: bool,
}

/// Holds a value on disk. The bytes that came to be held by a marker and were not before: none if
/// the value is held already, was invalidated since it began, or its recipe is not stored.
///
/// # Errors
/// The store could not be read.
pub fn keep_step(
    step: &mut Step<'_>,
    value: &Keeping,
    incoming: &Incoming,
    invalidations: &Invalidations,
) -> Result<u64, Fault> {
    if !still_staged(step, incoming)? {
        return Ok(0);
    }
    let recipe = &value.record.recipe;
    let stands = standing(step, &value.record.output)?;
    let age = match is_welcome(step, value, &stands, invalidations)? {
        true => free_age(step, value.age)?,
        false => None,
    };
    let Some(age) = age else {
        change_content(step, &value.record.output, &ContentChange::Keep, incoming)?;
        return Ok(0);
    };
    // What the recipe came out as before goes, and may take its content along.
    drop_value(step, recipe)?;
    drop_marker(step, &value.record)?;
    let stands = standing(step, &value.record.output)?;
    let change = decide::content_for_value(&stands, incoming);
    if change == ContentChange::Vanished {
        return Ok(0);
    }
    change_content(step, &value.record.output, &change, incoming)?;
    write_markers(step, value, age)?;
    Ok(value.record.size)
}

/// Whether the value is written: not if it is there, was invalidated, or has no recipe here.
fn is_welcome(
    step: &mut Step<'_>,
    value: &Keeping,
    stands: &Standing,
    invalidations: &Invalidations,
) -> Result<bool, StorageFault> {
    let recipe = &value.record.recipe;
    if invalidations.cover(&value.record, value.begun) {
        return Ok(false);
    }
    if step
        .get(Space::Recipes, &layout::address_key(recipe))?
        .is_none()
    {
        return Ok(false);
    }
    if !is_held(step, value, stands)? {
        return Ok(true);
    }
    write_agreement(step, value);
    Ok(false)
}

/// That two executions came to this value stays with it, also where the value was there before.
fn write_agreement(step: &mut Step<'_>, value: &Keeping) {
    if value.is_verified {
        let Record { recipe, output, .. } = value.record.as_ref();
        let content = layout::content_key(output);
        step.put(Space::Meta, layout::agreed_key(recipe), content);
    }
}

/// Whether the value is on disk already, as far as can be told without reading its bytes.
fn is_held(step: &Step<'_>, value: &Keeping, stands: &Standing) -> Result<bool, StorageFault> {
    if matches!(stands, Standing::Nothing | Standing::Unreadable) {
        return Ok(false);
    }
    let recipe = &value.record.recipe;
    let key = layout::value_key(&value.record.output, recipe);
    let marker = look(step, Space::Values, &key)?.and_then(|raw| ValueMarker::parse(&raw));
    let document = look(step, Space::Records, &layout::address_key(recipe))?;
    let record = document.and_then(|document| Record::decode(&document).ok());
    Ok(marker.is_some() && record.is_some_and(|record| record.output == value.record.output))
}

fn write_markers(step: &mut Step<'_>, value: &Keeping, age: u64) -> Result<(), StorageFault> {
    let recipe = &value.record.recipe;
    let marker = ValueMarker {
        size: value.record.size,
        age,
        cutoff: value.cutoff,
    };
    let key = layout::value_key(&value.record.output, recipe);
    step.put(Space::Values, key, marker.encode());
    step.put(
        Space::Records,
        layout::address_key(recipe),
        value.document.clone(),
    );
    step.put(
        Space::Cutoffs,
        layout::cutoff_key(&value.cutoff, recipe),
        Bytes::new(),
    );
    step.put(
        Space::Meta,
        layout::age_key(age),
        layout::address_key(recipe),
    );
    write_agreement(step, value);
    step.count(Counter::Values, 1)?;
    step.count(Counter::ValueBytes, signed(value.record.size))
}

/// Takes values away. After an invalidation the step writes even where nothing stands, so that its
/// sync also covers what was evicted before without one.
///
/// # Errors
/// The store could not be read.
pub fn drop_step(
    step: &mut Step<'_>,
    recipes: &[CAddr],
    why: DropReason,
) -> Result<Dropped, Fault> {
    let documents = documents(step, recipes)?;
    if let (DropReason::Invalidated, Some(first)) = (why, recipes.first())
        && documents.iter().all(Option::is_none)
    {
        step.delete(Space::Records, layout::address_key(first));
    }
    let mut seen = AddressSet::default();
    let mut sizes = Vec::with_capacity(recipes.len());
    for (recipe, document) in recipes.iter().zip(documents) {
        sizes.push(match document.filter(|_| seen.insert(*recipe)) {
            Some(document) => drop_read(step, recipe, &document)?,
            None => None,
        });
    }
    Ok(Dropped { sizes })
}

/// The records of all of them, read together unless one of them is damaged. Where no value is on
/// disk at all, which one look tells, none has a record.
fn documents(step: &Step<'_>, recipes: &[CAddr]) -> Result<Vec<Option<Bytes>>, StorageFault> {
    if recipes.len() > 1 && read_number(step, &Counter::Values.key()) == Ok(0) {
        return Ok(vec![None; recipes.len()]);
    }
    let keys: Vec<Vec<u8>> = recipes.iter().map(layout::address_key).collect();
    look_many(step, Space::Records, &keys)
}

/// Every trace of one value, and its content if nothing else holds it. The value's size, if its
/// marker stood.
fn drop_value(step: &mut Step<'_>, recipe: &CAddr) -> Result<Option<u64>, StorageFault> {
    match look(step, Space::Records, &layout::address_key(recipe))? {
        Some(document) => drop_read(step, recipe, &document),
        None => Ok(None),
    }
}

/// The same of one whose record was read.
fn drop_read(
    step: &mut Step<'_>,
    recipe: &CAddr,
    document: &[u8],
) -> Result<Option<u64>, StorageFault> {
    let record_key = layout::address_key(recipe);
    step.delete(Space::Records, record_key);
    step.delete(Space::Meta, layout::agreed_key(recipe));
    let Ok(record) = Record::decode(document) else {
        // Its marker cannot be found by the record any more; the next keep or a scrub finds it.
        metrics::counter!("blob_unreadable_records_total").increment(1);
        return Ok(None);
    };
    // A record that lies under another recipe's key is that of no value here.
    if record.recipe != *recipe {
        return Ok(None);
    }
    drop_marker(step, &record)
}

/// The marker that a record leads to, and what hangs on it.
fn drop_marker(step: &mut Step<'_>, record: &Record) -> Result<Option<u64>, StorageFault> {
    let recipe = &record.recipe;
    let key = layout::value_key(&record.output, recipe);
    let Some(raw) = look(step, Space::Values, &key)? else {
        return Ok(None);
    };
    step.delete(Space::Values, key);
    let size = ValueMarker::parse(&raw).map_or(record.size, |marker| {
        step.delete(Space::Cutoffs, layout::cutoff_key(&marker.cutoff, recipe));
        step.delete(Space::Meta, layout::age_key(marker.age));
        marker.size
    });
    step.count(Counter::Values, -1)?;
    step.count(Counter::ValueBytes, -signed(size))?;
    free_content(step, &record.output)?;
    Ok(Some(size))
}

/// The bytes of a content go if nothing holds them any more.
pub(super) fn free_content(step: &mut Step<'_>, content: &ContentHash) -> Result<(), StorageFault> {
    let leaf = layout::address_key(&content.as_leaf_address());
    let holders = Holders {
        leaf: look(step, Space::Leaves, &leaf)?.is_some(),
        other_value: !step
            .scan(Space::Values, &layout::content_key(content), &[], 1)?
            .is_empty(),
    };
    if !decide::content_dies(holders) {
        return Ok(());
    }
    if let Standing::Chunked(chunks) = standing(step, content)? {
        delete_chunks(step, chunks);
    }
    step.delete(Space::Contents, layout::content_key(content));
    Ok(())
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

//! The recipes in memory. The `DagActor` writes it; a recipe in it is durable.
//!
//! It refuses to answer "does not exist": what is not here may be on disk.

use crate::Spread;
use dashmap::DashMap;
use deriva_model::{CAddr, FunctionId, SealedRecipe};
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Bytes a resident recipe costs beside its canonical bytes, an estimate on the safe side.
const OVERHEAD_BYTES: u64 = 200;
/// Functions whose ids are remembered, to be shared.
const FUNCTIONS_MAX: usize = 32;
/// An eviction makes this part of the budget free at once, so that it is rare.
const SLACK: u64 = 32;

/// Durable recipes by address.
#[derive(Debug, Default)]
pub struct RecipeView {
    map: DashMap<CAddr, Arc<SealedRecipe>, Spread>,
    bytes: AtomicU64,
    /// Recipes that were removed from the store.
    removals: AtomicU64,
    /// The functions of those that were read last, the latest at the end.
    functions: Mutex<Vec<Arc<FunctionId>>>,
}

fn weight(recipe: &SealedRecipe) -> u64 {
    recipe.bytes().len() as u64 + OVERHEAD_BYTES
}

impl RecipeView {
    #[must_use]
    pub fn get(&self, address: &CAddr) -> Option<Arc<SealedRecipe>> {
        self.map.get(address).map(|entry| entry.value().clone())
    }

    #[must_use]
    pub fn contains(&self, address: &CAddr) -> bool {
        self.map.contains_key(address)
    }

    /// A recipe that was just read, with the id of its function that others here have too: one of its
    /// own would be a quarter of what it takes.
    #[must_use]
    pub fn shared(&self, mut recipe: SealedRecipe) -> SealedRecipe {
        let own = recipe.recipe().shared_function();
        let mut functions = self.functions.lock();
        match functions.iter().rev().find(|known| **known == own) {
            Some(known) => recipe.share_function(known),
            None => {
                if functions.len() == FUNCTIONS_MAX {
                    functions.remove(0);
                }
                functions.push(own);
            }
        }
        recipe
    }

    /// The owner's: makes a durable recipe resident, and drops others when the view is over
    /// `budget` bytes. Which others is arbitrary: the disk has them all.
    pub fn admit(&self, recipe: Arc<SealedRecipe>, budget: u64) {
        let added = weight(&recipe);
        // Counted first: a recipe that is removed at once must not take away what was not added yet.
        self.bytes.fetch_add(added, Ordering::Relaxed);
        if self.map.insert(recipe.address(), recipe).is_some() {
            self.bytes.fetch_sub(added, Ordering::Relaxed);
        }
        if self.bytes() > budget {
            self.evict_to(budget - budget / SLACK);
        }
    }

    /// Drops recipes until at most `target` bytes are left. One pass finds them all: looking for the
    /// next one anew each time would go through what is already empty again and again.
    fn evict_to(&self, target: u64) {
        let mut excess = self.bytes().saturating_sub(target);
        let mut victims = Vec::new();
        for entry in &self.map {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(weight(entry.value()));
            victims.push(*entry.key());
        }
        for victim in victims {
            self.remove(&victim);
        }
    }

    /// How many recipes were removed from the store so far. Whoever reads the store to admit what it
    /// finds asks before, and has it rechecked after.
    #[must_use]
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::SeqCst)
    }

    /// Takes a recipe out again that was admitted from a read which a removal may have overtaken.
    pub fn recheck(&self, address: &CAddr, removals: u64) {
        if self.removals() != removals {
            self.remove(address);
        }
    }

    /// The collection's: the recipe is no longer in the store.
    pub fn removed(&self, address: &CAddr) {
        self.removals.fetch_add(1, Ordering::SeqCst);
        self.remove(address);
    }

    /// The owner's.
    pub fn remove(&self, address: &CAddr) {
        if let Some((_, recipe)) = self.map.remove(address) {
            self.bytes.fetch_sub(weight(&recipe), Ordering::Relaxed);
        }
    }

    /// Estimated bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
#[path = "recipes_test.rs"]
mod recipes_test;

//! Every way in which an alias can be wrong on disk, seen while the import is open, believed after.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::storage::{Batch, Durability, MemoryStorage};
use deriva_model::{F64, FunctionId, Value};
use std::collections::BTreeMap;

fn recipe(value: Value) -> SealedRecipe {
    let params = BTreeMap::from([("k".to_owned(), value)]);
    SealedRecipe::seal(Recipe::new(FunctionId::new("f", "1"), vec![], params).unwrap())
}

struct Stage {
    memory: MemoryStorage,
    view: RecipeView,
}

impl Stage {
    fn new() -> Self {
        Self {
            memory: MemoryStorage::default(),
            view: RecipeView::default(),
        }
    }

    fn put(&self, space: Space, key: Vec<u8>, value: Vec<u8>) {
        let mut batch = Batch::default();
        batch.put(space, key, value);
        self.memory.write(&batch, Durability::Synced).unwrap();
    }

    fn store(&self, address: CAddr, bytes: &[u8]) {
        let value = layout::stamped(Epoch::new(1), bytes);
        self.put(Space::Recipes, layout::address_key(&address), value);
    }

    fn alias(&self, old: CAddr, to: CAddr) -> Bytes {
        let value = layout::alias_value(Epoch::new(1), &to);
        self.put(Space::Aliases, layout::address_key(&old), value.clone());
        value.into()
    }

    fn declare(&self) {
        self.put(Space::Meta, layout::META_IMPORT.to_vec(), layout::number(7));
    }

    /// Both ways of following must agree.
    fn follow(&self, old: CAddr, entry: &Bytes) -> Result<CAddr, Fault> {
        let one = follow(&self.memory, old, entry);
        let many = follow_many(&self.memory, &self.view, &[(old, entry.clone())]);
        assert_eq!(one, many.map(|many| many[0].unwrap()));
        one
    }

    fn lost(&self, old: CAddr, entry: &Bytes, words: &str) {
        match self.follow(old, entry) {
            Err(Fault::DataLoss { address, what }) => {
                assert_eq!(address, old);
                assert!(what.contains(words), "{what}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_alias_leads_to_the_recipe_of_its_old_form() {
    let stage = Stage::new();
    let one = recipe(Value::from("one"));
    let old = legacy_address(one.recipe()).unwrap();
    stage.store(one.address(), one.bytes());
    let entry = stage.alias(old, one.address());
    assert_eq!(stage.follow(old, &entry), Ok(one.address()));
    assert_eq!(follow_many(&stage.memory, &stage.view, &[]), Ok(vec![]));
}

#[test]
fn whatever_is_wrong_is_data_loss_until_the_import_is_complete() {
    let stage = Stage::new();
    let (one, two) = (recipe(Value::from("one")), recipe(Value::from("two")));
    let float = recipe(Value::F64(F64::new(0.5)));
    let old = legacy_address(one.recipe()).unwrap();
    let entry = stage.alias(old, one.address());
    stage.lost(old, &entry, "not stored");
    stage.store(one.address(), two.bytes());
    stage.lost(old, &entry, "another recipe's");
    stage.store(one.address(), b"no recipe");
    stage.lost(old, &entry, "leads to");
    stage.put(Space::Recipes, layout::address_key(&one.address()), vec![1]);
    stage.lost(old, &entry, "cannot be read");
    for (other, words) in [(&two, "old address is"), (&float, "no old form")] {
        stage.store(other.address(), other.bytes());
        let entry = stage.alias(old, other.address());
        stage.lost(old, &entry, words);
        // What is in memory is judged by its old form, too.
        stage.view.admit(Arc::new(other.clone()), u64::MAX);
        stage.lost(old, &entry, words);
    }
    assert_eq!(trust(&stage.memory), Ok(Trust::Checked));

    stage.declare();
    assert_eq!(trust(&stage.memory), Ok(Trust::Declared));
    let entry = stage.alias(old, two.address());
    assert_eq!(stage.follow(old, &entry), Ok(two.address()));
    // An entry that is none is never followed.
    stage.lost(old, &Bytes::from_static(b"short"), "cannot be read");
}

#[test]
fn a_recipe_in_memory_answers_without_the_disk() {
    let stage = Stage::new();
    let one = recipe(Value::from("one"));
    let old = legacy_address(one.recipe()).unwrap();
    let entry = stage.alias(old, one.address());
    stage.view.admit(Arc::new(one.clone()), u64::MAX);
    let many = follow_many(&stage.memory, &stage.view, &[(old, entry)]);
    assert_eq!(many, Ok(vec![Some(one.address())]));
}

#[test]
fn an_alias_that_was_collected_meanwhile_is_nothing() {
    let stage = Stage::new();
    let one = recipe(Value::from("one"));
    let old = legacy_address(one.recipe()).unwrap();
    let entry: Bytes = layout::alias_value(Epoch::new(1), &one.address()).into();
    let many = follow_many(&stage.memory, &stage.view, &[(old, entry)]);
    assert_eq!(many, Ok(vec![None]));
}

#[test]
fn the_state_is_what_stands_on_disk() {
    let stage = Stage::new();
    assert_eq!(import_state(&stage.memory), Ok(ImportState::default()));
    let counter = layout::Counter::Aliases.key();
    stage.put(Space::Meta, counter, layout::number(3));
    stage.declare();
    let told = ImportState {
        declared: Some(Epoch::new(7)),
        aliases: 3,
    };
    assert_eq!(import_state(&stage.memory), Ok(told));
    // A declaration of another shape is none.
    stage.put(Space::Meta, layout::META_IMPORT.to_vec(), vec![1]);
    assert_eq!(trust(&stage.memory), Ok(Trust::Checked));
}

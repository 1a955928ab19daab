//! Importing recipes from before DCF, and what becomes of aliases that stand wrong on disk.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{DagConfig, decide, stage_test::*};
use deriva_messages::{
    Fault,
    dag::{Consumers, DagMessage, GraphQuestion, ImportState, Imported, MissingInputs, OldRecipe},
};
use deriva_model::{CAddr, SealedRecipe, legacy_address};
use deriva_system::{
    alias,
    storage::{Batch, Durability, Reading, Space, Storage, StorageFault, layout},
};
use std::sync::Arc;

fn old(recipe: &Arc<SealedRecipe>) -> OldRecipe {
    OldRecipe {
        old: legacy_address(recipe.recipe()).unwrap(),
        recipe: recipe.clone(),
    }
}

/// A chain as an old store has it: each names the old address of the one before, over a leaf.
fn chain(leaf: CAddr, length: i64) -> Vec<OldRecipe> {
    let mut last = leaf;
    let each = (0..length).map(|number| {
        let one = old(&recipe(number, &[last]));
        last = one.old;
        one
    });
    each.collect()
}

impl Stage {
    async fn import_all(&self, recipes: Vec<OldRecipe>) -> Vec<Result<Imported, Fault>> {
        self.import(recipes, MissingInputs::Refuse).await.unwrap()
    }

    async fn complete(&self) -> ImportState {
        let complete = |reply| DagMessage::CompleteImport { reply };
        self.slot.call(PATIENCE, complete).await.unwrap()
    }

    fn state(&self) -> ImportState {
        alias::import_state(self.memory.as_ref()).unwrap()
    }

    /// What no import would have written.
    fn overwrite(&self, old: CAddr, entry: Vec<u8>) {
        let mut batch = Batch::default();
        batch.put(Space::Aliases, layout::address_key(&old), entry);
        self.memory.write(&batch, Durability::Synced).unwrap();
    }

    fn lead(&self, old: CAddr, to: CAddr) {
        let epoch = self.touched(Space::Aliases, &old).unwrap();
        self.overwrite(old, layout::alias_value(epoch, &to));
    }
}

#[tokio::test]
async fn a_batch_backwards_is_stored_whole_and_again_is_known() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let mut batch = chain(leaf, 300);
    let top = batch[299].clone();
    batch.reverse();
    let done = stage.import_all(batch.clone()).await;
    assert!(done.iter().all(|one| *one == Ok(Imported::New)), "{done:?}");
    assert_eq!((stage.recipe_count(), stage.state().aliases), (300, 300));
    // A recipe and an alias a step of the chain, and the alias at the top.
    assert_eq!(stage.depth(top.old).await, Ok(600));
    let done = stage.import_all(batch).await;
    assert!(
        done.iter().all(|one| *one == Ok(Imported::Known)),
        "{done:?}"
    );
    assert_eq!((stage.recipe_count(), stage.state().aliases), (300, 300));
}

#[tokio::test]
async fn one_that_is_refused_keeps_out_only_those_that_need_it() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let nowhere = CAddr::of_leaf(b"never put");
    let orphan = old(&recipe(1, &[leaf, nowhere]));
    let child = old(&recipe(2, &[orphan.old]));
    let good = old(&recipe(3, &[leaf]));
    let done = stage
        .import_all(vec![
            child.clone(),
            orphan.clone(),
            good.clone(),
            good.clone(),
        ])
        .await;
    let missing = |one: &OldRecipe, what| {
        Err::<Imported, _>(Fault::missing_inputs(one.recipe.address(), vec![what]))
    };
    assert_eq!(done[0], missing(&child, orphan.old));
    assert_eq!(done[1], missing(&orphan, nowhere));
    assert_eq!(done[2..], [Ok(Imported::New), Ok(Imported::Known)]);
    assert_eq!((stage.recipe_count(), stage.state().aliases), (1, 1));
    for absent in [&child, &orphan] {
        for address in [absent.old, absent.recipe.address()] {
            let asked = stage.ask(address, GraphQuestion::Inputs).await;
            assert_eq!(asked, Err(Fault::NotFound { address }));
            assert!(!stage.view().contains(&address));
        }
    }
    // With what was missing, the same batch goes on where it stopped.
    assert_eq!(stage.leaf(b"never put").await, nowhere);
    let done = stage.import_all(vec![child, orphan, good]).await;
    let expected = [Imported::New, Imported::New, Imported::Known].map(Ok);
    assert_eq!(done, expected);
}

#[tokio::test]
async fn an_import_touches_what_it_names_and_survives_a_power_cut() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let first = stage.touched(Space::Leaves, &leaf).unwrap();
    stage.next_epoch();
    let batch = chain(leaf, 2);
    stage.import_all(batch.clone()).await;
    assert_eq!(stage.touched(Space::Leaves, &leaf), Some(first.next()));
    stage.next_epoch();
    stage.import_all(batch.clone()).await;
    let now = first.next().next();
    for one in &batch {
        assert_eq!(stage.touched(Space::Aliases, &one.old), Some(now));
        let address = one.recipe.address();
        assert_eq!(stage.touched(Space::Recipes, &address), Some(now));
    }
    stage.complete().await;
    let stage = stage.reopened(DagConfig::default()).await;
    let state = ImportState {
        declared: Some(now),
        aliases: 2,
    };
    assert_eq!(stage.state(), state);
    let meaning = stage.ask(batch[1].old, GraphQuestion::Inputs).await;
    assert_eq!(meaning.unwrap(), [batch[1].recipe.address()]);
}

#[tokio::test]
async fn only_an_alias_that_is_new_takes_a_declaration_back() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let batch = chain(leaf, 2);
    stage.import_all(vec![batch[0].clone()]).await;
    let declared = stage.complete().await;
    assert!(declared.declared.is_some());
    stage.next_epoch();
    assert_eq!(stage.complete().await, declared, "it is declared once");
    stage.import_all(vec![batch[0].clone()]).await;
    assert_eq!(stage.state(), declared);
    let refused = old(&recipe(9, &[CAddr::of_leaf(b"never put")]));
    assert!(stage.import_all(vec![refused]).await[0].is_err());
    assert_eq!(stage.state(), declared);
    stage.import_all(batch).await;
    let open = ImportState {
        declared: None,
        aliases: 2,
    };
    assert_eq!(stage.state(), open);
}

#[tokio::test]
async fn an_alias_that_leads_astray_is_data_loss_until_it_is_trusted() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let (one, other) = (old(&recipe(1, &[leaf])), old(&recipe(2, &[leaf])));
    let above = old(&recipe(3, &[one.old]));
    stage
        .import_all(vec![one.clone(), other.clone(), above.clone()])
        .await;
    stage.lead(one.old, other.recipe.address());
    let lost = |answer: Result<Vec<CAddr>, Fault>| {
        assert!(
            matches!(&answer, Err(Fault::DataLoss { address, .. }) if *address == one.old),
            "{answer:?}"
        );
    };
    lost(stage.ask(one.old, GraphQuestion::Inputs).await);
    lost(stage.ask(above.old, GraphQuestion::TopologicalOrder).await);
    let forget = |reply| DagMessage::Forget {
        address: one.old,
        consumers: Consumers::Forget,
        reply,
    };
    let forgotten = stage
        .slot
        .call::<deriva_messages::dag::Forgotten>(PATIENCE, forget)
        .await;
    assert!(
        matches!(forgotten, Err(Fault::DataLoss { address, .. }) if address == one.old),
        "{forgotten:?}"
    );

    stage.complete().await;
    let believed = stage.ask(one.old, GraphQuestion::Inputs).await;
    assert_eq!(believed.unwrap(), [other.recipe.address()]);
}

#[tokio::test]
async fn an_alias_that_stands_wrong_is_mended_by_its_import() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let (one, other) = (old(&recipe(1, &[leaf])), old(&recipe(2, &[leaf])));
    stage.import_all(vec![one.clone(), other.clone()]).await;
    for wrong in [None, Some(other.recipe.address())] {
        match wrong {
            None => stage.overwrite(one.old, vec![1, 2, 3]),
            Some(to) => {
                stage.lead(one.old, to);
                let mut edge = Batch::default();
                let key = layout::dependent_key(&to, &one.old);
                edge.put(Space::Edges, key, Vec::new());
                stage.memory.write(&edge, Durability::Synced).unwrap();
            }
        }
        assert_eq!(
            stage.import_all(vec![one.clone()]).await,
            [Ok(Imported::New)]
        );
        let meaning = stage.ask(one.old, GraphQuestion::Inputs).await;
        assert_eq!(meaning.unwrap(), [one.recipe.address()]);
        assert_eq!(stage.state().aliases, 2);
    }
    let dependents = stage
        .ask(other.recipe.address(), GraphQuestion::Dependents)
        .await;
    assert_eq!(dependents.unwrap(), [other.old]);
}

#[tokio::test]
async fn a_fault_of_the_world_stores_nothing_of_the_batch() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    stage.memory.fail_writes(StorageFault::Full {
        free: 1,
        reserve: 2,
    });
    let failed = stage.import(chain(leaf, 3), MissingInputs::Refuse).await;
    assert!(matches!(failed, Err(Fault::StoreFull { .. })), "{failed:?}");
    stage.memory.heal();
    assert_eq!((stage.recipe_count(), stage.state().aliases), (0, 0));
    let one = recipe(1, &[leaf]);
    let mut wrong = old(&one);
    wrong.old = CAddr::of_leaf(b"another");
    let refused = stage.import(vec![wrong], MissingInputs::Refuse).await;
    assert!(matches!(refused, Err(Fault::Malformed { .. })));
    let kept = stage.memory.scan(Space::Aliases, &[], &[], 1).unwrap();
    assert!(kept.is_empty());
}

#[test]
fn the_order_of_an_import_goes_by_both_addresses() {
    let low = old(&recipe(1, &[]));
    let by_old = old(&recipe(2, &[low.old]));
    let by_new = old(&recipe(
        3,
        &[by_old.recipe.address(), by_old.recipe.address()],
    ));
    let order = decide::import_order(&[by_new, by_old, low.clone(), low]);
    assert_eq!(order, [2, 3, 1, 0]);
}

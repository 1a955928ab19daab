//! What is stored, what is refused, and what a power cut leaves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::stage_test::{PATIENCE, Stage, recipe};
use super::{DagConfig, PUT_RECIPES_MAX};
use deriva_messages::{
    Fault,
    dag::{DagMessage, GraphQuestion, MissingInputs},
};
use deriva_model::{CAddr, F64, FunctionId, Recipe, SealedRecipe, Value, legacy_address};
use deriva_system::storage::{Durability, Reading, Space, StorageFault, layout};
use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
};

const REFUSE: MissingInputs = MissingInputs::Refuse;
const ALLOW: MissingInputs = MissingInputs::Allow;

fn nowhere(seed: u8) -> CAddr {
    CAddr::of_leaf(&[b'?', seed])
}

#[tokio::test]
async fn a_batch_in_any_order_is_stored_and_counted_once() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let below = recipe(1, &[leaf, leaf]);
    let above = recipe(2, &[below.address(), leaf]);
    let batch = [above.clone(), below.clone(), above.clone()];
    stage.put(&batch, REFUSE).await.unwrap();
    stage.put(&batch, REFUSE).await.unwrap();
    assert_eq!(stage.recipe_count(), 2);
    assert!(stage.view().contains(&above.address()));
    let inputs = stage.ask(below.address(), GraphQuestion::Inputs).await;
    assert_eq!(inputs.unwrap(), [leaf, leaf]);
    let mut users = [below.address(), above.address()];
    users.sort();
    let dependents = stage.ask(leaf, GraphQuestion::Dependents).await;
    assert_eq!(dependents.unwrap(), users);
    stage.put(&[], REFUSE).await.unwrap();
}

#[tokio::test]
async fn what_is_stored_is_the_canonical_bytes_and_both_edges() {
    let stage = Stage::new().await;
    let (leaf, store) = (stage.leaf(b"leaf").await, &stage.memory);
    let one = recipe(1, &[leaf]);
    stage.put(std::slice::from_ref(&one), REFUSE).await.unwrap();
    let key = layout::address_key(&one.address());
    let value = store.get(Space::Recipes, &key).unwrap().unwrap();
    let (_, bytes) = layout::parse_stamped(&value).unwrap();
    assert_eq!(&bytes[..], one.bytes());
    let edge = store.get(Space::Edges, &layout::inputs_key(&one.address()));
    assert_eq!(
        layout::parse_inputs(&edge.unwrap().unwrap()).unwrap(),
        [leaf]
    );
    let back = layout::dependent_key(&leaf, &one.address());
    assert!(store.get(Space::Edges, &back).unwrap().is_some());
}

#[tokio::test]
async fn missing_inputs_refuse_the_whole_batch_and_are_named() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    let good = recipe(1, &[leaf]);
    let bad = recipe(2, &[nowhere(1), leaf, nowhere(2), nowhere(1)]);
    let refused = stage.put(&[good.clone(), bad.clone()], REFUSE).await;
    let expected = Fault::missing_inputs(bad.address(), vec![nowhere(1), nowhere(2)]);
    assert_eq!(refused, Err(expected.clone()));
    assert_eq!(stage.recipe_count(), 0);
    assert!(!stage.view().contains(&good.address()));
    let gone = stage.ask(good.address(), GraphQuestion::Inputs).await;
    assert_eq!(
        gone,
        Err(Fault::NotFound {
            address: good.address()
        })
    );
    // The store is as it was before the refused batch: not even an edge of it stands.
    assert!(
        stage
            .ask(leaf, GraphQuestion::Dependents)
            .await
            .unwrap()
            .is_empty()
    );

    stage.put(&[good, bad.clone()], ALLOW).await.unwrap();
    assert_eq!(stage.recipe_count(), 2);
    // Stored or not, its inputs are asked for again by whoever does not allow them to be missing.
    assert_eq!(stage.put(&[bad], REFUSE).await, Err(expected));
}

#[tokio::test]
async fn whatever_a_put_names_is_touched_in_its_step() {
    let stage = Stage::new().await;
    let (leaf, other) = (stage.leaf(b"leaf").await, stage.leaf(b"other").await);
    let (below, old_form) = (recipe(1, &[]), recipe(2, &[]));
    let old = legacy_address(old_form.recipe()).unwrap();
    stage
        .put(std::slice::from_ref(&below), REFUSE)
        .await
        .unwrap();
    stage.alias(old, &old_form).await.unwrap();
    let first = stage.touched(Space::Leaves, &leaf).unwrap();
    stage.next_epoch();
    let above = recipe(3, &[leaf, below.address(), old]);
    stage
        .put(std::slice::from_ref(&above), REFUSE)
        .await
        .unwrap();
    let now = stage.touched(Space::Recipes, &above.address()).unwrap();
    assert_eq!(now, first.next());
    assert_eq!(stage.touched(Space::Leaves, &leaf), Some(now));
    assert_eq!(stage.touched(Space::Recipes, &below.address()), Some(now));
    assert_eq!(stage.touched(Space::Aliases, &old), Some(now));
    assert_eq!(stage.touched(Space::Leaves, &other), Some(first));
    let size = stage.memory.get(Space::Leaves, &layout::address_key(&leaf));
    assert_eq!(
        layout::parse_leaf_marker(&size.unwrap().unwrap())
            .unwrap()
            .1,
        4
    );

    stage.next_epoch();
    stage
        .put(std::slice::from_ref(&above), REFUSE)
        .await
        .unwrap();
    assert_eq!(
        stage.touched(Space::Recipes, &above.address()),
        Some(now.next())
    );
    assert_eq!(stage.touched(Space::Leaves, &leaf), Some(now.next()));
    assert_eq!(stage.recipe_count(), 3);
}

#[tokio::test]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let stage = Stage::new().await;
    let (one, old_form) = (recipe(1, &[nowhere(1)]), recipe(2, &[]));
    let old = legacy_address(old_form.recipe()).unwrap();
    stage.put(std::slice::from_ref(&one), ALLOW).await.unwrap();
    stage.alias(old, &old_form).await.unwrap();
    let stage = stage.reopened(DagConfig::default()).await;
    assert_eq!(stage.recipe_count(), 2);
    assert_eq!(
        stage.view().bytes(),
        0,
        "opening reads nothing of the graph"
    );
    let inputs = stage.ask(one.address(), GraphQuestion::Inputs).await;
    assert_eq!(inputs.unwrap(), [nowhere(1)]);
    let meaning = stage.ask(old, GraphQuestion::Inputs).await;
    assert_eq!(meaning.unwrap(), [old_form.address()]);
}

#[tokio::test]
async fn a_write_that_fails_is_told_and_shows_nowhere() {
    let stage = Stage::new().await;
    let one = recipe(1, &[]);
    stage.memory.fail_writes(StorageFault::Full {
        free: 1,
        reserve: 2,
    });
    let refused = stage.put(std::slice::from_ref(&one), REFUSE).await;
    assert_eq!(
        refused,
        Err(Fault::StoreFull {
            free: 1,
            reserve: 2
        })
    );
    assert!(!stage.view().contains(&one.address()));
    let asked = stage.ask(one.address(), GraphQuestion::Depth).await;
    assert_eq!(
        asked,
        Err(Fault::NotFound {
            address: one.address()
        })
    );
    stage.memory.heal();
    stage.put(std::slice::from_ref(&one), REFUSE).await.unwrap();
    assert_eq!(stage.depth(one.address()).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_that_wait_together_share_a_sync() {
    const PUTS: usize = 50;
    let stage = Stage::new().await;
    // A step that waits holds the lane, so that everything else queues up behind it.
    let (release, released) = mpsc::channel::<()>();
    let commit = stage.args.commit.clone();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let held = tokio::spawn(async move {
        let step = commit.commit(Durability::Behind, move |_| {
            entered.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        });
        step.await
    });
    inside.await.unwrap();
    let puts: Vec<_> = (0..PUTS as i64)
        .map(|number| {
            let (slot, recipes) = (stage.slot.clone(), vec![recipe(number, &[])]);
            tokio::spawn(async move {
                let put = |reply| DagMessage::Put {
                    recipes,
                    missing: REFUSE,
                    decided: None,
                    reply,
                };
                slot.call(PATIENCE, put).await
            })
        })
        .collect();
    while stage.args.commit.depth() < PUTS {
        tokio::task::yield_now().await;
    }
    let (_, before) = stage.memory.counts();
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    for put in puts {
        put.await.unwrap().unwrap();
    }
    let (_, after) = stage.memory.counts();
    assert_eq!(after - before, 1, "{PUTS} puts shared their syncs");
    assert_eq!(stage.recipe_count(), PUTS as u64);
}

#[tokio::test]
async fn whoever_puts_on_hears_that_it_was_decided_or_that_it_was_not() {
    let stage = Stage::new().await;
    for (inputs, is_stored) in [(vec![], true), (vec![nowhere(1)], false)] {
        let (tell, decided) = tokio::sync::oneshot::channel();
        let recipes = vec![recipe(1, &inputs)];
        let put = |reply| DagMessage::Put {
            recipes,
            missing: REFUSE,
            decided: Some(tell.into()),
            reply,
        };
        let answer = stage.slot.call(PATIENCE, put).await;
        assert_eq!(answer.is_ok(), is_stored, "{answer:?}");
        assert_eq!(decided.await.is_ok(), is_stored);
    }
}

#[tokio::test]
async fn a_batch_over_its_limits_is_refused_by_name() {
    let stage = Stage::new().await;
    let many = vec![recipe(1, &[]); PUT_RECIPES_MAX + 1];
    let refused = stage.put(&many, REFUSE).await.unwrap_err();
    let Fault::OverLimit { limit, got, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(
        (limit, got),
        (PUT_RECIPES_MAX as u64, PUT_RECIPES_MAX as u64 + 1)
    );
    let wide = recipe(2, &vec![nowhere(1); 60_000]);
    let refused = stage.put(&vec![wide; 36], ALLOW).await.unwrap_err();
    assert!(matches!(refused, Fault::OverLimit { limit, .. } if limit == 64 << 20));
    assert_eq!(stage.recipe_count(), 0);
}

#[tokio::test]
async fn an_alias_is_the_old_address_of_its_recipe_or_nothing() {
    let stage = Stage::new().await;
    let one = recipe(1, &[nowhere(1)]);
    let old = legacy_address(one.recipe()).unwrap();
    let refused = stage.alias(nowhere(9), &one).await;
    assert!(matches!(refused, Err(Fault::Malformed { .. })));
    let params = BTreeMap::from([("x".to_owned(), Value::F64(F64::new(0.5)))]);
    let float = Recipe::new(FunctionId::new("f", "1"), vec![], params).unwrap();
    let refused = stage.alias(old, &Arc::new(SealedRecipe::seal(float))).await;
    assert!(matches!(refused, Err(Fault::Malformed { .. })));
    assert_eq!(stage.recipe_count(), 0);

    stage.alias(old, &one).await.unwrap();
    stage.alias(old, &one).await.unwrap();
    assert_eq!(stage.recipe_count(), 1);
    let user = recipe(2, &[old]);
    stage
        .put(std::slice::from_ref(&user), REFUSE)
        .await
        .unwrap();
    let all = stage
        .ask(one.address(), GraphQuestion::TransitiveDependents)
        .await;
    let mut expected = [old, user.address()];
    expected.sort();
    assert_eq!(all.unwrap(), expected);
    let order = stage
        .ask(user.address(), GraphQuestion::TopologicalOrder)
        .await;
    assert_eq!(
        order.unwrap(),
        [nowhere(1), one.address(), old, user.address()]
    );
}

#[tokio::test]
async fn a_recipe_at_a_leafs_address_is_a_breach() {
    let stage = Stage::new().await;
    let one = recipe(1, &[]);
    let marker = layout::leaf_marker(deriva_model::Epoch::new(1), 3);
    let key = layout::address_key(&one.address());
    stage.memory.damage(Space::Leaves, &key, marker);
    let refused = stage.put(&[one], REFUSE).await;
    assert!(matches!(refused, Err(Fault::Breach { .. })));
    assert_eq!(stage.recipe_count(), 0);
}

#[tokio::test]
async fn a_damaged_entry_is_told_as_such() {
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"leaf").await;
    stage
        .memory
        .damage(Space::Leaves, &layout::address_key(&leaf), vec![1, 2]);
    let refused = stage.put(&[recipe(1, &[leaf])], REFUSE).await;
    assert!(
        matches!(refused, Err(Fault::StoreFailed { .. })),
        "{refused:?}"
    );
}

/// Recipes of every width, some with the same input twice, over leaves, recipes from before and one
/// another.
async fn graph(stage: &Stage) -> Vec<Arc<SealedRecipe>> {
    let mut known = vec![stage.leaf(b"one").await, stage.leaf(b"other").await];
    let before = recipe(0, &known);
    stage
        .put(std::slice::from_ref(&before), REFUSE)
        .await
        .unwrap();
    known.push(before.address());
    // What was put before is touched by the graph.
    stage.next_epoch();
    let mut graph = Vec::new();
    for number in 1..60_usize {
        let inputs: Vec<CAddr> = (0..number % 23)
            .map(|at| known[(at * at + number) % known.len()])
            .collect();
        let next = recipe(number as i64, &inputs);
        known.push(next.address());
        graph.push(next);
    }
    graph
}

#[tokio::test]
async fn a_graph_put_at_once_is_stored_as_if_it_had_come_one_by_one() {
    let (at_once, one_by_one) = (Stage::new().await, Stage::new().await);
    let mut recipes = graph(&one_by_one).await;
    for recipe in &recipes {
        let put = one_by_one.put(std::slice::from_ref(recipe), REFUSE);
        put.await.unwrap();
    }
    graph(&at_once).await;
    recipes.reverse();
    at_once.put(&recipes, REFUSE).await.unwrap();
    for space in Space::ALL {
        let held = |stage: &Stage| stage.memory.scan(space, b"", b"", usize::MAX).unwrap();
        assert_eq!(held(&at_once), held(&one_by_one), "{space:?}");
    }
}

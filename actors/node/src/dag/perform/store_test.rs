//! Cycles, which only a wrong alias can claim: no recipe can be made whose old address it reaches, so
//! the step is given one that the actor would have refused as malformed. And questions given up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::stage_test::{PATIENCE, Stage, recipe};
use super::{answer, import};
use deriva_messages::{
    Fault,
    dag::{DagMessage, GraphQuestion, Imported, MissingInputs, OldRecipe},
};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::storage::Durability;
use std::sync::Arc;

async fn claim(
    stage: &Stage,
    old: CAddr,
    recipe: &Arc<SealedRecipe>,
    limit: usize,
) -> Result<Imported, Fault> {
    let recipe = recipe.clone();
    let step = stage.args.commit.commit(Durability::Synced, move |step| {
        let one = OldRecipe { old, recipe };
        import::import_step(step, &[one], MissingInputs::Allow, limit)
    });
    step.await?.0.into_iter().next().unwrap()
}

/// Aliases that nobody could have imported are only followed when they are trusted.
async fn declare(stage: &Stage) {
    let declare = |reply| DagMessage::CompleteImport { reply };
    stage.slot.call(PATIENCE, declare).await.unwrap();
}

#[tokio::test]
async fn an_alias_that_would_close_a_cycle_is_refused_and_stores_nothing() {
    let stage = Stage::new().await;
    let old = CAddr::of_leaf(b"old");
    let chain: Vec<_> = (0..3)
        .scan(old, |last, number| {
            let next = recipe(number, &[*last]);
            *last = next.address();
            Some(next)
        })
        .collect();
    stage.put(&chain, MissingInputs::Allow).await.unwrap();
    let top = recipe(9, &[chain[2].address()]);
    let refused = claim(&stage, old, &top, 100).await;
    let cycle = Fault::Cycle {
        from: old,
        to: top.address(),
    };
    assert_eq!(refused, Err(cycle));
    assert_eq!(stage.recipe_count(), 3);
    let asked = stage.ask(old, GraphQuestion::Inputs).await;
    assert_eq!(asked, Err(Fault::NotFound { address: old }));
    // The same check, cut off by its limit, does not pass for "no cycle".
    let cut = claim(&stage, old, &top, 2).await;
    assert!(
        matches!(cut, Err(Fault::OverLimit { limit: 2, .. })),
        "{cut:?}"
    );
}

#[tokio::test]
async fn a_cycle_through_two_aliases_is_seen() {
    let stage = Stage::new().await;
    let (one, two) = (CAddr::of_leaf(b"one"), CAddr::of_leaf(b"two"));
    let first = recipe(1, &[two]);
    let second = recipe(2, &[one]);
    claim(&stage, one, &first, 100).await.unwrap();
    let refused = claim(&stage, two, &second, 100).await;
    assert!(matches!(refused, Err(Fault::Cycle { .. })), "{refused:?}");
    // What does not lead back is welcome.
    let harmless = recipe(3, &[]);
    claim(&stage, two, &harmless, 100).await.unwrap();
    declare(&stage).await;
    assert_eq!(stage.depth(first.address()).await, Ok(3));
}

#[tokio::test]
async fn a_question_nobody_waits_for_is_given_up() {
    let stage = Stage::new().await;
    let one = recipe(1, &[]);
    let put = stage.put(std::slice::from_ref(&one), MissingInputs::Refuse);
    put.await.unwrap();
    for question in [GraphQuestion::Depth, GraphQuestion::TransitiveDependents] {
        let given_up = answer::answer(&stage.args, one.address(), question, &|| false);
        assert_eq!(given_up, Err(Fault::Cancelled));
    }
}

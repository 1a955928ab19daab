//! Forgetting withdraws a root under a fresh epoch; what lives stays in use, and a put revives.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{
    DagConfig,
    stage_test::{PATIENCE, Stage, recipe},
};
use deriva_messages::{
    Fault,
    dag::{Consumers, DagMessage, Forgotten, MissingInputs},
};
use deriva_model::{CAddr, Epoch, SealedRecipe, legacy_address};
use deriva_system::storage::{Reading, Space, layout};
use std::{slice::from_ref, sync::Arc};

impl Stage {
    async fn forget(&self, address: CAddr, consumers: Consumers) -> Result<u64, Fault> {
        let forget = |reply| DagMessage::Forget {
            address,
            consumers,
            reply,
        };
        let done: Result<Forgotten, Fault> = self.slot.call(PATIENCE, forget).await;
        Ok(done?.recipes)
    }

    fn forgotten(&self, recipe: &Arc<SealedRecipe>) -> Option<Epoch> {
        let key = layout::forgotten_key(&recipe.address());
        let value = self.memory.get(Space::Meta, &key).unwrap()?;
        Some(Epoch::new(layout::parse_number(&value).unwrap()))
    }

    /// A chain of recipes over one leaf, inputs first.
    async fn chain(&self) -> Vec<Arc<SealedRecipe>> {
        let leaf = self.leaf(b"leaf").await;
        let grow = |last: &mut CAddr, number| {
            let next = recipe(number, &[*last]);
            *last = next.address();
            Some(next)
        };
        let chain: Vec<_> = (0..3).scan(leaf, grow).collect();
        self.put(&chain, MissingInputs::Refuse).await.unwrap();
        chain
    }
}

#[tokio::test]
async fn what_a_live_recipe_depends_on_is_in_use() {
    let stage = Stage::new().await;
    let chain = stage.chain().await;
    let (bottom, middle) = (chain[0].address(), chain[1].address());
    let refused = stage.forget(bottom, Consumers::Refuse).await;
    let expected = Fault::InUse {
        address: bottom,
        by: middle,
    };
    assert_eq!(refused, Err(expected));
    assert_eq!(stage.forgotten(&chain[0]), None);
    // From the top down each is free; twice is not an error.
    for recipe in chain.iter().rev() {
        let address = recipe.address();
        assert_eq!(stage.forget(address, Consumers::Refuse).await, Ok(1));
        assert_eq!(stage.forget(address, Consumers::Refuse).await, Ok(0));
    }
}

#[tokio::test]
async fn a_forgotten_consumer_that_a_live_one_needs_is_still_a_reason() {
    let stage = Stage::new().await;
    let chain = stage.chain().await;
    let (bottom, top) = (chain[0].address(), chain[2].address());
    stage.forget(bottom, Consumers::Forget).await.unwrap();
    stage
        .put(from_ref(&chain[2]), MissingInputs::Refuse)
        .await
        .unwrap();
    let refused = stage.forget(bottom, Consumers::Refuse).await;
    assert!(
        matches!(refused, Err(Fault::InUse { by, .. }) if by == top),
        "{refused:?}"
    );
}

#[tokio::test]
async fn cascade_takes_the_consumers_along_and_survives_a_power_cut() {
    let stage = Stage::new().await;
    let chain = stage.chain().await;
    let forgotten = stage.forget(chain[0].address(), Consumers::Forget).await;
    assert_eq!(forgotten, Ok(3));
    let stage = stage.reopened(DagConfig::default()).await;
    assert!(chain.iter().all(|recipe| stage.forgotten(recipe).is_some()));
    assert_eq!(stage.recipe_count(), 3, "forgetting removes nothing");
}

#[tokio::test]
async fn a_put_revives_and_is_stamped_above_the_forgetting() {
    let stage = Stage::new().await;
    let one = recipe(1, &[]);
    stage
        .put(from_ref(&one), MissingInputs::Refuse)
        .await
        .unwrap();
    let before = stage.touched(Space::Recipes, &one.address()).unwrap();
    stage
        .forget(one.address(), Consumers::Refuse)
        .await
        .unwrap();
    let fresh = stage.forgotten(&one).unwrap();
    assert!(fresh > before, "under a fresh epoch");
    // Being named as an input touches it, and does not make it a root.
    let over = recipe(2, &[one.address()]);
    stage
        .put(from_ref(&over), MissingInputs::Refuse)
        .await
        .unwrap();
    assert_eq!(stage.forgotten(&one), Some(fresh));
    stage
        .put(from_ref(&one), MissingInputs::Refuse)
        .await
        .unwrap();
    assert_eq!(stage.forgotten(&one), None);
    let stamped = stage.touched(Space::Recipes, &one.address()).unwrap();
    assert!(stamped > fresh, "{stamped} is not above {fresh}");
    let stage = stage.reopened(DagConfig::default()).await;
    assert_eq!(stage.forgotten(&one), None);
}

#[tokio::test]
async fn an_alias_stands_for_its_recipe_and_a_leaf_is_no_root() {
    let stage = Stage::new().await;
    let one = recipe(1, &[]);
    let old = legacy_address(one.recipe()).unwrap();
    stage.alias(old, &one).await.unwrap();
    assert_eq!(stage.forget(old, Consumers::Refuse).await, Ok(1));
    assert!(stage.forgotten(&one).is_some());
    let leaf = stage.leaf(b"leaf").await;
    let refused = stage.forget(leaf, Consumers::Refuse).await;
    assert!(
        matches!(refused, Err(Fault::Malformed { .. })),
        "{refused:?}"
    );
    let address = CAddr::of_leaf(b"nobody put this");
    let missing = stage.forget(address, Consumers::Forget).await;
    assert_eq!(missing, Err(Fault::NotFound { address }));
}

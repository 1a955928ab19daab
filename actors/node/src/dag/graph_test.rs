//! Questions about graphs: any graph before and after a restart against a naive model of it, and one
//! chain that no stack would hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::DagConfig;
use super::stage_test::{Stage, recipe};
use deriva_messages::{
    Fault,
    dag::{GraphQuestion, MissingInputs},
};
use deriva_model::{CAddr, legacy_address};
use deriva_system::storage::{Batch, Durability, Space, Storage, layout};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ALLOW: MissingInputs = MissingInputs::Allow;

/// What each recipe or alias has below it, and every address that is stored.
#[derive(Default)]
struct Naive {
    inputs: BTreeMap<CAddr, Vec<CAddr>>,
    stored: BTreeSet<CAddr>,
}

impl Naive {
    fn below(&self, node: CAddr) -> BTreeSet<CAddr> {
        let mut found = BTreeSet::new();
        for input in self.inputs.get(&node).into_iter().flatten() {
            found.insert(*input);
            found.extend(self.below(*input));
        }
        found
    }

    fn depth(&self, node: CAddr) -> u64 {
        let Some(inputs) = self.inputs.get(&node) else {
            return 0;
        };
        1 + inputs
            .iter()
            .map(|input| self.depth(*input))
            .max()
            .unwrap_or(0)
    }

    fn users(&self, node: CAddr) -> Vec<CAddr> {
        let names = |inputs: &Vec<CAddr>| inputs.contains(&node);
        let users = self.inputs.iter().filter(|(_, inputs)| names(inputs));
        users.map(|(user, _)| *user).collect()
    }

    fn above(&self, node: CAddr) -> Vec<CAddr> {
        let all = self.inputs.keys().copied();
        all.filter(|user| self.below(*user).contains(&node))
            .collect()
    }
}

async fn compare(stage: &Stage, naive: &Naive) {
    for node in naive.stored.iter().copied() {
        let ask = |question| stage.ask(node, question);
        let inputs = naive.inputs.get(&node).cloned().unwrap_or_default();
        assert_eq!(ask(GraphQuestion::Inputs).await.unwrap(), inputs);
        assert_eq!(
            ask(GraphQuestion::Dependents).await.unwrap(),
            naive.users(node)
        );
        let below = naive.below(node);
        let found = ask(GraphQuestion::TransitiveInputs).await.unwrap();
        assert_eq!(found, below.iter().copied().collect::<Vec<_>>());
        let found = ask(GraphQuestion::TransitiveDependents).await.unwrap();
        assert_eq!(found, naive.above(node));
        assert_eq!(stage.depth(node).await.unwrap(), naive.depth(node));
        let order = ask(GraphQuestion::TopologicalOrder).await.unwrap();
        assert_eq!(order, ask(GraphQuestion::TopologicalOrder).await.unwrap());
        assert_eq!(order.last(), Some(&node));
        assert_eq!(order.len(), below.len() + 1);
        let mut seen = BTreeSet::new();
        for next in order {
            let inputs = naive.inputs.get(&next).into_iter().flatten();
            assert!(inputs.into_iter().all(|input| seen.contains(input)));
            assert!(seen.insert(next));
        }
    }
}

/// For each node: what it is (mostly a recipe, else a recipe under its old address), and which of the
/// addresses before it are its inputs.
fn shapes() -> impl Strategy<Value = Vec<(u8, Vec<u16>)>> {
    let inputs = prop::collection::vec(any::<u16>(), 0..5);
    prop::collection::vec((0_u8..4, inputs), 1..24)
}

async fn build(stage: &Stage, shapes: &[(u8, Vec<u16>)]) -> Naive {
    let mut naive = Naive::default();
    let leaves = [stage.leaf(b"one").await, stage.leaf(b"two").await];
    naive.stored.extend(leaves);
    let mut names = leaves.to_vec();
    names.push(CAddr::of_leaf(b"never put"));
    for (number, (kind, picks)) in shapes.iter().enumerate() {
        let pick = |at: &u16| names[*at as usize % names.len()];
        let inputs: Vec<CAddr> = picks.iter().map(pick).collect();
        let made = recipe(number as i64, &inputs);
        let address = made.address();
        if *kind == 0 {
            let old = legacy_address(made.recipe()).unwrap();
            stage.alias(old, &made).await.unwrap();
            naive.inputs.insert(old, vec![address]);
            naive.stored.insert(old);
            names.push(old);
        } else {
            stage.put(&[made], ALLOW).await.unwrap();
        }
        naive.inputs.insert(address, inputs);
        naive.stored.insert(address);
        names.push(address);
    }
    naive
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_question_is_answered_as_before_a_restart(shapes in shapes(), budget in 0_u64..4000) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::new().await;
            let naive = build(&stage, &shapes).await;
            compare(&stage, &naive).await;
            let config = DagConfig { recipe_budget_bytes: budget, ..DagConfig::default() };
            let stage = stage.reopened(config).await;
            compare(&stage, &naive).await;
            // Whatever part of the graph is resident, the answers are the same.
            build(&stage, &shapes).await;
            assert!(stage.view().bytes() <= budget);
            compare(&stage, &naive).await;
        });
    }
}

/// Writes a chain's edges as puts would have, in a fraction of their time.
fn plant(stage: &Stage, root: CAddr, length: usize) -> Vec<CAddr> {
    let mut batch = Batch::default();
    let mut chain = Vec::with_capacity(length);
    let mut last = root;
    for _ in 0..length {
        let next = recipe(0, &[last]).address();
        let inputs = layout::inputs_value(&[last]);
        batch.put(Space::Edges, layout::inputs_key(&next), inputs);
        batch.put(
            Space::Edges,
            layout::dependent_key(&last, &next),
            Vec::new(),
        );
        chain.push(next);
        last = next;
    }
    stage.memory.write(&batch, Durability::Synced).unwrap();
    chain
}

#[tokio::test]
async fn a_chain_of_a_million_touches_no_stack() {
    const LENGTH: usize = 1_000_000;
    let stage = Stage::new().await;
    let root = stage.leaf(b"root").await;
    let mut chain = plant(&stage, root, LENGTH - 1);
    let top = recipe(0, &chain[LENGTH - 2..]);
    stage.put(std::slice::from_ref(&top), ALLOW).await.unwrap();
    chain.push(top.address());
    assert_eq!(stage.depth(top.address()).await, Ok(LENGTH as u64));
    let order = stage
        .ask(top.address(), GraphQuestion::TopologicalOrder)
        .await
        .unwrap();
    assert_eq!(order[0], root);
    assert!(order[1..] == chain);
    chain.sort_unstable();
    let above = stage.ask(root, GraphQuestion::TransitiveDependents).await;
    assert!(above.unwrap() == chain);
}

#[tokio::test]
async fn a_question_that_reaches_too_far_is_refused_by_name() {
    let config = DagConfig {
        graph_node_limit: 4,
        ..DagConfig::default()
    };
    let stage = Stage::over(std::sync::Arc::default(), config).await;
    let leaf = stage.leaf(b"leaf").await;
    let chain = (0..4).scan(leaf, |last, number| {
        let next = recipe(number, &[*last]);
        *last = next.address();
        Some(next)
    });
    let chain = chain.collect::<Vec<_>>();
    stage.put(&chain, MissingInputs::Refuse).await.unwrap();
    // Three recipes and the leaf are four nodes; one more recipe is one too many.
    assert_eq!(stage.depth(chain[2].address()).await, Ok(3));
    let far = chain[3].address();
    for question in [
        GraphQuestion::TransitiveInputs,
        GraphQuestion::TopologicalOrder,
    ] {
        let refused = stage.ask(far, question).await;
        assert!(matches!(
            refused,
            Err(Fault::OverLimit {
                limit: 4,
                got: 5,
                ..
            })
        ));
    }
    assert!(matches!(
        stage.depth(far).await,
        Err(Fault::OverLimit { .. })
    ));
    let refused = stage.ask(leaf, GraphQuestion::TransitiveDependents).await;
    assert!(matches!(refused, Err(Fault::OverLimit { limit: 4, .. })));
}

#[tokio::test]
async fn dependents_come_in_pages_without_a_gap() {
    const USERS: i64 = 9000;
    let stage = Stage::new().await;
    let leaf = stage.leaf(b"popular").await;
    let users: Vec<_> = (0..USERS).map(|number| recipe(number, &[leaf])).collect();
    stage.put(&users, MissingInputs::Refuse).await.unwrap();
    let mut expected: Vec<_> = users.iter().map(|user| user.address()).collect();
    expected.sort_unstable();
    let found = stage.ask(leaf, GraphQuestion::Dependents).await.unwrap();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_address_that_names_nothing_is_not_found() {
    let stage = Stage::new().await;
    let missing = CAddr::of_leaf(b"missing");
    stage.put(&[recipe(1, &[missing])], ALLOW).await.unwrap();
    for question in [GraphQuestion::Dependents, GraphQuestion::Depth] {
        let asked = stage.ask(missing, question).await;
        assert_eq!(asked, Err(Fault::NotFound { address: missing }));
    }
}

//! What the tests of this room stand on: the actor over storage in memory, and recipes to put.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{DagActor, DagArgs, DagConfig};
use deriva_messages::{
    Fault,
    dag::{DagMessage, GraphNode, GraphQuestion, Imported, MissingInputs, OldRecipe},
};
use deriva_model::{CAddr, Epoch, FunctionId, Recipe, SealedRecipe, Value};
use deriva_system::{
    ManualClock,
    lane::Lane,
    storage::{
        CommitLane, CommitLimits, Durability, MemoryStorage, Reading, Space, commit::read_number,
        layout,
    },
    supervise::{Slot, SlotLimits},
    view::RecipeView,
};
use ractor::Actor;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(super) const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn recipe(number: i64, inputs: &[CAddr]) -> Arc<SealedRecipe> {
    let params = BTreeMap::from([("n".to_owned(), Value::I64(number))]);
    let recipe = Recipe::new(FunctionId::new("f", "1"), inputs, params).unwrap();
    Arc::new(SealedRecipe::seal(recipe))
}

pub(super) struct Stage {
    pub(super) args: DagArgs,
    pub(super) memory: Arc<MemoryStorage>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) slot: Slot<DagMessage>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::over(Arc::default(), DagConfig::default()).await
    }

    /// A node that opens what is stored: nothing else of an earlier one is left.
    pub(super) async fn over(memory: Arc<MemoryStorage>, config: DagConfig) -> Self {
        let clock = Arc::new(ManualClock::default());
        let limits = CommitLimits::default();
        let commit = CommitLane::start(memory.clone(), clock.clone(), limits).unwrap();
        let args = DagArgs {
            storage: memory.clone(),
            commit,
            view: Arc::default(),
            holds: Arc::default(),
            reading: Lane::start("graph", 16).unwrap(),
            config,
        };
        let (actor, _) = Actor::spawn(None, DagActor, args.clone()).await.unwrap();
        let slot = Slot::new("dag", SlotLimits::default());
        slot.seat(actor);
        Self {
            args,
            memory,
            clock,
            slot,
        }
    }

    /// The same store after a stop without any farewell.
    pub(super) async fn reopened(self, config: DagConfig) -> Self {
        self.memory.cut_power();
        Self::over(self.memory.clone(), config).await
    }

    pub(super) fn view(&self) -> &RecipeView {
        &self.args.view
    }

    /// Lets more than an hour pass: the next step opens an epoch.
    pub(super) fn next_epoch(&self) {
        self.clock.advance(Duration::from_secs(3601));
    }

    pub(super) async fn leaf(&self, bytes: &[u8]) -> CAddr {
        let (address, size) = (CAddr::of_leaf(bytes), bytes.len() as u64);
        let put = self.args.commit.commit(Durability::Synced, move |step| {
            let marker = layout::leaf_marker(step.epoch(), size);
            step.put(Space::Leaves, layout::address_key(&address), marker);
            Ok(())
        });
        put.await.unwrap();
        address
    }

    pub(super) async fn put(
        &self,
        recipes: &[Arc<SealedRecipe>],
        missing: MissingInputs,
    ) -> Result<(), Fault> {
        let recipes = recipes.to_vec();
        let put = |reply| DagMessage::Put {
            recipes,
            missing,
            decided: None,
            reply,
        };
        self.slot.call(PATIENCE, put).await
    }

    pub(super) async fn alias(&self, old: CAddr, recipe: &Arc<SealedRecipe>) -> Result<(), Fault> {
        let recipe = recipe.clone();
        let old = OldRecipe { old, recipe };
        let done = self.import(vec![old], MissingInputs::Allow).await?;
        done.into_iter().next().unwrap().map(drop)
    }

    pub(super) async fn import(
        &self,
        recipes: Vec<OldRecipe>,
        missing: MissingInputs,
    ) -> Result<Vec<Result<Imported, Fault>>, Fault> {
        let import = |reply| DagMessage::Import {
            recipes,
            missing,
            reply,
        };
        self.slot.call(PATIENCE, import).await
    }

    pub(super) async fn ask(
        &self,
        address: CAddr,
        question: GraphQuestion,
    ) -> Result<Vec<CAddr>, Fault> {
        let nodes = self.nodes(address, question).await?;
        assert!(nodes.iter().all(|node| node.depth == 0));
        Ok(nodes.into_iter().map(|node| node.address).collect())
    }

    pub(super) async fn depth(&self, address: CAddr) -> Result<u64, Fault> {
        let nodes = self.nodes(address, GraphQuestion::Depth).await?;
        assert_eq!(nodes.len(), 1);
        assert_eq!(nodes[0].address, address);
        Ok(nodes[0].depth)
    }

    async fn nodes(
        &self,
        address: CAddr,
        question: GraphQuestion,
    ) -> Result<Vec<GraphNode>, Fault> {
        let ask = |reply| DagMessage::Ask {
            address,
            question,
            reply,
        };
        self.slot.call(PATIENCE, ask).await
    }

    pub(super) fn recipe_count(&self) -> u64 {
        let counter = layout::Counter::Recipes.key();
        read_number(self.memory.as_ref(), &counter).unwrap()
    }

    /// The epoch in which what stands there was last touched.
    pub(super) fn touched(&self, space: Space, address: &CAddr) -> Option<Epoch> {
        let key = layout::address_key(address);
        let value = self.memory.get(space, &key).unwrap()?;
        Some(layout::parse_stamped(&value).unwrap().0)
    }
}

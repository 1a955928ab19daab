//! The hands: what the actor heard is carried out on the commit lane, the graph lane and the view.

mod answer;
mod edges;
mod forget;
mod import;
mod pins;
mod store;

use super::{DagArgs, decide};
use deriva_messages::{
    Fault, Reply,
    dag::{
        Consumers, Forgotten, GraphNode, GraphQuestion, ImportState, Imported, MissingInputs,
        OldRecipe, PinPage,
    },
};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::storage::Durability;
use std::sync::Arc;

/// Recipes made resident between two chances for other tasks: well below a millisecond's work.
const ADMITTED_AT_ONCE: usize = 512;

/// Stores a batch and answers, then shows it to the readers of the view: whoever asks meanwhile finds
/// it on disk.
pub(super) async fn put(
    args: DagArgs,
    recipes: Vec<Arc<SealedRecipe>>,
    missing: MissingInputs,
    decided: Option<Reply<()>>,
    reply: Reply<()>,
) {
    let removals = args.view.removals();
    let stored = store(&args, recipes.clone(), missing, decided).await;
    let is_stored = stored.is_ok();
    answer(reply, stored);
    if is_stored {
        admit(&args, &recipes, removals).await;
    }
}

async fn store(
    args: &DagArgs,
    recipes: Vec<Arc<SealedRecipe>>,
    missing: MissingInputs,
    decided: Option<Reply<()>>,
) -> Result<(), Fault> {
    decide::fits_one_put(recipes.iter())?;
    let created = args
        .commit
        .commit(Durability::Synced, move |step| {
            let created = store::put(step, &recipes, missing)?;
            if decided.is_some_and(|decided| decided.send(Ok(())).is_err()) {
                tracing::trace!("nobody sends anything after this put");
            }
            Ok(created)
        })
        .await?;
    metrics::counter!("dag_recipes_stored_total").increment(created);
    Ok(())
}

/// Stores old recipes under both of their addresses, each as far as it is not refused.
pub(super) async fn import(
    args: DagArgs,
    recipes: Vec<OldRecipe>,
    missing: MissingInputs,
) -> Result<Vec<Result<Imported, Fault>>, Fault> {
    import::import(args, recipes, missing).await
}

/// Declares the import complete.
pub(super) async fn complete_import(args: DagArgs) -> Result<ImportState, Fault> {
    import::complete(args).await
}

/// Makes what is durable resident. A large batch lets others run in between.
async fn admit(args: &DagArgs, recipes: &[Arc<SealedRecipe>], removals: u64) {
    for some in recipes.chunks(ADMITTED_AT_ONCE) {
        for recipe in some {
            let budget = args.config.recipe_budget_bytes;
            args.view.admit(recipe.clone(), budget);
            args.view.recheck(&recipe.address(), removals);
        }
        tokio::task::yield_now().await;
    }
    metrics::gauge!("dag_recipes_resident_bytes").set(args.view.bytes() as f64);
}

/// Makes an address a root; whether it was none.
pub(super) async fn pin(args: DagArgs, address: CAddr) -> Result<bool, Fault> {
    pins::pin(args, address).await
}

/// Withdraws a pin; whether there was one.
pub(super) async fn unpin(args: DagArgs, address: CAddr) -> Result<bool, Fault> {
    pins::unpin(args, address).await
}

/// One page of the pins.
pub(super) async fn list_pins(
    args: DagArgs,
    after: Option<CAddr>,
    limit: usize,
) -> Result<PinPage, Fault> {
    pins::list(args, after, limit).await
}

/// Withdraws a recipe as a root.
pub(super) async fn forget(
    args: DagArgs,
    address: CAddr,
    consumers: Consumers,
) -> Result<Forgotten, Fault> {
    forget::forget(args, address, consumers).await
}

/// Answers a question from the graph lane. The reply goes along, so that a question whose asker went
/// away is given up. What it is about is held meanwhile, and with it all that it reaches: an answer
/// is about a whole graph, or that there is none.
pub(super) async fn ask(
    args: DagArgs,
    address: CAddr,
    question: GraphQuestion,
    reply: Reply<Vec<GraphNode>>,
) {
    metrics::counter!("dag_questions_total").increment(1);
    let held = args.holds.hold(vec![address]).await;
    let lane = args.reading.clone();
    let done = lane
        .run(move || {
            let found = answer::answer(&args, address, question, &|| !reply.is_closed());
            drop(held);
            answer(reply, found);
        })
        .await;
    if let Err(fault) = done {
        // The lane took the reply along; its asker hears the drop as `Unavailable`.
        tracing::error!(%fault, %address, "a question about the graph was not answered");
    }
}

/// A caller that went away does not hear the answer; that is counted, not an error.
pub(super) fn answer<T>(reply: Reply<T>, answer: Result<T, Fault>) {
    if let Err(fault @ Fault::Breach { .. }) = &answer {
        tracing::error!(%fault, "the graph broke an invariant");
        metrics::counter!("dag_breaches_total").increment(1);
    }
    if reply.send(answer).is_err() {
        metrics::counter!("dag_answers_unheard_total").increment(1);
    }
}

#[cfg(test)]
mod store_test;

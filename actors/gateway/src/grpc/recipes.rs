//! `PutRecipe` and `PutRecipes`. Whether the function exists and the params fit is checked here,
//! where the client enters.

use super::{
    address,
    answers::{Items, Outlet, pump},
    call::Call,
    leaves::next,
    params,
};
use deriva_messages::{
    Fault, Reply,
    dag::{DagMessage, MissingInputs},
};
use deriva_model::SealedRecipe;
use deriva_proto::{PutRecipeRequest, PutRecipeResponse};
use std::sync::Arc;
use tokio::sync::oneshot;
use tonic::Streaming;

pub(super) async fn put(call: Call, message: PutRecipeRequest) -> Result<PutRecipeResponse, Fault> {
    let (recipe, missing) = checked(&call, message)?;
    let answer = response(&recipe);
    store(&call, vec![recipe], missing, None).await?;
    Ok(answer)
}

/// A recipe that fits its function, with its address.
///
/// # Errors
/// `Malformed`, `RefusedRecipe` or `OverLimit`.
pub(super) fn checked(
    call: &Call,
    message: PutRecipeRequest,
) -> Result<(Arc<SealedRecipe>, MissingInputs), Fault> {
    let (mut recipe, missing) = params::recipe(message)?;
    recipe.share_function(&call.compute().check(&recipe)?);
    Ok((Arc::new(SealedRecipe::seal(recipe)), missing))
}

/// Stores recipes in one step, all or none; `decided` as in `DagMessage::Put`.
pub(super) async fn store(
    call: &Call,
    recipes: Vec<Arc<SealedRecipe>>,
    missing: MissingInputs,
    decided: Option<oneshot::Sender<Result<(), Fault>>>,
) -> Result<(), Fault> {
    let put = |reply| DagMessage::Put {
        recipes,
        missing,
        decided: decided.map(Reply::from),
        reply,
    };
    call.ask(&call.context.node.slots.dag, put).await
}

fn response(recipe: &SealedRecipe) -> PutRecipeResponse {
    PutRecipeResponse {
        addr: address::write(&recipe.address()),
    }
}

/// Recipes that come close together share a commit; each is answered in its place once it is
/// durable. The first that is refused ends the stream, after the answers to those before it.
pub(super) async fn put_stream(
    call: Call,
    recipes: Streaming<PutRecipeRequest>,
) -> Result<Items<PutRecipeResponse>, Fault> {
    let room = call.context.node.limits.batch_recipes;
    Ok(pump(room, |outlet| put_batches(call, recipes, outlet)))
}

async fn put_batches(
    call: Call,
    mut stream: Streaming<PutRecipeRequest>,
    outlet: Arc<Outlet<PutRecipeResponse>>,
) -> Result<(), Fault> {
    let mut held = None;
    loop {
        let mut batch = Batch::default();
        let ends = batch.collect(&call, &mut stream, &mut held).await;
        batch.put(&call, &outlet).await?;
        match ends {
            Ok(Ends::Full) => {}
            Ok(Ends::Stream) => return Ok(()),
            Err(fault) => return Err(fault),
        }
    }
}

/// Why a batch takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Full,
    /// The client has sent everything.
    Stream,
}

type Checked = (Arc<SealedRecipe>, MissingInputs);

/// Recipes that are stored together.
#[derive(Debug, Default)]
struct Batch {
    recipes: Vec<Arc<SealedRecipe>>,
    missing: Option<MissingInputs>,
    /// Of the canonical documents.
    bytes: usize,
}

impl Batch {
    /// Waits for a first recipe, then takes what comes within the batch's time. A recipe of
    /// another mind about missing inputs is `held` for the next batch.
    async fn collect(
        &mut self,
        call: &Call,
        stream: &mut Streaming<PutRecipeRequest>,
        held: &mut Option<Checked>,
    ) -> Result<Ends, Fault> {
        let limits = &call.context.node.limits;
        let first = match held.take() {
            Some(first) => Some(first),
            None => self.receive(call, stream).await?,
        };
        let Some((recipe, missing)) = first else {
            return Ok(Ends::Stream);
        };
        self.missing = Some(missing);
        self.add(recipe);
        let mut time = Box::pin(tokio::time::sleep(limits.batch_wait));
        while self.recipes.len() < limits.batch_recipes && self.bytes < limits.batch_bytes {
            let next = tokio::select! {
                biased;
                next = self.receive(call, stream) => next?,
                () = &mut time => return Ok(Ends::Full),
            };
            match next {
                None => return Ok(Ends::Stream),
                Some((recipe, missing)) if self.missing == Some(missing) => self.add(recipe),
                Some(other) => {
                    *held = Some(other);
                    return Ok(Ends::Full);
                }
            }
        }
        Ok(Ends::Full)
    }

    async fn receive(
        &self,
        call: &Call,
        stream: &mut Streaming<PutRecipeRequest>,
    ) -> Result<Option<Checked>, Fault> {
        let message = next(call, stream).await?;
        message.map(|message| checked(call, message)).transpose()
    }

    fn add(&mut self, recipe: Arc<SealedRecipe>) {
        self.bytes += recipe.bytes().len();
        self.recipes.push(recipe);
    }

    /// Stores and answers. A batch that is refused is stored one by one, so that those before the
    /// refused one are stored and answered as if they had come alone.
    async fn put(self, call: &Call, outlet: &Outlet<PutRecipeResponse>) -> Result<(), Fault> {
        let Some(missing) = self.missing else {
            return Ok(());
        };
        match store(call, self.recipes.clone(), missing, None).await {
            Ok(()) => {
                for recipe in &self.recipes {
                    outlet.give(response(recipe)).await?;
                }
                return Ok(());
            }
            Err(fault) if fault.fate() != deriva_messages::Fate::Refusal => return Err(fault),
            Err(fault) if self.recipes.len() == 1 => return Err(fault),
            Err(_) => {}
        }
        for recipe in self.recipes {
            let answer = response(&recipe);
            store(call, vec![recipe], missing, None).await?;
            outlet.give(answer).await?;
        }
        Ok(())
    }
}

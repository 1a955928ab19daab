//! `ImportRecipes`, `CompleteImport` and `ImportStatus`: recipes from before DCF on their way in.
//! Bytes are decoded here, and functions and params checked, because here the client enters.
//!
//! It refuses to hold an import: at most one batch is in memory, and nothing more is read of the
//! stream until that batch is on disk and answered. One recipe that is refused is an answer, not
//! the end; what is the world's fault ends the stream, and everything answered before stays.

use super::{
    address,
    answers::{Items, Outlet, pump},
    call::Call,
    leaves::next,
};
use crate::edge::cut;
use deriva_messages::{
    Fate, Fault,
    dag::{DagMessage, Imported, MissingInputs, OldRecipe},
};
use deriva_model::{CAddr, DecodeError, SealedRecipe, decode_legacy, has_legacy_shape};
use deriva_proto::{
    CompleteImportRequest, CompleteImportResponse, ImportOutcome, ImportRecipesRequest,
    ImportRecipesResponse, ImportStatusRequest, ImportStatusResponse,
};
use deriva_system::alias;
use std::sync::Arc;
use tonic::Streaming;

pub(super) async fn import_stream(
    call: Call,
    recipes: Streaming<ImportRecipesRequest>,
) -> Result<Items<ImportRecipesResponse>, Fault> {
    let room = call.context.node.limits.batch_recipes;
    Ok(pump(room, |outlet| import_batches(call, recipes, outlet)))
}

pub(super) async fn complete(
    call: Call,
    _: CompleteImportRequest,
) -> Result<CompleteImportResponse, Fault> {
    let complete = |reply| DagMessage::CompleteImport { reply };
    let state = call.ask(&call.context.node.slots.dag, complete).await?;
    Ok(CompleteImportResponse {
        alias_count: state.aliases,
    })
}

pub(super) async fn status(
    call: Call,
    _: ImportStatusRequest,
) -> Result<ImportStatusResponse, Fault> {
    let read = call.read(|context| Ok(alias::import_state(&*context.node.storage)?));
    let state = read.await?;
    Ok(ImportStatusResponse {
        complete: state.declared.is_some(),
        alias_count: state.aliases,
    })
}

async fn import_batches(
    call: Call,
    mut stream: Streaming<ImportRecipesRequest>,
    outlet: Arc<Outlet<ImportRecipesResponse>>,
) -> Result<(), Fault> {
    loop {
        let mut batch = Batch::default();
        let ends = batch.collect(&call, &mut stream).await;
        batch.import(&call, &outlet).await?;
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

/// One recipe as far as it is known before it meets the graph.
#[derive(Debug)]
struct Judged {
    old: CAddr,
    recipe: Result<Arc<SealedRecipe>, Fault>,
}

/// Recipes that are stored together.
#[derive(Debug, Default)]
struct Batch {
    judged: Vec<Judged>,
    /// As they came.
    bytes: usize,
}

impl Batch {
    /// Waits for a first recipe, then takes what comes within the batch's time.
    async fn collect(
        &mut self,
        call: &Call,
        stream: &mut Streaming<ImportRecipesRequest>,
    ) -> Result<Ends, Fault> {
        let limits = &call.context.node.limits;
        let Some(first) = next(call, stream).await? else {
            return Ok(Ends::Stream);
        };
        self.take(call, &first)?;
        let mut time = Box::pin(tokio::time::sleep(limits.batch_wait));
        while self.judged.len() < limits.batch_recipes && self.bytes < limits.batch_bytes {
            let message = tokio::select! {
                biased;
                message = next(call, stream) => message?,
                () = &mut time => return Ok(Ends::Full),
            };
            match message {
                None => return Ok(Ends::Stream),
                Some(message) => self.take(call, &message)?,
            }
        }
        Ok(Ends::Full)
    }

    fn take(&mut self, call: &Call, message: &ImportRecipesRequest) -> Result<(), Fault> {
        self.bytes += message.recipe.len();
        let recipe = match judge(call, &message.recipe) {
            Err(fault) if fault.fate() != Fate::Refusal => return Err(fault),
            judged => judged,
        };
        // The address of any bytes is their hash; that these are no leaf does not matter.
        let old = CAddr::of_leaf(&message.recipe);
        self.judged.push(Judged { old, recipe });
        Ok(())
    }

    /// Stores what can be stored and answers everything, in its place.
    async fn import(
        self,
        call: &Call,
        outlet: &Outlet<ImportRecipesResponse>,
    ) -> Result<(), Fault> {
        let good = self.judged.iter().filter_map(|one| {
            let recipe = one.recipe.as_ref().ok()?.clone();
            Some(OldRecipe {
                old: one.old,
                recipe,
            })
        });
        let recipes: Vec<OldRecipe> = good.collect();
        let mut outcomes = match recipes.is_empty() {
            true => Vec::new(),
            false => store(call, recipes).await?,
        }
        .into_iter();
        for one in self.judged {
            let outcome = match &one.recipe {
                Err(fault) => Err(fault.clone()),
                Ok(_) => outcomes.next().ok_or_else(|| Fault::Breach {
                    what: "an import was answered short".to_owned(),
                })?,
            };
            outlet.give(response(&one, outcome)).await?;
        }
        Ok(())
    }
}

async fn store(
    call: &Call,
    recipes: Vec<OldRecipe>,
) -> Result<Vec<Result<Imported, Fault>>, Fault> {
    let import = |reply| DagMessage::Import {
        recipes,
        missing: MissingInputs::Refuse,
        reply,
    };
    call.ask(&call.context.node.slots.dag, import).await
}

/// A recipe of the old form, within today's limits, whose function is known and takes its params.
fn judge(call: &Call, bytes: &[u8]) -> Result<Arc<SealedRecipe>, Fault> {
    let recipe = decode_legacy(bytes).map_err(|error| refused(bytes, error))?;
    call.compute().check(&recipe)?;
    Ok(Arc::new(SealedRecipe::seal(recipe)))
}

/// A length that is over a limit is mostly no length at all: only what has the old form from end to
/// end has grown over it.
fn refused(bytes: &[u8], error: DecodeError) -> Fault {
    match error {
        DecodeError::OverLimit(over) if has_legacy_shape(bytes) => Fault::OverLimit {
            what: format!("{} of an old recipe, in {},", over.what, over.what.unit()),
            limit: over.limit,
            got: over.got,
        },
        DecodeError::TooDeep { limit } if has_legacy_shape(bytes) => Fault::OverLimit {
            what: "the nesting of lists in an old recipe".to_owned(),
            limit: limit as u64,
            got: limit as u64 + 1,
        },
        other => Fault::Malformed {
            reason: format!("the bytes are no recipe in the old form: {other}"),
        },
    }
}

fn response(one: &Judged, outcome: Result<Imported, Fault>) -> ImportRecipesResponse {
    let recipe = one.recipe.as_ref().ok();
    let told = ImportRecipesResponse {
        old_addr: address::write(&one.old),
        addr: recipe
            .map(|recipe| address::write(&recipe.address()))
            .unwrap_or_default(),
        ..ImportRecipesResponse::default()
    };
    let fault = match outcome {
        Ok(imported) => {
            let outcome = match imported {
                Imported::New => ImportOutcome::New,
                Imported::Known => ImportOutcome::Known,
            };
            return ImportRecipesResponse {
                outcome: outcome.into(),
                ..told
            };
        }
        Err(fault) => fault,
    };
    let (missing, missing_count) = match &fault {
        Fault::MissingInputs { missing, count, .. } => {
            (missing.iter().map(address::write).collect(), *count)
        }
        _ => (Vec::new(), 0),
    };
    ImportRecipesResponse {
        outcome: ImportOutcome::Refused.into(),
        reason: fault.reason().to_owned(),
        message: cut(&fault.to_string()),
        missing,
        missing_count,
        ..told
    }
}

#[cfg(test)]
#[path = "import_test.rs"]
mod import_test;

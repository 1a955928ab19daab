//! Importing recipes from before DCF. Everything here can be made again: what was imported is known
//! the next time.

use bytes::Bytes;
use deriva_proto::{CompleteImportRequest, ImportRecipesRequest, ImportStatusRequest};
use tokio_stream::{Stream, StreamExt};

use crate::{Client, ClientError, ImportStream, client::Stub, convert};

/// How the import stands on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportState {
    /// Whether it was declared complete, and no alias added since. Until then both hashes are
    /// checked on every read of an alias.
    pub complete: bool,
    /// Old addresses that lead to a recipe.
    pub alias_count: u64,
}

impl Client {
    /// Sends recipes in the old form, whole, inputs before consumers; the answers come in the same
    /// order, each once its recipe is durable or refused. A refusal does not end the stream. What
    /// was answered stays stored when the stream breaks.
    pub async fn import_recipes<S>(&self, recipes: S) -> Result<ImportStream, ClientError>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let messages = recipes.map(|recipe| ImportRecipesRequest { recipe });
        let answer = self.stub().import_recipes(self.request(messages)).await;
        let inner = answer.map_err(|s| self.fault(s))?.into_inner();
        Ok(ImportStream::new(inner, convert::imported, self.url()))
    }

    /// Declares the import complete; durable when answered.
    pub async fn complete_import(&self) -> Result<ImportState, ClientError> {
        let call = async |mut stub: Stub, request| stub.complete_import(request).await;
        let answer = self.repeatable(CompleteImportRequest {}, call).await?;
        Ok(ImportState {
            complete: true,
            alias_count: answer.alias_count,
        })
    }

    /// How the import stands.
    pub async fn import_status(&self) -> Result<ImportState, ClientError> {
        let call = async |mut stub: Stub, request| stub.import_status(request).await;
        let answer = self.repeatable(ImportStatusRequest {}, call).await?;
        Ok(ImportState {
            complete: answer.complete,
            alias_count: answer.alias_count,
        })
    }
}

//! Putting: leaves and recipes, durable when answered.

use bytes::Bytes;
use deriva_model::{CAddr, Recipe};
use deriva_proto::PutLeafRequest;
use tokio::io::AsyncRead;
use tokio_stream::{Stream, StreamExt};

use crate::{Client, ClientError, PutStream, client::Stub, convert, upload};

/// What becomes of a recipe that names inputs which do not exist yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingInputs {
    /// It is refused, and the missing input named.
    #[default]
    Refuse,
    /// It is stored; a later `Get` names what is still missing then.
    Allow,
}

/// A leaf that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLeaf {
    /// Its address.
    pub addr: CAddr,
    /// Whether it was not stored before; a server from before this was told says that it was.
    pub was_new: bool,
}

/// A leaf up to this size travels in one message; a longer one goes in pieces.
const ONE_MESSAGE_BYTES: usize = 1 << 20;

impl Client {
    /// Stores bytes as a leaf and answers its address, once they are durable there. The address is
    /// compared with the bytes.
    pub async fn put_leaf(&self, data: impl Into<Bytes>) -> Result<CAddr, ClientError> {
        let data = data.into();
        if data.len() > ONE_MESSAGE_BYTES {
            return self.put_leaf_stream(data.as_ref()).await;
        }
        Ok(self.put_small_leaf(data).await?.addr)
    }

    /// The same for a leaf that goes in one message, at most 16 MiB, with the word whether it is
    /// new.
    pub async fn put_small_leaf(&self, data: impl Into<Bytes>) -> Result<StoredLeaf, ClientError> {
        let data = data.into();
        let expected = CAddr::of_leaf(&data);
        let call = async |mut stub: Stub, request| stub.put_leaf(request).await;
        let answer = self.repeatable(PutLeafRequest { data }, call).await?;
        Ok(StoredLeaf {
            addr: upload::matching(expected, convert::address(&answer.addr)?)?,
            was_new: answer.was_new,
        })
    }

    /// Stores everything that `source` yields as one leaf, in pieces of [`crate::PIECE_BYTES`],
    /// with about 1 MiB in memory. When the source fails, or this future is dropped, nothing is
    /// stored. It is made once: a source cannot be read again.
    pub async fn put_leaf_stream<R>(&self, source: R) -> Result<CAddr, ClientError>
    where
        R: AsyncRead + Unpin + Send,
    {
        upload::put_leaf_stream(self, source).await
    }

    /// Stores a recipe and answers its address, which is compared with the recipe's own.
    pub async fn put_recipe(
        &self,
        recipe: &Recipe,
        missing: MissingInputs,
    ) -> Result<CAddr, ClientError> {
        let message = convert::recipe_request(recipe, missing);
        let call = async |mut stub: Stub, request| stub.put_recipe(request).await;
        let answer = self.repeatable(message, call).await?;
        upload::matching(recipe.address(), convert::address(&answer.addr)?)
    }

    /// Stores a whole graph, inputs before consumers; the answers come in the same order, each
    /// once its recipe is durable. What was answered stays stored when the stream breaks.
    pub async fn put_recipes<S>(
        &self,
        recipes: S,
        missing: MissingInputs,
    ) -> Result<PutStream, ClientError>
    where
        S: Stream<Item = Recipe> + Send + 'static,
    {
        let messages = recipes.map(move |recipe| convert::recipe_request(&recipe, missing));
        let answer = self.stub().put_recipes(self.request(messages)).await;
        let inner = answer.map_err(|s| self.fault(s))?.into_inner();
        Ok(PutStream::new(
            inner,
            |m| convert::address(&m.addr),
            self.url(),
        ))
    }
}

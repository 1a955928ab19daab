//! What arrives piece by piece: values, graph answers, acknowledgements.
//!
//! A value is hashed as it arrives and compared with what the server says at its end. It refuses to
//! take silence for an end: a stream is over only when the server's status said OK,
//! and everything else is an error, whatever had arrived before it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use deriva_model::{CAddr, ContentHash};
use deriva_proto as proto;
use tonic::Streaming;

use crate::{ClientError, Explained, GraphNode, ImportedRecipe, convert};

/// Answers of one kind, in the server's order. `P` is what travels, `T` what it means.
#[derive(Debug)]
pub struct Answers<P, T> {
    inner: Streaming<P>,
    meaning: fn(P) -> Result<T, ClientError>,
    url: Arc<str>,
}

/// The addresses of the recipes sent, each durable.
pub type PutStream = Answers<proto::PutRecipeResponse, CAddr>;
/// What became of each old recipe.
pub type ImportStream = Answers<proto::ImportRecipesResponse, ImportedRecipe>;
/// The answers of a graph query.
pub type GraphStream = Answers<proto::GraphResponse, GraphNode>;
/// The nodes beneath an address, inputs before consumers.
pub type ExplainStream = Answers<proto::ExplainResponse, Explained>;

impl<P, T> Answers<P, T> {
    pub(crate) fn new(
        inner: Streaming<P>,
        meaning: fn(P) -> Result<T, ClientError>,
        url: Arc<str>,
    ) -> Self {
        Self {
            inner,
            meaning,
            url,
        }
    }

    /// The next answer; `None` only when the server said that this was all.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        let message = self.inner.message().await;
        let message = message.map_err(|s| ClientError::from_status(s, &self.url))?;
        message.map(self.meaning).transpose()
    }

    /// All answers, if they are no more than `limit`.
    pub async fn collect(mut self, limit: usize) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        while let Some(answer) = self.next().await? {
            if all.len() == limit {
                return Err(ClientError::TooMany { limit });
            }
            all.push(answer);
        }
        Ok(all)
    }
}

/// The bytes of a value, or of a trace, in chunks. The value is whole only once
/// [`GetStream::chunk`] answered `Ok(None)`: write it to a temporary place and rename it then.
#[derive(Debug)]
pub struct GetStream {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Value(Answers<proto::GetResponse, (Bytes, Bytes)>, Box<Arrived>),
    Trace(Answers<proto::TraceResponse, Bytes>),
}

/// What has arrived of a value, hashed, and what the server said at its end that it is.
#[derive(Debug, Default)]
struct Arrived {
    hasher: blake3::Hasher,
    content: Option<ContentHash>,
}

impl Arrived {
    fn take(&mut self, chunk: &Bytes, said: &Bytes) -> Result<(), ClientError> {
        if self.content.is_some() && !chunk.is_empty() {
            let what = "bytes came after what the value is was said";
            return Err(ClientError::Malformed(what.to_owned()));
        }
        self.hasher.update(chunk);
        if said.is_empty() {
            return Ok(());
        }
        let said: ContentHash = said
            .as_ref()
            .try_into()
            .map(ContentHash::from_bytes)
            .map_err(|_| ClientError::Malformed("a content hash is not 32 bytes".to_owned()))?;
        let arrived = ContentHash::from_bytes(*self.hasher.finalize().as_bytes());
        if said != arrived {
            return Err(ClientError::Changed { said, arrived });
        }
        self.content = Some(said);
        Ok(())
    }
}

impl GetStream {
    pub(crate) fn value(inner: Streaming<proto::GetResponse>, url: Arc<str>) -> Self {
        Self {
            source: Source::Value(
                Answers::new(inner, |m| Ok((m.chunk, m.content_hash)), url),
                Box::default(),
            ),
        }
    }

    pub(crate) fn trace(inner: Streaming<proto::TraceResponse>, url: Arc<str>) -> Self {
        Self {
            source: Source::Trace(Answers::new(inner, |m| Ok(m.chunk), url)),
        }
    }

    /// The next bytes; `None` only when the value is whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        match &mut self.source {
            Source::Value(answers, arrived) => {
                let Some((chunk, said)) = answers.next().await? else {
                    return Ok(None);
                };
                arrived.take(&chunk, &said)?;
                Ok(Some(chunk))
            }
            Source::Trace(answers) => answers.next().await,
        }
    }

    /// What arrived, once the value is whole and the server said what it is: both are the same then.
    pub fn content(&self) -> Option<ContentHash> {
        match &self.source {
            Source::Value(_, arrived) => arrived.content,
            Source::Trace(_) => None,
        }
    }

    /// The whole value, if it is no longer than `limit` bytes.
    pub async fn collect_to_bytes(mut self, limit: usize) -> Result<Bytes, ClientError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            append(&mut whole, &chunk, limit)?;
        }
        Ok(whole.freeze())
    }
}

/// The value of a graph that travelled with the request, in chunks.
#[derive(Debug)]
pub struct EvaluateStream {
    inner: Streaming<proto::EvaluateResponse>,
    url: Arc<str>,
    root: Option<CAddr>,
    leaf: Option<CAddr>,
    arrived: Arrived,
}

impl EvaluateStream {
    pub(crate) fn new(inner: Streaming<proto::EvaluateResponse>, url: Arc<str>) -> Self {
        Self {
            inner,
            url,
            root: None,
            leaf: None,
            arrived: Arrived::default(),
        }
    }

    /// The next bytes; `None` only when the value is whole.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        let message = self.inner.message().await;
        let message = message.map_err(|s| ClientError::from_status(s, &self.url))?;
        let Some(message) = message else {
            return Ok(None);
        };
        self.root = named(&message.root)?.or(self.root.take());
        self.leaf = named(&message.leaf)?.or(self.leaf.take());
        self.arrived.take(&message.chunk, &message.content_hash)?;
        Ok(Some(message.chunk))
    }

    /// The root's address, known from the first message on.
    pub fn root(&self) -> Option<&CAddr> {
        self.root.as_ref()
    }

    /// The address of the value's bytes, once the stream is over and a leaf was to be kept.
    pub fn leaf(&self) -> Option<&CAddr> {
        self.leaf.as_ref()
    }

    /// The whole value, if it is no longer than `limit` bytes.
    pub async fn collect_to_bytes(&mut self, limit: usize) -> Result<Bytes, ClientError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            append(&mut whole, &chunk, limit)?;
        }
        Ok(whole.freeze())
    }
}

fn named(bytes: &[u8]) -> Result<Option<CAddr>, ClientError> {
    match bytes.is_empty() {
        true => Ok(None),
        false => convert::address(bytes).map(Some),
    }
}

fn append(whole: &mut BytesMut, chunk: &[u8], limit: usize) -> Result<(), ClientError> {
    if whole.len() + chunk.len() > limit {
        return Err(ClientError::TooLarge { limit });
    }
    whole.extend_from_slice(chunk);
    Ok(())
}

#[cfg(test)]
#[path = "stream_test.rs"]
mod stream_test;

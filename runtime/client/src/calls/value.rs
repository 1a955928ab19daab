//! Values: getting them, evaluating a graph that is not stored, recording a trace.

use bytes::Bytes;
use deriva_model::{CAddr, Recipe};
use deriva_proto::{self as proto, EvaluateRequest, EvaluationMode, GetRequest, TraceRequest};

use crate::{Client, ClientError, EvaluateStream, GetStream, MissingInputs, client::Stub, convert};

/// In which order a graph is materialized. The value is the same in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Independent branches at once.
    #[default]
    Parallel,
    /// One step at a time, inputs in recipe order.
    Sequential,
    /// In the order of a recorded trace, whose every content hash must agree.
    Replay(Bytes),
}

/// What stays of a graph that travelled with its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    #[default]
    Nothing,
    /// The root's whole recipe closure.
    Closure,
    /// The value's bytes, as a leaf.
    Leaf,
}

/// A graph to evaluate without storing it first.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The recipes, in any order.
    pub recipes: Vec<Recipe>,
    /// What to materialize; the last recipe when absent.
    pub root: Option<CAddr>,
    /// Parallel or sequential; a replay is refused, because a trace is of stored recipes.
    pub mode: Mode,
    /// What stays.
    pub keep: Keep,
    /// As in [`Client::get_verified`].
    pub verification: String,
}

impl Client {
    /// The value of an address, from the cache or by materializing its graph.
    pub async fn get(&self, addr: &CAddr) -> Result<GetStream, ClientError> {
        self.get_in(addr, Mode::Parallel).await
    }

    /// The same in a chosen order.
    pub async fn get_in(&self, addr: &CAddr, mode: Mode) -> Result<GetStream, ClientError> {
        self.get_verified(addr, mode, "").await
    }

    /// The same, executed twice and compared before anything is sent: `off`, `dual`, or
    /// `sampled:RATE` for a share from 0 to 1; empty is as the node does it, which is also the least
    /// that it does.
    pub async fn get_verified(
        &self,
        addr: &CAddr,
        mode: Mode,
        verification: &str,
    ) -> Result<GetStream, ClientError> {
        let (mode, trace) = travelling(mode);
        let message = GetRequest {
            addr: convert::bytes_of(addr),
            mode,
            trace,
            verification: verification.to_owned(),
        };
        let call = async |mut stub: Stub, request| stub.get(request).await;
        let inner = self.repeatable(message, call).await?;
        Ok(GetStream::value(inner, self.url()))
    }

    /// Materializes recipes that travel with the request.
    pub async fn evaluate(&self, evaluation: Evaluation) -> Result<EvaluateStream, ClientError> {
        if matches!(evaluation.mode, Mode::Replay(_)) {
            let words = "a graph that travels with its request cannot be replayed";
            return Err(ClientError::Configuration(words.to_owned()));
        }
        let recipes = evaluation.recipes.iter();
        let message = EvaluateRequest {
            recipes: recipes
                .map(|r| convert::recipe_request(r, MissingInputs::Allow))
                .collect(),
            root: evaluation
                .root
                .as_ref()
                .map(convert::bytes_of)
                .unwrap_or_default(),
            mode: travelling(evaluation.mode).0,
            keep: match evaluation.keep {
                Keep::Nothing => proto::Keep::Nothing,
                Keep::Closure => proto::Keep::Closure,
                Keep::Leaf => proto::Keep::Leaf,
            }
            .into(),
            verification: evaluation.verification,
        };
        let call = async |mut stub: Stub, request| stub.evaluate(request).await;
        let inner = self.repeatable(message, call).await?;
        Ok(EvaluateStream::new(inner, self.url()))
    }

    /// Executes the whole graph afresh and answers the trace that a replay takes.
    pub async fn trace(&self, addr: &CAddr) -> Result<GetStream, ClientError> {
        let message = TraceRequest {
            addr: convert::bytes_of(addr),
        };
        let call = async |mut stub: Stub, request| stub.trace(request).await;
        let inner = self.repeatable(message, call).await?;
        Ok(GetStream::trace(inner, self.url()))
    }
}

fn travelling(mode: Mode) -> (i32, Bytes) {
    match mode {
        Mode::Parallel => (EvaluationMode::Parallel.into(), Bytes::new()),
        Mode::Sequential => (EvaluationMode::Sequential.into(), Bytes::new()),
        Mode::Replay(trace) => (EvaluationMode::Replay.into(), trace),
    }
}

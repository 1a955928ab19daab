//! What the `MaterializeSupervisor` hears: one request, one actor. Local only.

use crate::{Fault, Reply};
use bytes::Bytes;
use deriva_model::{CAddr, ContentHash, SealedRecipe, Trace};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Recipes that travel with a request and are stored nowhere.
pub type Transient = Arc<HashMap<CAddr, Arc<SealedRecipe>>>;

/// How a graph is evaluated.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Independent branches at once; shares computations with other requests.
    Parallel,
    /// One step at a time, inputs in recipe order.
    Sequential,
    /// Everything afresh, one step at a time, written down as a trace. Joins no other computation.
    Record,
    /// Everything afresh in the order of the trace, each step compared with it. Joins no other.
    Replay(Arc<Trace>),
}

/// One request for a value.
#[derive(Clone, Debug)]
pub struct Materialize {
    pub root: CAddr,
    pub mode: Mode,
    pub transient: Transient,
    /// Time left until the caller stops waiting.
    pub deadline: Option<Duration>,
}

/// The value's bytes, whole or as a stream of verified chunks in order. A stream that ends with a
/// fault, or without having given `size` bytes, is no value.
#[derive(Debug)]
pub enum Body {
    Resident(Bytes),
    Chunks(mpsc::Receiver<Result<Bytes, Fault>>),
}

/// The answer to a request.
#[derive(Debug)]
pub struct Materialized {
    pub content: ContentHash,
    /// Bytes.
    pub size: u64,
    pub body: Body,
    /// Of `Mode::Record`.
    pub trace: Option<Trace>,
}

/// Ends its request when it is dropped: the caller went away.
#[derive(Debug)]
pub struct Interest {
    /// Never sent on; the other end sees the drop.
    pub held: tokio::sync::oneshot::Sender<()>,
}

#[derive(Debug)]
pub enum MaterializeMessage {
    Start {
        request: Materialize,
        /// Resolves when the caller no longer holds its `Interest`.
        gone: tokio::sync::oneshot::Receiver<()>,
        reply: Reply<Materialized>,
    },
}

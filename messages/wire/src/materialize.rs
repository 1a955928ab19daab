//! What the `MaterializeSupervisor` hears: one request, one actor. Local only.

use crate::{AddressMap, Fault, Reply, verify::Verification};
use bytes::Bytes;
use deriva_model::{CAddr, ContentHash, SealedRecipe, Trace};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Recipes that travel with a request and are stored nowhere.
pub type Transient = Arc<AddressMap<CAddr, Arc<SealedRecipe>>>;

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
    /// Executes functions twice, afresh, and compares what they made, with one another and with the
    /// record that stands. Joins no other.
    Verify(Depth),
}

/// What a `Mode::Verify` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The root's own function, on its inputs as they are known.
    Root,
    /// Every function of the graph.
    Graph,
}

/// One request for a value.
#[derive(Clone, Debug)]
pub struct Materialize {
    pub root: CAddr,
    pub mode: Mode,
    /// Of the modes that share computations; the others compute everything afresh already.
    pub verification: Verification,
    pub transient: Transient,
    /// Time left until the caller stops waiting.
    pub deadline: Option<Duration>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    pub content: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// What a stream gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Bytes(Bytes),
    /// The end of a provisional value, and what it is.
    Whole(Whole),
}

/// The value's bytes, whole or as a stream in order. A stream that ends with a fault, or without
/// having given as many bytes as the value has, is no value.
#[derive(Debug)]
pub enum Body {
    Resident(Bytes),
    Parts(mpsc::Receiver<Result<Part, Fault>>),
}

/// The answer to a request.
#[derive(Debug)]
pub struct Materialized {
    /// `None` of a provisional value, which says so at its end.
    pub whole: Option<Whole>,
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

//! Asking an actor whose answer needs more than a call: what the gateway does for every value.
//!
//! It refuses to retry: the caller's patience is the caller's.

use crate::supervise::Slot;
use deriva_messages::{
    Fault,
    materialize::{Interest, Materialize, MaterializeMessage, Materialized},
};
use std::time::Duration;
use tokio::sync::oneshot;

/// Asks for a value, waiting at most `patience` for the answer's beginning. While this future waits
/// it holds the interest, so dropping it cancels the request; afterwards the caller holds it, and a
/// stream of chunks ends early when it goes.
///
/// # Errors
/// What the request failed with, and what [`Slot::call`] adds.
pub async fn materialize(
    slot: &Slot<MaterializeMessage>,
    request: Materialize,
    patience: Duration,
) -> Result<(Interest, Materialized), Fault> {
    let (held, gone) = oneshot::channel();
    let interest = Interest { held };
    let answer = slot
        .call(patience, |reply| MaterializeMessage::Start {
            request,
            gone,
            reply,
        })
        .await?;
    Ok((interest, answer))
}

//! `Get` and `Trace`: the value of an address, and how it came to be.

use super::{
    address,
    answers::Items,
    call::Call,
    pieces::{Piece, Pieces},
};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    materialize::{Materialize, Mode, Transient},
    verify::Verification,
};
use deriva_model::{CAddr, ContentHash, Trace};
use deriva_proto::{EvaluationMode, GetRequest, GetResponse, TraceRequest, TraceResponse};
use deriva_system::ask;
use std::sync::Arc;
use tokio_stream::StreamExt;

/// A value in memory is answered from the view, without an actor; else it is materialized.
pub(super) async fn get(call: Call, message: GetRequest) -> Result<Items<GetResponse>, Fault> {
    let root = address::read("addr", &message.addr)?;
    let mode = mode(message.mode, &message.trace)?;
    let verification = verification(&call, &mode, &message.verification)?;
    let pieces = match warm(&call, &root, &mode, verification) {
        Some((content, bytes)) => {
            Pieces::of_value(content, bytes, call.context.node.limits.stream_chunk)
        }
        None => {
            let how = (mode, verification);
            materialize(&call, root, how, Transient::default()).await?.1
        }
    };
    Ok(Box::pin(pieces.map(|piece| piece.map(response))))
}

fn response(piece: Piece) -> GetResponse {
    GetResponse {
        chunk: piece.bytes,
        content_hash: hash(piece.content),
    }
}

/// A content hash as a message has it, or nothing.
pub(super) fn hash(content: Option<ContentHash>) -> Bytes {
    content.map_or_else(Bytes::new, |content| {
        Bytes::copy_from_slice(content.as_bytes())
    })
}

/// A replay computes everything afresh, so no value in memory answers it.
fn warm(
    call: &Call,
    root: &CAddr,
    mode: &Mode,
    verification: Verification,
) -> Option<(ContentHash, Bytes)> {
    match mode {
        Mode::Parallel | Mode::Sequential => {
            let values = &call.context.node.values;
            if verification == Verification::Dual && !values.get(root)?.is_verified() {
                return None;
            }
            let value = values.warm(root)?;
            Some((value.content(), value.bytes.clone()))
        }
        Mode::Record | Mode::Replay(_) | Mode::Verify(_) => None,
    }
}

/// What a request is verified by: as the node does it or as it asks itself, whichever is stricter.
///
/// # Errors
/// `Malformed`: no form of verification, or one for a replay, which compares every step with its
/// trace as it is.
pub(super) fn verification(call: &Call, mode: &Mode, asked: &str) -> Result<Verification, Fault> {
    let of_the_node = call.context.node.verification;
    if asked.is_empty() {
        return Ok(of_the_node);
    }
    let malformed = |reason: String| Fault::Malformed { reason };
    if matches!(mode, Mode::Replay(_)) {
        let reason = "a replay compares every step with its trace; give no verification with it";
        return Err(malformed(reason.to_owned()));
    }
    let asked: Verification = asked
        .parse()
        .map_err(|error: deriva_messages::verify::NoVerification| malformed(error.to_string()))?;
    Ok(asked.max(of_the_node))
}

/// The mode that a request names.
///
/// # Errors
/// `Malformed`: an unknown mode, a replay without its trace, a trace without a replay, or a trace
/// that cannot be read.
pub(super) fn mode(number: i32, trace: &[u8]) -> Result<Mode, Fault> {
    let malformed = |reason: String| Err(Fault::Malformed { reason });
    let Ok(mode) = EvaluationMode::try_from(number) else {
        return malformed(format!("evaluation mode {number} is not known"));
    };
    match mode {
        EvaluationMode::Replay if trace.is_empty() => {
            malformed("a replay needs the trace of an earlier run; Trace gives one".to_owned())
        }
        EvaluationMode::Replay => match Trace::decode(trace) {
            Ok(trace) => Ok(Mode::Replay(Arc::new(trace))),
            Err(error) => malformed(format!("the trace cannot be read: {error}")),
        },
        _ if !trace.is_empty() => malformed("a trace goes with the replay mode only".to_owned()),
        EvaluationMode::Parallel => Ok(Mode::Parallel),
        EvaluationMode::Sequential => Ok(Mode::Sequential),
    }
}

/// The whole graph anew, one step at a time; the answer is the trace's document.
pub(super) async fn trace(
    call: Call,
    message: TraceRequest,
) -> Result<Items<TraceResponse>, Fault> {
    let root = address::read("addr", &message.addr)?;
    let how = (Mode::Record, Verification::Off);
    let (trace, _) = materialize(&call, root, how, Transient::default()).await?;
    let Some(trace) = trace else {
        let what = "an evaluation that records gave no trace".to_owned();
        return Err(Fault::Breach { what });
    };
    let document = call.read(move |_| encode(&trace)).await?;
    let pieces = Pieces::of(document, call.context.node.limits.stream_chunk);
    Ok(Box::pin(pieces.map(|piece| {
        Ok(TraceResponse {
            chunk: piece?.bytes,
        })
    })))
}

fn encode(trace: &Trace) -> Result<Bytes, Fault> {
    let document = trace.encode().map_err(|over| Fault::OverLimit {
        what: format!("{} of a trace", over.what),
        limit: over.limit,
        got: over.got,
    })?;
    Ok(Bytes::from(document))
}

/// Has a graph evaluated. When the future or the pieces are dropped, the request is withdrawn.
///
/// # Errors
/// What became of the evaluation.
pub(super) async fn materialize(
    call: &Call,
    root: CAddr,
    (mode, verification): (Mode, Verification),
    transient: Transient,
) -> Result<(Option<Trace>, Pieces), Fault> {
    let left = call.deadline.left();
    let request = Materialize {
        root,
        mode,
        verification,
        transient,
        deadline: Some(left),
    };
    let slot = &call.context.node.slots.materialize;
    let (interest, mut answer) = ask::materialize(slot, request, left).await?;
    let trace = answer.trace.take();
    let piece = call.context.node.limits.stream_chunk;
    Ok((trace, Pieces::of_answer(answer, interest, piece)))
}

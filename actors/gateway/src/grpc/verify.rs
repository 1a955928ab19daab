//! `Verify` and `ClearMark`: a value made twice and compared, and a function that may be used again.

use super::{
    address,
    call::Call,
    lookup::{self, Found},
    pieces::Pieces,
};
use deriva_messages::{
    Failure, Fault,
    materialize::{Depth, Materialize, Mode, Transient},
    verify::VerifyMessage,
};
use deriva_model::{CAddr, ContentHash, FunctionId};
use deriva_proto::{ClearMarkRequest, ClearMarkResponse, VerifyRequest, VerifyResponse};
use deriva_system::ask;
use std::time::Duration;
use tokio_stream::StreamExt;

/// A difference is an answer, not an error; so is a function that fails in the same way twice. What
/// fails beneath the address is an error, unless all of it was asked for.
pub(super) async fn verify(call: Call, message: VerifyRequest) -> Result<VerifyResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    let depth = match message.deep {
        true => Depth::Graph,
        false => Depth::Root,
    };
    let found = call
        .read(move |context| lookup::look_one(context, address))
        .await?;
    let root = match found {
        Found::Nothing => return Err(Fault::NotFound { address }),
        Found::Leaf { .. } | Found::Recipe(_) => address,
        Found::Alias(to) => to,
    };
    let clock = call.context.node.clock.clone();
    let began = clock.monotonic();
    let made = make_twice(&call, root, depth).await;
    let took = clock.monotonic().saturating_sub(began);
    let answer = judge(made, root, depth)?;
    Ok(VerifyResponse {
        compute_time_us: micros(took),
        ..answer
    })
}

/// Content and size of what was made; a leaf is read to its end.
async fn make_twice(call: &Call, root: CAddr, depth: Depth) -> Result<(ContentHash, u64), Fault> {
    let left = call.deadline.left();
    let request = Materialize {
        root,
        mode: Mode::Verify(depth),
        verification: call.context.node.verification,
        transient: Transient::default(),
        deadline: Some(left),
    };
    let slot = &call.context.node.slots.materialize;
    let (interest, answer) = ask::materialize(slot, request, left).await?;
    let piece = call.context.node.limits.stream_chunk;
    let mut pieces = Pieces::of_answer(answer, interest, piece);
    let (mut content, mut size) = (None, 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        size += piece.bytes.len() as u64;
        content = piece.content.or(content);
    }
    let content = content.ok_or_else(|| Fault::Breach {
        what: "a value ended without saying what it is".to_owned(),
    })?;
    Ok((content, size))
}

fn judge(
    made: Result<(ContentHash, u64), Fault>,
    root: CAddr,
    depth: Depth,
) -> Result<VerifyResponse, Fault> {
    let fault = match made {
        Ok((content, size)) => {
            return Ok(VerifyResponse {
                deterministic: true,
                output_hash: content.to_string(),
                output_size: size,
                ..VerifyResponse::default()
            });
        }
        Err(fault) => fault,
    };
    let is_looked_at = |recipe: CAddr| depth == Depth::Graph || recipe == root;
    match &fault {
        Fault::Nondeterministic { violation } if is_looked_at(violation.recipe) => {
            Ok(VerifyResponse {
                error: fault.to_string(),
                ..VerifyResponse::default()
            })
        }
        Fault::FunctionFailed {
            recipe, failure, ..
        } if is_looked_at(*recipe) && *failure != Failure::TooSlow => Ok(VerifyResponse {
            deterministic: true,
            error: fault.to_string(),
            ..VerifyResponse::default()
        }),
        _ => Err(fault),
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

pub(super) async fn clear_mark(
    call: Call,
    message: ClearMarkRequest,
) -> Result<ClearMarkResponse, Fault> {
    if message.function_name.is_empty() || message.function_version.is_empty() {
        let reason = "give the function's name and version".to_owned();
        return Err(Fault::Malformed { reason });
    }
    let function = FunctionId::new(message.function_name, message.function_version);
    let clear = |reply| VerifyMessage::Clear { function, reply };
    let was_marked = call.ask(&call.context.node.slots.verify, clear).await?;
    Ok(ClearMarkResponse { was_marked })
}

#[cfg(test)]
#[path = "verify_test.rs"]
mod verify_test;

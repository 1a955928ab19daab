//! `PutLeaf` and `PutLeafStream`.

use super::{
    address,
    call::Call,
    entrance::unread,
    upload::{self, Upload},
};
use deriva_messages::{Fault, blob::StoredLeaf};
use deriva_proto::{PutLeafRequest, PutLeafResponse, PutLeafStreamRequest};
use tonic::{Status, Streaming};

pub(super) async fn put(call: Call, message: PutLeafRequest) -> Result<PutLeafResponse, Fault> {
    let leaf = upload::put(&call, message.data).await?;
    Ok(response(&leaf))
}

/// The end of the stream is the end of the leaf; a stream that breaks stores nothing.
pub(super) async fn put_stream(
    call: Call,
    mut pieces: Streaming<PutLeafStreamRequest>,
) -> Result<PutLeafResponse, Fault> {
    let mut upload = Upload::new(call.clone());
    while let Some(piece) = next(&call, &mut pieces).await? {
        upload.push(&piece.data).await?;
    }
    let leaf = upload.finish().await?;
    Ok(response(&leaf))
}

fn response(leaf: &StoredLeaf) -> PutLeafResponse {
    PutLeafResponse {
        addr: address::write(&leaf.address),
        was_new: leaf.was_new,
    }
}

/// The next message of a stream that a client sends.
///
/// # Errors
/// `Cancelled` when the client broke off, `Malformed` or `OverLimit` when the message cannot be
/// read, `DeadlineExceeded`.
pub(super) async fn next<M>(call: &Call, stream: &mut Streaming<M>) -> Result<Option<M>, Fault> {
    let limit = call.context.node.limits.message_bytes;
    let said = |status: Status| unread(&status, limit).unwrap_or(Fault::Cancelled);
    match tokio::time::timeout(call.deadline.left(), stream.message()).await {
        Ok(message) => message.map_err(said),
        Err(_) => Err(Fault::DeadlineExceeded),
    }
}

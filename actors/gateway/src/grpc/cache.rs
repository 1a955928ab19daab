//! `Invalidate`: one cached value is forgotten.

use super::{
    address,
    call::Call,
    lookup::{self, Found},
};
use deriva_messages::{Fault, cache::CacheMessage};
use deriva_proto::{InvalidateRequest, InvalidateResponse};

/// A leaf is no cached value: invalidating it changes nothing and says so.
pub(super) async fn invalidate(
    call: Call,
    message: InvalidateRequest,
) -> Result<InvalidateResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    if message.cascade {
        let what = "an invalidation that follows the consumers (cascade)".to_owned();
        return Err(Fault::Unsupported { what });
    }
    let found = call
        .read(move |context| lookup::look_one(context, address))
        .await?;
    let address = match found {
        Found::Nothing => return Err(Fault::NotFound { address }),
        Found::Leaf { .. } => return Ok(InvalidateResponse::default()),
        Found::Recipe(_) => address,
        Found::Alias(to) => to,
    };
    let forget = |reply| CacheMessage::Invalidate { address, reply };
    let evicted = call.ask(&call.context.node.slots.cache, forget).await?;
    Ok(InvalidateResponse {
        was_cached: evicted.values > 0,
        evicted_count: evicted.values,
    })
}

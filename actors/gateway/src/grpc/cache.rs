//! `Invalidate` and `CascadeInvalidate`: cached values are forgotten, one or all that follow.

use super::{
    address,
    call::Call,
    lookup::{self, Found},
};
use deriva_messages::{
    Fault,
    cache::{CacheMessage, CascadePolicy, CascadeRoot, Cascaded},
};
use deriva_model::CAddr;
use deriva_proto::{
    CascadeInvalidateRequest, CascadeInvalidateResponse, InvalidateRequest, InvalidateResponse,
};

/// Addresses that one answer lists: some 2 MiB.
const DETAIL_MAX: usize = 65_536;

/// A leaf is no cached value: invalidating it changes nothing and says so.
pub(super) async fn invalidate(
    call: Call,
    message: InvalidateRequest,
) -> Result<InvalidateResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    if message.cascade {
        let how = (CascadeRoot::Included, CascadePolicy::Immediate, 0);
        let done = cascade(&call, address, how).await?;
        return Ok(InvalidateResponse {
            was_cached: done.root_evicted,
            evicted_count: done.evicted,
        });
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

/// An unknown policy is refused; an empty one is `immediate`.
pub(super) async fn cascade_invalidate(
    call: Call,
    message: CascadeInvalidateRequest,
) -> Result<CascadeInvalidateResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    let policy = policy(&message.policy)?;
    let root = match message.include_root {
        true => CascadeRoot::Included,
        false => CascadeRoot::Spared,
    };
    let detail = match message.detail_addrs {
        true => DETAIL_MAX,
        false => 0,
    };
    let clock = call.context.node.clock.clone();
    let began = clock.monotonic();
    let done = cascade(&call, address, (root, policy, detail)).await?;
    let took = clock.monotonic().saturating_sub(began);
    Ok(CascadeInvalidateResponse {
        evicted_count: done.evicted,
        traversed_count: done.traversed,
        max_depth: done.max_depth,
        bytes_reclaimed: done.bytes,
        evicted_addrs: done.addresses.iter().map(address::write).collect(),
        duration_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    })
}

fn policy(word: &str) -> Result<CascadePolicy, Fault> {
    Ok(match word {
        "" | "immediate" => CascadePolicy::Immediate,
        "none" => CascadePolicy::None,
        "deferred" => CascadePolicy::Deferred,
        "dry_run" => CascadePolicy::DryRun,
        _ => {
            let reason = "policy is one of none, immediate, deferred, dry_run".to_owned();
            return Err(Fault::Malformed { reason });
        }
    })
}

/// An alias stands for its recipe.
async fn cascade(
    call: &Call,
    address: CAddr,
    (root, policy, detail): (CascadeRoot, CascadePolicy, usize),
) -> Result<Cascaded, Fault> {
    let found = call
        .read(move |context| lookup::look_one(context, address))
        .await?;
    let address = match found {
        Found::Nothing => return Err(Fault::NotFound { address }),
        Found::Leaf { .. } | Found::Recipe(_) => address,
        Found::Alias(to) => to,
    };
    let ask = |reply| CacheMessage::Cascade {
        address,
        root,
        policy,
        detail,
        reply,
    };
    let cache = &call.context.node.slots.cache;
    // As long as the request has: a large graph takes longer than an actor's usual patience.
    cache.call(call.deadline.left(), ask).await
}

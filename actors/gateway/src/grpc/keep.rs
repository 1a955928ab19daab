//! `Pin`, `Unpin`, `ListPins` and `Forget`: what is a root, and what no longer.

use super::{address, call::Call};
use deriva_messages::{
    Fault,
    dag::{Consumers, DagMessage},
};
use deriva_proto::{
    ForgetRequest, ForgetResponse, ListPinsRequest, ListPinsResponse, PinRequest, PinResponse,
    UnpinRequest, UnpinResponse,
};

pub(super) async fn pin(call: Call, message: PinRequest) -> Result<PinResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    let pin = |reply| DagMessage::Pin { address, reply };
    let was_new = call.ask(&call.context.node.slots.dag, pin).await?;
    Ok(PinResponse { was_new })
}

pub(super) async fn unpin(call: Call, message: UnpinRequest) -> Result<UnpinResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    let unpin = |reply| DagMessage::Unpin { address, reply };
    let was_pinned = call.ask(&call.context.node.slots.dag, unpin).await?;
    Ok(UnpinResponse { was_pinned })
}

/// One page; the actor bounds it.
pub(super) async fn list_pins(
    call: Call,
    message: ListPinsRequest,
) -> Result<ListPinsResponse, Fault> {
    let after = match message.after.is_empty() {
        true => None,
        false => Some(address::read("after", &message.after)?),
    };
    let limit = match usize::try_from(message.limit) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(limit) => limit,
    };
    let list = |reply| DagMessage::ListPins {
        after,
        limit,
        reply,
    };
    let page = call.ask(&call.context.node.slots.dag, list).await?;
    Ok(ListPinsResponse {
        addrs: page.addresses.iter().map(address::write).collect(),
        count: page.total,
        more: page.more,
    })
}

pub(super) async fn forget(call: Call, message: ForgetRequest) -> Result<ForgetResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    let consumers = match message.cascade {
        true => Consumers::Forget,
        false => Consumers::Refuse,
    };
    let forget = |reply| DagMessage::Forget {
        address,
        consumers,
        reply,
    };
    let done = call.ask(&call.context.node.slots.dag, forget).await?;
    Ok(ForgetResponse {
        forgotten_count: done.recipes,
    })
}

//! Keeping and letting go: pins, invalidations, collections. What changes something and answers
//! what it changed is made once, because a second answer would differ.

use deriva_model::CAddr;
use deriva_proto::{
    CascadeInvalidateRequest, CascadeInvalidateResponse, ForgetRequest, GcRequest, GcResponse,
    InvalidateRequest, InvalidateResponse, ListPinsRequest, PinRequest, UnpinRequest,
};

use crate::{Client, ClientError, client::Stub, convert};

/// An invalidation that follows the consumers of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CascadeRequest {
    /// How to go about it, in the server's words; empty means its default, `dry_run` changes
    /// nothing.
    pub policy: String,
    /// Whether the address's own value goes too.
    pub include_root: bool,
    /// Whether the answer lists the addresses.
    pub detail_addrs: bool,
}

/// A collection of what nobody needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Seconds a leaf is kept after its last touch; `None` means the server's default, `Some(0)`
    /// none.
    pub grace_period_secs: Option<u64>,
    /// Whether to only tell what would go.
    pub dry_run: bool,
    /// Whether the answer lists the addresses.
    pub detail_addrs: bool,
    /// The most removals; 0 means no bound.
    pub max_removals: u64,
}

/// What becomes of the consumers of a recipe that is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consumers {
    /// A live one is a reason to refuse.
    #[default]
    Refuse,
    /// They are forgotten along with it.
    Forget,
}

impl Client {
    /// Drops the cached value of an address.
    pub async fn invalidate(&self, addr: &CAddr) -> Result<InvalidateResponse, ClientError> {
        let message = InvalidateRequest {
            addr: convert::bytes_of(addr),
            cascade: false,
        };
        let call = async |mut stub: Stub, request| stub.invalidate(request).await;
        self.once(message, call).await
    }

    /// Drops the cached values of everything made from an address.
    pub async fn cascade_invalidate(
        &self,
        addr: &CAddr,
        how: CascadeRequest,
    ) -> Result<CascadeInvalidateResponse, ClientError> {
        let message = CascadeInvalidateRequest {
            addr: convert::bytes_of(addr),
            policy: how.policy,
            include_root: how.include_root,
            detail_addrs: how.detail_addrs,
        };
        let call = async |mut stub: Stub, request| stub.cascade_invalidate(request).await;
        self.once(message, call).await
    }

    /// Collects what nothing live references.
    pub async fn garbage_collect(&self, how: Collection) -> Result<GcResponse, ClientError> {
        let message = GcRequest {
            grace_period_secs: how.grace_period_secs.unwrap_or(0),
            no_grace: how.grace_period_secs == Some(0),
            dry_run: how.dry_run,
            detail_addrs: how.detail_addrs,
            max_removals: how.max_removals,
        };
        let call = async |mut stub: Stub, request| stub.garbage_collect(request).await;
        self.once(message, call).await
    }

    /// Makes an address a root; answers whether it was none before.
    pub async fn pin(&self, addr: &CAddr) -> Result<bool, ClientError> {
        let message = PinRequest {
            addr: convert::bytes_of(addr),
        };
        let call = async |mut stub: Stub, request| stub.pin(request).await;
        Ok(self.once(message, call).await?.was_new)
    }

    /// Withdraws a pin; answers whether there was one.
    pub async fn unpin(&self, addr: &CAddr) -> Result<bool, ClientError> {
        let message = UnpinRequest {
            addr: convert::bytes_of(addr),
        };
        let call = async |mut stub: Stub, request| stub.unpin(request).await;
        Ok(self.once(message, call).await?.was_pinned)
    }

    /// Every pinned address, page by page.
    pub async fn list_pins(&self) -> Result<Vec<CAddr>, ClientError> {
        let mut pins: Vec<CAddr> = Vec::new();
        loop {
            let message = ListPinsRequest {
                after: pins.last().map(convert::bytes_of).unwrap_or_default(),
                limit: 0,
            };
            let call = async |mut stub: Stub, request| stub.list_pins(request).await;
            let page = self.repeatable(message, call).await?;
            let before = pins.len();
            pins.extend(convert::addresses(&page.addrs)?);
            // A page without addresses ends it too: a server that says "more" for ever does not.
            if !page.more || pins.len() == before {
                return Ok(pins);
            }
        }
    }

    /// Withdraws a recipe as a root; answers how many recipes were roots before.
    pub async fn forget(&self, addr: &CAddr, consumers: Consumers) -> Result<u64, ClientError> {
        let message = ForgetRequest {
            addr: convert::bytes_of(addr),
            cascade: consumers == Consumers::Forget,
        };
        let call = async |mut stub: Stub, request| stub.forget(request).await;
        Ok(self.once(message, call).await?.forgotten_count)
    }
}

//! Calls that the interface has and this release does not: one refusal for all, by name.

use super::call::Call;
use deriva_messages::Fault;

/// Refuses a call by its name.
pub(super) async fn refuse<T>(name: &'static str) -> Result<T, Fault> {
    Err(Fault::Unsupported {
        what: name.to_owned(),
    })
}

pub(super) async fn verify<M, T>(_: Call, _: M) -> Result<T, Fault> {
    refuse("Verify").await
}

pub(super) async fn cascade_invalidate<M, T>(_: Call, _: M) -> Result<T, Fault> {
    refuse("CascadeInvalidate").await
}

pub(super) async fn garbage_collect<M, T>(_: Call, _: M) -> Result<T, Fault> {
    refuse("GarbageCollect").await
}

pub(super) async fn pin<M, T>(_: Call, _: M) -> Result<T, Fault> {
    refuse("Pin").await
}

pub(super) async fn unpin<M, T>(_: Call, _: M) -> Result<T, Fault> {
    refuse("Unpin").await
}

pub(super) async fn list_pins<M, T>(_: Call, _: M) -> Result<T, Fault> {
    refuse("ListPins").await
}

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

//! Uploads that are given up.

use super::delete_chunks;
use crate::blob::decide::Chunks;
use deriva_messages::Fault;
use deriva_system::storage::{Reading, Space, commit::Step, layout};

/// Takes away the chunks of an upload, unless a step has decided about them before: then they are
/// a content's, or gone. `chunks.count` covers every index that was written. Whether it did.
///
/// # Errors
/// The store could not be read.
pub fn abandon_step(step: &mut Step<'_>, chunks: Chunks) -> Result<bool, Fault> {
    let key = layout::staged_key(chunks.locator);
    if step.get(Space::Meta, &key)?.is_none() {
        return Ok(false);
    }
    delete_chunks(step, chunks);
    step.delete(Space::Meta, key);
    Ok(true)
}

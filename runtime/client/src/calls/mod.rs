//! One method a call of the public interface, grouped by what it is about.
//!
//! Each says by its choice of `repeatable` or `once` whether it can be made again without a trace;
//! nothing else here decides about faults.

mod batch;
mod graph;
mod import;
mod keep;
mod put;
mod status;
mod value;

pub use batch::{Batch, PutGraphStream, StoredBatch};
pub use import::ImportState;
pub use keep::{CascadeRequest, Collection, Consumers};
pub use put::{MissingInputs, StoredLeaf};
pub use status::Depth;
pub use value::{Evaluation, Keep, Mode};

//! What two nodes must agree on, bit for bit: addresses, values, recipes, their canonical bytes,
//! the laws of graph, chunk and liveness, and every limit.
//!
//! This crate refuses to know time, chance, threads, disks and networks: it is data and pure
//! functions. Whatever a node may decide for itself lives elsewhere.

mod address;
mod chunk;
mod cutoff;
mod data_ref;
pub mod dcf;
mod epoch;
mod function;
mod graph;
pub mod invariants;
mod legacy;
pub mod limits;
mod recipe;
mod record;
mod trace;
mod value;

pub use address::{AddressError, CAddr, ContentHash};
pub use chunk::{ChunkError, ChunkSize, Manifest, ManifestBuilder};
pub use cutoff::CutoffKey;
pub use data_ref::DataRef;
pub use dcf::{DCF_VERSION, Decode, DecodeError, Document, DocumentType, Encode, Reader, Writer};
pub use epoch::{Claim, Collection, Epoch, KeepReason, Tombstone, Touched, Verdict};
pub use function::FunctionId;
pub use graph::{
    GraphError, Inputs, dependency_order, depth, reach, topological_order, would_cycle,
};
pub use invariants::Invariant;
pub use legacy::{
    RecipeForm, could_name_a_recipe, decode_legacy, encode_legacy, has_legacy_shape,
    legacy_address, names_a_recipe,
};
pub use limits::{Measure, OverLimit};
pub use recipe::{Recipe, RecipeError, SealedRecipe};
pub use record::{Consumed, Cost, Record};
pub use trace::{Trace, TraceStep};
pub use value::{F64, Value, ValueKind};

#[cfg(test)]
#[path = "property_test.rs"]
mod property_test;

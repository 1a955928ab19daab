//! The functions of a node: what a function is, which there are, and the budget it runs in.
//!
//! This crate refuses to store anything and to talk to anyone: values come in and go out as bytes,
//! time comes in as a clock that the caller hands over.

pub mod budget;
pub mod builtin;
pub mod call;
pub mod evaluator;
mod external;
pub mod function;
pub mod params;
pub mod registry;
pub mod streaming;

pub use budget::{Budget, BudgetLimits, Monotonic, Resource};
pub use call::Call;
pub use evaluator::{Evaluator, EvaluatorConfig};
pub use function::{ComputeFunction, FunctionError, FunctionSpec};
pub use params::{ParamError, Params};
pub use registry::{CheckError, RegisterError, Registry};
pub use streaming::{Pieces, Stream, StreamingComputeFunction};

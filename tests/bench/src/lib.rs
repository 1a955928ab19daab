//! The benchmark: what a node costs, next to a floor or a peer that was measured in the same run.
//!
//! A measurement gives rows; a row has pairs of figures (ours and the floor's, interleaved), targets,
//! and what the figures include. It refuses to judge by a mean, to compare figures of two runs, and to
//! call a target met where the pairs scatter too much to tell.
//!
//! To add one: a file in `rows`, and one line in its list.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine itself"
)]

pub mod functions;
pub mod graphs;
pub mod machine;
pub mod peers;
pub mod plot;
pub mod publish;
pub mod report;
pub mod row;
pub mod rows;
pub mod setting;
pub mod stand;
pub mod statistics;
pub mod table;

/// Why a measurement gave no rows.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

//! Stories: what a user of Deriva lives through, told against real node processes.
//!
//! Each story stands alone, on ports and in a directory of its own, and passes together with all
//! others, alone, and twice. They refuse to look inside a node: what they know, its public faces
//! said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "stories touch the machine: files, processes, sockets"
)]

mod address_input;
mod cli;
mod determinism;
mod disk_input;
mod durability;
mod evaluate;
mod gc;
mod import;
mod large;
mod limits;
mod metrics;
mod raw;
mod recipe_input;
mod start_input;
mod streaming;
mod text_input;
mod thin;
mod verification;

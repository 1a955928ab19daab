//! The harness of the stories: real node processes, each with a data directory and ports of its own,
//! spoken to through the public client, the command line and the admin pages.
//!
//! It refuses to wait by sleeping (a node is ready when it says so), to kill by name (only processes
//! that it started, by their id), and to leave anything behind: processes and directories go with
//! the value that stands for them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test touches the machine itself, and a harness that cannot go on ends its test"
)]

mod graphs;
mod launch;
mod metrics;
mod node;
pub mod old;
mod place;
mod talk;

pub use graphs::{Graph, noise, recipe, text};
pub use launch::{Launch, Refused};
pub use metrics::Metrics;
pub use node::{Ended, NodeProcess, Page, Run};
pub use place::{Mounted, Place};
pub use talk::{eventually, fetch, refusal, refused, store, store_all};

use std::{path::PathBuf, time::Duration};

/// How long anything may take that a test waits for; a busy machine is slow, a hanging test is not.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A binary of this workspace, beside the running test.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    let built = test
        .ancestors()
        .nth(2)
        .expect("tests lie two folders deep")
        .join(name);
    assert!(
        built.is_file(),
        "{} is not built; run `cargo build --workspace` first",
        built.display()
    );
    built
}

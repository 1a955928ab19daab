//! The evaluator: turns a graph of recipes into a value, on every core, computing nothing twice.
//!
//! A request is planned (what is known, what has to run), joined to the board of everything under
//! way in this process, and answered when its root is there. Inputs are placed by their position in
//! the recipe; a function is called when all of them are there, never earlier. It refuses to decide
//! what is kept (the cache does), to hold a thread while it waits, and to record a failed execution.
//!
//! `plan` finds out, `board` is the pure mind, `execute` runs one function (a `task`), `alone` runs a graph one
//! step at a time (sequential, record, replay), `verify` compares two executions, `engine` knows the requests, `workers` are the
//! threads, each with what it has at `hand`, `port` is what the node sees. What is large is a `production`: made piece by piece, its
//! pieces in a `tail` that readers follow, paced by `produce`, or pulled by one function as a `live`
//! input.

mod alone;
mod board;
mod engine;
mod execute;
mod hand;
mod hold;
mod live;
mod plan;
mod port;
mod produce;
mod production;
mod tail;
mod task;
mod verify;
mod workers;

pub use engine::{Evaluator, EvaluatorConfig};

#[cfg(test)]
mod harness_test;

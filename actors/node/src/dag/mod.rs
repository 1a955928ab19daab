//! Recipes, aliases and the edges between them: what is stored about how data is made, and questions
//! about the graph that this spans.
//!
//! - It refuses to judge functions and params (the gateway does, through the compute port), to hold
//!   bytes (`blob`), to know values (`cache`) and to evaluate (`materialize`).
//! - Supervised by the node's supervisor, restarted whenever it ends. It keeps no state of its own:
//!   recipes and edges are on disk, the read view is shared, so a restart loses nothing.
//! - Opening reads nothing of the graph. Memory is bounded by the view's budget and, while a question
//!   is answered, by the number of nodes that one question may reach; one question runs at a time.
//! - Its limits: [`PUT_RECIPES_MAX`] and [`PUT_BYTES_MAX`] a message, [`DagConfig`] for the rest.
//!
//! Invariants:
//! - A batch of recipes is stored whole or not at all, with its edges in both directions and its
//!   count, before its caller hears that it is.
//! - Whatever a recipe names as an input is touched in the same step (`laws.md`, liveness).
//! - An import stores the recipes that it accepts with their aliases and edges in one step; one that
//!   is refused leaves nothing behind but the touch of its inputs.
//! - Only an alias could close a cycle, and one that would is refused in the step that would add it.
//!
//! - A pin and a forget are on disk before their caller hears so. A put that meets a forgotten recipe
//!   makes it a root again, stamped above the forgetting.
//!
//! In the graph an alias is a node whose one input is its recipe: it stands among the dependents of
//! that recipe, and among the inputs of whoever names the old address.

mod actor;
mod decide;
mod perform;

pub use actor::{DagActor, DagArgs};
pub use decide::{DagConfig, PUT_BYTES_MAX, PUT_RECIPES_MAX};

#[cfg(test)]
mod dag_test;
#[cfg(test)]
mod forget_test;
#[cfg(test)]
mod graph_test;
#[cfg(test)]
mod import_test;
#[cfg(test)]
mod pins_test;
#[cfg(test)]
mod stage_test;

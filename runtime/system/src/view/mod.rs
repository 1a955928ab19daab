//! Read views: concurrent maps that one actor writes and everybody reads, so that the hot path
//! needs no actor hop and no disk.
//!
//! They refuse to decide what stays: the actor that owns a view bounds it.

mod holds;
mod invalidations;
mod marks;
mod recipes;
mod values;

pub use holds::{Held, Holds};
pub use invalidations::{Cascading, Invalidating, Invalidations, Voiding};
pub use marks::Marks;
pub use recipes::RecipeView;
pub use values::{Landing, Origin, Produced, Resident, Source, ValueView};

//! The measurements, one file a group. Each file has a list `MEASUREMENTS`; this one lists the lists.

mod cascade;
mod eviction;
mod invocation;
mod layers;
pub mod memory;
pub mod node;
mod tree;
mod verification;
mod warm;

use crate::{Failure, row::Measured, setting::Setting};

/// Something that can be measured alone.
pub struct Measurement {
    /// What the command line calls it.
    pub name: &'static str,
    pub measure: fn(&Setting) -> Result<Measured, Failure>,
}

/// All of them, in the order of the table.
pub const GROUPS: &[&[Measurement]] = &[
    invocation::MEASUREMENTS,
    warm::MEASUREMENTS,
    layers::MEASUREMENTS,
    verification::MEASUREMENTS,
    tree::MEASUREMENTS,
    memory::MEASUREMENTS,
    eviction::MEASUREMENTS,
    cascade::MEASUREMENTS,
    node::MEASUREMENTS,
];

/// The measurements whose names contain `only`.
pub fn named(
    groups: &'static [&'static [Measurement]],
    only: &str,
) -> impl Iterator<Item = &'static Measurement> {
    let all = groups.iter().flat_map(|group| group.iter());
    all.filter(move |one| one.name.contains(only))
}

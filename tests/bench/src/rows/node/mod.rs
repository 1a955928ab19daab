//! What a client sees of a node through its listeners, and what a node does about its disk.

pub mod bare;
mod collection;
mod ingest;
mod inside;
mod large;
mod layered;
mod load;
pub(crate) mod process;
mod start;
mod stored_graph;
mod warm_get;

use super::Measurement;

/// One line each.
pub const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "warm_get",
        measure: warm_get::measure,
    },
    Measurement {
        name: "ingest",
        measure: ingest::measure,
    },
    Measurement {
        name: "stored_graph_small",
        measure: stored_graph::measure_small,
    },
    Measurement {
        name: "stored_graph_large",
        measure: stored_graph::measure_large,
    },
    Measurement {
        name: "large_value",
        measure: large::measure,
    },
    Measurement {
        name: "start",
        measure: start::measure,
    },
    Measurement {
        name: "collection",
        measure: collection::measure,
    },
];

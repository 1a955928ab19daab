//! The functions that come with a node, one file each, all of version 1.0.0.
//!
//! Each means the same bytes for ever: what shapes its result (tables, number formatting, the order
//! of additions, quoting) is written down in its file and held by golden vectors. A change of bytes
//! is a new version in a new file; none of these is ever edited to give other bytes.

use std::sync::Arc;

use crate::function::ComputeFunction;

mod card;
mod case;
mod case_table;
mod concat;
mod csv_aggregate;
mod csv_filter;
mod csv_join;
mod csv_table;
mod identity;
mod number;
mod order;
mod repeat;
mod reverse;
mod sha256;
mod slice;
mod sort_lines;
mod text;

#[cfg(test)]
mod properties_test;
#[cfg(test)]
mod vectors_csv_test;
#[cfg(test)]
mod vectors_test;

/// Every built-in function.
#[must_use]
pub fn all() -> Vec<Arc<dyn ComputeFunction>> {
    vec![
        Arc::new(identity::Identity::new()),
        Arc::new(concat::Concat::new()),
        Arc::new(case::Case::upper()),
        Arc::new(case::Case::lower()),
        Arc::new(reverse::Reverse::new()),
        Arc::new(repeat::Repeat::new()),
        Arc::new(slice::Slice::new()),
        Arc::new(sha256::Sha256Hex::new()),
        Arc::new(sort_lines::SortLines::new()),
        Arc::new(csv_filter::CsvFilter::new()),
        Arc::new(csv_aggregate::CsvAggregate::new()),
        Arc::new(csv_join::CsvJoin::new()),
    ]
}

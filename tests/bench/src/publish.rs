//! What a run leaves behind: a page with the table and the plots, and the JSON with every sample.

use crate::{Failure, plot, report::Report, row::Plot, table};
use std::{fs, path::Path};

const PLOTS: [(Plot, &str, &str); 2] = [
    (
        Plot::CostBySize,
        "cost-by-size.svg",
        "cost of a node against the size of the graph",
    ),
    (Plot::Latency, "latency.svg", "latency percentiles"),
];

const OPENING: &str = "# Benchmarks\n\n\
Written by `make bench OUT=ops/benchmarks`; [bench.json](bench.json) has every sample. How a row is made: \
ours and the floor (or the peer) are measured in turns, in the same run; the ratio is the median of the paired ratios.\n\n";

/// Writes everything into a directory, which is made if it is not there.
///
/// # Errors
/// What cannot be written.
pub fn publish(report: &Report, directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory)?;
    let json = serde_json::to_string_pretty(&report.json())?;
    fs::write(directory.join("bench.json"), json + "\n")?;
    let mut page = OPENING.to_owned() + &table::table(report);
    for (plot, name, what) in PLOTS {
        if let Some(svg) = plot::svg(plot, &report.curves) {
            fs::write(directory.join(name), svg)?;
            page += &format!("\n![{what}]({name})\n");
        }
    }
    fs::write(directory.join("README.md"), page)?;
    Ok(())
}

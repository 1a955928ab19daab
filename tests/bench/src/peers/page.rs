//! What a comparison leaves behind: a page and every sample.

use crate::{Failure, report::Report, table};
use std::{fs, path::Path};

const OPENING: &str = "# Deriva beside Ray, Dask, redun and DVC\n\n\
Written by `make bench-peers OUT=ops/benchmarks`; [peers.json](peers.json) has every sample.\n\n\
The graph: leaves of 32 bytes, layers of two-input nodes over them, narrowing to one root that needs every node \
(`tests/bench/peers/graph.py`). A node is the exclusive or of its inputs (`xor` 1.0.0 here, the same in Python \
there), so what is measured is what a system does around a function, not the function; the plain loop says how little \
that is. Each run has leaves of its own and no two values are equal, so nothing is known from before. Every root is \
compared with that of a plain loop.\n\n\
Deriva runs it in two ways. *In process*: a whole node in the process of the benchmark, asked as its gateway asks it; \
the recipes are made, encoded, hashed and travel with the request, and nothing of them is stored. *Through the client*: \
a node of its own process, spoken to through the public client; the recipes are made and sent in one PutGraph stream, \
some thousands a batch, each batch durable when it is answered, then one Get of the root. Of the peers, as they \
are set up here, only DVC keeps anything of a node, in files and without a sync.\n\n\
The clock starts when the leaves are there and the wiring is in memory, and stops with the root's bytes: telling the \
system about the nodes is counted, its start is not. All run in turns on one machine, a peer in a Python process that \
lives through all of them; each round begins with another. Who is through in less than 0.3 s runs several graphs in a \
turn, and their mean counts. \"Floor\" is the peer's figure; the ratio is the median of the paired ratios. DVC starts \
a process for every node and gets a smaller graph, and Deriva beside it the same one.\n\n";

/// Writes page and samples into a directory, which is made if it is not there.
///
/// # Errors
/// What cannot be written.
pub fn publish(report: &Report, directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory)?;
    let json = serde_json::to_string_pretty(&report.json())?;
    fs::write(directory.join("peers.json"), json + "\n")?;
    let page = OPENING.to_owned() + &table::table(report);
    fs::write(directory.join("peers.md"), page)?;
    Ok(())
}

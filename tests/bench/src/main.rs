//! `deriva-bench`: carries the measurements out, prints the table, writes page, plots and JSON.
//!
//! It refuses to fail because a target is missed: the table says so. It fails where something could not
//! be measured at all.

#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine itself"
)]

use clap::{Parser, Subcommand};
use deriva_bench::{
    Failure, peers,
    publish::publish,
    report::Report,
    row::Verdict,
    rows::{self, memory, memory::Fill},
    setting::{Setting, Size},
    table,
};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// What the node's own binary uses, so that both are measured with the same one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pairs of a row; an odd number has a run in the middle.
const RUNS: usize = 5;
const RUNS_TINY: usize = 2;

/// What a node costs, next to a floor measured in the same run.
#[derive(Parser)]
struct Arguments {
    /// Sizes that take seconds, to see that everything runs.
    #[arg(long, global = true)]
    tiny: bool,
    /// Only what has this in its name.
    #[arg(long, global = true, value_name = "NAME", default_value = "")]
    only: String,
    /// Pairs a row; at least 5 for figures that are told to others.
    #[arg(long, global = true, value_name = "N")]
    runs: Option<usize>,
    /// Where the page, its plots and the JSON are written; without it `bench` beside this binary.
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Fills this process's memory and says by how many bytes it grew: what the benchmark starts itself for.
    #[arg(long, hide = true, requires = "count")]
    fill: Option<Fill>,
    /// How many of them.
    #[arg(long, hide = true)]
    count: Option<usize>,
    /// Names what can be measured and measures nothing.
    #[arg(long, global = true)]
    list: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is else.
#[derive(Subcommand)]
enum Role {
    /// Compares with Ray, Dask, redun and DVC, which run in a Python that has them.
    Peers {
        /// The Python; `tests/bench/peers/install` makes one and says where it is.
        #[arg(long, value_name = "FILE")]
        python: PathBuf,
    },
    /// Serves what the rows of a node are compared with, until it is killed.
    #[command(hide = true)]
    BareServer { place: PathBuf },
}

fn main() -> ExitCode {
    let done = run(&Arguments::parse());
    done.unwrap_or_else(|why| {
        eprintln!("{why}");
        ExitCode::FAILURE
    })
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if let Some(Role::BareServer { place }) = &arguments.role {
        rows::node::bare::run(place)?;
        return Ok(ExitCode::SUCCESS);
    }
    let python = match &arguments.role {
        Some(Role::Peers { python }) => Some(python.clone()),
        _ => None,
    };
    let groups = match python {
        Some(_) => peers::GROUPS,
        None => rows::GROUPS,
    };
    let mut out = std::io::stdout().lock();
    if arguments.list {
        for measurement in rows::named(groups, &arguments.only) {
            writeln!(out, "{}", measurement.name)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (size, runs) = match arguments.tiny {
        true => (Size::Tiny, RUNS_TINY),
        false => (Size::Full, RUNS),
    };
    let runs = arguments.runs.unwrap_or(runs).max(1);
    let mut setting = Setting::new(size, runs, std::env::current_exe()?)?;
    setting.python = python;
    if let (Some(what), Some(count)) = (arguments.fill, arguments.count) {
        writeln!(out, "{}", memory::fill(&setting, what, count)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = Report::measure(&setting, rows::named(groups, &arguments.only), |name| {
        eprintln!("measuring {name}");
    });
    let directory = arguments.out.clone();
    let directory = directory.unwrap_or_else(|| setting.program.with_file_name("bench"));
    match setting.python {
        Some(_) => peers::publish(&report, &directory)?,
        None => publish(&report, &directory)?,
    }
    writeln!(
        out,
        "{}\n{} met, {} MISSED, {} invalid, {} not measured; written to {}",
        table::table(&report),
        report.count(Verdict::Met),
        report.count(Verdict::Missed),
        report.count(Verdict::Invalid),
        report.failures.len(),
        directory.display()
    )?;
    Ok(match report.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

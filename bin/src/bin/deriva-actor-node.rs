//! `deriva-actor-node`: reads its settings, starts the node, and stops it when it is told to.

use clap::Parser;
use deriva_bin::node::{Node, NodeConfig, arguments::Arguments, telemetry};
use std::{io::Write, process::ExitCode, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// A graph of small values is millions of small allocations on many threads (decision 026).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long blocked work may hold up the exit, once everything that matters has been stopped.
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Wrong usage, as for the command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = match arguments.settings(std::env::vars()) {
        Ok(settings) => settings,
        Err(error) => return fail(USAGE, &error),
    };
    if arguments.print_config {
        return match std::io::stdout().write_all(settings.print().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(1, &error),
        };
    }
    let config = match NodeConfig::try_from(&settings) {
        Ok(config) => config,
        Err(error) => return fail(USAGE, &error),
    };
    if let Err(error) = telemetry::logs(&settings) {
        return fail(USAGE, &error);
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let code = runtime.block_on(run(config));
            runtime.shutdown_timeout(LAST_WAIT);
            code
        }
        Err(error) => fail(1, &error),
    }
}

async fn run(config: NodeConfig) -> ExitCode {
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return fail(1, &"the system gave no signal handler");
    };
    let mut node = match Node::start(config).await {
        Ok(node) => node,
        Err(error) => return fail(1, &error),
    };
    // Whoever started the node may have stopped listening; `ready.json` says the same.
    if writeln!(std::io::stdout(), "{}", node.ready().line()).is_err() {
        tracing::debug!("nobody reads the ready line");
    }
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        why = node.failed() => Some(why),
    };
    node.stop().await;
    match failed {
        None => ExitCode::SUCCESS,
        Some(why) => fail(1, &why),
    }
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    // The exit code says it too, should nobody read this.
    match writeln!(std::io::stderr(), "deriva-actor-node: {error}") {
        Ok(()) | Err(_) => ExitCode::from(code),
    }
}

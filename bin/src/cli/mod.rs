//! The command line `deriva`: one command a run, over the public interface like any other client.
//!
//! It refuses to touch a store, a key or a rule of its own: what it knows, a node told it. Each
//! command makes an [`Answer`] (text and JSON of the same facts) and this door prints it, so that a
//! reader that goes away, a refusal and an unreachable server mean the same for every command.

mod address;
mod advice;
pub mod args;
mod cert;
mod complete;
mod eval;
mod evict;
mod explain;
mod failure;
mod graph;
mod import;
mod invalidate;
mod keep;
mod nodes;
mod output;
mod params;
mod put;
mod recipe;
mod resolve;
mod sink;
mod tree;
mod usage;
mod value;
mod verify;

use clap::Parser as _;
use deriva_client::{Client, ClientConfig, RetryPolicy};

use self::{
    args::{Cli, Command, Format},
    failure::Failure,
    output::Answer,
};

/// The exit code of a command that was interrupted.
pub const INTERRUPTED: u8 = failure::INTERRUPTED;

/// Runs one command line, `argv[0]` included; answers the process's exit code: 0 done, 1 the
/// request failed, 2 wrong usage, 3 the server cannot be reached, 130 interrupted.
pub async fn run(argv: Vec<std::ffi::OsString>) -> u8 {
    let cli = match Cli::try_parse_from(&argv) {
        Ok(cli) => cli,
        Err(words) => return usage::refuse(&words, &argv),
    };
    let (format, name) = (cli.global.output, cli.command.name());
    let said = match perform(cli).await {
        Ok(answer) => output::print(format, &answer),
        Err(failure) => Err(failure.during(name)),
    };
    match said {
        Ok(code) => code,
        Err(failure) => failure.tell(format),
    }
}

async fn perform(cli: Cli) -> Result<Answer, Failure> {
    match cli.command {
        Command::Cert(what) => cert::run(what),
        Command::Completions(what) => complete::run(what),
        Command::Evict(what) => evict::run(&cli.global, what).await,
        Command::Recipe(what) => recipe::run(&cli.global, what).await,
        Command::Eval(what) => eval::run(&cli.global, what).await,
        other => call(&connect(&cli.global).await?, other, cli.global.output).await,
    }
}

async fn call(client: &Client, command: Command, format: Format) -> Result<Answer, Failure> {
    match command {
        Command::Put(what) => put::run(client, what).await,
        Command::Import(what) => import::run(client, what, format).await,
        Command::Get(what) => value::get(client, what).await,
        Command::Trace(what) => value::trace(client, what).await,
        Command::Resolve(what) => resolve::run(client, what).await,
        Command::Graph(what) => graph::run(client, what, format).await,
        Command::Explain(what) => explain::run(client, what).await,
        Command::Invalidate(what) => invalidate::run(client, what).await,
        Command::Verify(what) => verify::run(client, what).await,
        Command::Status => nodes::status(client).await,
        Command::Gc(what) => keep::gc(client, what).await,
        Command::Pin(what) => keep::pin(client, what).await,
        Command::Unpin(what) => keep::unpin(client, what).await,
        Command::Forget(what) => keep::forget(client, what).await,
        Command::Pins => keep::pins(client).await,
        Command::Functions => nodes::functions(client).await,
        Command::Cluster => nodes::cluster(client).await,
        // These need no connection, or check their arguments before they make one; see `perform`.
        Command::Cert(_)
        | Command::Completions(_)
        | Command::Evict(_)
        | Command::Recipe(_)
        | Command::Eval(_) => Err(Failure::usage("this command makes no call")),
    }
}

/// Connects; calls that can be repeated are tried again for about two seconds, which is what a node
/// needs to restart one of its actors.
async fn connect(global: &args::Global) -> Result<Client, Failure> {
    let config = ClientConfig {
        tls: global.tls()?,
        retry: RetryPolicy::brief(),
        ..ClientConfig::new(global.url()?)
    };
    Ok(Client::connect_with(config).await?)
}

//! What can be typed: the global options, the commands, and where each command's own stand.
//!
//! It refuses to do anything; wrong usage is told here and ends the process with 2.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use deriva_client::TlsFiles;

use super::{
    cert::CertCommand,
    complete::CompletionsArgs,
    eval::EvalArgs,
    evict::EvictArgs,
    explain::ExplainArgs,
    failure::Failure,
    graph::GraphArgs,
    invalidate::InvalidateArgs,
    keep::{ForgetArgs, GcArgs, PinArgs},
    nodes::VerifyArgs,
    put::PutArgs,
    recipe::RecipeArgs,
    resolve::ResolveArgs,
    value::{GetArgs, TraceArgs},
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "deriva",
    version,
    about = "Data named by how it is made: put leaves, declare recipes, get values.",
    after_help = "\
ADDR is an address of 64 hex digits, or a prefix of 8 digits or more that only one stored address begins with.
With --output json every command prints one JSON object on standard output (its shape stands in the command's own --help), and an error is one on standard error: {\"error\":{\"kind\",\"code\",\"message\",\"reason\",\"address\",\"hint\",\"retry_after_ms\"}}.
Exit codes: 0 done, 1 the request failed, 2 wrong usage, 3 the server cannot be reached."
)]
pub struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// How every command talks to its server and to its reader.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// The node to talk to.
    #[arg(long, global = true, value_name = "URL", env = "DERIVA_SERVER")]
    #[arg(default_value = "http://127.0.0.1:50051")]
    pub(super) server: String,
    /// How to print answers and errors.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
    /// The authority that the server's certificate comes from (PEM); needs an https URL.
    #[arg(long, global = true, value_name = "FILE", env = "DERIVA_TLS_CA")]
    tls_ca: Option<PathBuf>,
    /// This client's certificate (PEM).
    #[arg(long, global = true, value_name = "FILE", env = "DERIVA_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The private key of this client's certificate (PEM).
    #[arg(long, global = true, value_name = "FILE", env = "DERIVA_TLS_KEY")]
    tls_key: Option<PathBuf>,
}

impl Global {
    /// The TLS files, if any; half of a pair is wrong usage. (clap's own check does not see options
    /// that stand on the other side of the command.)
    pub(super) fn tls(&self) -> Result<Option<TlsFiles>, Failure> {
        let identity = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            _ => return Err(usage("--tls-cert and --tls-key go together")),
        };
        match (&self.tls_ca, identity) {
            (Some(ca), identity) => Ok(Some(TlsFiles {
                ca: ca.clone(),
                identity,
            })),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(usage("--tls-cert needs --tls-ca, to know the server by")),
        }
    }
}

fn usage(words: &str) -> Failure {
    Failure::Usage(words.to_owned())
}

/// How answers and errors are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Plain lines.
    Text,
    /// One object a command.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Store a file's bytes as a leaf and print its address.
    Put(PutArgs),
    /// Store a recipe and print its address.
    Recipe(RecipeArgs),
    /// Get the value of an address, computing what is not at hand.
    Get(GetArgs),
    /// Compute the whole graph afresh, step by step, and save the trace for `get --replay`.
    Trace(TraceArgs),
    /// Show what an address stands for.
    Resolve(ResolveArgs),
    /// Show the graph around an address.
    Graph(GraphArgs),
    /// Show how a value was made, what it consumed and what it cost.
    Explain(ExplainArgs),
    /// Evaluate a graph that is not stored.
    Eval(EvalArgs),
    /// Drop the cached value of an address.
    Invalidate(InvalidateArgs),
    /// Compute the value of an address twice and compare the bytes.
    Verify(VerifyArgs),
    /// Show the node's counts and rates.
    #[command(after_help = "JSON: the fields of StatusResponse, snake_case.")]
    Status,
    /// Collect what nothing live references.
    Gc(GcArgs),
    /// Keep an address and all it needs.
    Pin(PinArgs),
    /// Withdraw a pin.
    Unpin(PinArgs),
    /// Withdraw a recipe; the next collection takes it and what only it held.
    Forget(ForgetArgs),
    /// List the pinned addresses.
    #[command(after_help = "JSON: {\"addrs\":[ADDR],\"count\"}")]
    Pins,
    /// List what can be called, with parameters and an example each.
    #[command(
        after_help = "JSON: {\"functions\":[{\"name\",\"version\",\"description\",\
        \"min_inputs\",\"max_inputs\",\"params\":[{\"name\",\"kind\",\"required\",\"default\",\
        \"description\"}],\"example\"}]}"
    )]
    Functions,
    /// List the nodes of the cluster.
    #[command(after_help = "JSON: the fields of ClusterStatusResponse, snake_case.")]
    Cluster,
    /// Make a cluster's certificate authority; issue node and client certificates.
    #[command(subcommand)]
    Cert(CertCommand),
    /// Print a shell's completion script.
    Completions(CompletionsArgs),
    /// Empty the node's cache of values; they are computed again when they are asked for.
    Evict(EvictArgs),
}

/// Tells wrong usage, or prints the help that was asked for; answers the exit code.
pub(super) fn refuse(words: &clap::Error, argv: &[OsString]) -> u8 {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let asked_for = matches!(words.kind(), DisplayHelp | DisplayVersion);
    if !asked_for && wants_json(argv) {
        return Failure::Usage(words.to_string().trim_end().to_owned()).tell(Format::Json);
    }
    // clap chooses standard output for help and standard error for refusals. When neither can be
    // written to, the exit code is all that is left to say.
    match (words.print(), asked_for) {
        (Ok(()) | Err(_), true) => 0,
        (Ok(()) | Err(_), false) => 2,
    }
}

/// A command line that did not parse can still say how it wants to be told so.
fn wants_json(argv: &[OsString]) -> bool {
    let joined = argv.iter().any(|arg| arg == "--output=json");
    joined
        || argv
            .windows(2)
            .any(|pair| pair[0] == "--output" && pair[1] == "json")
}

#[cfg(test)]
#[path = "args_test.rs"]
mod args_test;

//! What can be typed: the global options, the commands, and where each command's own stand.
//!
//! It refuses to do anything; what does not parse is told by `usage`.

use std::path::PathBuf;

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
    import::ImportArgs,
    invalidate::InvalidateArgs,
    keep::{ForgetArgs, GcArgs, PinArgs},
    put::PutArgs,
    recipe::RecipeArgs,
    resolve::ResolveArgs,
    value::{GetArgs, TraceArgs},
    verify::VerifyArgs,
};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "deriva",
    version,
    about = "Data named by how it is made: put leaves, declare recipes, get values.",
    after_help = "\
ADDR is an address of 64 hex digits, or a prefix of 8 digits or more that only one stored address begins with.
With --output json every command prints one JSON object on standard output (its shape stands in the command's own --help), and an error is one on standard error: {\"error\":{\"kind\",\"code\",\"message\",\"reason\",\"address\",\"hint\",\"retry_after_ms\"}}; what is not known is null.
Exit codes: 0 done; 1 the request failed; 2 wrong usage, or the command line names a file that cannot be read or a place that cannot be written; 3 the server cannot be reached, or no session with it came about (TLS, certificates, another protocol)."
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
    /// The node to talk to: http://HOST:PORT, https://HOST:PORT, or HOST:PORT.
    #[arg(long, global = true, value_name = "URL", env = "DERIVA_SERVER")]
    #[arg(default_value = SERVER)]
    server: String,
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

/// Where a node listens if it is not told otherwise.
const SERVER: &str = "http://127.0.0.1:50051";

impl Global {
    /// The server's URL; without a scheme it is `https` where an authority is given, else `http`.
    pub(super) fn url(&self) -> Result<String, Failure> {
        if self.server.contains("://") {
            return Ok(self.server.clone());
        }
        match self.server.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                let scheme = if self.tls_ca.is_some() {
                    "https"
                } else {
                    "http"
                };
                Ok(format!("{scheme}://{}", self.server))
            }
            _ => Err(Failure::usage(format!(
                "--server {}: a server is http://HOST:PORT or https://HOST:PORT",
                self.server
            ))),
        }
    }

    /// Whether another node is meant than the one that listens where nodes do by default.
    pub(super) fn names_a_server(&self) -> bool {
        self.url()
            .map_or(true, |url| url.trim_end_matches('/') != SERVER)
    }

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
            (None, None) if self.server.starts_with("https://") => Err(usage(
                "https needs --tls-ca FILE, the ca.pem of the authority that issued the node's certificate",
            )),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(usage("--tls-cert needs --tls-ca, to know the server by")),
        }
    }
}

fn usage(words: &str) -> Failure {
    Failure::usage(words)
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
    /// Import recipes from before DCF, and the leaves beside them.
    Import(ImportArgs),
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
        \"description\"}],\"example\",\"marked\"}]}; marked is null, or why the function is refused"
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

impl Command {
    /// What was typed, for words about it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Put(_) => "put",
            Self::Recipe(_) => "recipe",
            Self::Import(_) => "import",
            Self::Get(_) => "get",
            Self::Trace(_) => "trace",
            Self::Resolve(_) => "resolve",
            Self::Graph(_) => "graph",
            Self::Explain(_) => "explain",
            Self::Eval(_) => "eval",
            Self::Invalidate(what) => what.name(),
            Self::Verify(_) => "verify",
            Self::Status => "status",
            Self::Gc(_) => "gc",
            Self::Pin(_) => "pin",
            Self::Unpin(_) => "unpin",
            Self::Forget(_) => "forget",
            Self::Pins => "pins",
            Self::Functions => "functions",
            Self::Cluster => "cluster",
            Self::Cert(_) => "cert",
            Self::Completions(_) => "completions",
            Self::Evict(_) => "evict",
        }
    }
}

#[cfg(test)]
#[path = "args_test.rs"]
mod args_test;

//! `completions`: what a shell needs to finish a half-typed command.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use super::{args::Cli, failure::Failure, output::Answer};

#[derive(Debug, Args)]
#[command(after_help = "JSON: {\"shell\",\"script\"}")]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(what: CompletionsArgs) -> Result<Answer, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(what.shell, &mut Cli::command(), "deriva", &mut script);
    let script = String::from_utf8(script)
        .map_err(|e| Failure::local(format!("the completion script is not text: {e}")))?;
    let json = json!({ "shell": what.shell.to_string(), "script": script });
    Ok(Answer::new(script.trim_end(), json))
}

//! `import`: recipes from before DCF, and the leaves beside them, move into a node.
//!
//! It refuses to guess: what is no old recipe is told by name and place, nothing is repaired, and
//! the exit code says whether anything was refused. It keeps no state of its own: putting what is
//! there already is cheap, so an import that was cut off goes on by being run again.
//!
//! Leaves go first, as they are found; recipes are only noted (their addresses and inputs stay in
//! memory, their bytes do not) and sent in an order in which each comes after those that it needs.

mod index;
mod report;
mod send;
mod survey;
mod walk;

use std::{fs::File, io::IsTerminal as _, path::Path, path::PathBuf, sync::Arc};

use clap::{ArgGroup, Args};
use deriva_client::Client;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use self::{
    index::Index,
    report::Report,
    survey::{Found, Scope},
};
use super::{args::Format, failure::Failure, output::Answer, sink::Sink};

/// What was found and not yet dealt with: with leaves of a MiB, some 16 MiB.
const FOUND_AHEAD: usize = 16;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["source", "complete", "status"])))]
#[command(after_help = "\
DIR is walked in the order of names, links not followed. A file that is a recipe in the old form is imported as one; anything else is put as a leaf. A file whose name is 64 hex digits must hash to its name.
FILE, or - for standard input, is one old recipe, or records one after the other: a length of 8 bytes, little-endian, and an old recipe of that length.
Recipes may stand in any order. The address that each had becomes an alias of the one that it has now; `deriva resolve` shows both. What is refused is listed with where it stood and why, and the exit code is 1. An import that was interrupted is run again: what was stored is known then.
Until --complete, a node checks both addresses whenever it follows an alias; an import that adds one later takes --complete back.
JSON: {\"recipes\":{\"imported\",\"known\"},\"leaves\":{\"stored\",\"known\"},\"skipped\",\"refused\":[{\"at\",\"reason\",\"message\",\"old_addr\",\"missing\":[ADDR],\"missing_count\"}],\"complete\",\"alias_count\"}; --complete and --status: {\"complete\",\"alias_count\"}")]
pub(super) struct ImportArgs {
    /// What to import; - is standard input.
    #[arg(value_name = "DIR|FILE|-")]
    source: Option<PathBuf>,
    /// In DIR, pass over what is no recipe instead of putting it as a leaf.
    #[arg(long, requires = "source")]
    recipes_only: bool,
    /// Write the whole report to this file, in the format of --output; standard output then has the counts only (text).
    #[arg(long, value_name = "FILE", requires = "source")]
    report: Option<PathBuf>,
    /// Declare that everything has been imported: the node believes its aliases from now on.
    #[arg(long)]
    complete: bool,
    /// Show how the import stands.
    #[arg(long)]
    status: bool,
}

pub(super) async fn run(
    client: &Client,
    what: ImportArgs,
    format: Format,
) -> Result<Answer, Failure> {
    let Some(source) = &what.source else {
        let state = match what.complete {
            true => client.complete_import().await?,
            false => client.import_status().await?,
        };
        return Ok(report::state(&state));
    };
    // Opened first: a report that cannot be written is better known before the work.
    let file = what.report.as_deref();
    let file = file.map(|file| Sink::open(Some(file))).transpose()?;
    let source = open(source).await?;
    let scope = match what.recipes_only {
        true => Scope::RecipesOnly,
        false => Scope::Everything,
    };
    let report = tokio::select! {
        report = import(client, &source, scope) => report?,
        Ok(()) = tokio::signal::ctrl_c() => return Err(Failure::Interrupted(INTERRUPTED.to_owned())),
    };
    match file {
        None => Ok(report.answer()),
        Some(file) => report.written(file, format),
    }
}

/// What an interrupted import leaves behind.
const INTERRUPTED: &str =
    "interrupted; what was stored stays: run the same import again, and it goes on";

async fn import(client: &Client, source: &Arc<Source>, scope: Scope) -> Result<Report, Failure> {
    let mut report = Report::default();
    let index = gather(client, source, scope, &mut report).await?;
    send::recipes(client, source, index.ordered(), &mut report).await?;
    report.state = Some(client.import_status().await?);
    Ok(report)
}

/// What is imported.
#[derive(Debug)]
enum Source {
    Directory(PathBuf),
    /// A file of records, or standard input as it was copied.
    Records {
        file: File,
        name: PathBuf,
    },
}

/// Opens what was named; a pipe is copied to a file without a name first, because its recipes are
/// read a second time, in their order.
#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads its user's files; there is no storage port"
)]
async fn open(source: &Path) -> Result<Arc<Source>, Failure> {
    let name = source.to_owned();
    let opening = move || {
        if name.as_os_str() == "-" {
            let file = survey::spool(std::io::stdin().lock(), &name)?;
            return Ok(Source::Records { file, name });
        }
        let about = std::fs::metadata(&name).map_err(|e| Failure::named(&name, &e))?;
        if about.is_dir() {
            return Ok(Source::Directory(name));
        }
        let file = File::open(&name).map_err(|e| Failure::named(&name, &e))?;
        let file = match about.is_file() {
            true => file,
            false => survey::spool(file, &name)?,
        };
        Ok(Source::Records { file, name })
    };
    let opened = tokio::task::spawn_blocking(opening).await;
    opened.map_err(|e| died(&e))?.map(Arc::new)
}

/// Goes through the source once: leaves are put, recipes noted, everything else told.
async fn gather(
    client: &Client,
    source: &Arc<Source>,
    scope: Scope,
    report: &mut Report,
) -> Result<Index, Failure> {
    let (out, mut found) = mpsc::channel(FOUND_AHEAD);
    let surveyed = source.clone();
    let survey = tokio::task::spawn_blocking(move || survey::survey(&surveyed, scope, &out));
    let mut leaves = send::Leaves::new(client.clone());
    let mut index = Index::default();
    let bar = spinner();
    while let Some(found) = found.recv().await {
        bar.inc(1);
        match found {
            Found::Leaf(leaf) => leaves.put(leaf, report).await?,
            Found::Recipe(recipe) => index.push(recipe)?,
            Found::Refused(refused) => report.refuse(refused)?,
            Found::Skipped => report.skipped += 1,
        }
    }
    leaves.finish(report).await?;
    bar.finish_and_clear();
    survey.await.map_err(|e| died(&e))??;
    Ok(index)
}

fn died(error: &tokio::task::JoinError) -> Failure {
    Failure::local(format!("reading the source ended early: {error}"))
}

/// Counts what was found, on a terminal; nothing on a pipe.
fn spinner() -> ProgressBar {
    shown(ProgressBar::new_spinner(), "{spinner} {pos} looked at")
}

/// Shows how far the recipes are, on a terminal; nothing on a pipe.
fn bar(total: usize) -> ProgressBar {
    shown(
        ProgressBar::new(total as u64),
        "{bar:30} {pos}/{len} recipes {eta}",
    )
}

fn shown(bar: ProgressBar, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod import_test;

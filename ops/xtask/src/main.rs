//! The checks of this repository that neither rustc nor clippy can make: who may see whom (`walls`) and how the
//! tree reads (`tidy`). It looks at `cargo metadata` and at the sources, never at a running node, and it refuses
//! to repair what it finds: it names the place and the rule and fails.

#![allow(
    clippy::disallowed_methods,
    reason = "a check on the developer's machine reads the disk directly; no port is at stake"
)]

mod documents;
mod map;
mod mask;
mod metadata;
mod tidy;
mod walls;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- walls|tidy";

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("walls") => check_walls(),
        Some("tidy") => check_tidy(),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

fn check_walls() -> Result<String, String> {
    let root = repository_root();
    let tree = metadata::read(&root)?;
    let record = std::fs::read_to_string(root.join(map::DUPLICATES_RECORD))
        .map_err(|error| format!("{}: {error}", map::DUPLICATES_RECORD))?;
    let breaches = walls::breaches(&tree, &record);
    let summary = format!(
        "walls: {} crates of ours among {} packages keep to the map",
        tree.members.len(),
        tree.packages.len()
    );
    verdict(&breaches, summary)
}

fn check_tidy() -> Result<String, String> {
    let root = repository_root();
    let sources = tidy::read_sources(&root)?;
    let mut breaches = tidy::breaches(&sources);
    breaches.extend(documents::breaches(&root)?);
    verdict(
        &breaches,
        format!("tidy: {} source files keep to the house", sources.len()),
    )
}

fn verdict(breaches: &[String], summary: String) -> Result<String, String> {
    if breaches.is_empty() {
        return Ok(summary);
    }
    Err(format!(
        "{}\n{} breach(es)",
        breaches.join("\n"),
        breaches.len()
    ))
}

/// The root of the checkout that this is run in.
fn repository_root() -> PathBuf {
    // As cargo says it now: the binary may have been built where the repository lay before.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.join("../..")
}

//! The documents name only what is there: a `make` target that the Makefile has, and a file of the repository that
//! exists. It reads the Markdown files at the root and in `ops/`; whether a sentence is true is for review.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every command or link of the documents that leads nowhere, one line each.
pub(crate) fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let makefile = read(&root.join("Makefile"))?;
    let targets = make_targets(&makefile);
    let mut found = Vec::new();
    for path in documents(root)? {
        let text = read(&path)?;
        let name = path.strip_prefix(root).unwrap_or(&path);
        let name = name.display().to_string();
        judge_commands(&name, &text, &targets, &mut found);
        let folder = path.parent().unwrap_or(root);
        judge_links(&name, &text, |link| folder.join(link).exists(), &mut found);
    }
    Ok(found)
}

fn documents(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for folder in [
        "",
        "ops",
        "ops/benchmarks",
        "ops/decisions",
        "ops/demo",
        "ops/demo/data",
        "golden",
    ] {
        let folder = root.join(folder);
        let complain = |error| format!("{}: {error}", folder.display());
        for entry in std::fs::read_dir(&folder).map_err(complain)? {
            let path = entry.map_err(complain)?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn make_targets(makefile: &str) -> BTreeSet<&str> {
    makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target)
        .filter(|target| !target.is_empty() && target.chars().all(is_target_letter))
        .collect()
}

fn is_target_letter(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter == '-'
}

/// A command is `make` and a word, between backquotes or at the start of a line of a code block.
fn judge_commands(name: &str, text: &str, targets: &BTreeSet<&str>, found: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2);
        for command in quoted.chain([line.trim_start_matches("$ ")]) {
            let Some(rest) = command.strip_prefix("make ") else {
                continue;
            };
            let target: String = rest.chars().take_while(|c| is_target_letter(*c)).collect();
            if !target.is_empty() && !targets.contains(target.as_str()) {
                found.push(format!(
                    "{name}:{}: the Makefile has no target {target}",
                    number + 1
                ));
            }
        }
    }
}

/// A link is `](path)`, anchors and addresses of the web apart.
fn judge_links(name: &str, text: &str, exists: impl Fn(&str) -> bool, found: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let link = rest.split([')', '#', ' ']).next().unwrap_or_default();
            let leads_away = link.is_empty() || link.contains("://") || link.starts_with("mailto:");
            if !leads_away && !exists(link) {
                found.push(format!("{name}:{}: {link} is not there", number + 1));
            }
        }
    }
}

#[cfg(test)]
#[path = "documents_test.rs"]
mod documents_test;

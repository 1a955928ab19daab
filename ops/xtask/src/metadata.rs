//! Reads from cargo the few facts that the walls are about: our crates with what they name (`cargo metadata`), and
//! every package of the tree with its version (`cargo tree`, because metadata also lists optional packages that no
//! feature switches on). It asks cargo and refuses to guess from manifests or from the lock file.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Where a dependency stands in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// One of our crates.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Its folder, relative to the root of the workspace, with `/` between the parts.
    pub(crate) folder: String,
    pub(crate) names: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) members: Vec<Member>,
    pub(crate) packages: BTreeSet<Package>,
}

#[derive(Deserialize)]
struct Answer {
    packages: Vec<AnsweredPackage>,
    workspace_root: String,
}

#[derive(Deserialize)]
struct AnsweredPackage {
    name: String,
    manifest_path: String,
    dependencies: Vec<AnsweredDependency>,
}

#[derive(Deserialize)]
struct AnsweredDependency {
    name: String,
    kind: Option<String>,
}

/// Asks cargo about the workspace at `root`, without touching its lock file.
pub(crate) fn read(root: &Path) -> Result<Tree, String> {
    let metadata = ask(root, &["metadata", "--format-version", "1", "--no-deps"])?;
    // Every platform: what is banned is banned there too.
    let tree = ask(
        root,
        &[
            "tree",
            "--workspace",
            "--target",
            "all",
            "--edges",
            "all",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
    )?;
    Ok(Tree {
        members: members(&metadata)?,
        packages: packages(&tree),
    })
}

fn ask(root: &Path, question: &[&str]) -> Result<String, String> {
    let what = format!("cargo {}", question.first().copied().unwrap_or_default());
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(question)
        .arg("--locked")
        .current_dir(root)
        .output()
        .map_err(|error| format!("{what} could not be started: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{what} failed: {words}"));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{what} said no text: {error}"))
}

fn members(json: &str) -> Result<Vec<Member>, String> {
    let answer: Answer = serde_json::from_str(json)
        .map_err(|error| format!("cargo metadata said what we cannot read: {error}"))?;
    answer
        .packages
        .iter()
        .map(|package| member(package, &answer.workspace_root))
        .collect()
}

/// The lines of `cargo tree` are `name vVERSION`, then remarks; a package stands there once a parent.
fn packages(tree: &str) -> BTreeSet<Package> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?.to_owned();
            let version = words.next()?.strip_prefix('v')?.to_owned();
            Some(Package { name, version })
        })
        .collect()
}

fn member(package: &AnsweredPackage, root: &str) -> Result<Member, String> {
    let folder = package
        .manifest_path
        .strip_prefix(root)
        .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        .ok_or_else(|| format!("{} lies outside the workspace", package.name))?;
    let names = package
        .dependencies
        .iter()
        .map(|dependency| Named {
            name: dependency.name.clone(),
            kind: match dependency.kind.as_deref() {
                Some("dev") => Kind::Dev,
                Some("build") => Kind::Build,
                _ => Kind::Normal,
            },
        })
        .collect();
    Ok(Member {
        name: package.name.clone(),
        folder: folder.trim_start_matches('/').to_owned(),
        names,
    })
}

#[cfg(test)]
#[path = "metadata_test.rs"]
mod metadata_test;

//! What a figure depends on beside the code: the machine, its load, and the versions of everything.

use serde::Serialize;
use std::{collections::BTreeMap, fs, process::Command};

/// Libraries whose speed is part of the figures.
const LIBRARIES: [&str; 9] = [
    "blake3", "bytes", "dashmap", "mimalloc", "prost", "ractor", "rocksdb", "tokio", "tonic",
];

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub kernel: String,
}

impl Machine {
    #[must_use]
    pub fn here() -> Self {
        let memory_kib = field("/proc/meminfo", "MemTotal").and_then(|text| {
            let number = text.split_whitespace().next()?;
            number.parse::<u64>().ok()
        });
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory_kib.unwrap_or(0) * 1024,
            kernel: word("/proc/sys/kernel/osrelease"),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Versions {
    pub deriva: String,
    /// Of the checkout.
    pub commit: String,
    pub rustc: String,
    pub libraries: BTreeMap<String, String>,
}

impl Versions {
    #[must_use]
    pub fn here() -> Self {
        Self {
            deriva: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit(),
            rustc: env!("DERIVA_BENCH_RUSTC").to_owned(),
            libraries: locked(include_str!("../../../Cargo.lock")),
        }
    }
}

fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(words)
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(said)
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return unknown();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => commit + " with changes",
    }
}

/// The versions in a lock file, of the libraries that matter.
fn locked(lock: &str) -> BTreeMap<String, String> {
    let quoted = |line: &str, key: &str| {
        let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
        value.strip_suffix('"').map(str::to_owned)
    };
    let lines: Vec<&str> = lock.lines().collect();
    let pairs = lines.windows(2).filter_map(|two| {
        let name = quoted(two[0], "name")?;
        let version = quoted(two[1], "version")?;
        LIBRARIES
            .contains(&name.as_str())
            .then_some((name, version))
    });
    pairs.collect()
}

/// The load average of the last minute.
#[must_use]
pub fn load() -> f64 {
    let text = word("/proc/loadavg");
    let first = text.split(' ').next().and_then(|word| word.parse().ok());
    first.unwrap_or(f64::NAN)
}

fn word(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| unknown(), |text| text.trim().to_owned())
}

/// The first `name : value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod machine_test {
    use super::locked;

    #[test]
    fn the_lock_file_tells_the_versions_of_the_libraries_that_matter() {
        let lock = "[[package]]\nname = \"tokio\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"other\"\nversion = \"9.9.9\"\n";
        let found: Vec<_> = locked(lock).into_iter().collect();
        assert_eq!(found, [("tokio".to_owned(), "1.2.3".to_owned())]);
    }
}

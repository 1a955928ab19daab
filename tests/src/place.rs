//! Where a node keeps its data: a temporary directory, or a small file system of its own whose room
//! a test decides about.
//!
//! It refuses to mount anything that others see: the file system lives in a mount namespace, which
//! is held by a process that ends when its standard input does, however the test ends.

use crate::binary;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
};

/// A data directory; it goes when the last of its users does.
#[derive(Clone, Debug)]
pub enum Place {
    Directory(Arc<TempDir>),
    Mounted(Arc<Mounted>),
}

impl Place {
    /// A directory that does not exist yet, in one that does.
    #[must_use]
    pub fn new() -> Self {
        Self::Directory(Arc::new(
            tempfile::tempdir().expect("a temporary directory"),
        ))
    }

    /// The directory's name for the node.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Directory(directory) => directory.path().join("data"),
            Self::Mounted(mounted) => mounted.point.path().to_owned(),
        }
    }

    /// The same directory's name for this process.
    #[must_use]
    pub fn seen(&self) -> PathBuf {
        match self {
            Self::Directory(_) => self.path(),
            Self::Mounted(mounted) => mounted.seen(),
        }
    }

    /// A binary of the workspace, to be run where the directory can be seen.
    pub(crate) fn command(&self, name: &str) -> Command {
        match self {
            Self::Directory(_) => Command::new(binary(name)),
            Self::Mounted(mounted) => mounted.enter(&binary(name)),
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// A file system in memory, mounted where only its holder's namespace sees it.
#[derive(Debug)]
pub struct Mounted {
    point: TempDir,
    holder: Child,
    _alive: ChildStdin,
}

impl Mounted {
    /// Mounts `size` (as `mount` spells it) with further options, such as `ro`. `None`, after saying
    /// why, where the system lets nobody mount: there this cannot be tested.
    pub async fn place(size: &str, options: &str) -> Option<Place> {
        let point = tempfile::tempdir().expect("a temporary directory");
        let script = r#"mount -t tmpfs -o "$1" none "$0" && echo mounted && exec cat"#;
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", script])
            .arg(point.path())
            .arg(format!("size={size}{options}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("unshare is part of every Linux system");
        let alive = holder.stdin.take().expect("piped");
        let mut lines = BufReader::new(holder.stdout.take().expect("piped")).lines();
        let Ok(Some(_)) = lines.next_line().await else {
            eprintln!("SKIPPED: this system allows no mount in a namespace of one's own");
            return None;
        };
        Some(Place::Mounted(Arc::new(Self {
            point,
            holder,
            _alive: alive,
        })))
    }

    fn pid(&self) -> u32 {
        self.holder
            .id()
            .expect("the holder ends only with its input")
    }

    /// The directory through the holder's eyes.
    fn seen(&self) -> PathBuf {
        let inside = self
            .point
            .path()
            .strip_prefix("/")
            .expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.pid())).join(inside)
    }

    /// A program inside the namespace; `nsenter` becomes it, so the process id is the program's.
    fn enter(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--user", "--mount", "--preserve-credentials", "--target"])
            .arg(self.pid().to_string())
            .arg("--")
            .arg(program);
        command
    }
}

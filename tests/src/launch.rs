//! How a node process is started: its settings, its place, and the wait for its ready line.
//!
//! It refuses to take a silent end for a start: a node that ends before it is ready is a `Refused`
//! with everything it said.

use crate::{PATIENCE, Place, node::NodeProcess};
use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::Command,
    task::JoinHandle,
    time::timeout,
};

/// Bytes kept of what a process says; a node that logs more is heard and not kept.
const SAID_BYTES: usize = 1 << 20;
const ANY_PORT: &str = "127.0.0.1:0";

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct Launch {
    pub place: Place,
    environment: BTreeMap<String, String>,
    arguments: Vec<OsString>,
    grpc_listen: String,
    admin_listen: String,
}

impl Launch {
    /// A node in a new directory, on free ports, with the defaults but for the memory: many nodes
    /// share the machine.
    #[must_use]
    pub fn new() -> Self {
        Self::at(Place::new())
    }

    #[must_use]
    pub fn at(place: Place) -> Self {
        let launch = Self {
            place,
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            grpc_listen: ANY_PORT.to_owned(),
            admin_listen: ANY_PORT.to_owned(),
        };
        launch.set("workers", "2").set("store_memory", "32MiB")
    }

    /// A setting, given by the environment.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        let name = format!("DERIVA_{}", key.to_uppercase());
        self.environment.insert(name, value.to_owned());
        self
    }

    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn grpc_listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.grpc_listen);
        self
    }

    #[must_use]
    pub fn admin_listen(mut self, address: &str) -> Self {
        address.clone_into(&mut self.admin_listen);
        self
    }

    /// A node that is ready.
    pub async fn start(&self) -> NodeProcess {
        match self.attempt().await {
            Ok(node) => node,
            Err(refused) => panic!("the node did not start: {refused:?}"),
        }
    }

    /// A node that must not become ready; answers how it ended.
    pub async fn refused(&self) -> Refused {
        match self.attempt().await {
            Ok(node) => panic!("the node started, at {}", node.url()),
            Err(refused) => refused,
        }
    }

    /// Either a ready node or how it ended.
    pub async fn attempt(&self) -> Result<NodeProcess, Refused> {
        let mut child = self
            .command()
            .spawn()
            .expect("the node's binary can be run");
        let stderr = Said::listen(child.stderr.take().expect("piped"));
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        let read = timeout(PATIENCE, stdout.read_line(&mut line)).await;
        read.expect("a node is ready or ends in time")
            .expect("its output can be read");
        let stdout_after = Said::listen(stdout);
        // A line without its end is what was said by a process that is no more.
        if !line.starts_with("ready") || !line.ends_with('\n') {
            let status = timeout(PATIENCE, child.wait())
                .await
                .expect("it ends in time");
            return Err(Refused {
                status: status.expect("a child can be waited for"),
                stdout: line + &stdout_after.all().await,
                stderr: stderr.all().await,
            });
        }
        let written = std::fs::read(self.place.seen().join("ready.json"));
        let written = written.expect("a ready node has written ready.json");
        let ready: Json = serde_json::from_slice(&written).expect("ready.json is JSON");
        assert_eq!(
            ready["pid"].as_u64(),
            child.id().map(u64::from),
            "ready.json: {ready}"
        );
        Ok(NodeProcess::new(self.clone(), child, ready, line, stderr))
    }

    fn command(&self) -> Command {
        let mut command = self.place.command("deriva-actor-node");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DERIVA_") {
                command.env_remove(name);
            }
        }
        command
            .envs(&self.environment)
            .arg("--data-dir")
            .arg(self.place.path())
            .args(["--grpc-listen", &self.grpc_listen])
            .args(["--admin-listen", &self.admin_listen])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

impl Default for Launch {
    fn default() -> Self {
        Self::new()
    }
}

/// How a node ended that never was ready.
#[derive(Debug)]
pub struct Refused {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Refused {
    /// Whether what it said on standard error contains every one of the words.
    #[must_use]
    pub fn names(&self, words: &[&str]) -> bool {
        !self.status.success() && words.iter().all(|word| self.stderr.contains(word))
    }
}

/// What a process says on one of its outputs, read to the end so that it never blocks.
#[derive(Debug)]
pub(crate) struct Said {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Said {
    fn listen(mut from: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = kept.clone();
        let reader = tokio::spawn(async move {
            let mut piece = vec![0; 4096];
            while let Ok(read @ 1..) = from.read(&mut piece).await {
                let mut kept = into.lock().expect("nobody panics with it");
                let room = SAID_BYTES - kept.len();
                kept.extend_from_slice(&piece[..read.min(room)]);
            }
        });
        Self { kept, reader }
    }

    /// What was said until now.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.kept.lock().expect("nobody panics with it")).into_owned()
    }

    /// Everything, once the process has closed its output.
    pub(crate) async fn all(mut self) -> String {
        let end = timeout(PATIENCE, &mut self.reader).await;
        end.expect("an output ends with its process")
            .expect("reading does not panic");
        self.so_far()
    }
}

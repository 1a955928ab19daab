//! The processes that the rows talk to: a real node, and a bare tonic server that does the least that
//! the same work takes. Both listen on loopback, on a free port, and end with the value that stands
//! for them.
//!
//! It refuses to take a process for ready before it has said so.

use crate::Failure;
use deriva_client::Client;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long a process may take to be ready, or to end: a store with a long log is read again.
const PATIENCE: Duration = Duration::from_secs(120);
const NODE: &str = "deriva-actor-node";
const ANY_PORT: &str = "127.0.0.1:0";

/// A process that is ready.
pub(crate) struct Process {
    child: Child,
    url: String,
    /// From its start to its ready line.
    pub(super) took: Duration,
}

impl Process {
    /// A node over a data directory, beside the benchmark's program, with the defaults but for its ports.
    pub(crate) async fn node(program: &Path, data: &Path) -> Result<Self, Failure> {
        let mut command = clean(&beside(program, NODE)?);
        command.arg("--data-dir").arg(data).args([
            "--grpc-listen",
            ANY_PORT,
            "--admin-listen",
            ANY_PORT,
        ]);
        Self::start(command).await
    }

    /// The bare server, which is the benchmark's own program told to be one.
    pub(super) async fn bare(program: &Path, place: &Path) -> Result<Self, Failure> {
        let mut command = clean(program);
        command.arg(super::bare::COMMAND).arg(place);
        Self::start(command).await
    }

    /// Either says `ready: grpc ADDRESS …` when it serves.
    async fn start(mut command: Command) -> Result<Self, Failure> {
        let began = Instant::now();
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("its output is piped")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        timeout(PATIENCE, reader.read_line(&mut line)).await??;
        let took = began.elapsed();
        let address = line.strip_prefix("ready: grpc ");
        let address = address.and_then(|rest| rest.split_whitespace().next());
        let address = address.ok_or_else(|| format!("it did not get ready: {line:?}"))?;
        Ok(Self {
            child,
            url: format!("http://{address}"),
            took,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        Ok(Client::connect(self.url.clone()).await?)
    }

    /// The most memory that it has had resident, in bytes.
    pub(super) fn peak_bytes(&self) -> Result<u64, Failure> {
        let pid = self.child.id().ok_or("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.ok_or("the peak is told in KiB")? * 1024)
    }

    /// Tells it to drain and stop, and waits for that.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let pid = self.child.id().ok_or("it has ended")?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).ok_or("a process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait()).await??;
        match status.success() {
            true => Ok(()),
            false => Err(format!("it did not stop well: {status}").into()),
        }
    }
}

/// A command without the caller's own settings of a node.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DERIVA_") {
            command.env_remove(name);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

/// A binary of this workspace, of the same profile.
fn beside(program: &Path, name: &str) -> Result<PathBuf, Failure> {
    let binary = program.with_file_name(name);
    match binary.is_file() {
        true => Ok(binary),
        false => Err(format!(
            "{} is not built; build the whole workspace",
            binary.display()
        )
        .into()),
    }
}

//! A running node process and the ways of talking to it.

use crate::{Launch, Metrics, PATIENCE, launch::Said};
use deriva_client::{Client, ClientConfig};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use std::{
    ffi::OsStr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

/// Turns of the processor that a dropped process is given to go before its directory does.
const LAST_TURNS: usize = 100_000;

/// A node that said it is ready. It is killed when it is dropped.
#[derive(Debug)]
pub struct NodeProcess {
    child: Child,
    stderr: Said,
    ready: Json,
    ready_line: String,
    launch: Launch,
}

/// How a node ended that was ready.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
    /// To start it again in the same place.
    pub launch: Launch,
}

/// An answer of the admin listener.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub body: String,
}

impl Page {
    #[must_use]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A command line that has run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// What it printed, without the last line break, if it succeeded.
    #[must_use]
    pub fn line(&self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// The one JSON object that it printed, if it succeeded.
    #[must_use]
    pub fn json(&self) -> Json {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}

impl NodeProcess {
    pub(crate) fn new(
        launch: Launch,
        child: Child,
        ready: Json,
        ready_line: String,
        stderr: Said,
    ) -> Self {
        Self {
            child,
            stderr,
            ready,
            ready_line,
            launch,
        }
    }

    fn address(&self, key: &str) -> String {
        let text = self.ready[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key}: {}", self.ready));
        text.trim_start_matches("http://").to_owned()
    }

    /// Where its gRPC listener listens, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address("grpc"))
    }

    /// Where its admin listener listens, as a URL.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("http://{}", self.address("admin"))
    }

    /// What `ready.json` says.
    #[must_use]
    pub const fn ready(&self) -> &Json {
        &self.ready
    }

    #[must_use]
    pub fn ready_line(&self) -> &str {
        &self.ready_line
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child
            .id()
            .expect("a process that was not waited for has its id")
    }

    #[must_use]
    pub const fn launch(&self) -> &Launch {
        &self.launch
    }

    /// The data directory, as this process sees it.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.launch.place.seen()
    }

    /// What it has said on standard error.
    #[must_use]
    pub fn said(&self) -> String {
        self.stderr.so_far()
    }

    pub async fn client(&self) -> Client {
        self.client_with(|_| {}).await
    }

    pub async fn client_with(&self, change: impl FnOnce(&mut ClientConfig)) -> Client {
        let mut config = ClientConfig::new(self.url());
        change(&mut config);
        Client::connect_with(config)
            .await
            .expect("a ready node can be reached")
    }

    /// One page of the admin listener.
    pub async fn page(&self, path: &str) -> Page {
        self.ask_admin("GET", path).await
    }

    /// One command to the admin listener.
    pub async fn command_admin(&self, path: &str) -> Page {
        self.ask_admin("POST", path).await
    }

    /// HTTP/1.0 says its end by closing, so that this needs no more than a socket.
    async fn ask_admin(&self, method: &str, path: &str) -> Page {
        let address = self.address("admin");
        let ask = async {
            let mut stream = TcpStream::connect(&address).await?;
            let request = format!("{method} {path} HTTP/1.0\r\nhost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = timeout(PATIENCE, ask)
            .await
            .expect("the admin listener answers in time");
        let answer = answer.expect("the admin listener answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Page {
            status: status.expect("a status line"),
            body: body.to_owned(),
        }
    }

    pub async fn metrics(&self) -> Metrics {
        let page = self.page("/metrics").await;
        assert_eq!(page.status, 200, "{}", page.body);
        Metrics::parse(&page.body)
    }

    /// Runs `deriva` against this node.
    pub async fn cli<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Run {
        self.cli_fed(arguments, b"").await
    }

    /// The same with something on its standard input.
    pub async fn cli_fed<A: AsRef<OsStr>>(&self, arguments: &[A], input: &[u8]) -> Run {
        let mut child = Command::new(crate::binary("deriva"))
            .env("DERIVA_SERVER", self.url())
            .env("DERIVA_ADMIN", self.admin_url())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the command line can be run");
        let mut stdin = child.stdin.take().expect("piped");
        let feed = async {
            // A command that does not read its input may have gone before it was given.
            drop(stdin.write_all(input).await);
            drop(stdin);
        };
        let both = async { tokio::join!(child.wait_with_output(), feed).0 };
        let output = timeout(PATIENCE, both)
            .await
            .expect("the command ends in time");
        let output = output.expect("the command can be waited for");
        Run {
            code: output.status.code().expect("the command was not killed"),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Ends it without a word, as a power cut would end the process.
    pub async fn kill9(self) -> Launch {
        self.end(Signal::KILL).await.launch
    }

    /// Tells it to drain and stop, which it must do well.
    pub async fn terminate(self) -> Ended {
        let ended = self.end(Signal::TERM).await;
        assert!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
        ended
    }

    /// Kills it and starts it again in the same place.
    pub async fn restart(self) -> Self {
        self.kill9().await.start().await
    }

    /// Sends a signal and goes on.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(pid, signal).expect("an own child can be signalled");
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .expect("the node ends in time");
        let status = status.expect("a child can be waited for");
        let launch = self.launch.clone();
        Ended {
            status,
            stderr: self.stderr.so_far(),
            launch,
        }
    }

    async fn end(self, signal: Signal) -> Ended {
        self.signal(signal);
        self.ended().await
    }

    /// The most memory that it ever had resident, in bytes.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("a running process has a status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("the peak is told in KiB") * 1024
    }
}

impl Drop for NodeProcess {
    /// It is gone before its directory is, which is dropped after this.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) || self.child.start_kill().is_err() {
            return;
        }
        for _ in 0..LAST_TURNS {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::yield_now();
        }
    }
}

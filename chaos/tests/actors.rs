//! Every actor of a node is killed under load, one after the other, supervisors too: no acknowledged
//! write is lost, the node answers again by itself, and callers see a typed retryable fault at worst.
//!
//! The node runs in this process, because only here its actors can be reached; everything else goes
//! through its public listeners. It refuses to be one of many tests: the process's metrics are one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test touches the machine itself"
)]

use deriva_bin::node::{
    Node, NodeConfig,
    settings::{Origin, Settings},
};
use deriva_client::{Client, ClientConfig, ClientError, MissingInputs, Resolution, RetryPolicy};
use deriva_model::{CAddr, FunctionId, Recipe, Value};
use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

/// Clients that write and read side by side.
const CLIENTS: usize = 4;
/// Writes that must be acknowledged between two kills, so that each kill falls into work.
const BETWEEN_KILLS: u64 = 30;
/// Times that each actor is killed.
const ROUNDS: usize = 3;
/// How long anything may take that this test waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a caller does about a retryable fault.
const RETRY: RetryPolicy = RetryPolicy {
    attempts: 12,
    first_wait: Duration::from_millis(20),
    longest_wait: Duration::from_millis(500),
};

async fn start(data: &Path) -> Node {
    let mut settings = Settings::default();
    for (key, value) in [
        ("data_dir", data.to_str().unwrap()),
        ("grpc_listen", "127.0.0.1:0"),
        ("admin_listen", "127.0.0.1:0"),
        ("workers", "2"),
        ("shards", "2"),
        ("store_memory", "32MiB"),
    ] {
        settings.set(key, value.to_owned(), Origin::Flag).unwrap();
    }
    let config = NodeConfig::try_from(&settings).unwrap();
    Node::start(config).await.unwrap()
}

fn url(node: &Node) -> String {
    format!("http://{}", node.ready().grpc)
}

async fn client(url: &str) -> Client {
    let config = ClientConfig {
        retry: RETRY,
        ..ClientConfig::new(url)
    };
    // The listener may be the actor that was just killed.
    let connected = timeout(PATIENCE, async {
        loop {
            match Client::connect_with(config.clone()).await {
                Ok(client) => return client,
                Err(error) => assert!(error.retryable(), "{error:?}"),
            }
            tokio::task::yield_now().await;
        }
    });
    connected.await.expect("the node is reached again")
}

fn recipe(function: &str, inputs: &[CAddr], params: &[(&str, Value)]) -> Recipe {
    let params = params
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    let params: BTreeMap<String, Value> = params.collect();
    Recipe::new(FunctionId::new(function, "1.0.0"), inputs, params).unwrap()
}

/// What the clients share with the test.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    acknowledged: AtomicU64,
    values: AtomicU64,
    /// Calls that failed in spite of their retries.
    faults: AtomicU64,
}

impl Load {
    /// The answer, asked for as often as it takes; every fault on the way must be retryable.
    async fn insist<T, F>(&self, call: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let insisting = async {
            loop {
                match call().await {
                    Ok(answer) => return answer,
                    Err(error) => {
                        assert!(error.retryable(), "a caller sees: {error:?}");
                        self.faults.fetch_add(1, Ordering::Relaxed);
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, insisting)
            .await
            .expect("the node answers again by itself")
    }
}

/// A leaf and a recipe over it that were acknowledged, and the value of the recipe.
struct Written {
    leaf: CAddr,
    bytes: Vec<u8>,
    recipe: Recipe,
    value: Vec<u8>,
}

async fn work(url: String, number: usize, load: Arc<Load>) -> Vec<Written> {
    let client = client(&url).await;
    let mut all: Vec<Written> = Vec::new();
    let mut round = 0_u64;
    while !load.over.load(Ordering::Relaxed) {
        round += 1;
        let text = format!("client {number} round {round} ");
        // Every fourth is longer than a chunk, and is streamed.
        let times = if round.is_multiple_of(4) { 60_000 } else { 3 };
        let bytes = text.repeat(times).into_bytes();
        let leaf = load.insist(|| client.put_leaf(bytes.clone())).await;
        load.acknowledged.fetch_add(1, Ordering::Relaxed);
        let made = recipe("uppercase", &[leaf], &[]);
        let addr = load
            .insist(|| client.put_recipe(&made, MissingInputs::Refuse))
            .await;
        load.acknowledged.fetch_add(1, Ordering::Relaxed);
        let value = bytes.to_ascii_uppercase();
        let got = load.insist(|| fetch(&client, &addr)).await;
        assert!(got == value, "{text} has another value");
        load.values.fetch_add(1, Ordering::Relaxed);
        all.push(Written {
            leaf,
            bytes,
            recipe: made,
            value,
        });
    }
    all
}

async fn fetch(client: &Client, addr: &CAddr) -> Result<Vec<u8>, ClientError> {
    let stream = client.get(addr).await?;
    Ok(stream.collect_to_bytes(64 << 20).await?.to_vec())
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        timeout(PATIENCE, asking).await.is_ok(),
        "never came true: {what}"
    );
}

/// Waits until the clients have got on: writes acknowledged, values answered.
async fn progress(load: &Load, after: &str) {
    let (writes, values) = (&load.acknowledged, &load.values);
    let (before, seen) = (
        writes.load(Ordering::Relaxed),
        values.load(Ordering::Relaxed),
    );
    until(&format!("work goes on after {after}"), async || {
        writes.load(Ordering::Relaxed) >= before + BETWEEN_KILLS
            && values.load(Ordering::Relaxed) > seen
    })
    .await;
}

/// Kills whatever stands in a slot, and waits for the next one to stand there.
macro_rules! kill {
    ($slot:expr, $load:expr) => {{
        let slot = $slot;
        let generation = slot.generation();
        slot.cell().expect("an actor stands in its slot").kill();
        until(slot.name(), async || slot.generation() > generation).await;
        progress($load, slot.name()).await;
    }};
}

async fn kill_everything(node: &Node, load: &Load) {
    let slots = node.slots();
    for _ in 0..ROUNDS {
        for blob in slots.blobs.iter() {
            kill!(blob, load);
        }
        kill!(&slots.dag, load);
        kill!(&slots.cache, load);
        kill!(&slots.verify, load);
        kill!(&slots.materialize, load);
        kill!(&slots.grpc, load);
        kill!(&slots.admin, load);
        // A supervisor takes its children with it.
        let [_, gateways] = node.supervisors();
        let generation = slots.grpc.generation();
        gateways
            .cell()
            .expect("a supervisor stands in its seat")
            .kill();
        until("the gateways are back", async || {
            slots.grpc.generation() > generation
        })
        .await;
        progress(load, "the supervisor of the gateways").await;
    }
}

/// A page of the admin listener.
async fn page(node: &Node, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(&node.ready().admin).await.ok()?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .await
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(body.to_owned())
}

async fn check_restarts(node: &Node) {
    let body = page(node, "/v1/actors").await.unwrap();
    let actors: serde_json::Value = serde_json::from_str(&body).unwrap();
    let actors = actors["actors"].as_array().unwrap();
    assert!(
        actors.iter().all(|actor| actor["running"] == true),
        "{actors:?}"
    );
    let metrics = page(node, "/metrics").await.unwrap();
    let rounds = u64::try_from(ROUNDS).unwrap();
    for name in ["blob-0", "blob-1", "dag", "cache", "materialize"] {
        let counted = actors.iter().find(|actor| actor["name"] == name).unwrap();
        assert_eq!(counted["restarts"].as_u64(), Some(rounds), "{counted}");
        let line = format!("actor_restarts_total{{actor=\"{name}\"}} {rounds}");
        assert!(metrics.contains(&line), "no line {line}");
    }
    for name in ["grpc", "admin", "gateways"] {
        let line = format!("actor_restarts_total{{actor=\"{name}\"}} {rounds}");
        assert!(metrics.contains(&line), "no line {line}");
    }
}

async fn check_written(client: &Client, written: &[Written]) {
    for one in written {
        let addr = one.recipe.address();
        assert!(
            fetch(client, &one.leaf).await.unwrap() == one.bytes,
            "{} differs",
            one.leaf
        );
        let found = client.resolve(&addr).await.unwrap();
        assert_eq!(found, Resolution::Recipe(one.recipe.clone()));
        assert!(
            fetch(client, &addr).await.unwrap() == one.value,
            "{addr} differs"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_actor_dies_under_load_and_nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let node = start(&directory.path().join("data")).await;
    let load = Arc::new(Load::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(work(url(&node), number, load.clone()));
    }
    progress(&load, "the start").await;
    {
        let killing = kill_everything(&node, &load);
        tokio::pin!(killing);
        tokio::select! {
            () = &mut killing => {}
            // A client that ends now has found something wrong.
            ended = clients.join_next() => match ended.unwrap() {
                Ok(_) => panic!("a client ended early"),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }
    load.over.store(true, Ordering::Relaxed);
    let written = clients.join_all().await;
    check_restarts(&node).await;
    {
        let client = client(&url(&node)).await;
        for written in &written {
            check_written(&client, written).await;
        }
        let count: usize = written.iter().map(Vec::len).sum();
        let status = client.status().await.unwrap();
        assert_eq!(
            (status.blob_count, status.recipe_count),
            (count as u64, count as u64)
        );
    }
    node.stop().await;

    // And on the disk.
    let node = start(&directory.path().join("data")).await;
    let client = client(&url(&node)).await;
    for written in &written {
        check_written(&client, written).await;
    }
    drop(client);
    node.stop().await;
}

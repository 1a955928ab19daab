//! Verification on a whole node: a function that is not deterministic is caught by a request, by the
//! node or by `deriva verify`; what was made through it is served by nobody any more, across a restart
//! too, until an operator clears its mark.
//!
//! The node runs in this process, because no function that comes with it is one of that kind. The
//! command line is the real one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test touches the machine itself"
)]

use bytes::Bytes;
use deriva_bin::node::{
    Node, NodeConfig,
    settings::{Origin, Settings},
};
use deriva_client::{Client, ClientError, Code, Depth, MissingInputs, Mode};
use deriva_compute::{
    Budget, ComputeFunction, FunctionError, FunctionSpec, Params, Registry,
    function::{Arity, CostHint},
};
use deriva_model::{CAddr, FunctionId, Recipe};
use serde_json::Value as Json;
use std::{
    collections::BTreeMap,
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A function that answers as this says.
#[derive(Default)]
struct Nature {
    /// Whether it makes something else each time.
    fickle: AtomicBool,
    calls: AtomicU64,
}

struct Moody {
    spec: FunctionSpec,
    nature: Arc<Nature>,
}

impl ComputeFunction for Moody {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        _: &Params,
        _: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        let call = self.nature.calls.fetch_add(1, Ordering::Relaxed);
        let mut made = inputs.concat();
        if self.nature.fickle.load(Ordering::Relaxed) {
            made.extend_from_slice(&call.to_le_bytes());
        }
        Ok(made.into())
    }
}

/// The functions of a node, one of them of the nature given.
fn registry(nature: &Arc<Nature>) -> Registry {
    let mut registry = Registry::builtin();
    let spec = FunctionSpec {
        id: moody(),
        description: "Copies its inputs, or not.".to_owned(),
        inputs: Arity::any("anything"),
        params: Vec::new(),
        example: "deriva recipe moody 1.0.0 -i ADDR".to_owned(),
        // Dear enough that its values are looked up on disk.
        cost: CostHint {
            fixed_nanos: 1_000_000,
            nanos_per_kib: 0,
        },
    };
    let nature = nature.clone();
    registry.register(Arc::new(Moody { spec, nature })).unwrap();
    registry
}

fn moody() -> FunctionId {
    FunctionId::new("moody", "1.0.0")
}

struct Stage {
    node: Node,
    client: Client,
}

impl Stage {
    async fn start(data: &Path, nature: &Arc<Nature>, verification: &str) -> Self {
        let mut settings = Settings::default();
        for (key, value) in [
            ("data_dir", data.to_str().unwrap()),
            ("grpc_listen", "127.0.0.1:0"),
            ("admin_listen", "127.0.0.1:0"),
            ("workers", "2"),
            ("shards", "2"),
            ("store_memory", "32MiB"),
            ("verification", verification),
        ] {
            settings.set(key, value.to_owned(), Origin::Flag).unwrap();
        }
        let config = NodeConfig::try_from(&settings).unwrap();
        let node = Node::start_with(config, registry(nature)).await.unwrap();
        let client = Client::connect(&url(&node)).await.unwrap();
        Self { node, client }
    }

    async fn stop(self) {
        drop(self.client);
        self.node.stop().await;
    }

    async fn leaf(&self, bytes: &'static [u8]) -> CAddr {
        self.client.put_leaf(bytes).await.unwrap()
    }

    async fn recipe(&self, function: &str, input: CAddr) -> CAddr {
        let function = FunctionId::new(function, "1.0.0");
        let recipe = Recipe::new(function, vec![input], BTreeMap::new()).unwrap();
        self.client
            .put_recipe(&recipe, MissingInputs::Refuse)
            .await
            .unwrap()
    }

    async fn get(&self, addr: CAddr, verification: &str) -> Result<Bytes, ClientError> {
        let stream = self
            .client
            .get_verified(&addr, Mode::Parallel, verification)
            .await?;
        stream.collect_to_bytes(1 << 20).await
    }

    /// The real command line.
    async fn deriva(&self, words: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_deriva"));
        command
            .args(["--server", &url(&self.node), "--output", "json"])
            .args(words);
        command.output().await.unwrap()
    }

    async fn told(&self, words: &[&str]) -> (Option<i32>, Json) {
        let output = self.deriva(words).await;
        let said = match output.stdout.is_empty() {
            true => &output.stderr,
            false => &output.stdout,
        };
        (output.status.code(), serde_json::from_slice(said).unwrap())
    }

    async fn assert_refused(&self, addr: CAddr, verification: &str) {
        let error = self.get(addr, verification).await.unwrap_err();
        let ClientError::Refused(refusal) = error else {
            panic!("{error:?}")
        };
        assert_eq!(refusal.code, Code::FailedPrecondition, "{refusal:?}");
        assert_eq!(refusal.reason, "NONDETERMINISTIC", "{refusal:?}");
        assert!(
            refusal.hint.is_some() && refusal.addr.is_some(),
            "{refusal:?}"
        );
    }
}

fn url(node: &Node) -> String {
    format!("http://{}", node.ready().grpc)
}

fn fickle(nature: &Nature, so: bool) {
    nature.fickle.store(so, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dual_request_catches_it_and_a_restart_does_not_forget() {
    let (data, nature) = (tempfile::tempdir().unwrap(), Arc::new(Nature::default()));
    let stage = Stage::start(data.path(), &nature, "off").await;
    let leaf = stage.leaf(b"hello").await;
    let bad = stage.recipe("moody", leaf).await;
    let above = stage.recipe("reverse", bad).await;
    let innocent = stage.recipe("uppercase", leaf).await;
    fickle(&nature, true);
    // Unverified, and wrong: served until somebody looks.
    let wrong = stage.get(above, "").await.unwrap();
    assert_eq!(stage.get(above, "off").await.unwrap(), wrong);
    stage.assert_refused(above, "dual").await;
    for addr in [bad, above] {
        for verification in ["", "off", "dual", "sampled:0.5"] {
            stage.assert_refused(addr, verification).await;
        }
    }
    assert_eq!(stage.get(innocent, "dual").await.unwrap(), "HELLO");
    let status = stage.client.status().await.unwrap();
    assert_eq!(status.verification_mode, "off");
    let counts = (
        status.verification_total,
        status.verification_passed,
        status.verification_failed,
    );
    assert_eq!(counts, (2, 1, 1));
    stage.stop().await;

    let stage = Stage::start(data.path(), &nature, "off").await;
    stage.assert_refused(above, "").await;
    let (code, functions) = stage.told(&["functions"]).await;
    assert_eq!(code, Some(0));
    let functions = functions["functions"].as_array().unwrap().clone();
    let marked: Vec<&Json> = functions
        .iter()
        .filter(|f| !f["marked"].is_null())
        .collect();
    assert_eq!(marked.len(), 1);
    assert_eq!(marked[0]["name"], "moody");
    assert!(
        marked[0]["marked"]
            .as_str()
            .unwrap()
            .contains(&bad.to_hex())
    );
    // Mended, looked at, cleared.
    fickle(&nature, false);
    let (code, told) = stage.told(&["verify", &bad.to_hex()]).await;
    assert_eq!(
        (code, &told["deterministic"]),
        (Some(0), &Json::Bool(true)),
        "{told}"
    );
    assert_eq!(told["output_hash"], CAddr::of_leaf(b"hello").to_hex());
    stage.assert_refused(bad, "").await;
    let clear = ["verify", "--clear", "moody", "1.0.0"];
    let (code, told) = stage.told(&clear).await;
    assert_eq!((code, &told["was_marked"]), (Some(0), &Json::Bool(true)));
    assert_eq!(stage.told(&clear).await.1["was_marked"], false);
    assert_eq!(stage.get(above, "dual").await.unwrap(), "olleh");
    stage.stop().await;

    let stage = Stage::start(data.path(), &nature, "off").await;
    assert_eq!(stage.get(above, "").await.unwrap(), "olleh");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_tells_it_and_voids_what_was_made() {
    let (data, nature) = (tempfile::tempdir().unwrap(), Arc::new(Nature::default()));
    let stage = Stage::start(data.path(), &nature, "off").await;
    let leaf = stage.leaf(b"hello").await;
    let bad = stage.recipe("moody", leaf).await;
    let above = stage.recipe("reverse", bad).await;
    for (addr, size) in [(leaf, 5), (bad, 5), (above, 5)] {
        let (code, told) = stage.told(&["verify", "--deep", &addr.to_hex()]).await;
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(told["deterministic"], true);
        assert_eq!(told["output_size"], size);
        assert_eq!(told["error"], "");
    }
    assert_eq!(stage.get(above, "").await.unwrap(), "olleh");
    fickle(&nature, true);
    // The address's own function is honest; the one beneath it is not.
    let shallow = stage.client.verify(&above, Depth::Root).await.unwrap();
    assert!(
        shallow.deterministic && shallow.error.is_empty(),
        "{shallow:?}"
    );
    let (code, told) = stage.told(&["verify", "--deep", &above.to_hex()]).await;
    assert_eq!(
        (code, &told["deterministic"]),
        (Some(1), &Json::Bool(false)),
        "{told}"
    );
    assert!(
        told["error"].as_str().unwrap().contains("moody@1.0.0"),
        "{told}"
    );
    let (code, told) = stage.told(&["get", &above.to_hex()]).await;
    assert_eq!(
        (code, &told["error"]["reason"]),
        (Some(1), &Json::from("NONDETERMINISTIC"))
    );
    let status = stage.client.status().await.unwrap();
    assert_eq!(status.verification_failed, 1);
    assert!(status.verification_failure_rate > 0.0);
    let unknown = CAddr::of_leaf(b"nothing").to_hex();
    let (code, told) = stage.told(&["verify", &unknown]).await;
    assert_eq!(
        (code, &told["error"]["reason"]),
        (Some(1), &Json::from("NOT_FOUND"))
    );
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_no_longer_comes_out_is_caught_by_verify() {
    let (data, nature) = (tempfile::tempdir().unwrap(), Arc::new(Nature::default()));
    let stage = Stage::start(data.path(), &nature, "off").await;
    let bad = stage.recipe("moody", stage.leaf(b"hello").await).await;
    // Made while the function was in another mood: now it is steady, and says otherwise.
    fickle(&nature, true);
    assert_ne!(stage.get(bad, "").await.unwrap(), "hello");
    fickle(&nature, false);
    let told = stage.client.verify(&bad, Depth::Root).await.unwrap();
    assert!(!told.deterministic, "{told:?}");
    stage.assert_refused(bad, "").await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_dual_mode_serves_only_what_it_made_twice() {
    let (data, nature) = (tempfile::tempdir().unwrap(), Arc::new(Nature::default()));
    let stage = Stage::start(data.path(), &nature, "dual").await;
    let leaf = stage.leaf(b"hello").await;
    let copy = stage.recipe("moody", leaf).await;
    for verification in ["", "off", "sampled:0.1", "dual"] {
        assert_eq!(stage.get(copy, verification).await.unwrap(), "hello");
    }
    assert_eq!(
        nature.calls.load(Ordering::Relaxed),
        2,
        "twice, and then known"
    );
    let status = stage.client.status().await.unwrap();
    assert_eq!(
        (
            status.verification_mode.as_str(),
            status.verification_passed
        ),
        ("dual", 1)
    );
    fickle(&nature, true);
    let other = stage.recipe("moody", stage.leaf(b"other").await).await;
    stage.assert_refused(other, "off").await;
    stage.assert_refused(copy, "").await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gets_during_a_voiding_never_see_afterwards_what_was_voided() {
    let (data, nature) = (tempfile::tempdir().unwrap(), Arc::new(Nature::default()));
    let stage = Arc::new(Stage::start(data.path(), &nature, "off").await);
    let bad = stage.recipe("moody", stage.leaf(b"hello").await).await;
    let mut above = Vec::new();
    let mut top = bad;
    for _ in 0..20 {
        top = stage.recipe("reverse", top).await;
        above.push(top);
    }
    fickle(&nature, true);
    stage.get(top, "").await.unwrap();
    let caught = Arc::new(AtomicBool::new(false));
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let (stage, above) = (stage.clone(), above.clone());
            let (caught, over) = (caught.clone(), over.clone());
            tokio::spawn(async move {
                let mut late = 0_u64;
                let mut turn = reader;
                while !over.load(Ordering::Acquire) {
                    let is_late = caught.load(Ordering::Acquire);
                    let got = stage.get(above[turn % above.len()], "").await;
                    late += u64::from(is_late && got.is_ok());
                    turn += 1;
                }
                late
            })
        })
        .collect();
    stage.assert_refused(bad, "dual").await;
    caught.store(true, Ordering::Release);
    for addr in &above {
        stage.assert_refused(*addr, "").await;
    }
    over.store(true, Ordering::Release);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 0);
    }
    let stage = Arc::into_inner(stage).unwrap();
    stage.stop().await;
}

/// A page of the admin listener.
async fn page(node: &Node, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(&node.ready().admin)
        .await
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn long_chains_agree_and_violations_are_counted_by_function() {
    let (data, nature) = (tempfile::tempdir().unwrap(), Arc::new(Nature::default()));
    let stage = Stage::start(data.path(), &nature, "sampled:1").await;
    let leaf = stage.leaf(b"hello").await;
    let mut top = leaf;
    for _ in 0..100 {
        top = stage.recipe("reverse", top).await;
    }
    assert_eq!(stage.get(top, "").await.unwrap(), "hello");
    let status = stage.client.status().await.unwrap();
    let told = (
        status.verification_mode.as_str(),
        status.verification_passed,
    );
    assert_eq!(told, ("sampled:1", 100));
    fickle(&nature, true);
    let bad = stage.recipe("moody", leaf).await;
    stage.assert_refused(bad, "").await;
    let metrics = page(&stage.node, "/metrics").await;
    for line in [
        "verification_checks_total{outcome=\"agreed\"}",
        "verification_checks_total{outcome=\"differed\"}",
        "verification_violations_total{function=\"moody@1.0.0\"}",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
    stage.stop().await;
}

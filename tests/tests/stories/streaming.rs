//! Values larger than memory: computed as they are read, through functions that stream.

use crate::raw;
use deriva_client::{Client, Code, proto::GetRequest};
use deriva_model::{CAddr, Value};
use deriva_tests::{Launch, NodeProcess, eventually, fetch, noise, recipe, refused, store, text};

const MIB: u64 = 1 << 20;
/// What a node may need for a value of any size beyond what it needed before.
const GROWTH_BYTES: u64 = 256 * MIB;

/// A recipe of so many copies of a leaf of 1 MiB, and the leaf.
async fn copies(client: &Client, count: i64) -> (CAddr, Vec<u8>) {
    let bytes = noise(7, MIB as usize);
    let leaf = client.put_leaf(bytes.clone()).await.unwrap();
    let copies = recipe("repeat", &[leaf], &[("count", Value::I64(count))]);
    (store(client, &copies).await, bytes)
}

async fn waiting(node: &NodeProcess) -> f64 {
    let metrics = node.metrics().await;
    metrics.sum("materialize_productions_waiting", &[])
}

#[tokio::test]
async fn a_gibibyte_is_computed_and_read_through_little_memory() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let (warm, _) = copies(&client, 8).await;
    fetch(&client, &warm).await.unwrap();
    let before = node.peak_bytes();
    let (root, bytes) = copies(&client, 1024).await;
    let mut value = client.get(&root).await.unwrap();
    let mut hasher = blake3::Hasher::new();
    let mut seen = 0;
    while let Some(chunk) = value.chunk().await.unwrap() {
        hasher.update(&chunk);
        seen += chunk.len() as u64;
    }
    assert_eq!(seen, 1024 * MIB);
    let expected = (0..1024).fold(blake3::Hasher::new(), |mut hasher, _| {
        hasher.update(&bytes);
        hasher
    });
    assert_eq!(hasher.finalize(), expected.finalize());
    let content = value.content().unwrap();
    assert_eq!(content.as_bytes(), expected.finalize().as_bytes());
    let grown = node.peak_bytes() - before;
    assert!(grown < GROWTH_BYTES, "{} MiB more", grown >> 20);
}

#[tokio::test]
async fn a_leaf_larger_than_one_call_takes_goes_through_functions_that_stream() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let lines = vec![b'x'; 999].into_iter().chain([b'\n']);
    let block: Vec<u8> = lines.cycle().take(1 << 20).collect();
    let (size, lines) = (200 * block.len(), 200 * block.len() / 1000);
    let source = std::io::Cursor::new(block.repeat(200));
    let leaf = client.put_leaf_stream(source).await.unwrap();
    let before = node.peak_bytes();
    let upper = store(&client, &recipe("uppercase", &[leaf], &[])).await;
    let bytes = store(&client, &recipe("byte_count", &[upper], &[])).await;
    let count = store(
        &client,
        &recipe("grep", &[upper], &[("pattern", text("XXX"))]),
    )
    .await;
    let count = store(&client, &recipe("byte_count", &[count], &[])).await;
    assert_eq!(fetch(&client, &bytes).await.unwrap(), size.to_string());
    let counted = fetch(&client, &count).await.unwrap();
    let counted: usize = std::str::from_utf8(&counted).unwrap().parse().unwrap();
    assert!(
        counted.abs_diff(size) < 1000 && lines > 200_000,
        "{counted}"
    );
    let grown = node.peak_bytes() - before;
    assert!(grown < GROWTH_BYTES, "{} MiB more", grown >> 20);
    // What was computed is known now, and in a graph that shares it nothing runs again.
    let before = client.status().await.unwrap().executions;
    assert_eq!(fetch(&client, &bytes).await.unwrap(), size.to_string());
    assert_eq!(client.status().await.unwrap().executions, before);
}

#[tokio::test]
async fn a_reader_that_pauses_pauses_the_computation_and_holds_no_worker() {
    let node = Launch::new().set("workers", "1").start().await;
    let client = node.client().await;
    let (root, bytes) = copies(&client, 600).await;
    let mut value = client.get(&root).await.unwrap();
    let first = value.chunk().await.unwrap().unwrap();
    eventually("the computation waits", async || {
        waiting(&node).await == 1.0
    })
    .await;
    // The only worker answers others meanwhile.
    let leaf = client.put_leaf(&b"quick"[..]).await.unwrap();
    let quick = store(&client, &recipe("reverse", &[leaf], &[])).await;
    assert_eq!(fetch(&client, &quick).await.unwrap(), "kciuq");
    assert_eq!(waiting(&node).await, 1.0);
    let mut seen = first.len();
    while let Some(chunk) = value.chunk().await.unwrap() {
        seen += chunk.len();
    }
    assert_eq!(seen, 600 * bytes.len());
    assert_eq!(waiting(&node).await, 0.0);
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_computation() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let (root, _) = copies(&client, 1_000_000).await;
    let mut stub = raw::stub(&node).await;
    let request = GetRequest {
        addr: root.as_bytes().to_vec().into(),
        ..GetRequest::default()
    };
    let mut value = stub.get(request).await.unwrap().into_inner();
    assert!(value.message().await.unwrap().is_some());
    eventually("the computation waits", async || {
        waiting(&node).await == 1.0
    })
    .await;
    drop(value);
    eventually("it is stopped", async || waiting(&node).await == 0.0).await;
    eventually("nothing is under way", async || {
        let status = node.page("/v1/status").await.json();
        status["compute"]["in_flight"].as_u64() == Some(0)
    })
    .await;
}

#[tokio::test]
async fn two_readers_of_one_value_are_given_one_computation() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let (root, _) = copies(&client, 300).await;
    let before = client.status().await.unwrap().executions;
    let mut early = client.get(&root).await.unwrap();
    let mut late = None;
    let mut seen = 0;
    while let Some(chunk) = early.chunk().await.unwrap() {
        seen += chunk.len() as u64;
        if seen > 100 * MIB && late.is_none() {
            late = Some(client.get(&root).await.unwrap());
        }
    }
    let mut late = late.unwrap();
    while late.chunk().await.unwrap().is_some() {}
    assert_eq!(late.content(), early.content());
    assert_eq!(client.status().await.unwrap().executions, before + 1);
}

#[tokio::test]
async fn a_failure_in_the_middle_is_a_failed_status() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let (root, _) = copies(&client, 100).await;
    let packed = store(&client, &recipe("lz4_compress", &[root], &[])).await;
    let packed = client.get(&packed).await.unwrap();
    let packed = packed.collect_to_bytes(200 << 20).await.unwrap();
    let torn = packed.slice(..packed.len() - 9);
    let torn = client
        .put_leaf_stream(std::io::Cursor::new(torn.to_vec()))
        .await
        .unwrap();
    let unpacked = store(&client, &recipe("lz4_decompress", &[torn], &[])).await;
    let mut value = client.get(&unpacked).await.unwrap();
    let mut seen = 0;
    let fault = loop {
        match value.chunk().await {
            Ok(Some(chunk)) => seen += chunk.len() as u64,
            Ok(None) => panic!("a torn value ended well"),
            Err(fault) => break fault,
        }
    };
    assert!(seen > 90 * MIB, "{seen} bytes came first");
    let words = ["lz4_decompress", &unpacked.to_hex()];
    refused::<()>(
        Err(fault),
        Code::FailedPrecondition,
        "FUNCTION_FAILED",
        &words,
    );
    // The command line leaves no file that could be taken for the value.
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("value");
    let arguments = ["get", &unpacked.to_hex(), "-o", file.to_str().unwrap()];
    let ran = node.cli(&arguments).await;
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

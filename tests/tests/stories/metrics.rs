//! Every metric moves when what it measures happens, and none carries a client's words.

use deriva_model::Value;
use deriva_tests::{Launch, eventually, fetch, noise, recipe, store, text};

/// A word that a client says wherever it can.
const WORD: &str = "xyzzy";

#[tokio::test]
async fn a_get_moves_what_it_touches() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let before = node.metrics().await;
    assert_eq!(before.sum("materialize_executions_total", &[]), 0.0);

    let leaf = client.put_leaf(noise(1, 100_000)).await.unwrap();
    let twice = store(
        &client,
        &recipe("repeat", &[leaf], &[("count", Value::I64(2))]),
    )
    .await;
    let digest = store(&client, &recipe("sha256", &[twice], &[])).await;
    fetch(&client, &digest).await.unwrap();
    let cold = node.metrics().await;
    for function in ["repeat", "sha256"] {
        let label = [("function", function)];
        assert_eq!(
            cold.sum("materialize_executions_total", &label),
            1.0,
            "{function}"
        );
        assert_eq!(
            cold.sum("materialize_duration_seconds_count", &label),
            1.0,
            "{function}"
        );
        assert!(
            cold.sum("materialize_duration_seconds_sum", &label) > 0.0,
            "{function}"
        );
    }
    assert_eq!(cold.sum("materialize_graph_depth_count", &[]), 1.0);
    assert_eq!(cold.sum("materialize_graph_depth_sum", &[]), 2.0);
    assert!(cold.sum("cache_misses_total", &[]) > before.sum("cache_misses_total", &[]));
    for moved in [
        "store_write_seconds_count",
        "store_read_seconds_count",
        "commit_group_steps_count",
    ] {
        assert!(cold.sum(moved, &[]) > before.sum(moved, &[]), "{moved}");
    }
    for (method, count) in [("PutLeaf", 1.0), ("PutRecipe", 2.0), ("Get", 1.0)] {
        let labels = [("method", method), ("code", "OK")];
        eventually("the call is counted", async || {
            node.metrics().await.sum("grpc_requests_total", &labels) == count
        })
        .await;
        let counted = node
            .metrics()
            .await
            .sum("grpc_request_seconds_count", &[("method", method)]);
        assert_eq!(counted, count, "{method}");
    }

    let resident = async || node.metrics().await.sum("cache_resident_bytes", &[]);
    eventually("the cache holds the values", async || {
        resident().await >= 200_000.0
    })
    .await;
    fetch(&client, &digest).await.unwrap();
    let warm = node.metrics().await;
    assert!(warm.sum("cache_hits_total", &[]) > cold.sum("cache_hits_total", &[]));
    assert_eq!(warm.sum("materialize_executions_total", &[]), 2.0);

    assert_eq!(node.command_admin("/v1/cache/evict").await.status, 200);
    let evicted = node.metrics().await;
    // A value that is on disk too leaves twice.
    assert!(evicted.sum("cache_evictions_total", &[]) >= 2.0);
    assert_eq!(evicted.sum("cache_resident_bytes", &[]), 0.0);
}

#[tokio::test]
async fn the_cache_evicts_what_it_has_no_room_for() {
    let node = Launch::new().set("cache_memory", "4MiB").start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(noise(1, 100_000)).await.unwrap();
    for count in 1..=9 {
        let made = recipe("repeat", &[leaf], &[("count", Value::I64(count))]);
        fetch(&client, &store(&client, &made).await).await.unwrap();
        // To count, the cache books what has come: it keeps nothing while too much is not booked.
        client.status().await.unwrap();
    }
    eventually("some had to go", async || {
        let metrics = node.metrics().await;
        let resident = metrics.sum("cache_resident_bytes", &[]);
        metrics.sum("cache_evictions_total", &[]) >= 1.0 && resident <= 4.0 * 1024.0 * 1024.0
    })
    .await;
}

#[tokio::test]
async fn values_that_are_dear_go_to_disk() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client
        .put_leaf_stream(&noise(1, 16 << 20)[..])
        .await
        .unwrap();
    let digest = store(&client, &recipe("sha256", &[leaf], &[])).await;
    let value = fetch(&client, &digest).await.unwrap();
    eventually("it is on disk", async || {
        node.metrics().await.sum("cache_disk_bytes", &[]) >= 64.0
    })
    .await;
    // A clean end keeps it: after it nothing has to run.
    let node = node.terminate().await.launch.start().await;
    let client = node.client().await;
    assert_eq!(client.status().await.unwrap().cache_saved_seconds, 0.0);
    assert_eq!(fetch(&client, &digest).await.unwrap(), value);
    let metrics = node.metrics().await;
    assert_eq!(metrics.sum("materialize_executions_total", &[]), 0.0);
    let status = client.status().await.unwrap();
    assert_eq!(status.disk_entries, 1);
    // What it took the node before; each Get that finds it saves as much again.
    let once = status.cache_saved_seconds;
    assert!(once > 0.0);
    fetch(&client, &digest).await.unwrap();
    let twice = client.status().await.unwrap();
    assert!(
        (twice.cache_saved_seconds - 2.0 * once).abs() < 1e-6,
        "{once} {twice:?}"
    );
    assert_eq!(node.metrics().await.sum("cache_hit_ratio", &[]), 1.0);
    let whole = twice.cache_saved_seconds.floor();
    assert_eq!(
        node.metrics().await.sum("cache_saved_seconds_total", &[]),
        whole
    );
}

#[tokio::test]
async fn queues_failures_and_cutoffs_are_seen() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let metrics = node.metrics().await;
    assert!(metrics.has("actor_queue_depth"));
    let actors: Vec<String> = metrics
        .labels()
        .filter(|(key, _)| *key == "actor")
        .map(|(_, actor)| actor.to_owned())
        .collect();
    for actor in ["dag", "cache", "materialize"] {
        assert!(
            actors.iter().any(|name| name.contains(actor)),
            "{actor}: {actors:?}"
        );
    }
    let broken = client.put_leaf(&b"\xff\xfe"[..]).await.unwrap();
    let upper = store(&client, &recipe("uppercase", &[broken], &[])).await;
    assert!(fetch(&client, &upper).await.is_err());
    let labels = [("function", "uppercase"), ("kind", "refused")];
    let metrics = node.metrics().await;
    assert_eq!(metrics.sum("materialize_failures_total", &labels), 1.0);
    for input in [&b"Aa"[..], b"aA"] {
        let leaf = client.put_leaf(input.to_vec()).await.unwrap();
        let lower = store(&client, &recipe("lowercase", &[leaf], &[])).await;
        let top = store(&client, &recipe("reverse", &[lower], &[])).await;
        assert_eq!(fetch(&client, &top).await.unwrap(), "aa");
    }
    assert_eq!(
        node.metrics().await.sum("materialize_cutoffs_total", &[]),
        1.0
    );
}

#[tokio::test]
async fn no_label_is_taken_from_a_client() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(WORD.as_bytes()).await.unwrap();
    assert!(client.find(WORD).await.is_err());
    let unknown = recipe(WORD, &[leaf], &[(WORD, text(WORD))]);
    let put = client.put_recipe(&unknown, Default::default()).await;
    assert!(put.is_err());
    let known = recipe("concat", &[leaf], &[("separator", text(WORD))]);
    assert_eq!(
        fetch(&client, &store(&client, &known).await).await.unwrap(),
        WORD
    );
    assert_eq!(node.page(&format!("/{WORD}")).await.status, 404);
    let channel = crate::raw::channel(&node).await;
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = format!("/deriva.Deriva/{WORD}").parse().unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let status = grpc
        .unary(tonic::Request::new(()), path, codec)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    for (name, value) in node.metrics().await.labels() {
        assert!(
            !name.contains(WORD) && !value.contains(WORD),
            "{name}={value}"
        );
        assert!(
            !value.contains(&leaf.to_hex()[..8]),
            "{name}={value} is an address"
        );
    }
}

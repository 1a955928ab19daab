//! The thin thread again, as a person types it: `deriva`, in text and in JSON.

use deriva_model::{CAddr, Value};
use deriva_tests::{Launch, NodeProcess, recipe};
use serde_json::json;

/// The address that a command printed.
async fn addr(node: &NodeProcess, arguments: &[&str]) -> CAddr {
    CAddr::parse_hex(&node.cli(arguments).await.line()).unwrap()
}

#[tokio::test]
async fn put_recipe_get() {
    let node = Launch::new().start().await;
    let put = node.cli_fed(&["put", "-"], b"hello\n").await;
    let leaf = CAddr::parse_hex(&put.line()).unwrap();
    assert_eq!(leaf, CAddr::of_leaf(b"hello\n"));
    let file = node.data_dir().with_file_name("hello");
    std::fs::write(&file, b"hello\n").unwrap();
    let file = file.to_str().unwrap().to_owned();
    let again = node.cli(&["--output", "json", "put", &file]).await.json();
    assert_eq!(again, json!({ "addr": leaf.to_hex(), "size": 6 }));

    let upper = addr(
        &node,
        &["recipe", "uppercase", "1.0.0", "-i", &leaf.to_hex()],
    )
    .await;
    assert_eq!(upper, recipe("uppercase", &[leaf], &[]).address());
    // A prefix stands for the address where only one begins with it.
    let prefix = &upper.to_hex()[..8];
    let twice = [
        "recipe",
        "repeat",
        "1.0.0",
        "-i",
        prefix,
        "-p",
        "count:int=2",
    ];
    let twice = addr(&node, &twice).await;
    let params = [("count", Value::I64(2))];
    assert_eq!(twice, recipe("repeat", &[upper], &params).address());

    assert_eq!(
        node.cli(&["get", &twice.to_hex()]).await.stdout,
        b"HELLO\nHELLO\n"
    );
    let out = node.data_dir().with_file_name("out");
    let out = out.to_str().unwrap().to_owned();
    let told = node
        .cli(&["--output", "json", "get", &twice.to_hex()[..10], "-o", &out])
        .await;
    assert_eq!(
        told.json(),
        json!({ "addr": twice.to_hex(), "size": 12, "file": out })
    );
    assert_eq!(std::fs::read(&out).unwrap(), b"HELLO\nHELLO\n");
}

#[tokio::test]
async fn questions_are_answered_in_text_and_in_json() {
    let node = Launch::new().start().await;
    let leaf = CAddr::parse_hex(&node.cli_fed(&["put", "-"], b"b\na\n").await.line()).unwrap();
    let hex = leaf.to_hex();
    let sorted = addr(&node, &["recipe", "sort_lines", "1.0.0", "-i", &hex])
        .await
        .to_hex();

    let resolved = node
        .cli(&["--output", "json", "resolve", &sorted])
        .await
        .json();
    assert_eq!(resolved["function"], "sort_lines");
    assert_eq!(resolved["inputs"], json!([hex]));
    assert!(node.cli(&["resolve", &hex]).await.line().contains("leaf"));

    assert_eq!(
        node.cli(&["graph", &sorted, "--query", "inputs"])
            .await
            .line(),
        hex
    );
    assert_eq!(
        node.cli(&["graph", &hex, "--query", "dependents"])
            .await
            .line(),
        sorted
    );
    assert_eq!(
        node.cli(&["graph", &sorted, "--query", "depth"])
            .await
            .line(),
        "1"
    );
    let tree = node.cli(&["graph", &sorted]).await.line();
    assert!(
        tree.contains("sort_lines") && tree.contains(&hex[..8]),
        "{tree}"
    );

    assert_eq!(node.cli(&["get", &sorted]).await.line(), "a\nb");
    let explained = node
        .cli(&["--output", "json", "explain", &sorted])
        .await
        .json();
    let nodes = explained["nodes"].as_array().unwrap();
    assert_eq!(
        (nodes.len(), &nodes[0]["addr"], &nodes[1]["addr"]),
        (2, &json!(hex), &json!(sorted))
    );
    assert!(
        node.cli(&["explain", &sorted])
            .await
            .line()
            .contains("sort_lines@1.0.0")
    );

    let status = node.cli(&["--output", "json", "status"]).await.json();
    assert_eq!(
        (&status["recipe_count"], &status["blob_count"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(status["writable"], true);
    assert!(node.cli(&["status"]).await.line().contains("recipes"));

    let functions = node.cli(&["--output", "json", "functions"]).await.json();
    let listed = node.client().await.list_functions().await.unwrap().len();
    assert_eq!(functions["functions"].as_array().unwrap().len(), listed);
    assert!(
        node.cli(&["functions"])
            .await
            .line()
            .contains("csv_join 1.0.0")
    );
    let cluster = node.cli(&["--output", "json", "cluster"]).await.json();
    assert_eq!(cluster["alive_count"], 1);
}

#[tokio::test]
async fn every_example_of_a_function_is_a_command() {
    let node = Launch::new().start().await;
    let leaf = node
        .cli_fed(&["put", "-"], b"weather,temp_max\nrain,3\n")
        .await
        .line();
    let functions = node.cli(&["--output", "json", "functions"]).await.json();
    for function in functions["functions"].as_array().unwrap() {
        let example = function["example"].as_str().unwrap();
        let words = example.split_whitespace().skip(1).map(|word| {
            // In capitals stands what the reader fills in.
            let is_place = word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            if is_place { leaf.as_str() } else { word }
        });
        let words: Vec<&str> = words.collect();
        let run = node.cli(&words).await;
        assert_eq!(run.code, 0, "{example}: {run:?}");
        CAddr::parse_hex(&run.line()).unwrap();
    }
}

#[tokio::test]
async fn values_are_dropped_and_come_back() {
    let node = Launch::new().start().await;
    let leaf = node.cli_fed(&["put", "-"], b"abc").await.line();
    let back = addr(&node, &["recipe", "reverse", "1.0.0", "-i", &leaf])
        .await
        .to_hex();
    assert_eq!(node.cli(&["get", &back]).await.stdout, b"cba");
    let cached = async || {
        let told = node
            .cli(&["--output", "json", "invalidate", "--dry-run", &back])
            .await;
        told.json()["was_cached"] == true
    };
    deriva_tests::eventually("the value is cached", cached).await;
    let gone = node
        .cli(&["--output", "json", "invalidate", &back])
        .await
        .json();
    assert_eq!(gone["was_cached"], true);
    assert_eq!(node.cli(&["get", &back]).await.stdout, b"cba");
    deriva_tests::eventually("the value is cached", cached).await;
    let evicted = node
        .cli(&["--output", "json", "evict", "--all"])
        .await
        .json();
    assert_eq!(evicted["evicted"]["values"], 1, "{evicted}");
    assert!(!cached().await);
    assert_eq!(node.cli(&["get", &back]).await.stdout, b"cba");
}

#[tokio::test]
async fn a_trace_is_saved_and_replayed() {
    let node = Launch::new().start().await;
    let leaf = node.cli_fed(&["put", "-"], b"abc").await.line();
    let back = addr(&node, &["recipe", "reverse", "1.0.0", "-i", &leaf])
        .await
        .to_hex();
    let trace = node.data_dir().with_file_name("trace");
    let trace = trace.to_str().unwrap();
    assert_eq!(node.cli(&["trace", &back, "-o", trace]).await.code, 0);
    assert_eq!(
        node.cli(&["get", &back, "--replay", trace]).await.stdout,
        b"cba"
    );
    assert_eq!(
        node.cli(&["get", &back, "--mode", "sequential"])
            .await
            .stdout,
        b"cba"
    );
    let wrong = node.cli(&["get", &leaf, "--replay", trace]).await;
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(
        wrong.stdout.is_empty() && wrong.stderr.contains("TRACE_MISMATCH"),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn a_travelling_graph_is_evaluated() {
    let node = Launch::new().start().await;
    let leaf = node.cli_fed(&["put", "-"], b"abc").await.line();
    let list = json!([
        { "function": "uppercase", "version": "1.0.0", "inputs": [leaf] },
        { "function": "repeat", "version": "1.0.0", "inputs": [{ "ref": 0 }], "params": { "count": 2 } },
    ]);
    let list = list.to_string();
    let run = node.cli_fed(&["eval", "-"], list.as_bytes()).await;
    assert_eq!(run.stdout, b"ABCABC");
    let kept = node
        .cli_fed(&["eval", "-", "--keep", "leaf"], list.as_bytes())
        .await;
    assert!(
        kept.stderr.contains(&CAddr::of_leaf(b"ABCABC").to_hex()),
        "{kept:?}"
    );
    let status = node.cli(&["--output", "json", "status"]).await.json();
    assert_eq!(
        (&status["recipe_count"], &status["blob_count"]),
        (&json!(0), &json!(2))
    );
}

#[tokio::test]
async fn failures_have_exit_codes_and_say_what_to_do() {
    let node = Launch::new().start().await;
    let nowhere = CAddr::of_leaf(b"never put").to_hex();

    let unknown = node.cli(&["get", &nowhere]).await;
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains(&nowhere) && unknown.stderr.contains("NOT_FOUND"));
    let json = node.cli(&["--output", "json", "get", &nowhere]).await;
    let told: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(
        (&told["error"]["reason"], &told["error"]["address"]),
        (&json!("NOT_FOUND"), &json!(nowhere))
    );
    assert!(
        told["error"]["hint"].is_string() && json.stdout.is_empty(),
        "{json:?}"
    );

    for wrong in [
        &["get"][..],
        &["get", "12345"],
        &["get", &"G".repeat(64)],
        &["fetch", &nowhere],
    ] {
        let run = node.cli(wrong).await;
        assert_eq!((run.code, run.stdout.len()), (2, 0), "{wrong:?}: {run:?}");
        assert!(!run.stderr.is_empty());
    }

    let launch = node.launch().clone();
    let url = node.url();
    drop(node);
    let other = launch.start().await;
    let far = other.cli(&["--server", &url, "status"]).await;
    // The port of a node that has gone is free; nobody listens there.
    if url != other.url() {
        assert_eq!(far.code, 3, "{far:?}");
        assert!(
            far.stderr.contains(url.trim_start_matches("http://")),
            "{far:?}"
        );
    }
}

#[tokio::test]
async fn an_ambiguous_or_unknown_prefix_is_told() {
    let node = Launch::new().start().await;
    let unknown = node.cli(&["get", "0123456789"]).await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("0123456789"), "{unknown:?}");
}

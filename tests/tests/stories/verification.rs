//! Verification as a person meets it: a value that is made twice, the node's mode, and the numbers.
//! No function that comes with a node gives two answers, so what becomes of one stands in
//! `bin/tests/verification.rs`.

use deriva_client::{Code, Depth, Mode};
use deriva_model::CAddr;
use deriva_tests::{Launch, refused};
use serde_json::Value as Json;

#[tokio::test]
async fn verify_tells_what_a_value_is_and_that_it_comes_out_again() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"hello"[..]).await.unwrap();
    let upper = deriva_tests::recipe("uppercase", &[leaf], &[]);
    let upper = client
        .put_recipe(&upper, deriva_client::MissingInputs::Refuse)
        .await
        .unwrap();
    for (addr, made) in [(leaf, &b"hello"[..]), (upper, b"HELLO")] {
        let told = node
            .cli(&["--output", "json", "verify", "--deep", &addr.to_hex()[..12]])
            .await
            .json();
        assert_eq!(told["addr"], addr.to_hex());
        assert_eq!(told["deterministic"], true);
        assert_eq!(told["output_hash"], CAddr::of_leaf(made).to_hex());
        assert_eq!(told["output_size"], 5);
        assert_eq!(told["error"], "");
    }
    let text = node.cli(&["verify", &upper.to_hex()]).await.line();
    assert!(text.contains(&upper.to_hex()), "{text}");
    let status = client.status().await.unwrap();
    assert_eq!(status.verification_mode, "off");
    let numbers = (
        status.verification_total,
        status.verification_passed,
        status.verification_failed,
    );
    assert_eq!(numbers, (2, 2, 0));
    let nothing = CAddr::of_leaf(b"nothing");
    let answer = client.verify(&nothing, Depth::Root).await;
    refused(answer, Code::NotFound, "NOT_FOUND", &[]);
    // A refusal is the same twice: deterministic, and no value.
    let bad = deriva_tests::recipe("hex_decode", &[leaf], &[]);
    let bad = client
        .put_recipe(&bad, deriva_client::MissingInputs::Refuse)
        .await
        .unwrap();
    let told = client.verify(&bad, Depth::Root).await.unwrap();
    assert!(
        told.deterministic && told.error.contains("hex_decode"),
        "{told:?}"
    );
    assert!(told.output_hash.is_empty());
}

#[tokio::test]
async fn a_request_asks_for_more_and_the_node_for_everything() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"hello"[..]).await.unwrap();
    let upper = deriva_tests::recipe("uppercase", &[leaf], &[]);
    let missing = deriva_client::MissingInputs::Refuse;
    let upper = client.put_recipe(&upper, missing).await.unwrap();
    let executions = async || client.status().await.unwrap().executions;
    node.cli(&["get", &upper.to_hex()]).await;
    assert_eq!(executions().await, 1);
    let dual = ["get", "--verify", "dual", &upper.to_hex()];
    assert_eq!(node.cli(&dual).await.stdout, b"HELLO");
    assert_eq!(executions().await, 3, "known, but made once only");
    node.cli(&dual).await;
    assert_eq!(executions().await, 3, "known and verified");
    for wrong in ["twice", "sampled:2"] {
        let answer = client.get_verified(&upper, Mode::Parallel, wrong).await;
        let answer = match answer {
            Ok(stream) => stream.collect_to_bytes(10).await,
            Err(error) => Err(error),
        };
        refused(
            answer,
            Code::InvalidArgument,
            "MALFORMED",
            &["sampled:RATE"],
        );
    }

    let node = Launch::new().set("verification", "sampled:1").start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"hello"[..]).await.unwrap();
    let upper = deriva_tests::recipe("uppercase", &[leaf], &[]);
    let upper = client.put_recipe(&upper, missing).await.unwrap();
    node.cli(&["get", "--verify", "off", &upper.to_hex()]).await;
    let status = node.cli(&["--output", "json", "status"]).await.json();
    assert_eq!(status["verification_mode"], "sampled:1");
    assert_eq!(status["verification_total"], 1);
    assert_eq!(status["verification_passed"], 1);
    assert_eq!(status["verification_failed"], 0);
    assert_eq!(status["verification_failure_rate"], Json::from(0.0));
    assert_eq!(status["executions"], 2);
    let cleared = [
        "--output",
        "json",
        "verify",
        "--clear",
        "uppercase",
        "1.0.0",
    ];
    assert_eq!(node.cli(&cleared).await.json()["was_marked"], false);
    let metrics = node.metrics().await;
    let checks = metrics.sum("verification_checks_total", &[]);
    assert!((checks - 1.0).abs() < f64::EPSILON, "{checks}");
}

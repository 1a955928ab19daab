//! Deadlines, cancellation and limits: what a request may cost, and what it hears beyond that.

use crate::raw;
use deriva_client::{
    Client, ClientError, Code, Evaluation, Keep, Mode,
    proto::{PutLeafRequest, PutRecipeRequest},
};
use deriva_model::{CAddr, Value};
use deriva_tests::{
    Launch, NodeProcess, eventually, fetch, noise, recipe, refused, store, store_all,
};
use std::time::Duration;

/// Steps of a chain that takes minutes: each copies and hashes some MiB that are all different.
const STEPS: i64 = 20_000;

/// A node that keeps nothing, so that the long chain costs no memory.
fn forgetful() -> Launch {
    Launch::new()
        .set("cache_memory", "1MiB")
        .set("cache_disk", "1MiB")
}

/// A recipe that takes minutes.
async fn long(client: &Client) -> CAddr {
    let leaf = client.put_leaf(noise(9, 1 << 20)).await.unwrap();
    let mut last = store(
        client,
        &recipe("repeat", &[leaf], &[("count", Value::I64(16))]),
    )
    .await;
    let steps = (0..STEPS).map(|step| {
        let next = recipe("slice", &[last], &[("start", Value::I64(1 + step % 2))]);
        last = next.address();
        next
    });
    let steps: Vec<_> = steps.collect();
    *store_all(client, steps).await.last().unwrap()
}

async fn in_flight(node: &NodeProcess) -> u64 {
    node.page("/v1/status").await.json()["compute"]["in_flight"]
        .as_u64()
        .unwrap()
}

/// Nothing runs any more, and far less ran than was asked for.
async fn work_has_ended(node: &NodeProcess, client: &Client) {
    eventually("the work is withdrawn", async || in_flight(node).await == 0).await;
    // The step that ran is told to stop; what comes after it never begins.
    let before = client.status().await.unwrap().executions;
    let leaf = client.put_leaf(&b"quick"[..]).await.unwrap();
    let quick = store(client, &recipe("reverse", &[leaf], &[])).await;
    assert_eq!(fetch(client, &quick).await.unwrap(), "kciuq");
    let after = client.status().await.unwrap().executions;
    // The quick one if it was not cached, and at most the last step on each of the two workers.
    assert!((before..=before + 3).contains(&after), "{before} {after}");
    assert!(after < STEPS as u64 / 2, "{after}");
}

#[tokio::test]
async fn a_deadline_is_kept_and_ends_the_work() {
    let node = forgetful().start().await;
    let client = node.client().await;
    let root = long(&client).await;
    for mode in [Mode::Parallel, Mode::Sequential] {
        let hasty = node.client_with(|config| config.deadline = Some(Duration::from_millis(500)));
        let hasty = hasty.await;
        let answer = match hasty.get_in(&root, mode).await {
            Ok(stream) => stream.collect_to_bytes(64 << 20).await,
            Err(error) => Err(error),
        };
        // The client's own clock was first, or the node said it.
        match answer {
            Err(ClientError::Late) => {}
            other => {
                refused(other, Code::DeadlineExceeded, "DEADLINE_EXCEEDED", &[]);
            }
        }
        work_has_ended(&node, &client).await;
    }
}

#[tokio::test]
async fn the_node_itself_says_that_a_deadline_passed() {
    let node = forgetful().start().await;
    let client = node.client().await;
    let root = long(&client).await;
    let message = deriva_client::proto::GetRequest {
        addr: root.as_bytes().to_vec().into(),
        ..Default::default()
    };
    // A header alone: no clock on this side.
    let told = raw::bare_call(&node, "Get", &message, "300m").await;
    assert_eq!(told.0, tonic::Code::DeadlineExceeded as i32, "{told:?}");
    work_has_ended(&node, &client).await;
    let told = raw::bare_call(&node, "Get", &message, "soon").await;
    assert_eq!(told.0, tonic::Code::InvalidArgument as i32, "{told:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_work() {
    let node = forgetful().start().await;
    let client = node.client().await;
    let root = long(&client).await;
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { fetch(&client, &root).await })
    };
    eventually("it runs", async || {
        client.status().await.unwrap().executions >= 5
    })
    .await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    work_has_ended(&node, &client).await;
}

#[tokio::test]
async fn one_waiter_that_leaves_takes_nothing_from_the_other() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(noise(9, 1 << 20)).await.unwrap();
    let mut last = store(
        &client,
        &recipe("repeat", &[leaf], &[("count", Value::I64(32))]),
    )
    .await;
    for step in 0..20 {
        last = store(
            &client,
            &recipe("slice", &[last], &[("start", Value::I64(step + 1))]),
        )
        .await;
    }
    let root = store(&client, &recipe("sha256", &[last], &[])).await;
    let ask = || {
        let client = client.clone();
        tokio::spawn(async move { fetch(&client, &root).await })
    };
    let (leaves, stays) = (ask(), ask());
    eventually("both wait", async || in_flight(&node).await == 2).await;
    leaves.abort();
    assert_eq!(stays.await.unwrap().unwrap().len(), 64);
    let status = client.status().await.unwrap();
    assert_eq!(status.executions, 22, "nothing is computed twice");
}

#[tokio::test]
async fn requests_over_the_limit_are_told_when_to_come_back() {
    let node = forgetful().set("max_requests", "2").start().await;
    let client = node.client().await;
    let root = long(&client).await;
    let leaf = client.put_leaf(&b"quick"[..]).await.unwrap();
    let quick = store(&client, &recipe("reverse", &[leaf], &[])).await;
    let ask = || {
        let client = client.clone();
        tokio::spawn(async move { fetch(&client, &root).await })
    };
    let (first, second) = (ask(), ask());
    eventually("two are let in", async || in_flight(&node).await == 2).await;
    let answer = fetch(&client, &quick).await;
    let refusal = refused(answer, Code::ResourceExhausted, "OVERLOADED", &[]);
    assert!(refusal.retry_after.is_some(), "{refusal:?}");
    // Other calls go on.
    assert!(client.put_leaf(&b"more"[..]).await.is_ok());
    for asking in [first, second] {
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
    }
    let patient = node.client_with(|config| config.retry = deriva_client::RetryPolicy::brief());
    let patient = patient.await;
    assert_eq!(fetch(&patient, &quick).await.unwrap(), "kciuq");
}

#[tokio::test]
async fn a_message_over_the_limit_says_to_stream() {
    let node = Launch::new().start().await;
    let mut stub = raw::stub(&node).await;
    let put = async |stub: &mut deriva_client::proto::deriva_client::DerivaClient<_>, len| {
        stub.put_leaf(PutLeafRequest {
            data: vec![1; len].into(),
        })
        .await
    };
    assert!(
        put(&mut stub, 16 << 20).await.is_ok(),
        "16 MiB are within the limit"
    );
    let answer = put(&mut stub, (16 << 20) + (1 << 20)).await;
    let told = raw::refused(answer, tonic::Code::ResourceExhausted, "OVER_LIMIT");
    assert!(told.message.contains("PutLeafStream"), "{told:?}");
    assert!(
        told.metadata.contains_key("limit") && told.metadata.contains_key("got"),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_the_law_limits_is_refused_with_limit_and_number() {
    let node = Launch::new().start().await;
    let mut stub = raw::stub(&node).await;
    let leaf = node.client().await.put_leaf(&b"x"[..]).await.unwrap();
    let concat = |inputs: usize| PutRecipeRequest {
        function_name: "concat".to_owned(),
        function_version: "1.0.0".to_owned(),
        inputs: vec![leaf.as_bytes().to_vec().into(); inputs],
        ..PutRecipeRequest::default()
    };
    let most = deriva_model::limits::RECIPE_INPUTS;
    assert!(
        stub.put_recipe(concat(most)).await.is_ok(),
        "the limit is inclusive"
    );
    let answer = stub.put_recipe(concat(most + 1)).await;
    let told = raw::refused(answer, tonic::Code::ResourceExhausted, "OVER_LIMIT");
    assert_eq!(told.metadata["limit"], most.to_string(), "{told:?}");
    assert_eq!(told.metadata["got"], (most + 1).to_string(), "{told:?}");

    let separator = |len: usize| PutRecipeRequest {
        params: [("separator".to_owned(), "s".repeat(len))].into(),
        ..concat(2)
    };
    let most = deriva_model::limits::TEXT_BYTES;
    assert!(
        stub.put_recipe(separator(most)).await.is_ok(),
        "the limit is inclusive"
    );
    let answer = stub.put_recipe(separator(most + 1)).await;
    let told = raw::refused(answer, tonic::Code::ResourceExhausted, "OVER_LIMIT");
    assert_eq!(told.metadata["limit"], most.to_string(), "{told:?}");
}

#[tokio::test]
async fn a_function_over_its_budget_is_an_abort_that_names_it_and_is_not_recorded() {
    let node = Launch::new()
        .set("function_output", "1MiB")
        .set("stream_output", "1MiB")
        .start()
        .await;
    let client = node.client().await;
    let leaf = client.put_leaf(noise(1, 64 << 10)).await.unwrap();
    let within = recipe("repeat", &[leaf], &[("count", Value::I64(16))]);
    let within = store(&client, &within).await;
    assert_eq!(fetch(&client, &within).await.unwrap().len(), 1 << 20);
    let over = store(
        &client,
        &recipe("repeat", &[leaf], &[("count", Value::I64(17))]),
    )
    .await;
    for _ in 0..2 {
        let words = ["repeat@1.0.0", &over.to_hex()];
        let refusal = refused(
            fetch(&client, &over).await,
            Code::Aborted,
            "FUNCTION_FAILED",
            &words,
        );
        assert_eq!(refusal.addr, Some(over));
    }
    let known = client
        .explain(&over)
        .await
        .unwrap()
        .collect(10)
        .await
        .unwrap();
    assert!(
        known.last().unwrap().record.is_none(),
        "a failure is never a result"
    );
    // What needs it fails by the name of what failed.
    let above = recipe("sha256", &[over], &[]);
    let answer = client.evaluate(Evaluation {
        recipes: vec![above],
        root: None,
        mode: Mode::Parallel,
        keep: Keep::Nothing,
        verification: String::new(),
    });
    let answer = match answer.await {
        Ok(mut value) => value.collect_to_bytes(100).await,
        Err(error) => Err(error),
    };
    let words = ["repeat@1.0.0", &over.to_hex()];
    refused(answer, Code::Aborted, "FUNCTION_FAILED", &words);
}

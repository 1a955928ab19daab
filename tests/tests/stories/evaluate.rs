//! Graphs that travel with their request, and traces.

use deriva_client::{Code, Evaluation, Keep, Mode, Resolution};
use deriva_model::{CAddr, Recipe, Trace, Value};
use deriva_tests::{Launch, fetch, recipe, refused, store, text};

fn travelling(recipes: &[Recipe], keep: Keep) -> Evaluation {
    Evaluation {
        recipes: recipes.to_vec(),
        root: None,
        mode: Mode::Parallel,
        keep,
        verification: String::new(),
    }
}

fn graph(leaf: CAddr) -> [Recipe; 3] {
    let upper = recipe("uppercase", &[leaf], &[]);
    let aside = recipe("lowercase", &[leaf], &[]);
    let root = recipe("repeat", &[upper.address()], &[("count", Value::I64(2))]);
    [upper, aside, root]
}

#[tokio::test]
async fn nothing_of_a_travelling_graph_stays() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"Ab"[..]).await.unwrap();
    let recipes = graph(leaf);
    for mode in [Mode::Parallel, Mode::Sequential, Mode::Parallel] {
        let evaluation = Evaluation {
            mode,
            ..travelling(&recipes, Keep::Nothing)
        };
        let mut value = client.evaluate(evaluation).await.unwrap();
        assert_eq!(value.collect_to_bytes(100).await.unwrap(), "ABAB");
        assert_eq!(value.root(), Some(&recipes[2].address()));
        assert_eq!(value.leaf(), None);
    }
    // Its values may be cached, and yet nobody gets them by address alone.
    for recipe in &recipes {
        let addr = recipe.address();
        refused(
            fetch(&client, &addr).await,
            Code::NotFound,
            "NOT_FOUND",
            &[&addr.to_hex()],
        );
        assert_eq!(client.resolve(&addr).await.unwrap(), Resolution::Unknown);
    }
    assert_eq!(client.status().await.unwrap().recipe_count, 0);
    // Once one is stored, it is a recipe like any other, and only that one.
    assert_eq!(store(&client, &recipes[0]).await, recipes[0].address());
    assert_eq!(fetch(&client, &recipes[0].address()).await.unwrap(), "AB");
    let root = recipes[2].address();
    refused(
        fetch(&client, &root).await,
        Code::NotFound,
        "NOT_FOUND",
        &[&root.to_hex()],
    );
}

#[tokio::test]
async fn keeping_the_closure_stores_what_the_root_needs_and_no_more() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"Ab"[..]).await.unwrap();
    let [upper, aside, root] = graph(leaf);
    let recipes = [root.clone(), aside.clone(), upper.clone()];
    let evaluation = Evaluation {
        root: Some(root.address()),
        ..travelling(&recipes, Keep::Closure)
    };
    let mut value = client.evaluate(evaluation).await.unwrap();
    assert_eq!(value.collect_to_bytes(100).await.unwrap(), "ABAB");
    let node = node.restart().await;
    let client = node.client().await;
    for kept in [&upper, &root] {
        let found = client.resolve(&kept.address()).await.unwrap();
        assert_eq!(found, Resolution::Recipe(kept.clone()));
    }
    assert_eq!(
        client.resolve(&aside.address()).await.unwrap(),
        Resolution::Unknown
    );
    assert_eq!(fetch(&client, &root.address()).await.unwrap(), "ABAB");
}

#[tokio::test]
async fn keeping_a_leaf_stores_the_bytes_alone() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(vec![b'a'; 1000]).await.unwrap();
    let upper = recipe("uppercase", &[leaf], &[]);
    // Larger than one chunk, so that it is stored as it is streamed.
    let root = recipe("repeat", &[upper.address()], &[("count", Value::I64(3000))]);
    let evaluation = travelling(&[upper, root.clone()], Keep::Leaf);
    let mut value = client.evaluate(evaluation).await.unwrap();
    let bytes = value.collect_to_bytes(4 << 20).await.unwrap();
    let kept = *value.leaf().unwrap();
    assert_eq!(kept, CAddr::of_leaf(&bytes));
    let node = node.restart().await;
    let client = node.client().await;
    assert!(
        fetch(&client, &kept).await.unwrap() == bytes,
        "the leaf is the value"
    );
    assert_eq!(
        client.resolve(&root.address()).await.unwrap(),
        Resolution::Unknown
    );
}

#[tokio::test]
async fn a_travelling_graph_is_checked_like_a_stored_one() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"Ab"[..]).await.unwrap();
    let unknown = recipe("upppercase", &[leaf], &[]);
    let answer = client.evaluate(travelling(&[unknown], Keep::Nothing)).await;
    refused(
        answer,
        Code::InvalidArgument,
        "REFUSED_RECIPE",
        &["upppercase", "uppercase"],
    );
    let nowhere = CAddr::of_leaf(b"never put");
    let lacking = recipe("uppercase", &[nowhere], &[]);
    let answer = client
        .evaluate(travelling(std::slice::from_ref(&lacking), Keep::Nothing))
        .await;
    let answer = match answer {
        Ok(mut value) => value.collect_to_bytes(10).await,
        Err(error) => Err(error),
    };
    let refusal = refused(
        answer,
        Code::NotFound,
        "MISSING_INPUTS",
        &[&nowhere.to_hex()],
    );
    assert_eq!(refusal.addr, Some(lacking.address()));
    let answer = client.evaluate(travelling(&[], Keep::Nothing)).await;
    refused(answer, Code::InvalidArgument, "MALFORMED", &["recipes"]);
}

#[tokio::test]
async fn a_trace_replays_and_a_wrong_one_is_told_by_step() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"Ab"[..]).await.unwrap();
    let [upper, lower, root] = graph(leaf);
    for stored in [&upper, &lower, &root] {
        store(&client, stored).await;
    }
    let root = root.address();
    let trace = client
        .trace(&root)
        .await
        .unwrap()
        .collect_to_bytes(1 << 20)
        .await
        .unwrap();
    assert_eq!(
        &trace[..6],
        b"DCF\x01\x03\x02",
        "a trace is a document of type 03"
    );
    let executions = client.status().await.unwrap().executions;
    let replay = async |trace: bytes::Bytes| {
        let stream = client.get_in(&root, Mode::Replay(trace)).await?;
        stream.collect_to_bytes(100).await
    };
    assert_eq!(replay(trace.clone()).await.unwrap(), "ABAB");
    assert_eq!(
        client.status().await.unwrap().executions,
        executions + 2,
        "all of it ran afresh"
    );

    let mut other = Trace::decode(&trace).unwrap();
    assert_eq!((other.root, other.steps.len()), (root, 2));
    other.steps[1].output = other.steps[0].output;
    let other = other.encode().unwrap();
    let refusal = refused(
        replay(other.into()).await,
        Code::FailedPrecondition,
        "TRACE_MISMATCH",
        &["step"],
    );
    assert_eq!(refusal.addr, Some(root));
    let cut = trace.slice(..trace.len() - 1);
    refused(
        replay(cut).await,
        Code::InvalidArgument,
        "MALFORMED",
        &["trace"],
    );
    refused(
        replay("".into()).await,
        Code::InvalidArgument,
        "MALFORMED",
        &["trace"],
    );
    let separator = [("separator", text("+"))];
    let another = store(&client, &recipe("concat", &[leaf], &separator)).await;
    let stream = client.get_in(&another, Mode::Replay(trace)).await;
    let answer = match stream {
        Ok(stream) => stream.collect_to_bytes(100).await,
        Err(error) => Err(error),
    };
    refused(answer, Code::FailedPrecondition, "TRACE_MISMATCH", &[]);
}

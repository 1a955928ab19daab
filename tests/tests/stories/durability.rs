//! What was acknowledged is there after the process ended, however it ended.

use deriva_client::{Client, ClientError, Code, MissingInputs, Resolution, proto::GraphQuery};
use deriva_model::CAddr;
use deriva_tests::{Graph, Launch, fetch, noise, recipe, refusal, store, text};
use rustix::process::Signal;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const QUERIES: [GraphQuery; 6] = [
    GraphQuery::Inputs,
    GraphQuery::Dependents,
    GraphQuery::TransitiveInputs,
    GraphQuery::TransitiveDependents,
    GraphQuery::TopologicalOrder,
    GraphQuery::Depth,
];
/// Writers that put side by side until the node is killed.
const WRITERS: usize = 6;
/// The node is killed when so many writes were acknowledged.
const ENOUGH: usize = 150;

/// What one writer was told is durable.
#[derive(Default)]
struct Acknowledged {
    leaves: Vec<CAddr>,
    recipes: Vec<deriva_model::Recipe>,
}

/// Puts leaves and recipes over them until a put fails.
async fn write_until_the_end(
    client: Client,
    writer: usize,
    count: Arc<AtomicUsize>,
) -> Acknowledged {
    let mut done = Acknowledged::default();
    let mut last = None;
    for number in 0_u64.. {
        let size = if number % 8 == 0 { 20_000 } else { 64 };
        let Ok(leaf) = client
            .put_leaf(noise(number * 64 + writer as u64, size))
            .await
        else {
            break;
        };
        done.leaves.push(leaf);
        count.fetch_add(1, Ordering::Relaxed);
        let inputs = [leaf, last.unwrap_or(leaf)];
        let next = recipe(
            "concat",
            &inputs,
            &[("separator", text(&writer.to_string()))],
        );
        let Ok(addr) = client.put_recipe(&next, MissingInputs::Refuse).await else {
            break;
        };
        done.recipes.push(next);
        count.fetch_add(1, Ordering::Relaxed);
        last = Some(addr);
    }
    done
}

#[tokio::test]
async fn every_acknowledged_write_survives_a_kill_in_the_middle_of_more() {
    let node = Launch::new().start().await;
    let count = Arc::new(AtomicUsize::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write_until_the_end(
            node.client().await,
            writer,
            count.clone(),
        ));
    }
    deriva_tests::eventually("enough writes are acknowledged", async || {
        count.load(Ordering::Relaxed) >= ENOUGH
    })
    .await;
    let launch = node.kill9().await;
    let done = writers.join_all().await;

    let node = launch.start().await;
    let client = node.client().await;
    for writer in &done {
        for leaf in &writer.leaves {
            let bytes = fetch(&client, leaf).await.unwrap();
            assert_eq!(CAddr::of_leaf(&bytes), *leaf);
        }
        for recipe in &writer.recipes {
            let found = client.resolve(&recipe.address()).await.unwrap();
            assert_eq!(found, Resolution::Recipe(recipe.clone()));
        }
    }
    let status = client.status().await.unwrap();
    let leaves: usize = done.iter().map(|writer| writer.leaves.len()).sum();
    let recipes: usize = done.iter().map(|writer| writer.recipes.len()).sum();
    // Each writer may have one more on the disk, whose answer it never heard.
    for (counted, heard) in [(status.blob_count, leaves), (status.recipe_count, recipes)] {
        let heard = heard as u64;
        assert!(
            (heard..=heard + WRITERS as u64).contains(&counted),
            "{counted}, {heard} heard"
        );
    }
}

/// Every answer to every query about every address.
async fn answers(client: &Client, graph: &Graph) -> Vec<Vec<(CAddr, u64)>> {
    let mut all = Vec::new();
    for addr in graph.addresses() {
        for query in QUERIES {
            let asked = client.graph(addr, query).await.unwrap();
            let nodes = asked.collect(10_000).await.unwrap();
            all.push(
                nodes
                    .into_iter()
                    .map(|node| (node.addr, node.depth))
                    .collect(),
            );
        }
    }
    all
}

#[tokio::test]
async fn after_a_kill_a_complex_graph_answers_as_before() {
    let graph = Graph::random(3, 10, 200);
    let node = Launch::new().start().await;
    let client = node.client().await;
    graph.put(&client).await.unwrap();
    for addr in graph.addresses() {
        assert_eq!(fetch(&client, addr).await.unwrap(), graph.value(addr));
    }
    let before = answers(&client, &graph).await;
    let node = node.restart().await;
    let client = node.client().await;
    assert!(
        answers(&client, &graph).await == before,
        "the graph answers as before"
    );
    for addr in graph.addresses().iter().rev() {
        assert_eq!(fetch(&client, addr).await.unwrap(), graph.value(addr));
    }
}

#[tokio::test]
async fn a_termination_lets_what_is_under_way_finish() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(noise(1, 1 << 20)).await.unwrap();
    let many = recipe(
        "repeat",
        &[leaf],
        &[("count", deriva_model::Value::I64(48))],
    );
    let many = store(&client, &many).await;
    // Some seconds' work.
    let mut last = many;
    for start in 0..30 {
        let start = deriva_model::Value::I64(1 + start);
        last = store(&client, &recipe("slice", &[last], &[("start", start)])).await;
    }
    let root = store(&client, &recipe("sha256", &[last], &[])).await;
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { fetch(&client, &root).await })
    };
    deriva_tests::eventually("the request is under way", async || {
        node.page("/v1/status").await.json()["compute"]["in_flight"] == 1
    })
    .await;
    node.signal(Signal::TERM);
    let value = asking
        .await
        .unwrap()
        .expect("what is under way is finished");
    assert_eq!(value.len(), 64);
    let ended = node.ended().await;
    assert!(ended.status.success(), "{}: {}", ended.status, ended.stderr);
    assert!(
        !ended.launch.place.seen().join("ready.json").exists(),
        "it is not ready any more"
    );
    // New requests find nobody.
    let late = client.put_leaf(&b"late"[..]).await.unwrap_err();
    assert!(
        matches!(
            late,
            ClientError::Unreachable { .. } | ClientError::CutOff(_)
        ),
        "{late:?}"
    );
    let node = ended.launch.start().await;
    assert_eq!(fetch(&node.client().await, &root).await.unwrap(), value);
}

#[tokio::test]
async fn a_second_process_on_one_directory_is_refused_and_told_who_holds_it() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"held"[..]).await.unwrap();
    let second = node.launch().refused().await;
    let directory = node.data_dir();
    let pid = format!("process {}", node.pid());
    assert!(
        second.names(&[&pid, directory.to_str().unwrap()]),
        "{second:?}"
    );
    assert!(
        directory.join("ready.json").exists(),
        "the first is still ready"
    );
    assert_eq!(fetch(&client, &leaf).await.unwrap(), "held");
}

#[tokio::test]
async fn a_put_again_is_the_same_put() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let bytes = noise(5, 3 << 20);
    for _ in 0..3 {
        assert_eq!(
            client.put_leaf(bytes.clone()).await.unwrap(),
            CAddr::of_leaf(&bytes)
        );
    }
    let leaf = CAddr::of_leaf(&bytes);
    let same = recipe("identity", &[leaf], &[]);
    for _ in 0..3 {
        store(&client, &same).await;
    }
    // The value of the recipe has the content of the leaf; forgetting it takes nothing from the leaf.
    assert!(fetch(&client, &same.address()).await.unwrap() == bytes);
    assert_eq!(node.command_admin("/v1/cache/evict").await.status, 200);
    assert!(fetch(&client, &leaf).await.unwrap() == bytes);
    let status = client.status().await.unwrap();
    assert_eq!((status.blob_count, status.recipe_count), (1, 1));
    // A content hash is no address.
    let hash = CAddr::of_leaf(b"cba");
    let abc = client.put_leaf(&b"abc"[..]).await.unwrap();
    let back = store(&client, &recipe("reverse", &[abc], &[])).await;
    assert_eq!(fetch(&client, &back).await.unwrap(), "cba");
    assert_eq!(refusal(fetch(&client, &hash).await).code, Code::NotFound);
}

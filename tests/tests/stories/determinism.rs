//! Equal recipe, equal inputs: equal output, on any node, at any parallelism.

use deriva_client::{Client, Mode};
use deriva_tests::{Graph, Launch, fetch};

async fn check(client: &Client, graph: &Graph) {
    for addr in graph.addresses() {
        assert_eq!(
            fetch(client, addr).await.unwrap(),
            graph.value(addr),
            "{addr}"
        );
    }
}

#[tokio::test]
async fn one_worker_and_sixty_four_agree_with_each_other_and_with_the_model() {
    let graph = Graph::random(7, 8, 300);
    let one = Launch::new().set("workers", "1").start().await;
    let many = Launch::new()
        .set("workers", "64")
        .set("shards", "16")
        .start()
        .await;
    let (one, many) = (one.client().await, many.client().await);
    graph.put(&one).await.unwrap();
    graph.put(&many).await.unwrap();
    check(&one, &graph).await;
    // From the other end, so that whole graphs are asked for before their parts.
    for addr in graph.addresses().iter().rev() {
        assert_eq!(
            fetch(&many, addr).await.unwrap(),
            graph.value(addr),
            "{addr}"
        );
    }
}

#[tokio::test]
async fn every_mode_and_every_requester_gets_the_same_bytes() {
    let graph = Graph::random(11, 4, 120);
    let node = Launch::new().set("workers", "3").start().await;
    let client = node.client().await;
    graph.put(&client).await.unwrap();
    // Many requests over overlapping graphs at once.
    let mut requests = tokio::task::JoinSet::new();
    for (number, addr) in graph.addresses().iter().copied().enumerate().rev() {
        let client = client.clone();
        let mode = if number % 3 == 0 {
            Mode::Sequential
        } else {
            Mode::Parallel
        };
        requests.spawn(async move {
            let stream = client.get_in(&addr, mode).await?;
            Ok::<_, deriva_client::ClientError>((addr, stream.collect_to_bytes(1 << 20).await?))
        });
    }
    while let Some(answer) = requests.join_next().await {
        let (addr, bytes) = answer.unwrap().unwrap();
        assert_eq!(&bytes, graph.value(&addr), "{addr}");
    }
    let root = graph.addresses().last().unwrap();
    let trace = client
        .trace(root)
        .await
        .unwrap()
        .collect_to_bytes(1 << 20)
        .await
        .unwrap();
    let replayed = client.get_in(root, Mode::Replay(trace)).await.unwrap();
    assert_eq!(
        &replayed.collect_to_bytes(1 << 20).await.unwrap(),
        graph.value(root)
    );
}

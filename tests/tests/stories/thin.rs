//! The thin thread: put, recipe, get, and the questions about them, by the client.

use crate::raw;
use deriva_client::{Code, MissingInputs, Mode, Resolution, proto::GraphQuery};
use deriva_model::{CAddr, ContentHash, Value};
use deriva_tests::{Launch, NodeProcess, eventually, fetch, recipe, store, store_all, text};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

#[tokio::test]
async fn a_leaf_a_recipe_and_its_value() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"hello, world\n"[..]).await.unwrap();
    assert_eq!(leaf, CAddr::of_leaf(b"hello, world\n"));
    let upper = store(&client, &recipe("uppercase", &[leaf], &[])).await;
    let params = [("count", Value::I64(2))];
    let twice = store(&client, &recipe("repeat", &[upper], &params)).await;
    assert_eq!(
        fetch(&client, &twice).await.unwrap(),
        "HELLO, WORLD\nHELLO, WORLD\n"
    );
    assert_eq!(fetch(&client, &leaf).await.unwrap(), "hello, world\n");
    // Again, and in the other order: from the cache, the same.
    assert_eq!(fetch(&client, &upper).await.unwrap(), "HELLO, WORLD\n");
    let sequential = client.get_in(&twice, Mode::Sequential).await.unwrap();
    let sequential = sequential.collect_to_bytes(100).await.unwrap();
    assert_eq!(sequential, "HELLO, WORLD\nHELLO, WORLD\n");
    let status = client.status().await.unwrap();
    assert_eq!(
        (status.blob_count, status.recipe_count, status.executions),
        (1, 2, 2)
    );
    assert!(status.writable && status.cache_entries >= 2, "{status:?}");
}

#[tokio::test]
async fn an_address_tells_what_it_stands_for() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"four"[..]).await.unwrap();
    let made = recipe(
        "slice",
        &[leaf],
        &[("start", Value::I64(-2)), ("end", text("4"))],
    );
    let addr = store(&client, &made).await;
    assert_eq!(
        client.resolve(&leaf).await.unwrap(),
        Resolution::Leaf { size: 4 }
    );
    assert_eq!(
        client.resolve(&addr).await.unwrap(),
        Resolution::Recipe(made)
    );
    let nowhere = CAddr::of_leaf(b"never put");
    assert_eq!(client.resolve(&nowhere).await.unwrap(), Resolution::Unknown);
}

#[tokio::test]
async fn a_text_and_a_number_are_two_recipes_with_one_value() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"ab"[..]).await.unwrap();
    let as_text = store(&client, &recipe("repeat", &[leaf], &[("count", text("3"))])).await;
    let as_number = store(
        &client,
        &recipe("repeat", &[leaf], &[("count", Value::I64(3))]),
    )
    .await;
    assert_ne!(as_text, as_number, "params are hashed as sent");
    assert_eq!(fetch(&client, &as_text).await.unwrap(), "ababab");
    assert_eq!(fetch(&client, &as_number).await.unwrap(), "ababab");
}

#[tokio::test]
async fn a_stream_of_recipes_is_answered_in_order() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let mut last = client.put_leaf(&b"x"[..]).await.unwrap();
    let chain = (0..1000).map(|step| {
        let next = recipe(
            "concat",
            &[last, last],
            &[("separator", text(&step.to_string()))],
        );
        last = next.address();
        next
    });
    let chain: Vec<_> = chain.collect();
    let expected: Vec<CAddr> = chain.iter().map(|recipe| recipe.address()).collect();
    assert_eq!(store_all(&client, chain).await, expected);
    let depth = client
        .graph(&expected[999], GraphQuery::Depth)
        .await
        .unwrap();
    assert_eq!(depth.collect(1).await.unwrap()[0].depth, 1000);
    assert_eq!(client.status().await.unwrap().recipe_count, 1000);
}

#[tokio::test]
async fn a_stream_ends_at_the_first_refused_recipe() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"x"[..]).await.unwrap();
    let good = recipe("uppercase", &[leaf], &[]);
    let bad = recipe("uppercase", &[CAddr::of_leaf(b"never put")], &[]);
    let after = recipe("lowercase", &[leaf], &[]);
    let sent = tokio_stream::iter([good.clone(), bad, after.clone()]);
    let mut answers = client
        .put_recipes(sent, MissingInputs::Refuse)
        .await
        .unwrap();
    assert_eq!(answers.next().await.unwrap(), Some(good.address()));
    deriva_tests::refused(answers.next().await, Code::NotFound, "MISSING_INPUTS", &[]);
    assert_eq!(
        client.resolve(&after.address()).await.unwrap(),
        Resolution::Unknown
    );
}

/// A graph with a shared input:
///
/// leaf ─ upper ─ both ─ again
///     └─ lower ─┘
struct Shared {
    leaf: CAddr,
    upper: CAddr,
    lower: CAddr,
    both: CAddr,
    again: CAddr,
}

async fn shared(node: &NodeProcess) -> Shared {
    let client = node.client().await;
    let leaf = client.put_leaf(&b"Abc"[..]).await.unwrap();
    let upper = store(&client, &recipe("uppercase", &[leaf], &[])).await;
    let lower = store(&client, &recipe("lowercase", &[leaf], &[])).await;
    let both = store(&client, &recipe("concat", &[upper, lower, upper], &[])).await;
    let again = store(&client, &recipe("reverse", &[both], &[])).await;
    Shared {
        leaf,
        upper,
        lower,
        both,
        again,
    }
}

fn sorted(addresses: &[CAddr]) -> Vec<CAddr> {
    let mut sorted = addresses.to_vec();
    sorted.sort();
    sorted
}

#[tokio::test]
async fn the_graph_answers_every_query() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let Shared {
        leaf,
        upper,
        lower,
        both,
        again,
    } = shared(&node).await;
    let ask = async |addr: &CAddr, query| {
        let nodes = client
            .graph(addr, query)
            .await
            .unwrap()
            .collect(100)
            .await
            .unwrap();
        nodes.into_iter().map(|node| node.addr).collect::<Vec<_>>()
    };
    assert_eq!(ask(&both, GraphQuery::Inputs).await, [upper, lower, upper]);
    assert_eq!(
        ask(&leaf, GraphQuery::Dependents).await,
        sorted(&[upper, lower])
    );
    let beneath = sorted(&[leaf, upper, lower, both]);
    assert_eq!(
        sorted(&ask(&again, GraphQuery::TransitiveInputs).await),
        beneath
    );
    let above = sorted(&[upper, lower, both, again]);
    assert_eq!(
        sorted(&ask(&leaf, GraphQuery::TransitiveDependents).await),
        above
    );
    let order = ask(&again, GraphQuery::TopologicalOrder).await;
    let at = |addr| order.iter().position(|there| *there == addr).unwrap();
    assert_eq!(order.len(), 5);
    assert!(at(leaf) < at(upper) && at(upper) < at(both) && at(lower) < at(both));
    assert_eq!(at(again), 4, "the address itself is last");
    assert_eq!(
        order,
        ask(&again, GraphQuery::TopologicalOrder).await,
        "the order is fixed"
    );
    let depth = client.graph(&again, GraphQuery::Depth).await.unwrap();
    assert_eq!(depth.collect(1).await.unwrap()[0].depth, 3);
}

#[tokio::test]
async fn an_explanation_tells_what_was_consumed_and_what_it_cost() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let Shared {
        leaf,
        upper,
        both,
        again,
        ..
    } = shared(&node).await;
    let explain = async || {
        let nodes = client
            .explain(&again)
            .await
            .unwrap()
            .collect(100)
            .await
            .unwrap();
        assert_eq!(nodes.len(), 5, "{nodes:?}");
        nodes
    };
    let before = explain().await;
    assert!(
        before
            .iter()
            .all(|node| node.record.is_none() || node.addr == leaf),
        "{before:?}"
    );
    assert_eq!(fetch(&client, &again).await.unwrap(), "CBAcbaCBA");
    // The cache hears of values behind the answer.
    eventually("the record of the root is known", async || {
        explain().await.iter().all(|node| node.cached)
    })
    .await;
    let after = explain().await;
    assert_eq!(after[0].addr, leaf);
    assert_eq!(after[4].addr, again);
    let found = after.iter().find(|node| node.addr == both).unwrap();
    let record = found.record.as_ref().unwrap();
    let content = ContentHash::of;
    assert_eq!(record.content_hash, content(b"ABCabcABC"));
    assert_eq!(record.size, 9);
    assert_eq!(
        record.consumed,
        [content(b"ABC"), content(b"abc"), content(b"ABC")]
    );
    assert!(record.cost_nanos > 0);
    assert_eq!(found.inputs[0], upper);
}

#[tokio::test]
async fn what_was_forgotten_is_computed_again_bit_for_bit() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let Shared { both, again, .. } = shared(&node).await;
    let value = fetch(&client, &again).await.unwrap();
    let executions = async || client.status().await.unwrap().executions;
    assert_eq!(executions().await, 4);
    let cached = async |addr| {
        let nodes = client
            .explain(addr)
            .await
            .unwrap()
            .collect(100)
            .await
            .unwrap();
        nodes.last().unwrap().cached
    };
    eventually("the value is cached", async || cached(&again).await).await;
    let gone = client.invalidate(&again).await.unwrap();
    assert!(gone.was_cached && gone.evicted_count == 1);
    let twice = client.invalidate(&again).await.unwrap();
    assert!(!twice.was_cached && twice.evicted_count == 0);
    assert_eq!(fetch(&client, &again).await.unwrap(), value);
    assert_eq!(executions().await, 5, "only the root ran again");
    eventually("both are cached", async || {
        cached(&again).await && cached(&both).await
    })
    .await;
    let evicted = node.command_admin("/v1/cache/evict").await;
    assert_eq!(evicted.status, 200, "{evicted:?}");
    assert_eq!(evicted.json()["values"], 4);
    assert_eq!(client.status().await.unwrap().cache_entries, 0);
    assert_eq!(fetch(&client, &again).await.unwrap(), value);
    assert_eq!(executions().await, 9, "everything ran again");
}

#[tokio::test]
async fn inputs_that_came_out_the_same_cut_the_work_off() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let value = async |input: &'static [u8]| {
        let leaf = client.put_leaf(input).await.unwrap();
        let lower = store(&client, &recipe("lowercase", &[leaf], &[])).await;
        let top = store(&client, &recipe("sha256", &[lower], &[])).await;
        (top, fetch(&client, &top).await.unwrap())
    };
    let (one, first) = value(b"Deriva").await;
    let (other, second) = value(b"dERIVA").await;
    assert_ne!(one, other);
    assert_eq!(first, second);
    let status = client.status().await.unwrap();
    // The second sha256 has other inputs by address and the same by content.
    assert_eq!((status.executions, status.cutoffs), (3, 1), "{status:?}");
}

#[tokio::test]
async fn the_node_tells_what_it_can_do_and_who_it_is() {
    let node = Launch::new()
        .argument("--node-name")
        .argument("alone")
        .start()
        .await;
    let client = node.client().await;
    let functions = client.list_functions().await.unwrap();
    let names: Vec<&str> = functions
        .iter()
        .map(|function| function.name.as_str())
        .collect();
    let expected = [
        "concat",
        "csv_aggregate",
        "csv_filter",
        "csv_join",
        "identity",
        "lowercase",
        "repeat",
        "reverse",
        "sha256",
        "slice",
        "sort_lines",
        "uppercase",
    ];
    assert!(names.is_sorted(), "{names:?}");
    assert!(
        expected.iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    for function in &functions {
        assert_eq!(function.version, "1.0.0");
        assert!(!function.description.is_empty() && !function.example.is_empty());
    }
    let cluster = client.cluster_status().await.unwrap();
    assert_eq!((cluster.alive_count, cluster.nodes.len()), (1, 1));
    assert_eq!(cluster.nodes[0].name, "alone");
    assert_eq!(cluster.nodes[0].state, "alive");
    assert!(
        node.url().ends_with(&cluster.nodes[0].grpc_addr),
        "{cluster:?}"
    );
    assert!(
        node.ready_line()
            .contains(node.url().trim_start_matches("http://"))
    );
    assert!(!node.ready()["node_id"].as_str().unwrap().is_empty());
    assert!(node.ready().get("cluster").is_some(), "{}", node.ready());
}

#[tokio::test]
async fn a_prefix_finds_its_addresses() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let Shared { leaf, both, .. } = shared(&node).await;
    for addr in [leaf, both] {
        for digits in [8, 9, 63, 64] {
            assert_eq!(client.find(&addr.to_hex()[..digits]).await.unwrap(), [addr]);
        }
    }
    assert_eq!(client.find("00000000").await.unwrap(), []);
    for prefix in ["", "0000000", "0000000G", "ABCDEF00", &"0".repeat(65)] {
        let answer = client.find(prefix).await;
        deriva_tests::refused(answer, Code::InvalidArgument, "MALFORMED", &["prefix"]);
    }
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let node = Launch::new().start().await;
    let channel = raw::channel(&node).await;
    for service in ["", "deriva.Deriva"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = HealthClient::new(channel.clone())
            .check(request)
            .await
            .unwrap();
        assert_eq!(
            answer.into_inner().status,
            ServingStatus::Serving as i32,
            "{service}"
        );
    }
    let ask = MessageRequest::FileContainingSymbol("deriva.Deriva.PutLeafStream".to_owned());
    let asked = [
        ServerReflectionRequest {
            host: String::new(),
            message_request: Some(ask),
        },
        ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        },
    ];
    let mut reflection = ServerReflectionClient::new(channel);
    let answers = reflection
        .server_reflection_info(tokio_stream::iter(asked))
        .await;
    let mut answers = answers.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap().message_response;
    assert!(
        matches!(first, Some(MessageResponse::FileDescriptorResponse(_))),
        "{first:?}"
    );
    let second = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = second else {
        panic!("{second:?}")
    };
    let names: Vec<&str> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(names.contains(&"deriva.Deriva") && names.contains(&"grpc.health.v1.Health"));
}

#[tokio::test]
async fn the_admin_pages_answer() {
    let node = Launch::new().start().await;
    for page in ["/healthz", "/readyz", "/v1/status", "/v1/actors"] {
        let answer = node.page(page).await;
        assert_eq!(answer.status, 200, "{page}: {answer:?}");
    }
    assert_eq!(node.page("/readyz").await.json()["ready"], true);
    let actors = node.page("/v1/actors").await.json();
    let actors = actors["actors"].as_array().unwrap();
    assert!(actors.len() >= 6, "{actors:?}");
    assert!(
        actors.iter().all(|actor| actor["running"] == true),
        "{actors:?}"
    );
    assert_eq!(node.page("/nothing").await.status, 404);
    assert_eq!(node.page("/v1/cache/evict").await.status, 405);
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use super::test_node::{self, Said, Served, TestNode, until};
use crate::GatewayLimits;
use bytes::Bytes;
use deriva_messages::{Fault, gateway::GatewayMessage};
use deriva_model::{CAddr, ContentHash, Cost, CutoffKey, Epoch, FunctionId, Record, Trace};
use deriva_proto::{
    ClearMarkRequest, EvaluateRequest, EvaluationMode, ForgetRequest, GetRequest, GraphRequest,
    InvalidateRequest, Keep, ListFunctionsRequest, ListPinsRequest, PinRequest, PutLeafRequest,
    PutLeafStreamRequest, PutRecipeRequest, ResolveRequest, StatusRequest, TraceRequest,
    UnpinRequest, VerifyRequest,
};
use deriva_system::{
    storage::{Batch, Durability, Space, Storage, layout},
    supervise::Envelope,
    view::{Origin, Produced, Resident, Source},
};
use ractor::{Actor, RpcReplyPort};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;

fn root() -> CAddr {
    CAddr::from_bytes([5; 32])
}

fn raw(address: CAddr) -> Bytes {
    Bytes::copy_from_slice(address.as_bytes())
}

fn get(address: CAddr) -> GetRequest {
    GetRequest {
        addr: raw(address),
        ..GetRequest::default()
    }
}

fn resident(address: CAddr, bytes: &'static [u8]) -> Arc<Resident> {
    let record = Record {
        recipe: address,
        function: FunctionId::new("f", "1").into(),
        inputs: Vec::new(),
        output: ContentHash::of(bytes),
        size: bytes.len() as u64,
        cost: Cost::default(),
    };
    let cutoff = CutoffKey::from_bytes([0; 32]);
    let bytes = Bytes::from_static(bytes);
    Arc::new(Resident::new(
        bytes,
        Arc::new(record),
        cutoff,
        Origin::Stored,
    ))
}

fn recipe(name: &str, number: usize) -> PutRecipeRequest {
    PutRecipeRequest {
        function_name: name.to_owned(),
        function_version: "1.0.0".to_owned(),
        params: [("n".to_owned(), number.to_string())].into(),
        ..PutRecipeRequest::default()
    }
}

fn sealed(request: PutRecipeRequest) -> CAddr {
    super::params::recipe(request).unwrap().0.address()
}

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

async fn got(served: &mut Served, request: GetRequest) -> Result<Vec<Bytes>, Status> {
    let mut stream = served.client.get(request).await?.into_inner();
    let mut chunks = Vec::new();
    while let Some(message) = stream.message().await? {
        chunks.push(message.chunk);
    }
    Ok(chunks)
}

#[tokio::test]
async fn a_value_comes_in_chunks() {
    let node = TestNode::start().await;
    let value = Bytes::from(vec![7; 150_000]);
    node.script
        .values
        .lock()
        .insert(root(), Said::Whole(value.clone()));
    let mut served = node.serve().await;
    let chunks = got(&mut served, get(root())).await.unwrap();
    let lengths: Vec<usize> = chunks.iter().map(Bytes::len).collect();
    assert_eq!(lengths, [65_536, 65_536, 18_928]);
    let parts = value.chunks(50_000).map(Bytes::copy_from_slice).collect();
    node.script
        .values
        .lock()
        .insert(root(), Said::Chunks(parts));
    let chunks = got(&mut served, get(root())).await.unwrap();
    assert_eq!(chunks.concat(), value);
}

#[tokio::test]
async fn addresses_that_are_none_and_addresses_of_nothing_are_told_apart() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let short = GetRequest {
        addr: Bytes::from_static(b"abc"),
        ..GetRequest::default()
    };
    let status = got(&mut served, short).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "MALFORMED")
    );
    assert!(
        status.message().contains("32 bytes, not 3"),
        "{}",
        status.message()
    );
    let status = got(&mut served, get(root())).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let details = status.get_error_details();
    assert_eq!(
        details.error_info().unwrap().metadata["address"],
        root().to_hex()
    );
    let resolve = ResolveRequest { addr: raw(root()) };
    assert!(
        !served
            .client
            .resolve(resolve)
            .await
            .unwrap()
            .into_inner()
            .found
    );
}

#[tokio::test]
async fn modes_are_passed_on_and_what_does_not_go_together_is_refused() {
    let node = TestNode::start().await;
    node.script
        .values
        .lock()
        .insert(root(), Said::Whole(Bytes::from_static(b"x")));
    let mut served = node.serve().await;
    let with = |mode: i32, trace: Vec<u8>| GetRequest {
        mode,
        trace: trace.into(),
        ..get(root())
    };
    let trace = Trace {
        root: root(),
        steps: vec![],
    }
    .encode()
    .unwrap();
    let replay = EvaluationMode::Replay as i32;
    got(&mut served, with(1, vec![])).await.unwrap();
    got(&mut served, with(replay, trace.clone())).await.unwrap();
    assert_eq!(*node.script.modes.lock(), ["sequential", "replay"]);
    for (mode, trace) in [
        (replay, vec![]),
        (0, trace),
        (replay, b"junk".to_vec()),
        (99, vec![]),
    ] {
        let status = got(&mut served, with(mode, trace)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
}

#[tokio::test]
async fn a_trace_is_answered_as_its_document() {
    let node = TestNode::start().await;
    node.script
        .values
        .lock()
        .insert(root(), Said::Whole(Bytes::from_static(b"x")));
    let mut served = node.serve().await;
    let request = TraceRequest { addr: raw(root()) };
    let mut stream = served.client.trace(request).await.unwrap().into_inner();
    let document = stream.message().await.unwrap().unwrap().chunk;
    assert_eq!(Trace::decode(&document).unwrap().root, root());
    assert_eq!(*node.script.modes.lock(), ["record"]);
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_along() {
    let node = TestNode::start().await;
    let (tell, mut told) = mpsc::unbounded_channel();
    *node.script.gone.lock() = Some(tell);
    node.script.values.lock().insert(root(), Said::Silence);
    let mut served = node.serve().await;
    let mut request = Request::new(get(root()));
    request.set_timeout(Duration::from_millis(100));
    let status = served.client.get(request).await.unwrap_err();
    assert!(
        matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{status}"
    );
    assert_eq!(told.recv().await, Some(root()));
    // While a value streams, dropping the stream does the same.
    let chunks = vec![Bytes::from(vec![1; 1 << 20]); 64];
    node.script
        .values
        .lock()
        .insert(root(), Said::Chunks(chunks));
    let stream = served.client.get(get(root())).await.unwrap().into_inner();
    drop(stream);
    assert_eq!(told.recv().await, Some(root()));
}

#[tokio::test]
async fn leaves_come_whole_and_in_pieces_and_not_longer_than_a_message() {
    let limits = GatewayLimits {
        message_bytes: 100_000,
        ..GatewayLimits::default()
    };
    let node = TestNode::with(limits).await;
    let mut served = node.serve().await;
    let data = Bytes::from(vec![3; 90_000]);
    let put = PutLeafRequest { data: data.clone() };
    let addr = served.client.put_leaf(put).await.unwrap().into_inner().addr;
    assert_eq!(addr, raw(CAddr::of_leaf(&data)));
    let pieces = vec![PutLeafStreamRequest { data: data.clone() }; 3];
    let stream = tokio_stream::iter(pieces);
    let addr = served
        .client
        .put_leaf_stream(stream)
        .await
        .unwrap()
        .into_inner()
        .addr;
    assert_eq!(addr, raw(CAddr::of_leaf(&[&data[..]; 3].concat())));
    let long = PutLeafRequest {
        data: Bytes::from(vec![3; 100_001]),
    };
    let status = served.client.put_leaf(long).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "OVER_LIMIT")
    );
    assert!(
        status.message().contains("PutLeafStream"),
        "{}",
        status.message()
    );
    let long = tokio_stream::iter([PutLeafStreamRequest {
        data: Bytes::from(vec![3; 100_001]),
    }]);
    let status = served.client.put_leaf_stream(long).await.unwrap_err();
    assert_eq!(reason(&status), "OVER_LIMIT");
}

#[tokio::test]
async fn an_upload_that_breaks_off_stores_nothing() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let (give, pieces) = mpsc::channel(1);
    let stream = tokio_stream::wrappers::ReceiverStream::new(pieces);
    let mut client = served.client.clone();
    let upload = tokio::spawn(async move { client.put_leaf_stream(stream).await });
    give.send(PutLeafStreamRequest {
        data: Bytes::from(vec![1; 200_000]),
    })
    .await
    .unwrap();
    until(|| !node.script.staged.lock().is_empty()).await;
    upload.abort();
    until(|| !node.script.abandoned.lock().is_empty()).await;
    assert!(node.script.leaves.lock().is_empty());
    assert!(served.client.status(StatusRequest {}).await.is_ok());
}

#[tokio::test]
async fn a_cancelled_upload_is_never_taken_for_a_short_leaf() {
    let node = TestNode::start().await;
    let served = node.serve().await;
    for turns in 0..40 {
        let (give, pieces) = mpsc::channel(1);
        let stream = tokio_stream::wrappers::ReceiverStream::new(pieces);
        let mut client = served.client.clone();
        let upload = tokio::spawn(async move { client.put_leaf_stream(stream).await });
        let piece = PutLeafStreamRequest {
            data: Bytes::from_static(b"the beginning of a leaf"),
        };
        give.send(piece).await.unwrap();
        // The further the server has come, the likelier it waits for the next piece.
        for _ in 0..turns * 10 {
            tokio::task::yield_now().await;
        }
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
    }
    drain(&served).await;
    assert!(
        node.script.leaves.lock().is_empty(),
        "{:?}",
        node.script.leaves.lock()
    );
}

#[tokio::test]
async fn a_recipe_is_checked_at_the_entrance() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let addr = served
        .client
        .put_recipe(recipe("identity", 1))
        .await
        .unwrap()
        .into_inner()
        .addr;
    assert_eq!(addr, raw(sealed(recipe("identity", 1))));
    let status = served
        .client
        .put_recipe(recipe("nope", 1))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "REFUSED_RECIPE")
    );
    assert_eq!(*node.script.puts.lock(), [1]);
}

async fn put_all(
    served: &mut Served,
    recipes: Vec<PutRecipeRequest>,
) -> (Vec<Bytes>, Option<Status>) {
    let stream = tokio_stream::iter(recipes);
    let mut answers = served
        .client
        .put_recipes(stream)
        .await
        .unwrap()
        .into_inner();
    let mut addresses = Vec::new();
    loop {
        match answers.message().await {
            Ok(Some(answer)) => addresses.push(answer.addr),
            Ok(None) => return (addresses, None),
            Err(status) => return (addresses, Some(status)),
        }
    }
}

#[tokio::test]
async fn a_stream_of_recipes_shares_commits_and_keeps_its_order() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let recipes: Vec<_> = (0..1_000)
        .map(|number| recipe("identity", number))
        .collect();
    let expected: Vec<Bytes> = recipes.iter().map(|one| raw(sealed(one.clone()))).collect();
    let (answers, end) = put_all(&mut served, recipes).await;
    assert!(end.is_none(), "{end:?}");
    assert_eq!(answers, expected);
    let puts = node.script.puts.lock().clone();
    assert!(
        puts.len() < 500 && puts.iter().all(|batch| *batch <= 256),
        "{puts:?}"
    );
}

#[tokio::test]
async fn a_refused_recipe_ends_its_stream_after_those_before_it() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    node.script
        .refused
        .lock()
        .push(sealed(recipe("identity", 3)));
    let recipes = (0..6).map(|number| recipe("identity", number)).collect();
    let (answers, end) = put_all(&mut served, recipes).await;
    assert_eq!(answers.len(), 3);
    assert_eq!(reason(&end.unwrap()), "MISSING_INPUTS");
    assert_eq!(node.script.recipes.lock().len(), 3);
    let recipes = vec![
        recipe("identity", 7),
        recipe("nope", 8),
        recipe("identity", 9),
    ];
    let (answers, end) = put_all(&mut served, recipes).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(reason(&end.unwrap()), "REFUSED_RECIPE");
}

#[tokio::test]
async fn recipes_of_another_mind_about_missing_inputs_are_stored_apart() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let recipes = (0..6)
        .map(|number| PutRecipeRequest {
            allow_missing_inputs: number >= 3,
            ..recipe("identity", number)
        })
        .collect();
    let (answers, end) = put_all(&mut served, recipes).await;
    assert!(end.is_none() && answers.len() == 6, "{end:?}");
    assert!(node.script.puts.lock().len() >= 2);
}

async fn evaluated(
    served: &mut Served,
    request: EvaluateRequest,
) -> Result<(Vec<u8>, Bytes, Bytes), Status> {
    let mut stream = served.client.evaluate(request).await?.into_inner();
    let (mut value, mut root, mut leaf) = (Vec::new(), Bytes::new(), Bytes::new());
    while let Some(message) = stream.message().await? {
        if !message.root.is_empty() {
            assert!(
                value.is_empty() && root.is_empty(),
                "the root comes first and once"
            );
            root = message.root;
        }
        value.extend_from_slice(&message.chunk);
        leaf = message.leaf;
    }
    Ok((value, root, leaf))
}

#[tokio::test]
async fn a_graph_that_travels_is_kept_only_as_asked() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let inner = recipe("identity", 1);
    let unrelated = recipe("identity", 2);
    let last = PutRecipeRequest {
        inputs: vec![raw(sealed(inner.clone()))],
        ..recipe("identity", 3)
    };
    let root = sealed(last.clone());
    let value = Bytes::from(vec![8; 100_000]);
    node.script
        .values
        .lock()
        .insert(root, Said::Whole(value.clone()));
    let request = |keep: Keep| EvaluateRequest {
        recipes: vec![inner.clone(), unrelated.clone(), last.clone()],
        keep: keep as i32,
        ..EvaluateRequest::default()
    };
    let (bytes, told, leaf) = evaluated(&mut served, request(Keep::Nothing))
        .await
        .unwrap();
    assert_eq!((bytes, told, leaf.len()), (value.to_vec(), raw(root), 0));
    assert!(node.script.puts.lock().is_empty());
    evaluated(&mut served, request(Keep::Closure))
        .await
        .unwrap();
    let mut stored = node.script.recipes.lock().clone();
    stored.sort_unstable();
    let mut closure = vec![root, sealed(inner.clone())];
    closure.sort_unstable();
    assert_eq!(stored, closure, "the root's closure and nothing else");
    let (bytes, _, leaf) = evaluated(&mut served, request(Keep::Leaf)).await.unwrap();
    assert_eq!(bytes, value);
    assert_eq!(leaf, raw(CAddr::of_leaf(&value)));
    assert_eq!(node.script.leaves.lock()[&CAddr::of_leaf(&value)], value);
}

#[tokio::test]
async fn an_empty_value_still_names_its_root() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    node.script
        .values
        .lock()
        .insert(root(), Said::Whole(Bytes::new()));
    let request = EvaluateRequest {
        root: raw(root()),
        ..EvaluateRequest::default()
    };
    let (bytes, told, _) = evaluated(&mut served, request).await.unwrap();
    assert_eq!((bytes.len(), told), (0, raw(root())));
    let status = evaluated(&mut served, EvaluateRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_node_tells_about_itself() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let status = served
        .client
        .status(StatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (status.cache_entries, status.disk_entries, status.executions),
        (3, 5, 11)
    );
    assert_eq!(status.verification_mode, "off");
    assert!(status.writable);
    let cluster = served
        .client
        .cluster_status(deriva_proto::ClusterStatusRequest {})
        .await;
    let cluster = cluster.unwrap().into_inner();
    assert_eq!(cluster.alive_count, 1);
    assert_eq!(
        (
            cluster.nodes[0].state.as_str(),
            cluster.nodes[0].role.as_str()
        ),
        ("alive", "single")
    );
}

#[tokio::test]
async fn pins_are_listed_in_pages_and_a_forget_says_what_stands_in_its_way() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let addrs: Vec<_> = (1..=3).map(|n| raw(CAddr::from_bytes([n; 32]))).collect();
    for addr in &addrs {
        let pin = PinRequest { addr: addr.clone() };
        let first = served.client.pin(pin.clone()).await.unwrap();
        let second = served.client.pin(pin).await.unwrap();
        assert_eq!(
            (first.into_inner().was_new, second.into_inner().was_new),
            (true, false)
        );
    }
    let page = |after: &bytes::Bytes, limit| ListPinsRequest {
        after: after.clone(),
        limit,
    };
    let first = served.client.list_pins(page(&bytes::Bytes::new(), 2)).await;
    let first = first.unwrap().into_inner();
    assert_eq!(
        (&first.addrs[..], first.count, first.more),
        (&addrs[..2], 3, true)
    );
    let last = served.client.list_pins(page(&addrs[1], 0)).await;
    let last = last.unwrap().into_inner();
    assert_eq!(
        (&last.addrs[..], last.count, last.more),
        (&addrs[2..], 3, false)
    );
    let unpin = UnpinRequest {
        addr: addrs[0].clone(),
    };
    assert!(
        served
            .client
            .unpin(unpin)
            .await
            .unwrap()
            .into_inner()
            .was_pinned
    );
    let forget = |cascade| ForgetRequest {
        addr: addrs[0].clone(),
        cascade,
    };
    let refused = served.client.forget(forget(false)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "IN_USE")
    );
    let done = served.client.forget(forget(true)).await.unwrap();
    assert_eq!(done.into_inner().forgotten_count, 2);
}

#[tokio::test]
async fn verification_is_passed_on_and_is_never_less_than_the_nodes() {
    let node = TestNode::start().await;
    node.script
        .values
        .lock()
        .insert(root(), Said::Whole(Bytes::from_static(b"x")));
    let mut served = node.serve().await;
    let asking = |verification: &str| GetRequest {
        verification: verification.to_owned(),
        ..get(root())
    };
    for asked in ["", "off", "sampled:0.25", "dual"] {
        got(&mut served, asking(asked)).await.unwrap();
    }
    let travelling = EvaluateRequest {
        root: raw(root()),
        verification: "dual".to_owned(),
        ..EvaluateRequest::default()
    };
    served.client.evaluate(travelling).await.unwrap();
    let passed: Vec<String> = node
        .script
        .verifications
        .lock()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(passed, ["off", "off", "sampled:0.25", "dual", "dual"]);
    let replay = GetRequest {
        mode: EvaluationMode::Replay.into(),
        trace: Trace {
            root: root(),
            steps: Vec::new(),
        }
        .encode()
        .unwrap()
        .into(),
        ..asking("dual")
    };
    for refused in [asking("twice"), asking("sampled:2"), asking("DUAL"), replay] {
        let status = got(&mut served, refused).await.unwrap_err();
        assert_eq!(reason(&status), "MALFORMED");
    }
}

#[tokio::test]
async fn a_value_in_memory_answers_a_dual_request_only_if_it_was_verified() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let value = resident(root(), b"warm");
    node.context.node.values.offer(Produced {
        address: root(),
        value: value.clone(),
        source: Source::Computed,
        begun: 0,
    });
    let dual = GetRequest {
        verification: "dual".to_owned(),
        ..get(root())
    };
    assert_eq!(got(&mut served, get(root())).await.unwrap(), ["warm"]);
    assert!(
        got(&mut served, dual.clone()).await.is_err(),
        "the evaluator is asked"
    );
    value.mark_verified();
    assert_eq!(got(&mut served, dual).await.unwrap(), ["warm"]);
    assert_eq!(node.script.modes.lock().len(), 1);
}

#[tokio::test]
async fn verify_tells_what_was_made_and_marks_are_told_and_cleared() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let unknown = VerifyRequest {
        addr: raw(root()),
        deep: false,
    };
    let unknown = served.client.verify(unknown).await.unwrap_err();
    assert_eq!(
        (unknown.code(), reason(&unknown).as_str()),
        (Code::NotFound, "NOT_FOUND")
    );
    let leaf = CAddr::of_leaf(b"a leaf");
    let marker = layout::leaf_marker(Epoch::new(1), 6);
    let mut batch = Batch::default();
    batch.put(Space::Leaves, layout::address_key(&leaf), marker);
    node.storage.write(&batch, Durability::Synced).unwrap();
    let chunks = vec![Bytes::from_static(b"a l"), Bytes::from_static(b"eaf")];
    node.script.values.lock().insert(leaf, Said::Chunks(chunks));
    for deep in [false, true] {
        let request = VerifyRequest {
            addr: raw(leaf),
            deep,
        };
        let told = served.client.verify(request).await.unwrap().into_inner();
        assert!(told.deterministic && told.error.is_empty(), "{told:?}");
        assert_eq!(told.output_size, 6);
    }
    assert_eq!(*node.script.modes.lock(), ["verify", "verify deep"]);
    let violation = Box::new(test_node::caught());
    let fault = Fault::Nondeterministic { violation };
    node.script.values.lock().insert(leaf, Said::Fails(fault));
    let request = VerifyRequest {
        addr: raw(leaf),
        deep: true,
    };
    let told = served.client.verify(request).await.unwrap().into_inner();
    assert!(
        !told.deterministic && told.error.contains("marked@1"),
        "{told:?}"
    );

    let functions = served
        .client
        .list_functions(ListFunctionsRequest {})
        .await
        .unwrap();
    let functions = functions.into_inner().functions;
    let marked: Vec<bool> = functions.iter().map(|f| !f.marked.is_empty()).collect();
    assert_eq!(marked, [false, true]);
    let status = served
        .client
        .status(StatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(status.verification_mode, "off");
    let counts = (
        status.verification_total,
        status.verification_passed,
        status.verification_failed,
    );
    assert_eq!(counts, (4, 3, 1));
    assert!((status.verification_failure_rate - 0.25).abs() < 1e-9);
    for (name, was_marked) in [("marked", true), ("honest", false)] {
        let clear = ClearMarkRequest {
            function_name: name.to_owned(),
            function_version: "1".to_owned(),
        };
        let cleared = served.client.clear_mark(clear).await.unwrap();
        assert_eq!(cleared.into_inner().was_marked, was_marked);
    }
    let nothing = served
        .client
        .clear_mark(ClearMarkRequest::default())
        .await
        .unwrap_err();
    assert_eq!(nothing.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn unknown_addresses_and_questions_are_refused() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let cascade = InvalidateRequest {
        addr: raw(root()),
        cascade: true,
    };
    let cascade = served.client.invalidate(cascade).await.unwrap_err();
    assert_eq!(cascade.code(), Code::NotFound);
    let unknown = InvalidateRequest {
        addr: raw(root()),
        cascade: false,
    };
    let unknown = served.client.invalidate(unknown).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let query = GraphRequest {
        addr: raw(root()),
        query: 77,
    };
    let query = served.client.graph(query).await.unwrap_err();
    assert_eq!(query.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn over_the_limit_is_told_with_retry_information_and_health_still_answers() {
    let limits = GatewayLimits {
        requests: 1,
        ..GatewayLimits::default()
    };
    let node = TestNode::with(limits).await;
    node.script.values.lock().insert(root(), Said::Silence);
    let mut served = node.serve().await;
    let mut client = served.client.clone();
    let waiting = tokio::spawn(async move { client.get(get(root())).await });
    until(|| !node.script.modes.lock().is_empty()).await;
    let status = served.client.status(StatusRequest {}).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert!(
        status
            .get_error_details()
            .retry_info()
            .unwrap()
            .retry_delay
            .is_some()
    );
    let mut health = HealthClient::new(served.channel.clone());
    let check = HealthCheckRequest {
        service: "deriva.Deriva".to_owned(),
    };
    assert_eq!(health.check(check).await.unwrap().into_inner().status, 1);
    waiting.abort();
}

#[tokio::test]
async fn a_function_that_failed_is_told_with_its_words() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    let fault = Fault::FunctionFailed {
        recipe: root(),
        function: deriva_model::FunctionId::new("csv_join", "1.0.0"),
        failure: deriva_messages::Failure::Refused,
        message: "no column \"id\"".to_owned(),
    };
    node.script.values.lock().insert(root(), Said::Fails(fault));
    let status = got(&mut served, get(root())).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status.message().contains("no column \"id\""),
        "{}",
        status.message()
    );
}

async fn drain(served: &Served) {
    let (done, drained) = oneshot::channel();
    let message = GatewayMessage::Drain {
        reply: RpcReplyPort::from(done),
    };
    served
        .actor
        .cast(Envelope {
            message,
            credit: None,
        })
        .unwrap();
    drained.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_ends_what_is_under_way_and_takes_nothing_new() {
    let node = TestNode::start().await;
    let chunks = vec![Bytes::from(vec![1; 1 << 20]); 8];
    node.script
        .values
        .lock()
        .insert(root(), Said::Chunks(chunks));
    let mut served = node.serve().await;
    let mut stream = served.client.get(get(root())).await.unwrap().into_inner();
    let reading = async {
        let mut length = 0;
        while let Some(message) = stream.message().await.unwrap() {
            length += message.chunk.len();
        }
        length
    };
    let ((), length) = tokio::join!(drain(&served), reading);
    assert_eq!(length, 8 << 20);
    assert!(node.context.is_draining());
    let status = served.client.status(StatusRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    drain(&served).await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_comes_back_on_its_port() {
    let node = TestNode::start().await;
    let mut served = node.serve().await;
    served.client.status(StatusRequest {}).await.unwrap();
    served.actor.kill_and_wait(None).await.unwrap();
    let arguments = served.arguments.clone();
    let url = format!("http://{}", arguments.port.address());
    let _again = Actor::spawn(None, super::GrpcGateway, arguments)
        .await
        .unwrap();
    let channel = tonic::transport::Channel::from_shared(url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = deriva_proto::deriva_client::DerivaClient::new(channel);
    client.status(StatusRequest {}).await.unwrap();
}

#[tokio::test]
async fn text_that_is_not_utf8_is_malformed() {
    let node = TestNode::start().await;
    let served = node.serve().await;
    // A byte string in the place of the prefix is how a hostile client spells it.
    let hostile = PutLeafRequest {
        data: Bytes::from_static(b"\xff\xfeabcdef"),
    };
    let mut grpc = tonic::client::Grpc::new(served.channel.clone());
    grpc.ready().await.unwrap();
    let path = "/deriva.Deriva/Find".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<PutLeafRequest, deriva_proto::FindResponse>::default();
    let status = grpc
        .unary(Request::new(hostile), path, codec)
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "MALFORMED")
    );
    assert!(status.message().contains("UTF-8"), "{}", status.message());
}

#[tokio::test]
async fn reflection_lists_the_interface() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let node = TestNode::start().await;
    let served = node.serve().await;
    let mut client = ServerReflectionClient::new(served.channel.clone());
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let stream = client
        .server_reflection_info(tokio_stream::iter([ask]))
        .await
        .unwrap();
    let answer = stream.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        unreachable!("another answer");
    };
    let names: Vec<String> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    assert!(names.contains(&"deriva.Deriva".to_owned()), "{names:?}");
    assert!(
        names.contains(&"grpc.health.v1.Health".to_owned()),
        "{names:?}"
    );
}

/// A place for one request, and little patience with a client that does nothing.
async fn impatient() -> TestNode {
    TestNode::with(GatewayLimits {
        requests: 1,
        silence: Duration::from_millis(50),
        ..GatewayLimits::default()
    })
    .await
}

/// Waits until another request finds room.
async fn room_again(served: &mut Served) {
    let asking = async {
        while let Err(status) = served.client.status(StatusRequest {}).await {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .expect("the gate stayed full");
}

#[tokio::test]
async fn a_client_that_does_not_read_gives_its_place_back() {
    let node = impatient().await;
    let value = Bytes::from(vec![7; 8 << 20]);
    node.script
        .values
        .lock()
        .insert(root(), Said::Whole(value.clone()));
    let mut served = node.serve().await;
    let mut unread = served.client.get(get(root())).await.unwrap().into_inner();
    room_again(&mut served).await;
    let mut taken = 0;
    let end = loop {
        match unread.message().await {
            Ok(Some(message)) => taken += message.chunk.len(),
            end => break end,
        }
    };
    assert!(taken < value.len());
    assert_eq!(end.unwrap_err().code(), Code::Cancelled);
}

/// The body of a request whose client says nothing and does not end it.
struct Silence;

impl hyper::body::Body for Silence {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Status>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn a_request_that_is_never_sent_gives_its_place_back() {
    for method in ["PutLeaf", "Get", "PutLeafStream", "PutRecipes"] {
        let node = impatient().await;
        let mut served = node.serve().await;
        let request = hyper::Request::post(format!("http://node/deriva.Deriva/{method}"))
            .header("content-type", "application/grpc")
            .body(tonic::body::Body::new(Silence))
            .unwrap();
        let mut channel = served.channel.clone();
        let silent = tokio::spawn(async move {
            std::future::poll_fn(|cx| tower::Service::poll_ready(&mut channel, cx)).await?;
            tower::Service::call(&mut channel, request).await
        });
        until(|| node.context.gate.admit("Get").is_err()).await;
        room_again(&mut served).await;
        let answer = silent.await.unwrap().unwrap();
        let said = Status::from_header_map(answer.headers());
        // A call whose answer is a stream says it in the stream's end.
        let code = said.map(|status| status.code());
        assert!(
            matches!(code, None | Some(Code::DeadlineExceeded)),
            "{code:?}"
        );
    }
}

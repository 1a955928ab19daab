#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use deriva_model::{CAddr, ContentHash, FunctionId, Recipe, Value};
use tokio::io::{AsyncRead, ReadBuf};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    Batch, Client, ClientConfig, ClientError, Evaluation, ImportOutcome, Keep, MissingInputs, Mode,
    PIECE_BYTES, Resolution, RetryPolicy,
    fake_test::{Ended, Running, start},
};

const PATIENCE: Duration = Duration::from_secs(10);

async fn seen(server: &mut Running) -> Ended {
    tokio::time::timeout(PATIENCE, server.uploads.recv())
        .await
        .unwrap()
        .unwrap()
}

fn anything() -> CAddr {
    CAddr::of_leaf(b"anything")
}

fn recipe(n: i64) -> Recipe {
    let params = BTreeMap::from([
        ("n".to_owned(), Value::I64(n)),
        ("text".to_owned(), Value::from("3")),
        (
            "list".to_owned(),
            Value::List(vec![Value::Bool(true), Value::Bytes(vec![0, 255])]),
        ),
    ]);
    Recipe::new(FunctionId::new("repeat", "1.0.0"), vec![anything()], params).unwrap()
}

#[tokio::test]
async fn a_small_leaf_goes_in_one_message_and_a_large_one_in_pieces() {
    let mut server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    for size in [0, 1, 1 << 20, (1 << 20) + 1, 3 * PIECE_BYTES + 17] {
        let data = (0..size)
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect::<Vec<_>>();
        assert_eq!(
            client.put_leaf(data.clone()).await.unwrap(),
            CAddr::of_leaf(&data)
        );
        assert!(
            seen(&mut server).await == Ended::Whole(data),
            "{size} bytes arrive as they are"
        );
    }
}

#[tokio::test]
async fn an_empty_source_is_the_empty_leaf() {
    let server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let addr = client.put_leaf_stream(tokio::io::empty()).await.unwrap();
    assert_eq!(addr, CAddr::of_leaf(b""));
}

/// Yields some bytes and then fails, or waits for ever.
struct Failing {
    left: usize,
    then: Option<io::ErrorKind>,
}

impl AsyncRead for Failing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return match self.then {
                Some(kind) => Poll::Ready(Err(kind.into())),
                None => Poll::Pending,
            };
        }
        let some = self.left.min(buf.remaining());
        buf.put_slice(&vec![7; some]);
        self.left -= some;
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_source_that_fails_never_ends_as_a_shorter_leaf() {
    let mut server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    // More than is read ahead, so that the call is under way when the source fails.
    let source = Failing {
        left: 40 * PIECE_BYTES,
        then: Some(io::ErrorKind::TimedOut),
    };
    let error = client.put_leaf_stream(source).await.unwrap_err();
    assert!(matches!(&error, ClientError::Source(e) if e.kind() == io::ErrorKind::TimedOut));
    assert!(!error.retryable());
    assert!(
        seen(&mut server).await == Ended::Broken,
        "the server saw a whole leaf"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_shorter_leaf() {
    let mut server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let source = Failing {
        left: 2 * PIECE_BYTES,
        then: None,
    };
    let put = client.put_leaf_stream(source);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), put)
            .await
            .is_err()
    );
    assert!(
        seen(&mut server).await == Ended::Broken,
        "the server saw a whole leaf"
    );
}

#[tokio::test]
async fn an_address_that_is_not_that_of_the_bytes_is_an_error() {
    let server = start(|fake| fake.answer = Some([9; 32]));
    let client = Client::connect(&server.url).await.unwrap();
    let expected = CAddr::of_leaf(b"hello");
    for answer in [
        client.put_leaf(&b"hello"[..]).await,
        client.put_leaf_stream(&b"hello"[..]).await,
    ] {
        let error = answer.unwrap_err();
        assert!(matches!(&error, ClientError::Mismatch { expected: e, got }
            if *e == expected && *got == CAddr::from_bytes([9; 32])));
        assert_eq!(error.addr(), Some(&expected));
    }
}

#[tokio::test]
async fn a_recipe_arrives_with_its_kinds() {
    let server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let addr = client
        .put_recipe(&recipe(3), MissingInputs::Refuse)
        .await
        .unwrap();
    assert_eq!(addr, recipe(3).address());
}

#[tokio::test]
async fn recipes_are_answered_in_order() {
    let server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let graph = tokio_stream::iter((0..100).map(recipe));
    let answers = client
        .put_recipes(graph, MissingInputs::Allow)
        .await
        .unwrap();
    let expected = (0..100).map(|n| recipe(n).address()).collect::<Vec<_>>();
    assert_eq!(answers.collect(100).await.unwrap(), expected);
}

#[tokio::test]
async fn a_graph_is_answered_batch_by_batch_and_its_addresses_are_compared() {
    let server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let batch = |number: i64| Batch {
        leaves: (0..3)
            .map(|n| Bytes::from(format!("{number} {n}")))
            .collect(),
        recipes: (0..number % 5).map(|n| recipe(100 * number + n)).collect(),
    };
    // More than may be on their way at once.
    let batches = tokio_stream::iter((0..100).map(batch));
    let mut answers = client
        .put_graph(batches, MissingInputs::Allow)
        .await
        .unwrap();
    for number in 0..100 {
        let stored = answers.next().await.unwrap().unwrap();
        let batch = batch(number);
        let leaves: Vec<_> = batch
            .leaves
            .iter()
            .map(|leaf| CAddr::of_leaf(leaf))
            .collect();
        let recipes: Vec<_> = batch.recipes.iter().map(Recipe::address).collect();
        assert_eq!((stored.leaves, stored.recipes), (leaves, recipes));
    }
    assert_eq!(answers.next().await.unwrap(), None);
    let leaves: Vec<Bytes> = (0..10_000).map(|n| Bytes::from(format!("{n}"))).collect();
    let expected: Vec<_> = leaves.iter().map(|leaf| CAddr::of_leaf(leaf)).collect();
    assert_eq!(client.put_leaves(leaves).await.unwrap(), expected);
    assert_eq!(client.put_leaves(Vec::new()).await.unwrap(), []);
    let other = start(|fake| fake.answer = Some([7; 32]));
    let client = Client::connect(&other.url).await.unwrap();
    let told = client.put_leaves(vec![Bytes::from("a leaf")]).await;
    assert!(
        matches!(told, Err(ClientError::Mismatch { .. })),
        "{told:?}"
    );
}

#[tokio::test]
async fn old_recipes_are_answered_in_order_and_a_cut_is_no_end() {
    let server = start(|fake| fake.last = Some(Status::data_loss("damaged")));
    let client = Client::connect(&server.url).await.unwrap();
    let recipes = [&b"new"[..], b"known", b"refused"].map(Bytes::from_static);
    let sent = tokio_stream::iter(recipes.clone());
    let mut answers = client.import_recipes(sent).await.unwrap();
    for (number, bytes) in recipes.iter().enumerate() {
        let told = answers.next().await.unwrap().unwrap();
        assert_eq!((told.old_addr, told.addr), (CAddr::of_leaf(bytes), None));
        match (number, told.outcome) {
            (0, ImportOutcome::New) | (1, ImportOutcome::Known) => {}
            (2, ImportOutcome::Refused { missing_count, .. }) => assert_eq!(missing_count, 3),
            other => panic!("{other:?}"),
        }
    }
    let cut = answers.next().await.unwrap_err();
    assert_eq!(cut.code(), Some(Code::DataLoss));
    let unknown = tokio_stream::iter([Bytes::from_static(b"unheard of")]);
    let mut answers = client.import_recipes(unknown).await.unwrap();
    let told = answers.next().await;
    assert!(matches!(told, Err(ClientError::Malformed(_))), "{told:?}");
}

#[tokio::test]
async fn a_declaration_can_be_made_again() {
    let server = start(|fake| fake.unavailable.store(1, Ordering::SeqCst));
    let client = patient(&server, 2).await;
    let declared = client.complete_import().await.unwrap();
    assert!(declared.complete && declared.alias_count == 7);
    let state = client.import_status().await.unwrap();
    assert!(!state.complete && state.alias_count == 7);
    let leaf = client.put_small_leaf(&b"leaf"[..]).await.unwrap();
    assert!(leaf.was_new && leaf.addr == CAddr::of_leaf(b"leaf"));
}

#[tokio::test]
async fn a_value_is_collected_up_to_the_limit() {
    let server = start(|fake| fake.chunks = vec![b"hello ", b"", b"world"]);
    let client = Client::connect(&server.url).await.unwrap();
    let get = async |limit| {
        client
            .get(&anything())
            .await
            .unwrap()
            .collect_to_bytes(limit)
            .await
    };
    assert_eq!(get(11).await.unwrap(), "hello world");
    assert!(matches!(
        get(10).await,
        Err(ClientError::TooLarge { limit: 10 })
    ));
}

#[tokio::test]
async fn what_arrives_is_compared_with_what_the_server_says_it_is() {
    let content = ContentHash::of(b"hello world");
    for (says, right) in [(*content.as_bytes(), true), ([7; 32], false)] {
        let server = start(|fake| {
            fake.chunks = vec![b"hello ", b"world"];
            fake.says = Some(says);
        });
        let client = Client::connect(&server.url).await.unwrap();
        let mut value = client.get(&anything()).await.unwrap();
        assert!(value.chunk().await.is_ok() && value.chunk().await.is_ok());
        assert_eq!(value.content(), None);
        let end = value.chunk().await;
        match right {
            true => assert_eq!(value.content(), Some(content)),
            false => assert!(
                matches!(end, Err(ClientError::Changed { arrived, .. }) if arrived == content),
                "{end:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_value_that_ends_in_a_fault_is_no_value() {
    let server = start(|fake| {
        fake.chunks = vec![b"hello "];
        fake.last = Some(Status::data_loss("chunk 1 does not match"));
    });
    let client = Client::connect(&server.url).await.unwrap();
    let mut value = client.get(&anything()).await.unwrap();
    assert_eq!(value.chunk().await.unwrap(), Some(Bytes::from("hello ")));
    let error = value.chunk().await.unwrap_err();
    assert_eq!(error.code(), Some(Code::DataLoss));
    assert_eq!(error.to_string(), "chunk 1 does not match");
}

#[tokio::test]
async fn a_value_whose_server_dies_is_no_value() {
    let mut server = start(|fake| {
        fake.chunks = vec![b"hello "];
        fake.silent = Some(());
    });
    let client = Client::connect(&server.url).await.unwrap();
    let mut value = client.get(&anything()).await.unwrap();
    assert_eq!(value.chunk().await.unwrap(), Some(Bytes::from("hello ")));
    server.kill();
    let error = value.chunk().await.unwrap_err();
    assert!(matches!(error, ClientError::CutOff(_)), "{error:?}");
    assert!(error.retryable());
}

#[tokio::test]
async fn an_evaluation_tells_root_and_leaf() {
    let server = start(|fake| fake.chunks = vec![b"va", b"lue"]);
    let client = Client::connect(&server.url).await.unwrap();
    let evaluation = Evaluation {
        recipes: vec![recipe(1)],
        root: Some(recipe(1).address()),
        mode: Mode::Sequential,
        keep: Keep::Leaf,
        verification: String::new(),
    };
    let mut value = client.evaluate(evaluation).await.unwrap();
    assert_eq!(value.collect_to_bytes(100).await.unwrap(), "value");
    assert_eq!(value.root(), Some(&recipe(1).address()));
    assert_eq!(value.leaf(), Some(&CAddr::of_leaf(b"value")));
}

#[tokio::test]
async fn a_replay_of_recipes_that_are_not_stored_is_refused_here() {
    let server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let mode = Mode::Replay(Bytes::new());
    let evaluation = Evaluation {
        recipes: Vec::new(),
        root: None,
        mode,
        keep: Keep::Nothing,
        verification: String::new(),
    };
    let error = client.evaluate(evaluation).await.unwrap_err();
    assert!(matches!(error, ClientError::Configuration(_)));
}

#[tokio::test]
async fn a_list_is_collected_up_to_the_limit() {
    let server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    let query = crate::proto::GraphQuery::Inputs;
    let list = async |limit| {
        client
            .graph(&anything(), query)
            .await
            .unwrap()
            .collect(limit)
            .await
    };
    let found = list(3).await.unwrap();
    assert_eq!(found.iter().map(|n| n.depth).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(matches!(
        list(2).await,
        Err(ClientError::TooMany { limit: 2 })
    ));
}

#[tokio::test]
async fn a_refusal_carries_its_details() {
    let addr = anything();
    let server = start(|fake| {
        let mut details = ErrorDetails::new();
        details
            .set_error_info(
                "UNKNOWN_ADDRESS",
                "deriva",
                [("address".to_owned(), addr.to_string())],
            )
            .set_localized_message("en", "put the leaf first")
            .set_retry_info(Some(Duration::from_millis(1500)));
        let words = "nothing is stored there";
        fake.resolve = Err(Status::with_error_details(Code::NotFound, words, details));
    });
    let client = Client::connect(&server.url).await.unwrap();
    let error = client.resolve(&addr).await.unwrap_err();
    let ClientError::Refused(refusal) = error else {
        panic!("{error:?}")
    };
    assert_eq!(refusal.code, Code::NotFound);
    assert_eq!(refusal.message, "nothing is stored there");
    assert_eq!(refusal.reason, "UNKNOWN_ADDRESS");
    assert_eq!(refusal.addr, Some(addr));
    assert_eq!(refusal.hint.as_deref(), Some("put the leaf first"));
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(1500)));
}

#[tokio::test]
async fn a_leaf_is_resolved_as_one() {
    let server = start(|fake| {
        fake.resolve = Ok(crate::proto::ResolveResponse {
            found: true,
            kind: "leaf".to_owned(),
            leaf_size: 12,
            ..Default::default()
        });
    });
    let client = Client::connect(&server.url).await.unwrap();
    let resolution = client.resolve(&anything()).await.unwrap();
    assert_eq!(resolution, Resolution::Leaf { size: 12 });
}

#[tokio::test]
async fn nothing_listens() {
    // A port that was bound and let go of again: nobody else is given it at once.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let error = Client::connect(&url).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Unreachable { url: u, .. } if *u == url),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_went_away_is_unreachable_for_the_next_call() {
    let mut server = start(|_| {});
    let client = Client::connect(&server.url).await.unwrap();
    client.status().await.unwrap();
    server.kill();
    // The first call may still meet the dying connection; after it the port is known to be shut.
    let first = client.status().await.unwrap_err();
    assert!(first.retryable(), "{first:?}");
    let second = client.status().await.unwrap_err();
    assert!(
        matches!(second, ClientError::Unreachable { .. }),
        "{second:?}"
    );
}

#[tokio::test]
async fn urls_that_cannot_work_are_told_so() {
    for url in [
        "",
        "nonsense",
        "ftp://127.0.0.1:1",
        "https://127.0.0.1:1",
        "127.0.0.1:50051",
    ] {
        let error = Client::connect(url).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Configuration(_)),
            "{url}: {error:?}"
        );
    }
}

async fn patient(server: &Running, attempts: u32) -> Client {
    let wait = Duration::from_millis(1);
    let retry = RetryPolicy {
        attempts,
        first_wait: wait,
        longest_wait: wait,
    };
    let config = ClientConfig {
        retry,
        ..ClientConfig::new(&server.url)
    };
    Client::connect_with(config).await.unwrap()
}

#[tokio::test]
async fn a_call_without_a_trace_is_tried_again_as_often_as_allowed() {
    let mut calls = None;
    let server = start(|fake| {
        fake.unavailable.store(2, Ordering::SeqCst);
        calls = Some(fake.calls.clone());
    });
    assert_eq!(
        patient(&server, 3)
            .await
            .status()
            .await
            .unwrap()
            .recipe_count,
        7
    );
    assert_eq!(calls.unwrap().load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_last_error_is_told_when_the_attempts_are_used_up() {
    let mut calls = None;
    let server = start(|fake| {
        fake.unavailable.store(9, Ordering::SeqCst);
        calls = Some(fake.calls.clone());
    });
    let error = patient(&server, 3).await.status().await.unwrap_err();
    assert_eq!(error.code(), Some(Code::Unavailable));
    assert_eq!(calls.unwrap().load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_call_that_answers_what_it_changed_is_made_once() {
    let mut calls = None;
    let server = start(|fake| {
        fake.unavailable.store(1, Ordering::SeqCst);
        calls = Some(fake.calls.clone());
    });
    let error = patient(&server, 3)
        .await
        .pin(&anything())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(Code::Unavailable));
    assert_eq!(calls.unwrap().load(Ordering::SeqCst), 1);
}

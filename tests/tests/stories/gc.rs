//! Letting go: what was forgotten is collected with what only it held, and nothing else is.

use deriva_client::{CascadeRequest, Code, Collection, Consumers};
use deriva_model::CAddr;
use deriva_tests::{Launch, eventually, fetch, noise, recipe, refused, store};
use std::io::Cursor;

const NOW: Collection = Collection {
    grace_period_secs: Some(0),
    dry_run: false,
    detail_addrs: true,
    max_removals: 0,
};

#[tokio::test]
async fn forget_and_collect_over_a_restart() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let shared = client.put_leaf(&b"shared"[..]).await.unwrap();
    let own = client.put_leaf(&b"own"[..]).await.unwrap();
    let pinned = client.put_leaf(&b"pinned"[..]).await.unwrap();
    assert!(client.pin(&pinned).await.unwrap());
    let live = store(&client, &recipe("uppercase", &[shared], &[])).await;
    let low = store(&client, &recipe("concat", &[shared, own], &[])).await;
    let high = store(&client, &recipe("uppercase", &[low], &[])).await;
    assert_eq!(fetch(&client, &high).await.unwrap(), "SHAREDOWN");
    refused(
        client.forget(&low, Consumers::Refuse).await,
        Code::FailedPrecondition,
        "IN_USE",
        &[&high.to_hex()],
    );
    let forgotten = node.cli(&["forget", &low.to_hex(), "--cascade"]).await;
    assert!(forgotten.line().contains("2 recipes"), "{forgotten:?}");

    let node = node.restart().await;
    let client = node.client().await;
    assert_eq!(client.list_pins().await.unwrap(), [pinned]);
    assert_eq!(
        fetch(&client, &high).await.unwrap(),
        "SHAREDOWN",
        "it stays until collected"
    );
    let kept = client.garbage_collect(Collection::default()).await.unwrap();
    assert_eq!(
        (kept.blobs_removed, kept.recipes_removed),
        (0, 0),
        "within the grace"
    );
    let dry = Collection {
        dry_run: true,
        ..NOW
    };
    let told = client.garbage_collect(dry).await.unwrap();
    let done = client.garbage_collect(NOW).await.unwrap();
    for answer in [&told, &done] {
        assert_eq!(
            (answer.blobs_removed, answer.recipes_removed),
            (1, 2),
            "{answer:?}"
        );
        assert_eq!(
            (answer.live_blobs, answer.live_recipes),
            (2, 1),
            "{answer:?}"
        );
    }
    for gone in [high, low, own] {
        let answer = fetch(&client, &gone).await;
        refused(answer, Code::NotFound, "NOT_FOUND", &[]);
    }
    assert_eq!(fetch(&client, &live).await.unwrap(), "SHARED");
    assert_eq!(fetch(&client, &pinned).await.unwrap(), "pinned");
    // What was collected can be made again.
    assert_eq!(client.put_leaf(&b"own"[..]).await.unwrap(), own);
    assert_eq!(
        store(&client, &recipe("concat", &[shared, own], &[])).await,
        low
    );
    assert_eq!(fetch(&client, &low).await.unwrap(), "sharedown");
}

#[tokio::test]
async fn an_invalidation_follows_the_consumers() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(&b"a leaf"[..]).await.unwrap();
    let left = store(&client, &recipe("uppercase", &[leaf], &[])).await;
    let right = store(&client, &recipe("reverse", &[leaf], &[])).await;
    let top = store(&client, &recipe("concat", &[left, right], &[])).await;
    let value = fetch(&client, &top).await.unwrap();
    let how = |policy: &str| CascadeRequest {
        policy: policy.to_owned(),
        include_root: true,
        detail_addrs: true,
    };
    let dry = client
        .cascade_invalidate(&leaf, how("dry_run"))
        .await
        .unwrap();
    let done = client.cascade_invalidate(&leaf, how("")).await.unwrap();
    for answer in [&dry, &done] {
        let counts = (
            answer.evicted_count,
            answer.traversed_count,
            answer.max_depth,
        );
        assert_eq!(counts, (3, 3, 2), "{answer:?}");
        assert_eq!(answer.evicted_addrs.len(), 3);
    }
    let again = client
        .cascade_invalidate(&leaf, how("immediate"))
        .await
        .unwrap();
    assert_eq!((again.evicted_count, again.bytes_reclaimed), (0, 0));
    let unknown = client.cascade_invalidate(&leaf, how("at once")).await;
    refused(unknown, Code::InvalidArgument, "MALFORMED", &["policy"]);
    assert_eq!(fetch(&client, &top).await.unwrap(), value);
}

#[tokio::test]
async fn what_a_slow_reader_reads_stays_until_it_has_been_read() {
    const SIZE: usize = 48 << 20;
    let node = Launch::new().start().await;
    let client = node.client().await;
    let bytes = noise(7, SIZE);
    let leaf = client
        .put_leaf_stream(Cursor::new(bytes.clone()))
        .await
        .unwrap();
    // Both read the leaf chunk by chunk: a stored content, and a computation that waits for its reader.
    let copies = store(&client, &recipe("identity", &[leaf], &[])).await;
    let mut readers = Vec::new();
    for root in [leaf, copies] {
        let other = node.client().await;
        let mut value = other.get(&root).await.unwrap();
        let first = value.chunk().await.unwrap().unwrap();
        readers.push((value, first.to_vec()));
    }
    client.forget(&copies, Consumers::Refuse).await.unwrap();
    let kept = client.garbage_collect(NOW).await.unwrap();
    assert_eq!((kept.blobs_removed, kept.recipes_removed), (0, 0));
    for (mut value, mut got) in readers {
        while let Some(chunk) = value.chunk().await.unwrap() {
            got.extend_from_slice(&chunk);
        }
        assert!(got == bytes, "the value came whole");
    }
    eventually("nobody reads it any more", async || {
        let done = client.garbage_collect(NOW).await.unwrap();
        done.blobs_removed == 1 || done.live_blobs == 0
    })
    .await;
    refused(
        fetch(&client, &leaf).await,
        Code::NotFound,
        "NOT_FOUND",
        &[],
    );
}

#[tokio::test]
async fn a_collection_that_is_killed_is_ended_by_the_next_start_and_nothing_live_goes() {
    const LEAVES: u64 = 1500;
    let mut launch = Launch::new();
    for round in 0..3 {
        let node = launch.start().await;
        let client = node.client().await;
        let used = client.put_leaf(&b"used"[..]).await.unwrap();
        let live = store(&client, &recipe("uppercase", &[used], &[])).await;
        let pinned = client.put_leaf(&b"pinned"[..]).await.unwrap();
        client.pin(&pinned).await.unwrap();
        let mut puts = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let client = node.client().await;
            puts.spawn(async move {
                let mut put = Vec::new();
                for number in (writer..LEAVES).step_by(8) {
                    let size = if number % 100 == 0 { 40_000 } else { 50 };
                    put.push(client.put_leaf(noise(number, size)).await.unwrap());
                }
                put
            });
        }
        let dead: Vec<CAddr> = puts.join_all().await.concat();
        let bottom = store(&client, &recipe("concat", &[dead[0]], &[])).await;
        let mut last = bottom;
        for _ in 0..20 {
            last = store(&client, &recipe("concat", &[last], &[])).await;
        }
        fetch(&client, &last).await.unwrap();
        client.forget(&bottom, Consumers::Forget).await.unwrap();
        let collecting = {
            let client = node.client().await;
            tokio::spawn(async move { client.garbage_collect(NOW).await })
        };
        let metrics = async || node.metrics().await.sum("gc_removed_total", &[]);
        let enough = 100.0 + 500.0 * f64::from(round);
        eventually("some of it is gone", async || metrics().await >= enough).await;
        launch = node.kill9().await;
        drop(collecting);

        let node = launch.start().await;
        let client = node.client().await;
        // While it goes on, another is refused; one that removes nothing is let in when it is through.
        let dry = Collection {
            dry_run: true,
            ..NOW
        };
        eventually("the collection is ended", async || {
            client.garbage_collect(dry.clone()).await.is_ok()
        })
        .await;
        let status = client.status().await.unwrap();
        assert_eq!((status.blob_count, status.recipe_count), (2, 1));
        assert_eq!(fetch(&client, &live).await.unwrap(), "USED");
        assert_eq!(fetch(&client, &pinned).await.unwrap(), "pinned");
        for gone in [dead[7], dead[700], bottom, last] {
            refused(
                fetch(&client, &gone).await,
                Code::NotFound,
                "NOT_FOUND",
                &[],
            );
        }
        let again = client.garbage_collect(NOW).await.unwrap();
        assert_eq!((again.blobs_removed, again.recipes_removed), (0, 0));
        assert_eq!((again.live_blobs, again.live_recipes), (2, 1));
        launch = node.kill9().await;
    }
}

//! Letting go: what was forgotten is collected with what only it held, and nothing else is.

use deriva_client::{CascadeRequest, Code, Collection, Consumers};
use deriva_tests::{Launch, fetch, recipe, refused, store};

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

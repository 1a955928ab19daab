#![allow(clippy::unwrap_used)]

use crate::blob::stand_test::{CHUNK, PATIENCE, Stand, bytes, recipe, resident};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{BlobMessage, DropReason, KeptValue, Locator, StoredLeaf},
};
use deriva_model::{CAddr, ChunkSize, ContentHash, Manifest};
use deriva_system::{
    storage::{Durability, Reading, Space, StorageFault, commit::Step, layout, layout::Counter},
    view::Origin,
};
use std::sync::Arc;

async fn open(stand: &Stand) -> Locator {
    let open = |reply| BlobMessage::Open { reply };
    stand.blobs[0].call(PATIENCE, open).await.unwrap()
}

async fn stage(stand: &Stand, upload: Locator, index: u32, bytes: Bytes) -> Result<(), Fault> {
    let stage = |reply| BlobMessage::Stage {
        upload,
        index,
        bytes,
        reply,
    };
    stand.blobs[0].call(PATIENCE, stage).await
}

async fn seal(stand: &Stand, upload: Locator, bytes: &Bytes) -> Result<StoredLeaf, Fault> {
    let manifest = Arc::new(Manifest::of(bytes, ChunkSize::new(14).unwrap()));
    let content = manifest.content();
    let seal = |reply| BlobMessage::Seal {
        upload,
        manifest,
        reply,
    };
    stand.shard(&content).call(PATIENCE, seal).await
}

async fn upload(stand: &Stand, bytes: &Bytes) -> Result<StoredLeaf, Fault> {
    let upload = open(stand).await;
    for (chunk, index) in bytes.chunks(CHUNK).zip(0..) {
        stage(stand, upload, index, bytes.slice_ref(chunk)).await?;
    }
    seal(stand, upload, bytes).await
}

async fn keep(stand: &Stand, recipe: &deriva_model::SealedRecipe, bytes: &Bytes) -> u64 {
    let value = resident(recipe, bytes, Origin::Stored);
    let values = vec![KeptValue {
        record: value.record.clone(),
        bytes: bytes.clone(),
        cutoff: value.cutoff,
        begun: stand.values.invalidation_number(),
        worth: 0,
        is_verified: false,
    }];
    let keep = |reply| BlobMessage::Keep { values, reply };
    stand.blobs[1].call(PATIENCE, keep).await.unwrap()
}

async fn drop_value(stand: &Stand, recipe: CAddr) {
    let (recipes, why) = (vec![recipe], DropReason::Evicted);
    let drop = |reply| BlobMessage::Drop {
        recipes,
        why,
        reply,
    };
    stand.blobs[0].call(PATIENCE, drop).await.unwrap();
}

/// Neither a chunk nor a staged upload.
fn is_clean(stand: &Stand) -> bool {
    stand.keys(Space::Chunks, &[]) + stand.keys(Space::Meta, layout::STAGED_PREFIX) == 0
}

#[tokio::test]
async fn leaves_of_every_size_come_back_by_both_ways_in() {
    let stand = Stand::with_shards().await;
    for len in [0, 1, layout::INLINE_MAX, layout::INLINE_MAX + 1, CHUNK] {
        let bytes = bytes(1, len);
        let leaf = stand.put(&bytes).await.unwrap();
        let address = CAddr::of_leaf(&bytes);
        assert_eq!(
            (leaf.address, leaf.size, leaf.was_new),
            (address, len as u64, true)
        );
        assert!(!upload(&stand, &bytes).await.unwrap().was_new);
        match stand.read(&address, 0).await {
            Ok(read) => assert_eq!(read, bytes),
            Err(fault) => assert_eq!((len, fault.reason()), (0, "MALFORMED")),
        }
    }
    let large = bytes(2, 3 * CHUNK + 5);
    assert_eq!(stand.put(&large).await.unwrap_err().reason(), "OVER_LIMIT");
    let leaf = upload(&stand, &large).await.unwrap();
    assert!(leaf.was_new);
    assert_eq!(
        stand.read(&leaf.address, 3).await.unwrap(),
        large.slice(3 * CHUNK..)
    );
    // A second copy takes the place of the first.
    upload(&stand, &large).await.unwrap();
    assert_eq!(
        stand.read(&leaf.address, 0).await.unwrap(),
        large.slice(..CHUNK)
    );
    assert_eq!(stand.keys(Space::Chunks, &[]), 6);
    assert_eq!(stand.keys(Space::Meta, layout::STAGED_PREFIX), 0);
}

#[tokio::test]
async fn puts_that_wait_together_share_a_sync() {
    let stand = Stand::with_shards().await;
    // The commit lane is held until all the puts have reached it.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let commit = stand.commit.clone();
    let blocked = tokio::spawn(async move {
        let wait = move |_: &mut Step<'_>| {
            begin.send(()).map_err(|()| Fault::Cancelled)?;
            held.recv().map_err(|_| Fault::Cancelled)
        };
        commit.commit(Durability::Behind, wait).await
    });
    begun.await.unwrap();
    let puts: Vec<_> = (0..20).map(|seed| bytes(seed, 100)).collect();
    let mut waiting = tokio::task::JoinSet::new();
    let stand = Arc::new(stand);
    for bytes in puts {
        let stand = stand.clone();
        waiting.spawn(async move { stand.put(&bytes).await });
    }
    while stand.commit.depth() < 20 {
        tokio::task::yield_now().await;
    }
    let (_, before) = stand.storage.counts();
    release.send(()).unwrap();
    blocked.await.unwrap().unwrap();
    while let Some(put) = waiting.join_next().await {
        put.unwrap().unwrap();
    }
    let (_, after) = stand.storage.counts();
    // The held step and all that waited behind it are one group.
    assert_eq!(after - before, 1);
    stand.storage.cut_power();
    assert_eq!(stand.count(Counter::Leaves), 20);
}

#[tokio::test]
async fn a_recipe_is_refused_as_a_leaf_and_leaves_nothing() {
    let stand = Stand::with_shards().await;
    let inputs = (0..2000u32)
        .map(|n| CAddr::of_leaf(&n.to_be_bytes()))
        .collect();
    for recipe in [recipe("identity", vec![]), recipe("concat", inputs)] {
        let bytes = Bytes::copy_from_slice(recipe.bytes());
        let refused = Fault::LeafIsRecipe {
            address: recipe.address(),
        };
        if bytes.len() <= CHUNK {
            assert_eq!(stand.put(&bytes).await, Err(refused.clone()));
        }
        assert_eq!(upload(&stand, &bytes).await, Err(refused));
    }
    assert!(is_clean(&stand));
    assert_eq!(stand.keys(Space::Contents, &[]), 0);
}

#[tokio::test]
async fn damage_is_data_loss_that_names_the_leaf_until_it_is_put_again() {
    let stand = Stand::with_shards().await;
    for len in [10, CHUNK, 2 * CHUNK] {
        let bytes = bytes(3, len);
        let leaf = upload(&stand, &bytes).await.unwrap().address;
        stand.damage(&leaf.as_content());
        let lost = stand.read(&leaf, 0).await.unwrap_err();
        assert_eq!((lost.reason(), lost.address()), ("DATA_LOSS", Some(leaf)));
        if len <= CHUNK {
            assert!(!stand.put(&bytes).await.unwrap().was_new);
        } else {
            upload(&stand, &bytes).await.unwrap();
        }
        let healed = stand.read(&leaf, 0).await.unwrap();
        assert_eq!(healed, bytes.slice(..len.min(CHUNK)));
    }
    assert_eq!(stand.count(Counter::Leaves), 3);
}

#[tokio::test]
async fn an_unfinished_upload_is_no_leaf_and_can_be_given_up() {
    let stand = Stand::with_shards().await;
    let bytes = bytes(4, 2 * CHUNK);
    let upload = open(&stand).await;
    stage(&stand, upload, 1, bytes.slice(CHUNK..))
        .await
        .unwrap();
    let sealed = seal(&stand, upload, &bytes).await;
    assert_eq!(sealed.unwrap_err().reason(), "MALFORMED");
    stand.blobs[1]
        .send(BlobMessage::Abandon { upload })
        .await
        .unwrap();
    while !is_clean(&stand) {
        tokio::task::yield_now().await;
    }
    let late = stage(&stand, upload, 0, bytes.slice(..CHUNK)).await;
    assert_eq!(late.unwrap_err().reason(), "MALFORMED");
    assert!(seal(&stand, upload, &bytes).await.is_err());
    assert_eq!(stand.keys(Space::Leaves, &[]), 0);
}

#[tokio::test]
async fn an_upload_outlives_its_shard() {
    let stand = Stand::with_shards().await;
    let bytes = bytes(5, 2 * CHUNK);
    let upload = open(&stand).await;
    stage(&stand, upload, 0, bytes.slice(..CHUNK))
        .await
        .unwrap();
    for slot in stand.blobs.iter() {
        let killed = slot.cell().unwrap();
        killed.kill_and_wait(None).await.unwrap();
    }
    stand.start_shards().await;
    stage(&stand, upload, 1, bytes.slice(CHUNK..))
        .await
        .unwrap();
    assert!(seal(&stand, upload, &bytes).await.unwrap().was_new);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_tears_nothing() {
    let stand = Stand::with_shards().await;
    let (there, not_there) = (bytes(6, CHUNK), bytes(7, CHUNK));
    let leaf = stand.put(&there).await.unwrap().address;
    let keys = stand.keys(Space::Chunks, &[]);
    stand.storage.fail_writes(StorageFault::Full {
        free: 1,
        reserve: 2,
    });
    assert_eq!(
        stand.put(&not_there).await.unwrap_err().reason(),
        "STORE_FULL"
    );
    let small = Bytes::from_static(b"small");
    assert_eq!(stand.put(&small).await.unwrap_err().reason(), "STORE_FULL");
    assert_eq!(stand.read(&leaf, 0).await.unwrap(), there);
    stand.storage.heal();
    assert_eq!(stand.keys(Space::Chunks, &[]), keys);
    assert!(stand.put(&not_there).await.unwrap().was_new);
    assert_eq!(stand.count(Counter::Leaves), 2);
}

#[tokio::test]
async fn a_chunk_that_failed_to_be_written_may_be_staged_again() {
    let stand = Stand::with_shards().await;
    let bytes = bytes(8, CHUNK);
    let upload = open(&stand).await;
    stand.storage.fail_writes(StorageFault::Full {
        free: 1,
        reserve: 2,
    });
    let full = stage(&stand, upload, 0, bytes.clone()).await;
    assert_eq!(full.unwrap_err().reason(), "STORE_FULL");
    stand.storage.heal();
    stage(&stand, upload, 0, bytes.clone()).await.unwrap();
    seal(&stand, upload, &bytes).await.unwrap();
}

#[tokio::test]
async fn values_are_kept_and_dropped_and_a_leaf_of_the_same_bytes_stays() {
    let stand = Stand::with_shards().await;
    for len in [10, CHUNK, 3 * CHUNK] {
        let (bytes, recipe) = (bytes(9, len), recipe("identity", vec![]));
        stand.store_recipe(&recipe);
        assert_eq!(keep(&stand, &recipe, &bytes).await, len as u64);
        let content = ContentHash::of(&bytes);
        assert_eq!(stand.reader.whole(&content, len as u64).unwrap(), bytes);
        let chunks = stand.keys(Space::Chunks, &[]);
        upload(&stand, &bytes).await.unwrap();
        assert_eq!(stand.keys(Space::Chunks, &[]), chunks, "stored once");
        drop_value(&stand, recipe.address()).await;
        assert_eq!(stand.count(Counter::Values), 0);
        assert_eq!(
            stand
                .read(&content.as_leaf_address(), 0)
                .await
                .unwrap()
                .len(),
            len.min(CHUNK)
        );
    }
}

#[tokio::test]
async fn a_value_of_content_that_is_there_is_not_written_again() {
    let stand = Stand::with_shards().await;
    let (bytes, recipe) = (bytes(10, CHUNK), recipe("identity", vec![]));
    stand.store_recipe(&recipe);
    stand.put(&bytes).await.unwrap();
    assert_eq!(keep(&stand, &recipe, &bytes).await, CHUNK as u64);
    assert_eq!(stand.keys(Space::Chunks, &[]), 1);
    assert_eq!(stand.count(Counter::Values), 1);
}

/// A reply that nobody waits for.
fn unheard<T: Send + 'static>() -> deriva_messages::Reply<T> {
    let (reply, gone) = ractor::concurrency::oneshot();
    drop(gone);
    reply.into()
}

async fn until(so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it never was so");
}

#[tokio::test]
async fn an_upload_that_nobody_heard_of_is_given_up() {
    let stand = Stand::with_shards().await;
    stand.blobs[0]
        .ring(BlobMessage::Open { reply: unheard() })
        .unwrap();
    let heard = open(&stand).await;
    assert_eq!(heard.0 & u64::from(u32::MAX), 1, "it was the second");
    until(|| stand.keys(Space::Meta, layout::STAGED_PREFIX) == 1).await;
    stage(&stand, heard, 0, bytes(1, CHUNK)).await.unwrap();
}

#[tokio::test]
async fn an_upload_whose_sealing_failed_is_given_up() {
    let stand = Stand::with_shards().await;
    let (content, upload) = (bytes(1, CHUNK), open(&stand).await);
    stage(&stand, upload, 0, content.clone()).await.unwrap();
    stand.storage.fail_writes(StorageFault::Full {
        free: 1,
        reserve: 2,
    });
    assert_eq!(
        seal(&stand, upload, &content).await.unwrap_err().reason(),
        "STORE_FULL"
    );
    stand.storage.heal();
    assert_eq!(stand.uploads.close(upload), None, "it is not open any more");
}

async fn put_many(stand: &Stand, leaves: &[Bytes]) -> Result<Vec<StoredLeaf>, Fault> {
    let leaves = leaves.to_vec();
    let put = |reply| BlobMessage::PutLeaves { leaves, reply };
    stand.blobs[1].call(PATIENCE, put).await
}

/// Everything that a store holds, but for what tells the time.
fn held(stand: &Stand) -> Vec<(Vec<u8>, Bytes)> {
    let spaces = [Space::Leaves, Space::Contents, Space::Values, Space::Chunks];
    let scan = |space| stand.storage.scan(space, &[], &[], usize::MAX).unwrap();
    let mut held: Vec<_> = spaces.into_iter().flat_map(scan).collect();
    let counters = [Counter::Leaves, Counter::LeafBytes].map(|counter| stand.count(counter));
    held.push((
        b"counters".to_vec(),
        format!("{counters:?}").into_bytes().into(),
    ));
    held
}

#[tokio::test]
async fn many_leaves_put_at_once_are_as_if_they_had_been_put_one_by_one() {
    let (many, single) = (Stand::with_shards().await, Stand::with_shards().await);
    let known = bytes(2, 700);
    let (kept, recipe) = (bytes(3, 900), recipe("identity", vec![]));
    let leaves = [
        bytes(1, 1024),
        known.clone(),
        kept.clone(),
        Bytes::new(),
        bytes(4, layout::INLINE_MAX),
        bytes(1, 1024),
    ];
    let mut one_by_one = Vec::new();
    for stand in [&many, &single] {
        stand.put(&known).await.unwrap();
        stand.store_recipe(&recipe);
        keep(stand, &recipe, &kept).await;
    }
    for leaf in &leaves {
        one_by_one.push(single.put(leaf).await.unwrap());
    }
    let (_, syncs) = many.storage.counts();
    assert_eq!(put_many(&many, &leaves).await.unwrap(), one_by_one);
    assert_eq!(many.storage.counts().1, syncs + 1, "one sync for all");
    assert_eq!(held(&many), held(&single));
    let again = put_many(&many, &leaves).await.unwrap();
    assert!(again.iter().all(|leaf| !leaf.was_new));
    assert_eq!(held(&many), held(&single));
}

#[tokio::test]
async fn many_leaves_mend_what_is_damaged_among_them() {
    let stand = Stand::with_shards().await;
    let leaves = [bytes(1, 300), bytes(2, 300), bytes(3, 300)];
    put_many(&stand, &leaves).await.unwrap();
    let content = ContentHash::of(&leaves[1]);
    stand
        .storage
        .corrupt(Space::Contents, &layout::content_key(&content));
    let leaf = content.as_leaf_address();
    assert!(stand.read(&leaf, 0).await.is_err());
    put_many(&stand, &leaves).await.unwrap();
    assert_eq!(stand.read(&leaf, 0).await.unwrap(), leaves[1]);
    assert_eq!(stand.count(Counter::Leaves), 3);
}

#[tokio::test]
async fn of_many_leaves_one_that_is_refused_keeps_all_of_them_out() {
    let stand = Stand::with_shards().await;
    let recipe = Bytes::copy_from_slice(recipe("identity", vec![]).bytes());
    let refused = put_many(&stand, &[bytes(1, 10), recipe]).await;
    assert_eq!(refused.unwrap_err().reason(), "LEAF_IS_RECIPE");
    let refused = put_many(&stand, &[bytes(1, 10), bytes(2, layout::INLINE_MAX + 1)]).await;
    assert_eq!(refused.unwrap_err().reason(), "OVER_LIMIT");
    let limit = crate::blob::PUT_LEAVES_MAX;
    let refused = put_many(&stand, &vec![Bytes::new(); limit + 1]).await;
    assert_eq!(refused.unwrap_err().reason(), "OVER_LIMIT");
    assert_eq!(stand.keys(Space::Leaves, &[]), 0);
}

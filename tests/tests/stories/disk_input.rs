//! Bad input from below: a disk that is full, and one that gives back other bytes than it was given.

use deriva_client::{Client, Code};
use deriva_model::{CAddr, Value};
use deriva_tests::{
    Launch, Mounted, NodeProcess, eventually, fetch, noise, recipe, refused, store, text,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The store's files with that ending.
fn files(node_data: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(node_data.join("store")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|there| there == ending))
        .collect()
}

/// Turns bits over every so often, the file's head and tail left as they are.
fn damage(file: &Path, every: usize) {
    let mut bytes = fs::read(file).unwrap();
    let end = bytes.len().saturating_sub(256);
    for byte in bytes
        .get_mut(256..end)
        .unwrap_or_default()
        .iter_mut()
        .step_by(every)
    {
        *byte ^= 0x40;
    }
    fs::write(file, bytes).unwrap();
}

/// Stops a node so that everything stands in tables and blob files: a start replays the log into
/// them.
async fn settled(node: NodeProcess) -> Launch {
    let launch = node.terminate().await.launch;
    launch.start().await.terminate().await.launch
}

#[tokio::test]
async fn a_leaf_that_the_disk_changed_is_data_loss_by_name_and_heals() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let bytes = noise(1, 6 << 20);
    let large = client.put_leaf(bytes.clone()).await.unwrap();
    let small = client.put_leaf(&b"small"[..]).await.unwrap();
    let digest = store(&client, &recipe("reverse", &[large], &[])).await;
    let launch = settled(node).await;
    let blobs = files(&launch.place.path(), "blob");
    assert!(!blobs.is_empty(), "large chunks stand in blob files");
    blobs.iter().for_each(|file| damage(file, 100_000));

    let node = launch.start().await;
    let client = node.client().await;
    for addr in [&large, &digest] {
        let answer = fetch(&client, addr).await;
        let refusal = refused(answer, Code::DataLoss, "DATA_LOSS", &[&large.to_hex()]);
        assert_eq!(refusal.addr, Some(large));
    }
    assert_eq!(
        fetch(&client, &small).await.unwrap(),
        "small",
        "the others are as they were"
    );
    assert_eq!(client.put_leaf(bytes.clone()).await.unwrap(), large);
    assert!(
        fetch(&client, &large).await.unwrap() == bytes,
        "putting it again heals it"
    );
    assert_eq!(fetch(&client, &digest).await.unwrap().len(), bytes.len());
    let node = node.restart().await;
    assert!(
        fetch(&node.client().await, &large).await.unwrap() == bytes,
        "for good"
    );
}

#[tokio::test]
async fn a_value_that_the_disk_changed_is_computed_again() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    // Small enough to stand outside of the blob files.
    let lines: Vec<u8> = noise(2, 4096)
        .iter()
        .map(|byte| {
            if byte % 2 == 0 {
                b'\n'
            } else {
                b'a' + byte % 26
            }
        })
        .collect();
    let leaf = client.put_leaf(lines).await.unwrap();
    let many = store(
        &client,
        &recipe("repeat", &[leaf], &[("count", Value::I64(256))]),
    )
    .await;
    let sorted = store(
        &client,
        &recipe("sort_lines", &[many], &[("order", text("desc"))]),
    )
    .await;
    let value = fetch(&client, &sorted).await.unwrap();
    eventually("it is worth its place on disk", async || {
        client.status().await.unwrap().disk_entries == 1
    })
    .await;
    let launch = settled(node).await;
    let blobs = files(&launch.place.path(), "blob");
    assert!(!blobs.is_empty(), "the value stands in a blob file");
    blobs.iter().for_each(|file| damage(file, 1_000));

    let node = launch.start().await;
    let client = node.client().await;
    assert!(
        fetch(&client, &sorted).await.unwrap() == value,
        "the same bytes"
    );
    assert_eq!(client.status().await.unwrap().executions, 2, "made again");
}

#[tokio::test]
async fn damaged_tables_are_never_taken_for_data() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    let mut put = Vec::new();
    for number in 0..200_u64 {
        let leaf = client.put_leaf(noise(number, 1000)).await.unwrap();
        put.push((leaf, store(&client, &recipe("reverse", &[leaf], &[])).await));
    }
    let launch = settled(node).await;
    let tables = files(&launch.place.path(), "sst");
    assert!(!tables.is_empty());
    tables.iter().for_each(|file| damage(file, 5_000));
    let node = match launch.attempt().await {
        Ok(node) => node,
        Err(refusal) => {
            let place = launch.place.path();
            assert!(
                refusal.names(&[place.to_str().unwrap(), "damaged"]),
                "{refusal:?}"
            );
            return;
        }
    };
    let client = node.client().await;
    for (number, (leaf, back)) in put.iter().enumerate() {
        let mut bytes = noise(number as u64, 1000);
        check(&client, leaf, &bytes).await;
        bytes.reverse();
        check(&client, back, &bytes).await;
    }
}

/// The value, or a typed fault: never other bytes, and never "there is no such thing".
async fn check(client: &Client, addr: &CAddr, expected: &[u8]) {
    match fetch(client, addr).await {
        Ok(bytes) => assert!(bytes == expected, "{addr} has other bytes"),
        Err(deriva_client::ClientError::Refused(refusal)) => {
            let known = ["DATA_LOSS", "STORE_FAILED"].contains(&refusal.reason.as_str());
            assert!(known, "{refusal:?}");
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_damaged_log_is_refused_at_the_start() {
    let node = Launch::new().start().await;
    let client = node.client().await;
    for number in 0..50 {
        client.put_leaf(noise(number, 1000)).await.unwrap();
    }
    let launch = node.kill9().await;
    let logs = files(&launch.place.path(), "log");
    let log = logs
        .iter()
        .max_by_key(|path| fs::metadata(path).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(log, &bytes).unwrap();
    let refusal = launch.refused().await;
    let place = launch.place.path();
    assert!(
        refusal.names(&[place.to_str().unwrap(), "damaged"]),
        "{refusal:?}"
    );
    assert_eq!(fs::read(log).unwrap(), bytes, "nothing was changed");
    bytes[middle] ^= 0x40;
    fs::write(log, &bytes).unwrap();
    let client = launch.start().await;
    let client = client.client().await;
    assert_eq!(
        client.status().await.unwrap().blob_count,
        50,
        "repaired, it is all there"
    );
}

#[tokio::test]
async fn on_a_full_disk_reads_go_on_and_nothing_is_torn() {
    let Some(place) = Mounted::place("192m", "").await else {
        return;
    };
    let launch = Launch::at(place)
        .set("min_free_disk", "16MiB")
        .set("store_memory", "16MiB");
    let node = launch.start().await;
    let client = node.client().await;
    let leaf = client.put_leaf(noise(1, 2 << 20)).await.unwrap();
    let back = store(&client, &recipe("reverse", &[leaf], &[])).await;

    let ballast = node.data_dir().join("ballast");
    let room = rustix::fs::statvfs(node.data_dir().as_path()).unwrap();
    let free = room.f_bavail * room.f_frsize;
    fs::write(
        &ballast,
        vec![0; usize::try_from(free - (24 << 20)).unwrap()],
    )
    .unwrap();
    // Some fit still; then one is refused, in the middle of its chunks.
    let mut acknowledged = vec![leaf];
    let refusal = loop {
        let number = acknowledged.len() as u64 + 1;
        match client.put_leaf(noise(number, 2 << 20)).await {
            Ok(leaf) => acknowledged.push(leaf),
            Err(error) => break deriva_tests::refusal::<CAddr>(Err(error)),
        }
        assert!(acknowledged.len() < 20, "the disk is never full");
    };
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (Code::ResourceExhausted, "STORE_FULL")
    );
    assert!(
        refusal.message.contains("full") && refusal.hint.is_some(),
        "{refusal:?}"
    );
    let status = client.status().await.unwrap();
    assert_eq!(status.blob_count, acknowledged.len() as u64, "nothing torn");
    // Reads go on, and so does computing.
    for leaf in &acknowledged {
        assert_eq!(CAddr::of_leaf(&fetch(&client, leaf).await.unwrap()), *leaf);
    }
    assert_eq!(fetch(&client, &back).await.unwrap().len(), 2 << 20);

    fs::remove_file(&ballast).unwrap();
    eventually("there is room again", async || {
        client.put_leaf(&b"after"[..]).await.is_ok()
    })
    .await;
    let status = client.status().await.unwrap();
    assert!(status.writable, "{status:?}");
    let launch = node.kill9().await;
    let node = launch.start().await;
    let client = node.client().await;
    acknowledged.push(CAddr::of_leaf(b"after"));
    for leaf in &acknowledged {
        assert_eq!(CAddr::of_leaf(&fetch(&client, leaf).await.unwrap()), *leaf);
    }
}

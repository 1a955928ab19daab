#![allow(clippy::unwrap_used)]

use super::*;
use crate::blob::stand_test::{CHUNK, Stand, bytes};
use deriva_model::ChunkSize;
use deriva_system::storage::{Batch, Durability, MemoryStorage, Reading};

/// Puts content where a reader finds it, without a marker: readers do not ask for one.
fn lay(storage: &MemoryStorage, locator: u64, bytes: &Bytes) -> ContentHash {
    let locator = Locator(locator);
    let manifest = Manifest::of(bytes, ChunkSize::new(14).unwrap());
    let content = manifest.content();
    let mut batch = Batch::default();
    for (chunk, index) in bytes.chunks(CHUNK).zip(0..) {
        batch.put(
            Space::Chunks,
            layout::chunk_key(locator, index),
            chunk.to_vec(),
        );
    }
    let entry = if bytes.len() <= layout::INLINE_MAX {
        ContentEntry::Inline(bytes.clone())
    } else {
        ContentEntry::Chunked { locator, manifest }
    };
    let key = layout::content_key(&content);
    batch.put(Space::Contents, key, entry.encode().unwrap());
    storage.write(&batch, Durability::Synced).unwrap();
    content
}

const SIZES: [usize; 6] = [0, 1, layout::INLINE_MAX, CHUNK, CHUNK + 1, 5 * CHUNK + 77];

#[test]
fn content_comes_back_whole_and_chunk_by_chunk() {
    let stand = Stand::new();
    let reader = &stand.reader;
    let all: Vec<Bytes> = SIZES.iter().map(|len| bytes(1, *len)).collect();
    let mut wanted = Vec::new();
    for (bytes, locator) in all.iter().zip(1..) {
        let content = lay(&stand.storage, locator, bytes);
        wanted.push((content, bytes.len() as u64));
        assert_eq!(&reader.whole(&content, bytes.len() as u64).unwrap(), bytes);
        let chunks = bytes.chunks(CHUNK).zip(0..);
        let count = bytes.len().div_ceil(CHUNK);
        for (chunk, index) in chunks {
            assert_eq!(reader.chunk(&content, index).unwrap(), chunk);
        }
        let beyond = reader.chunk(&content, u32::try_from(count).unwrap());
        assert!(
            matches!(beyond, Err(ReadFault::NoSuchChunk { .. })),
            "{beyond:?}"
        );
    }
    let read = reader.many(&wanted).unwrap();
    let read: Vec<Bytes> = read.into_iter().map(Result::unwrap).collect();
    assert_eq!(read, all);
}

#[test]
fn damage_is_told_apart_from_absence() {
    for len in SIZES.into_iter().filter(|len| *len > 0) {
        let stand = Stand::new();
        let bytes = bytes(2, len);
        let content = lay(&stand.storage, 1, &bytes);
        stand.damage(&content);
        let size = len as u64;
        let whole = stand.reader.whole(&content, size);
        assert!(
            matches!(whole, Err(ReadFault::Damaged { .. })),
            "{len}: {whole:?}"
        );
        let many = stand.reader.many(&[(content, size)]).unwrap();
        assert!(
            matches!(many[..], [Err(ReadFault::Damaged { .. })]),
            "{len}"
        );
        let missing = stand.reader.whole(&ContentHash::of(b"absent"), 6);
        assert_eq!(missing, Err(ReadFault::Missing));
    }
}

#[test]
fn a_content_of_another_size_than_stated_is_damaged() {
    let stand = Stand::new();
    for len in SIZES {
        let content = lay(&stand.storage, 1, &bytes(3, len));
        for stated in [len as u64 + 1, u64::MAX] {
            let read = stand.reader.whole(&content, stated);
            assert!(
                matches!(read, Err(ReadFault::Damaged { .. })),
                "{len} {stated}"
            );
            let many = stand.reader.many(&[(content, stated)]).unwrap();
            assert!(
                matches!(many[..], [Err(ReadFault::Damaged { .. })]),
                "{len} {stated}"
            );
        }
    }
}

#[test]
fn a_missing_chunk_and_an_unreadable_entry_are_damage() {
    let stand = Stand::new();
    let content = lay(&stand.storage, 1, &bytes(4, 3 * CHUNK));
    let mut batch = Batch::default();
    batch.delete(Space::Chunks, layout::chunk_key(Locator(1), 1));
    stand.storage.write(&batch, Durability::Behind).unwrap();
    let read = stand.reader.whole(&content, 3 * CHUNK as u64);
    assert!(matches!(read, Err(ReadFault::Damaged { .. })));
    let key = layout::content_key(&content);
    let foreign = lay(&stand.storage, 2, &bytes(5, 2 * CHUNK));
    let foreign = stand
        .storage
        .get(Space::Contents, &layout::content_key(&foreign))
        .unwrap();
    for entry in [Bytes::from_static(b"\x07?"), Bytes::new(), foreign.unwrap()] {
        stand.storage.damage(Space::Contents, &key, entry);
        let reader = StoredReader::new(stand.storage.clone());
        let read = reader.chunk(&content, 0);
        assert!(matches!(read, Err(ReadFault::Damaged { .. })), "{read:?}");
    }
}

#[test]
fn a_reader_follows_content_that_moves() {
    let stand = Stand::new();
    let bytes = bytes(6, 3 * CHUNK);
    let content = lay(&stand.storage, 1, &bytes);
    // The entry is remembered from here on.
    stand.reader.chunk(&content, 0).unwrap();
    let mut batch = Batch::default();
    for index in 0..3 {
        batch.delete(Space::Chunks, layout::chunk_key(Locator(1), index));
    }
    stand.storage.write(&batch, Durability::Behind).unwrap();
    lay(&stand.storage, 2, &bytes);
    assert_eq!(
        stand.reader.chunk(&content, 2).unwrap(),
        bytes.slice(2 * CHUNK..)
    );
}

#[test]
fn what_is_remembered_is_bounded() {
    let stand = Stand::new();
    for seed in 0..=u8::MAX {
        let content = lay(&stand.storage, u64::from(seed) + 1, &bytes(seed, CHUNK + 1));
        stand.reader.chunk(&content, 0).unwrap();
    }
    assert_eq!(stand.reader.recent.lock().len(), RECENT_ENTRIES);
}

#[test]
fn a_faults_fate_is_that_of_what_was_read() {
    let leaf = CAddr::of_leaf(b"leaf");
    let damaged = ReadFault::damaged("?").of_leaf(leaf);
    assert_eq!(
        (damaged.reason(), damaged.address()),
        ("DATA_LOSS", Some(leaf))
    );
    assert_eq!(ReadFault::Missing.of_leaf(leaf).address(), Some(leaf));
    let store = ReadFault::Store(StorageFault::Io {
        why: "?".to_owned(),
    });
    assert!(!store.is_loss());
    assert_eq!(store.of_leaf(leaf).reason(), "STORE_FAILED");
}

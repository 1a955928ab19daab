#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{ChunkError, ChunkSize, Manifest, ManifestBuilder};
use crate::address::ContentHash;

const K16: usize = 16 * 1024;

fn small() -> ChunkSize {
    ChunkSize::new(14).unwrap()
}

fn value(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn sizes_are_powers_of_two_within_the_law() {
    for log2 in 0..=255 {
        assert_eq!(ChunkSize::new(log2).is_ok(), (14..=24).contains(&log2));
    }
    assert_eq!(ChunkSize::DEFAULT.bytes(), 1024 * 1024);
}

/// The content hash must be the plain hash of the bytes at every shape of the tree.
#[test]
fn manifests_merge_to_the_plain_hash() {
    for chunks in 0..=17 {
        for more in [0, 1, 1023, 1024, 1025, K16 - 1] {
            let bytes = value(chunks * K16 + more);
            let manifest = Manifest::of(&bytes, small());
            assert_eq!(
                manifest.content(),
                ContentHash::of(&bytes),
                "{}",
                bytes.len()
            );
            assert_eq!(manifest.check(), Ok(()));
            assert_eq!(manifest.chunk_count(), bytes.len().div_ceil(K16) as u64);
            for (chunk, index) in bytes.chunks(K16).zip(0..) {
                assert_eq!(manifest.chunk_len(index), Some(chunk.len()));
                assert_eq!(manifest.verify_chunk(index, chunk), Ok(()));
            }
            assert_eq!(manifest.chunk_len(manifest.chunk_count()), None);
        }
    }
}

#[test]
fn a_builder_holds_one_chunk_and_gives_every_byte_back() {
    for len in [0, 1, K16 - 1, K16, K16 + 1, 2 * K16, 5 * K16 + 7] {
        for slice in [1000, K16, 3 * K16 + 5] {
            let bytes = value(len);
            let mut builder = ManifestBuilder::new(small());
            let mut stored = Vec::new();
            for piece in bytes.chunks(slice) {
                let mut rest = piece;
                while let Some(chunk) = builder.push(&mut rest) {
                    assert_eq!((chunk.len(), chunk.capacity()), (K16, K16));
                    stored.extend(chunk);
                }
                assert!(rest.is_empty() && builder.held() <= K16);
            }
            assert_eq!(builder.size(), len as u64);
            let (last, manifest) = builder.finish();
            assert_eq!(last.is_none(), len == 0);
            stored.extend(last.unwrap_or_default());
            assert_eq!(stored, bytes);
            assert_eq!(manifest, Manifest::of(&bytes, small()));
        }
    }
}

#[test]
fn wrong_chunks_are_refused_by_name() {
    for len in [100, K16, 2 * K16 + 100] {
        let bytes = value(len);
        let manifest = Manifest::of(&bytes, small());
        let count = manifest.chunk_count();
        assert_eq!(
            manifest.verify_chunk(count, b""),
            Err(ChunkError::NoSuchChunk {
                index: count,
                count
            })
        );
        for (chunk, index) in bytes.chunks(K16).zip(0..) {
            let mut altered = chunk.to_vec();
            altered[chunk.len() / 2] ^= 1;
            assert_eq!(
                manifest.verify_chunk(index, &altered),
                Err(ChunkError::Mismatch { index })
            );
            let (expected, got) = (chunk.len() as u64, chunk.len() as u64 - 1);
            assert_eq!(
                manifest.verify_chunk(index, &chunk[1..]),
                Err(ChunkError::WrongLength {
                    index,
                    expected,
                    got
                })
            );
        }
    }
    let bytes = value(2 * K16);
    let manifest = Manifest::of(&bytes, small());
    let second_first = manifest.verify_chunk(0, &bytes[K16..]);
    assert_eq!(second_first, Err(ChunkError::Mismatch { index: 0 }));
}

#[test]
fn parts_from_outside_are_checked() {
    let manifest = Manifest::of(&value(3 * K16), small());
    let mut swapped = manifest.chunks().to_vec();
    swapped.swap(0, 1);
    let from = |size, chunks| Manifest::from_parts(manifest.content(), size, small(), chunks);
    assert_eq!(from(manifest.size(), swapped), Err(ChunkError::Hashes));
    assert_eq!(
        from(u64::MAX, manifest.chunks().to_vec()),
        Err(ChunkError::Count {
            expected: 1 << 50,
            got: 3
        })
    );
    assert_eq!(from(0, vec![]), Err(ChunkError::Hashes));
    assert_eq!(
        from(manifest.size(), manifest.chunks().to_vec()),
        Ok(manifest.clone())
    );
}

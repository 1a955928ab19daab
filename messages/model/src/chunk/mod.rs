//! The chunk law: a stored value is cut at multiples of a power of two, so that every chunk is a
//! subtree of the value's BLAKE3 tree and verifies against the content hash by itself.
//!
//! Nothing here does I/O: a builder is pushed bytes and hands whole chunks back.

mod builder;
mod manifest;

pub use builder::ManifestBuilder;
pub use manifest::Manifest;

use crate::limits;

/// Why a chunk or a manifest does not stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Not a power of two from 16 KiB to 16 MiB.
    #[error(
        "2^{log2} bytes is not a chunk size (2^{} to 2^{})",
        limits::CHUNK_LOG2_MIN,
        limits::CHUNK_LOG2_MAX
    )]
    BadSize {
        /// The power of two given.
        log2: u8,
    },
    /// A chunk that the value does not have.
    #[error("chunk {index} of a value of {count} chunks")]
    NoSuchChunk {
        /// The index asked for, from 0.
        index: u64,
        /// How many there are.
        count: u64,
    },
    /// A chunk of another length than its place has.
    #[error("chunk {index} has {got} bytes, not {expected}")]
    WrongLength {
        /// Its index, from 0.
        index: u64,
        /// Bytes that stand there.
        expected: u64,
        /// Bytes given.
        got: u64,
    },
    /// A chunk whose bytes are not the value's.
    #[error("chunk {index} does not match the value's content hash")]
    Mismatch {
        /// Its index, from 0.
        index: u64,
    },
    /// A manifest with another number of hashes than its size has.
    #[error("a value of that size has {expected} chunk hashes, not {got}")]
    Count {
        /// What the size and chunk size come to.
        expected: u64,
        /// What was given.
        got: u64,
    },
    /// Hashes that do not merge to the content hash.
    #[error("the chunk hashes do not merge to the content hash")]
    Hashes,
}

/// How large a chunk is: a power of two from 16 KiB to 16 MiB, 1 MiB by default, the same on every
/// node of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkSize(u8);

impl ChunkSize {
    /// 1 MiB.
    pub const DEFAULT: ChunkSize = ChunkSize(limits::CHUNK_LOG2_DEFAULT);

    /// 2^`log2` bytes, `log2` from 14 to 24.
    pub fn new(log2: u8) -> Result<ChunkSize, ChunkError> {
        if !(limits::CHUNK_LOG2_MIN..=limits::CHUNK_LOG2_MAX).contains(&log2) {
            return Err(ChunkError::BadSize { log2 });
        }
        Ok(ChunkSize(log2))
    }

    /// The power of two.
    pub const fn log2(self) -> u8 {
        self.0
    }

    /// Bytes of a whole chunk.
    pub const fn bytes(self) -> usize {
        1 << self.0
    }

    /// Chunks of a value of `size` bytes; an empty value has none.
    pub const fn count(self, size: u64) -> u64 {
        size.div_ceil(self.bytes() as u64)
    }
}

impl Default for ChunkSize {
    fn default() -> ChunkSize {
        ChunkSize::DEFAULT
    }
}

#[cfg(test)]
#[path = "chunk_test.rs"]
mod chunk_test;

//! How a stored value is cut: its content hash, its size, and the chaining value of every chunk.
//!
//! DCF type 04: 1 content (32 bytes), 2 size (u64), 3 chunk size (u8, the power of two), 4 chunks
//! (list of 32 bytes). A value of one chunk or less has an empty list: its only chunk's hash is the
//! content hash. A manifest that exists is consistent: its hashes merge to its content.

use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::{ChunkError, ChunkSize, ManifestBuilder};
use crate::address::{CAddr, ContentHash};
use crate::dcf::{
    Decode, DecodeError, Document, DocumentType, Encode, Reader, Writer, decode_document,
    encode_document,
};
use crate::limits::{self, Measure, OverLimit};

/// Bytes of a manifest apart from its chunks: header 5, count, four tags, content, size, chunk size, length.
const FIXED_BYTES: usize = 5 + 1 + 4 + 32 + 8 + 1 + 4;

/// The chunks of one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manifest {
    content: ContentHash,
    size: u64,
    chunk_size: ChunkSize,
    chunks: Vec<[u8; 32]>,
}

impl Manifest {
    /// Cuts bytes that are at hand whole.
    pub fn of(bytes: &[u8], chunk_size: ChunkSize) -> Manifest {
        let chunks = match chunk_size.count(bytes.len() as u64) {
            0 | 1 => Vec::new(),
            _ => bytes
                .chunks(chunk_size.bytes())
                .zip(0..)
                .map(|(chunk, index)| chaining_value(chunk_size, index, chunk))
                .collect(),
        };
        let content = match chunks.as_slice() {
            [] => ContentHash::of(bytes),
            chunks => root_of(chunks),
        };
        Manifest::trusted(content, bytes.len() as u64, chunk_size, chunks)
    }

    /// A builder for bytes that stream in.
    pub fn builder(chunk_size: ChunkSize) -> ManifestBuilder {
        ManifestBuilder::new(chunk_size)
    }

    /// Puts a manifest together from parts that come from outside, and [checks](Manifest::check) it.
    pub fn from_parts(
        content: ContentHash,
        size: u64,
        chunk_size: ChunkSize,
        chunks: Vec<[u8; 32]>,
    ) -> Result<Manifest, ChunkError> {
        let manifest = Manifest::trusted(content, size, chunk_size, chunks);
        manifest.check()?;
        Ok(manifest)
    }

    /// Parts that were computed here from the bytes themselves.
    pub(super) fn trusted(
        content: ContentHash,
        size: u64,
        chunk_size: ChunkSize,
        chunks: Vec<[u8; 32]>,
    ) -> Manifest {
        Manifest {
            content,
            size,
            chunk_size,
            chunks,
        }
    }

    /// The hash of the value's bytes.
    pub fn content(&self) -> ContentHash {
        self.content
    }

    /// Bytes of the value.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How it is cut.
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk_size
    }

    /// The chaining value of every chunk, in order; empty when the value is one chunk or less.
    pub fn chunks(&self) -> &[[u8; 32]] {
        &self.chunks
    }

    /// How many chunks the value has: none when it is empty.
    pub fn chunk_count(&self) -> u64 {
        self.chunk_size.count(self.size)
    }

    /// Bytes of the chunk at `index`; `None` beyond the last.
    pub fn chunk_len(&self, index: u64) -> Option<usize> {
        if index >= self.chunk_count() {
            return None;
        }
        let whole = self.chunk_size.bytes();
        let rest = self.size - index * whole as u64;
        Some(usize::try_from(rest).map_or(whole, |rest| rest.min(whole)))
    }

    /// Checks that there is a hash for every chunk and that they merge to the content hash. What a
    /// manifest of one chunk says of its bytes shows only when they are verified.
    pub fn check(&self) -> Result<(), ChunkError> {
        let expected = match self.chunk_count() {
            0 | 1 => 0,
            more => more,
        };
        let got = self.chunks.len() as u64;
        if got != expected {
            return Err(ChunkError::Count { expected, got });
        }
        let content = match (self.size, self.chunks.as_slice()) {
            (0, _) => ContentHash::of(b""),
            (_, []) => self.content,
            (_, chunks) => root_of(chunks),
        };
        if content != self.content {
            return Err(ChunkError::Hashes);
        }
        Ok(())
    }

    /// Checks the bytes of one chunk against the value's content hash.
    pub fn verify_chunk(&self, index: u64, bytes: &[u8]) -> Result<(), ChunkError> {
        let count = self.chunk_count();
        let Some(expected) = self.chunk_len(index) else {
            return Err(ChunkError::NoSuchChunk { index, count });
        };
        if bytes.len() != expected {
            return Err(ChunkError::WrongLength {
                index,
                expected: expected as u64,
                got: bytes.len() as u64,
            });
        }
        let matches = match usize::try_from(index)
            .ok()
            .and_then(|at| self.chunks.get(at))
        {
            None => count == 1 && ContentHash::of(bytes) == self.content,
            Some(hash) => chaining_value(self.chunk_size, index, bytes) == *hash,
        };
        if !matches {
            return Err(ChunkError::Mismatch { index });
        }
        Ok(())
    }

    /// The canonical document; refused above 64 MiB.
    pub fn encode(&self) -> Result<Vec<u8>, OverLimit> {
        let bytes = FIXED_BYTES + self.chunks.len() * 32;
        OverLimit::check(Measure::Document, limits::MANIFEST_BYTES, bytes as u64)?;
        Ok(encode_document(self, bytes))
    }

    /// Reads a document of type 04, accepting exactly what [`Manifest::encode`] makes.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, DecodeError> {
        decode_document(bytes)
    }

    /// The manifest's own address, under its context string.
    pub fn address(&self) -> Result<CAddr, OverLimit> {
        Ok(DocumentType::Manifest.address(&self.encode()?))
    }
}

impl Document for Manifest {
    const TYPE: DocumentType = DocumentType::Manifest;
}

impl Encode for Manifest {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(4);
        writer.u8(1);
        self.content.encode(writer);
        writer.u8(2);
        writer.u64(self.size);
        writer.u8(3);
        writer.u8(self.chunk_size.log2());
        writer.u8(4);
        writer.list(&self.chunks);
    }
}

impl Decode for Manifest {
    fn decode(reader: &mut Reader<'_>) -> Result<Manifest, DecodeError> {
        let mut fields = reader.fields(4)?;
        fields.next(reader)?;
        let content = ContentHash::decode(reader)?;
        fields.next(reader)?;
        let size = reader.u64()?;
        fields.next(reader)?;
        let chunk_size = ChunkSize::new(reader.u8()?)?;
        fields.next(reader)?;
        let count = reader.count(32)?;
        let chunks = reader.items(count)?;
        fields.finish(reader)?;
        Ok(Manifest::from_parts(content, size, chunk_size, chunks)?)
    }
}

/// What is wrong with a manifest's parts, as a reason to refuse its bytes.
impl From<ChunkError> for DecodeError {
    fn from(error: ChunkError) -> DecodeError {
        match error {
            ChunkError::BadSize { log2 } => DecodeError::BadChunkSize { log2 },
            ChunkError::Count { expected, got } => DecodeError::ChunkCount { expected, got },
            ChunkError::NoSuchChunk { .. }
            | ChunkError::WrongLength { .. }
            | ChunkError::Mismatch { .. }
            | ChunkError::Hashes => DecodeError::ChunkHashes,
        }
    }
}

/// The chaining value of a chunk that is not the whole value. The chunk is never empty.
pub(super) fn chaining_value(chunk_size: ChunkSize, index: u64, chunk: &[u8]) -> [u8; 32] {
    Hasher::new()
        .set_input_offset(index * chunk_size.bytes() as u64)
        .update(chunk)
        .finalize_non_root()
}

/// Merges two or more chunks as BLAKE3 does: the left side holds the greatest power of two that
/// leaves something to the right. A stack of finished subtrees does it in one pass: after chunk n,
/// as many pairs close as n has trailing zero bits, but the last merge is always the root.
pub(super) fn root_of(chunks: &[[u8; 32]]) -> ContentHash {
    let mut stack: Vec<[u8; 32]> = Vec::new();
    for (chunk, before) in chunks.iter().zip(0u64..) {
        // Closing pairs only when a further chunk follows leaves the root for the end.
        for _ in 0..pairs_to_close(before, stack.len()) {
            close_pair(&mut stack);
        }
        stack.push(*chunk);
    }
    while stack.len() > 2 {
        close_pair(&mut stack);
    }
    match stack.as_slice() {
        [left, right] => {
            ContentHash::from_bytes(*merge_subtrees_root(left, right, Mode::Hash).as_bytes())
        }
        [only] => ContentHash::from_bytes(*only),
        _ => ContentHash::of(b""),
    }
}

/// With `before` chunks on the stack as subtrees, it should hold one a bit set in `before`.
fn pairs_to_close(before: u64, on_stack: usize) -> usize {
    on_stack.saturating_sub(before.count_ones() as usize)
}

fn close_pair(stack: &mut Vec<[u8; 32]>) {
    if let (Some(right), Some(left)) = (stack.pop(), stack.pop()) {
        stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
    }
}

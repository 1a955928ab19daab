//! Cuts bytes that stream in. It holds at most one chunk, and refuses to know where chunks go.

use super::manifest::{chaining_value, root_of};
use super::{ChunkSize, Manifest};
use crate::address::ContentHash;

/// Cuts a stream into chunks. Push slices until they are used up, then finish:
///
/// ```
/// use deriva_model::{ChunkSize, Manifest, ManifestBuilder};
/// let mut builder = ManifestBuilder::new(ChunkSize::new(14)?);
/// let mut stored = Vec::new();
/// for slice in [&[1u8; 20_000][..], &[2; 30_000]] {
///     let mut rest = slice;
///     while let Some(chunk) = builder.push(&mut rest) {
///         stored.push(chunk);
///     }
/// }
/// let (last, manifest) = builder.finish();
/// stored.extend(last);
/// assert_eq!(manifest.chunk_count(), 4);
/// assert!(stored.iter().zip(0..).all(|(chunk, at)| manifest.verify_chunk(at, chunk).is_ok()));
/// # Ok::<(), deriva_model::ChunkError>(())
/// ```
#[derive(Debug)]
pub struct ManifestBuilder {
    chunk_size: ChunkSize,
    /// The chunk under way. A full one stays until another byte comes: if none does it is the last,
    /// and the only chunk of a value is hashed as the root.
    pending: Vec<u8>,
    chunks: Vec<[u8; 32]>,
}

impl ManifestBuilder {
    /// Begins a value.
    pub fn new(chunk_size: ChunkSize) -> ManifestBuilder {
        ManifestBuilder {
            chunk_size,
            pending: Vec::new(),
            chunks: Vec::new(),
        }
    }

    /// Bytes pushed so far.
    pub fn size(&self) -> u64 {
        self.chunks.len() as u64 * self.chunk_size.bytes() as u64 + self.pending.len() as u64
    }

    /// Bytes held here: never more than one chunk.
    pub fn held(&self) -> usize {
        self.pending.len()
    }

    /// Takes from the front of `rest` until a whole chunk is done, and gives it; `None` when all of
    /// `rest` was taken. Call it again until it gives `None`.
    pub fn push(&mut self, rest: &mut &[u8]) -> Option<Vec<u8>> {
        let whole = self.chunk_size.bytes();
        while !rest.is_empty() {
            if self.pending.len() == whole {
                return Some(self.close());
            }
            let (taken, left) = rest.split_at(rest.len().min(whole - self.pending.len()));
            self.reserve(taken.len());
            self.pending.extend_from_slice(taken);
            *rest = left;
        }
        None
    }

    /// Ends the value. The last chunk is whole or shorter; an empty value has none.
    pub fn finish(mut self) -> (Option<Vec<u8>>, Manifest) {
        let size = self.size();
        if self.chunks.is_empty() {
            let content = ContentHash::of(&self.pending);
            let manifest = Manifest::trusted(content, size, self.chunk_size, Vec::new());
            return ((size > 0).then_some(self.pending), manifest);
        }
        let last = self.close();
        let content = root_of(&self.chunks);
        let manifest = Manifest::trusted(content, size, self.chunk_size, self.chunks);
        (Some(last), manifest)
    }

    fn close(&mut self) -> Vec<u8> {
        let index = self.chunks.len() as u64;
        let hash = chaining_value(self.chunk_size, index, &self.pending);
        self.chunks.push(hash);
        std::mem::take(&mut self.pending)
    }

    /// Grows by doubling, but never beyond a whole chunk, so that small values stay small.
    fn reserve(&mut self, more: usize) {
        let needed = self.pending.len() + more;
        if needed > self.pending.capacity() {
            let wanted = needed
                .max(self.pending.len() * 2)
                .min(self.chunk_size.bytes());
            self.pending.reserve_exact(wanted - self.pending.len());
        }
    }
}

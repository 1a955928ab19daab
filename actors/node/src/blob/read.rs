//! Reading stored content back, verified: the one way in which content bytes leave the disk.
//!
//! It refuses to hand out a byte that does not match its content hash, and to decide what a failure
//! means: a leaf's is data loss, a value's is a recomputation.

use bytes::Bytes;
use deriva_messages::{Fault, blob::Locator};
use deriva_model::{CAddr, ContentHash, Manifest, limits};
use deriva_system::storage::{
    Space, Storage, StorageFault,
    layout::{self, ContentEntry},
};
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc};

/// Manifests kept decoded, so that reading a large content does not decode its manifest per chunk.
const RECENT_ENTRIES: usize = 64;
/// Bytes of chunk hashes in them, unless a single one is larger.
const RECENT_BYTES: usize = 8 << 20;
/// How often a content that moves under a reader is looked up again. It moves when it is put again.
const ATTEMPTS: usize = 3;

/// Why content could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// No content entry stands under the hash.
    Missing,
    /// What stands there does not match the hash.
    Damaged { what: String },
    /// The content has no such chunk.
    NoSuchChunk { index: u32, count: u64 },
    /// The store itself did not answer.
    Store(StorageFault),
}

/// What the disk itself found damaged under a content's keys is that content's damage.
impl From<StorageFault> for ReadFault {
    fn from(fault: StorageFault) -> Self {
        match fault {
            StorageFault::Damaged { why } => Self::Damaged { what: why },
            fault => Self::Store(fault),
        }
    }
}

impl ReadFault {
    fn damaged(what: impl ToString) -> Self {
        Self::Damaged {
            what: what.to_string(),
        }
    }

    /// The failure as that of a leaf, which nothing here can make again.
    #[must_use]
    pub fn of_leaf(self, address: CAddr) -> Fault {
        match self {
            Self::Missing => Fault::DataLoss {
                address,
                what: "its bytes are not there".to_owned(),
            },
            Self::Damaged { what } => Fault::DataLoss { address, what },
            Self::NoSuchChunk { index, count } => Fault::Malformed {
                reason: format!("chunk {index} of {address} was asked for, it has {count}"),
            },
            Self::Store(fault) => fault.into(),
        }
    }

    /// Whether the bytes are bad or gone, as opposed to out of reach for the moment.
    #[must_use]
    pub const fn is_loss(&self) -> bool {
        matches!(self, Self::Missing | Self::Damaged { .. })
    }
}

/// A chunked content as its entry describes it.
#[derive(Debug)]
struct Chunked {
    locator: Locator,
    manifest: Manifest,
}

/// A content entry that was found consistent with its key.
#[derive(Clone, Debug)]
enum Entry {
    Inline(Bytes),
    Chunked(Arc<Chunked>),
}

/// A reader of stored content. Its calls block on the disk.
pub struct StoredReader {
    storage: Arc<dyn Storage>,
    /// Newest last. Locators are never reused, so an entry here leads to its own bytes or to none.
    recent: Mutex<VecDeque<(ContentHash, Arc<Chunked>)>>,
}

impl StoredReader {
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            recent: Mutex::new(VecDeque::new()),
        }
    }

    /// One verified chunk.
    ///
    /// # Errors
    /// As `ReadFault` says.
    pub fn chunk(&self, content: &ContentHash, index: u32) -> Result<Bytes, ReadFault> {
        for _ in 0..ATTEMPTS {
            let chunked = match self.entry(content)? {
                Entry::Inline(bytes) if index == 0 && !bytes.is_empty() => return Ok(bytes),
                Entry::Inline(bytes) => {
                    let count = u64::from(!bytes.is_empty());
                    return Err(ReadFault::NoSuchChunk { index, count });
                }
                Entry::Chunked(chunked) => chunked,
            };
            let count = chunked.manifest.chunk_count();
            if u64::from(index) >= count {
                return Err(ReadFault::NoSuchChunk { index, count });
            }
            let key = layout::chunk_key(chunked.locator, index);
            if let Some(bytes) = self.storage.get(Space::Chunks, &key)? {
                return verified(&chunked, index, bytes);
            }
            // Put again meanwhile: the bytes lie elsewhere now. Or they are gone.
            self.forget(content);
        }
        Err(ReadFault::damaged(format!("chunk {index} is not there")))
    }

    /// All bytes of a content that has `size` of them.
    ///
    /// # Errors
    /// As `ReadFault` says; a content of another size is damaged.
    pub fn whole(&self, content: &ContentHash, size: u64) -> Result<Bytes, ReadFault> {
        let entry = self.entry(content)?;
        let (stored, count) = match &entry {
            Entry::Inline(bytes) => (bytes.len() as u64, 0),
            Entry::Chunked(chunked) => (chunked.manifest.size(), chunked.manifest.chunk_count()),
        };
        if stored != size {
            return Err(ReadFault::damaged(format!(
                "{stored} bytes instead of {size}"
            )));
        }
        match (entry, count) {
            (Entry::Inline(bytes), _) => Ok(bytes),
            (Entry::Chunked(_), 1) => self.chunk(content, 0),
            (Entry::Chunked(_), count) => self.gather(content, size, count),
        }
    }

    /// Chunk after chunk into one buffer, which grows only as far as chunks prove themselves.
    fn gather(&self, content: &ContentHash, size: u64, count: u64) -> Result<Bytes, ReadFault> {
        let room = size.min(limits::BATCH_INPUT_BYTES as u64);
        let mut all = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        for index in 0..count {
            let index = u32::try_from(index).map_err(ReadFault::damaged)?;
            let chunk = self.chunk(content, index)?;
            if (all.len() + chunk.len()) as u64 > size {
                return Err(ReadFault::damaged(format!("more than {size} bytes")));
            }
            all.extend_from_slice(&chunk);
        }
        if all.len() as u64 != size {
            return Err(ReadFault::damaged(format!(
                "{} bytes instead of {size}",
                all.len()
            )));
        }
        Ok(all.into())
    }

    /// Many contents with their sizes, those of one chunk read in two batches.
    ///
    /// # Errors
    /// The store could not be read at all; what is wrong with one content is in its place.
    pub fn many(
        &self,
        wanted: &[(ContentHash, u64)],
    ) -> Result<Vec<Result<Bytes, ReadFault>>, StorageFault> {
        let keys: Vec<_> = wanted
            .iter()
            .map(|(content, _)| layout::content_key(content))
            .collect();
        let raw = match self.storage.get_many(Space::Contents, &keys) {
            // One of them is damaged on disk, so each is asked for by itself.
            Err(StorageFault::Damaged { .. }) => return Ok(self.one_by_one(wanted)),
            read => read?,
        };
        let mut single = Vec::new();
        let mut keys = Vec::new();
        let mut found = Vec::with_capacity(wanted.len());
        for ((content, size), raw) in wanted.iter().zip(raw) {
            let entry = raw
                .ok_or(ReadFault::Missing)
                .and_then(|raw| parse(content, &raw));
            match entry {
                Ok(Entry::Inline(bytes)) if bytes.len() as u64 == *size => found.push(Ok(bytes)),
                Ok(Entry::Chunked(at)) if is_single(&at, *size) => {
                    keys.push(layout::chunk_key(at.locator, 0));
                    single.push((found.len(), at));
                    found.push(Err(ReadFault::Missing));
                }
                // What is larger or looks wrong takes the careful way.
                _ => found.push(self.whole(content, *size)),
            }
        }
        let chunks = match self.storage.get_many(Space::Chunks, &keys) {
            Err(StorageFault::Damaged { .. }) => return Ok(self.one_by_one(wanted)),
            read => read?,
        };
        for ((at, chunked), bytes) in single.into_iter().zip(chunks) {
            let read = match bytes {
                Some(bytes) => verified(&chunked, 0, bytes),
                None => self.chunk(&chunked.manifest.content(), 0),
            };
            if let Some(place) = found.get_mut(at) {
                *place = read;
            }
        }
        Ok(found)
    }

    fn one_by_one(&self, wanted: &[(ContentHash, u64)]) -> Vec<Result<Bytes, ReadFault>> {
        let read = |(content, size): &(ContentHash, u64)| self.whole(content, *size);
        wanted.iter().map(read).collect()
    }

    fn entry(&self, content: &ContentHash) -> Result<Entry, ReadFault> {
        if let Some(recent) = self.remembered(content) {
            return Ok(Entry::Chunked(recent));
        }
        let raw = self
            .storage
            .get(Space::Contents, &layout::content_key(content))?
            .ok_or(ReadFault::Missing)?;
        let entry = parse(content, &raw)?;
        if let Entry::Chunked(chunked) = &entry {
            self.remember(*content, chunked.clone());
        }
        Ok(entry)
    }

    fn remembered(&self, content: &ContentHash) -> Option<Arc<Chunked>> {
        let recent = self.recent.lock();
        let (_, chunked) = recent.iter().find(|(known, _)| known == content)?;
        Some(chunked.clone())
    }

    /// Only what has several chunks is read several times.
    fn remember(&self, content: ContentHash, chunked: Arc<Chunked>) {
        if chunked.manifest.chunk_count() < 2 {
            return;
        }
        let mut recent = self.recent.lock();
        recent.retain(|(known, _)| *known != content);
        recent.push_back((content, chunked));
        while recent.len() > 1 && (recent.len() > RECENT_ENTRIES || weight(&recent) > RECENT_BYTES)
        {
            recent.pop_front();
        }
    }

    fn forget(&self, content: &ContentHash) {
        self.recent.lock().retain(|(known, _)| known != content);
    }
}

fn weight(recent: &VecDeque<(ContentHash, Arc<Chunked>)>) -> usize {
    let hashes = recent.iter().map(|(_, chunked)| chunked.manifest.chunks());
    hashes.map(size_of_val).sum()
}

fn is_single(chunked: &Chunked, size: u64) -> bool {
    chunked.manifest.size() == size && chunked.manifest.chunk_count() == 1
}

fn parse(content: &ContentHash, raw: &Bytes) -> Result<Entry, ReadFault> {
    match ContentEntry::decode(raw) {
        None => Err(ReadFault::damaged("its content entry cannot be read")),
        Some(ContentEntry::Inline(bytes)) if ContentHash::of(&bytes) == *content => {
            Ok(Entry::Inline(bytes))
        }
        Some(ContentEntry::Inline(_)) => Err(ReadFault::damaged("its bytes have another hash")),
        Some(ContentEntry::Chunked { locator, manifest }) if manifest.content() == *content => {
            Ok(Entry::Chunked(Arc::new(Chunked { locator, manifest })))
        }
        Some(ContentEntry::Chunked { .. }) => {
            Err(ReadFault::damaged("its manifest is that of other bytes"))
        }
    }
}

fn verified(chunked: &Chunked, index: u32, bytes: Bytes) -> Result<Bytes, ReadFault> {
    match chunked.manifest.verify_chunk(u64::from(index), &bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(ReadFault::damaged(error)),
    }
}

#[cfg(test)]
#[path = "read_test.rs"]
mod read_test;

//! The hands of the blob shards: bulk bytes on the shard's lane, decisions on the commit lane.
//!
//! Chunks are always written first, under a fresh locator, with `staged/` before them; a commit
//! step then adopts or deletes them. Whatever ends in between leaves `staged/` behind, by which the
//! next start finds and removes them.

mod values;

use super::{
    BlobArgs,
    admit::Leaf,
    decide::{Chunks, Incoming},
    steps::{self, LeafPut},
};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{Locator, StoredLeaf},
};
use deriva_model::{CAddr, ContentHash, Manifest};
use deriva_system::storage::{
    Batch, Durability, Space, Storage, StorageFault, commit::Step, layout,
};
use std::sync::Arc;

/// Values in one `Keep`: bounds the length of its commit step.
pub const KEEP_VALUES_MAX: usize = 1024;
/// Bytes of values in one `Keep`, unless a single value is larger: they wait in memory.
pub const KEEP_BYTES_MAX: u64 = 16 << 20;
/// Leaves in one `PutLeaves`: bounds the length of its commit step.
pub const PUT_LEAVES_MAX: usize = 65_536;
/// Bytes of the leaves in one `PutLeaves`: they wait in memory, and are written as one.
pub const PUT_LEAVES_BYTES_MAX: usize = 64 << 20;
/// Addresses in one `Drop`: bounds the length of its commit step.
pub(crate) const DROP_MAX: usize = 1024;

/// The ports, as one shard holds them.
pub struct Hands {
    pub(super) args: BlobArgs,
}

impl Hands {
    pub(super) const fn new(args: BlobArgs) -> Self {
        Self { args }
    }

    pub(super) async fn put_leaf(&self, bytes: Bytes) -> Result<StoredLeaf, Fault> {
        within(
            "a leaf put whole",
            bytes.len(),
            self.args.uploads.chunk_size().bytes(),
        )?;
        if bytes.len() <= layout::INLINE_MAX {
            let leaf = Leaf::of(&bytes)?;
            return stored(self.commit_leaf(leaf, Incoming::Inline(bytes)).await?);
        }
        let (reader, looked) = (self.args.reader.clone(), bytes.clone());
        let look = move || {
            let leaf = Leaf::of(&looked)?;
            Ok::<_, Fault>((leaf, leaf.stands(&reader)?))
        };
        let (leaf, stands) = self.args.lane.run(look).await??;
        if stands {
            let put = self.commit_leaf(leaf, Incoming::Verified).await?;
            if let LeafPut::Stored(leaf) = put {
                return Ok(leaf);
            }
        }
        let incoming = self.place(bytes).await?;
        let put = self.commit_leaf(leaf, incoming.clone()).await;
        self.give_up_on_error(&put, &incoming).await;
        stored(put?)
    }

    /// Small leaves, hashed on the shard's lane and decided about in one step.
    pub(super) async fn put_leaves(&self, leaves: Vec<Bytes>) -> Result<Vec<StoredLeaf>, Fault> {
        within("the leaves put at once", leaves.len(), PUT_LEAVES_MAX)?;
        let bytes = leaves.iter().map(Bytes::len).sum();
        within("bytes of leaves put at once", bytes, PUT_LEAVES_BYTES_MAX)?;
        for leaf in &leaves {
            within("one of many leaves", leaf.len(), layout::INLINE_MAX)?;
        }
        let look = move || -> Result<Vec<(Leaf, Bytes)>, Fault> {
            let looked = leaves.into_iter();
            looked.map(|bytes| Ok((Leaf::of(&bytes)?, bytes))).collect()
        };
        let leaves = self.args.lane.run(look).await??;
        let step = move |step: &mut Step<'_>| steps::put_leaves_step(step, &leaves);
        self.args.commit.commit(Durability::Synced, step).await
    }

    async fn commit_leaf(&self, leaf: Leaf, incoming: Incoming) -> Result<LeafPut, Fault> {
        self.args
            .commit
            .commit(Durability::Synced, move |step| {
                steps::put_leaf_step(step, &leaf, &incoming)
            })
            .await
    }

    /// Writes bytes as chunks that nothing owns yet.
    async fn place(&self, bytes: Bytes) -> Result<Incoming, Fault> {
        let (storage, uploads) = (self.args.storage.clone(), self.args.uploads.clone());
        let locator = uploads.locator()?;
        let place = move || {
            let manifest = Manifest::of(&bytes, uploads.chunk_size());
            write_chunks(storage.as_ref(), locator, &bytes, &manifest)
                .map(|()| manifest)
                .map_err(|(count, fault)| (count, Fault::from(fault)))
        };
        match self.args.lane.run(place).await? {
            Ok(manifest) => {
                let manifest = Arc::new(manifest);
                Ok(Incoming::Staged { locator, manifest })
            }
            Err((count, fault)) => {
                self.delete_staged(Chunks { locator, count }).await;
                Err(fault)
            }
        }
    }

    pub(super) async fn open(&self) -> Result<Locator, Fault> {
        let upload = self.args.uploads.open()?;
        let storage = self.args.storage.clone();
        let write = move || {
            let mut batch = Batch::default();
            batch.put(Space::Meta, layout::staged_key(upload), Bytes::new());
            storage.write(&batch, Durability::Behind)
        };
        let written = self.args.lane.run(write).await;
        match written {
            Ok(Ok(())) => Ok(upload),
            Ok(Err(fault)) => {
                self.args.uploads.close(upload);
                Err(fault.into())
            }
            Err(fault) => {
                self.args.uploads.close(upload);
                Err(fault)
            }
        }
    }

    pub(super) async fn stage(
        &self,
        upload: Locator,
        index: u32,
        bytes: Bytes,
    ) -> Result<(), Fault> {
        let (storage, uploads) = (self.args.storage.clone(), self.args.uploads.clone());
        let write = move || {
            uploads.begin(upload, index, bytes.len())?;
            let len = bytes.len();
            let mut batch = Batch::default();
            batch.put(Space::Chunks, layout::chunk_key(upload, index), bytes);
            if let Err(fault) = storage.write(&batch, Durability::Behind) {
                uploads.not_written(upload, index);
                return Err(fault.into());
            }
            if uploads.written(upload, len) {
                return Ok(());
            }
            // Given up while this was on its way: nobody else knows this chunk.
            let mut batch = Batch::default();
            batch.delete(Space::Chunks, layout::chunk_key(upload, index));
            storage.write(&batch, Durability::Behind)?;
            Err(Fault::Cancelled)
        };
        self.args.lane.run(write).await?
    }

    pub(super) async fn seal(
        &self,
        upload: Locator,
        manifest: Arc<Manifest>,
    ) -> Result<StoredLeaf, Fault> {
        self.args.uploads.check_whole(upload, &manifest)?;
        let sealed = self.seal_whole(upload, manifest).await;
        match &sealed {
            Ok(_) => {
                self.args.uploads.close(upload);
            }
            // Whoever brought it may not hear of this, and nothing is sealed twice.
            Err(_) => self.abandon(upload).await,
        }
        stored(sealed?)
    }

    /// Commits an upload of which every chunk is written.
    async fn seal_whole(&self, upload: Locator, manifest: Arc<Manifest>) -> Result<LeafPut, Fault> {
        let (storage, looked) = (self.args.storage.clone(), manifest.clone());
        let look = move || Leaf::of_upload(storage.as_ref(), upload, &looked);
        let (leaf, small) = self.args.lane.run(look).await??;
        let staged = manifest.chunk_count();
        let incoming = match small {
            Some(bytes) => Incoming::Inline(bytes),
            None => Incoming::Staged {
                locator: upload,
                manifest,
            },
        };
        let step =
            move |step: &mut Step<'_>| steps::seal_step(step, &leaf, &incoming, upload, staged);
        self.args.commit.commit(Durability::Synced, step).await
    }

    /// Gives up an upload; one that was sealed meanwhile stays.
    pub(super) async fn abandon(&self, upload: Locator) {
        if let Some(end) = self.args.uploads.close(upload) {
            let count = u64::from(end);
            self.delete_staged(Chunks {
                locator: upload,
                count,
            })
            .await;
        }
    }

    /// Removes staged chunks if no step has decided about them; if this fails too, the next start
    /// removes them.
    pub(super) async fn delete_staged(&self, chunks: Chunks) {
        let step = move |step: &mut Step<'_>| steps::abandon_step(step, chunks);
        let done = self.args.commit.commit(Durability::Behind, step).await;
        if let Err(fault) = done {
            metrics::counter!("blob_abandon_failures_total").increment(1);
            tracing::warn!(%fault, upload = chunks.locator.0, "staged chunks are left behind");
        }
    }

    async fn give_up_on_error<T: Sync>(&self, done: &Result<T, Fault>, incoming: &Incoming) {
        if let (Err(_), Incoming::Staged { locator, manifest }) = (done, incoming) {
            let count = manifest.chunk_count();
            self.delete_staged(Chunks {
                locator: *locator,
                count,
            })
            .await;
        }
    }

    pub(super) async fn read(
        &self,
        owner: CAddr,
        content: ContentHash,
        index: u32,
    ) -> Result<Bytes, Fault> {
        let reader = self.args.reader.clone();
        let read = move || reader.chunk(&content, index);
        let read = self.args.lane.run(read).await?;
        read.map_err(|fault| fault.of_leaf(owner))
    }
}

/// One write a chunk, the first with the `staged/` entry. A failure comes with the number of chunks
/// that may have been written.
fn write_chunks(
    storage: &dyn Storage,
    locator: Locator,
    bytes: &Bytes,
    manifest: &Manifest,
) -> Result<(), (u64, StorageFault)> {
    let mut batch = Batch::default();
    batch.put(Space::Meta, layout::staged_key(locator), Bytes::new());
    for at in 0..manifest.chunk_count() {
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        let chunk = chunk_of(bytes, manifest, at);
        batch.put(Space::Chunks, layout::chunk_key(locator, index), chunk);
        storage
            .write(&std::mem::take(&mut batch), Durability::Behind)
            .map_err(|fault| (at + 1, fault))?;
    }
    Ok(())
}

fn chunk_of(bytes: &Bytes, manifest: &Manifest, index: u64) -> Bytes {
    let whole = manifest.chunk_size().bytes();
    let from = usize::try_from(index).map_or(bytes.len(), |index| index * whole);
    bytes.slice(from..bytes.len().min(from + whole))
}

fn within(what: &str, got: usize, limit: usize) -> Result<(), Fault> {
    if got <= limit {
        return Ok(());
    }
    Err(Fault::OverLimit {
        what: what.to_owned(),
        limit: limit as u64,
        got: got as u64,
    })
}

fn stored(put: LeafPut) -> Result<StoredLeaf, Fault> {
    match put {
        LeafPut::Stored(leaf) => Ok(leaf),
        LeafPut::Vanished => Err(Fault::Breach {
            what: "bytes that were brought along vanished".to_owned(),
        }),
    }
}

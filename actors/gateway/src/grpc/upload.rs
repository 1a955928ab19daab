//! One leaf on its way in. What fits one chunk is put whole; a longer one is staged chunk by chunk
//! while it comes, and becomes a leaf at its end.
//!
//! It refuses to hold a leaf: at most the chunk under way, the chunks being written, and, while the
//! bytes could still be a recipe, the few MiB that a recipe may have.

use super::call::Call;
use bytes::{Bytes, BytesMut};
use deriva_messages::{
    Fault,
    blob::{BlobMessage, Locator, StoredLeaf},
};
use deriva_model::{CAddr, Manifest, ManifestBuilder, could_name_a_recipe, limits, names_a_recipe};
use deriva_system::supervise::Slot;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Chunks of one leaf: what a manifest has room for.
const CHUNKS_MAX: u32 = (limits::MANIFEST_BYTES / 32 - 16) as u32;

/// A leaf being received.
pub(super) struct Upload {
    call: Call,
    builder: ManifestBuilder,
    /// Waited for before the place is given up: nothing is written to it afterwards.
    writing: JoinSet<Result<(), Fault>>,
    place: Option<Place>,
    next_index: u32,
    /// The chunks so far, while they could yet turn out to be a recipe.
    suspect: Option<Vec<Bytes>>,
}

impl Upload {
    pub(super) fn new(call: Call) -> Self {
        let chunk_size = call.context.node.chunk_size;
        Self {
            call,
            builder: Manifest::builder(chunk_size),
            writing: JoinSet::new(),
            place: None,
            next_index: 0,
            suspect: Some(Vec::new()),
        }
    }

    /// Takes the next bytes; waits while too many chunks are being written.
    ///
    /// # Errors
    /// A chunk could not be written, or the leaf has more of them than a leaf may have.
    pub(super) async fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while let Some(chunk) = self.builder.push(&mut bytes) {
            self.stage(Bytes::from(chunk)).await?;
        }
        Ok(())
    }

    /// Makes it a leaf; durable when answered.
    ///
    /// # Errors
    /// `LeafIsRecipe`, or it could not be stored.
    pub(super) async fn finish(mut self) -> Result<StoredLeaf, Fault> {
        let builder = std::mem::replace(
            &mut self.builder,
            Manifest::builder(self.call.context.node.chunk_size),
        );
        let (last, manifest) = builder.finish();
        if self.place.is_none() {
            return whole(&self.call, last.map(Bytes::from).unwrap_or_default()).await;
        }
        if let Some(last) = last {
            self.stage(Bytes::from(last)).await?;
        }
        self.refuse_recipe()?;
        while let Some(written) = self.writing.join_next().await {
            ended(written)?;
        }
        let Some(place) = self.place.take() else {
            return Err(breach("an upload lost its place"));
        };
        place.seal(&self.call, Arc::new(manifest)).await
    }

    async fn stage(&mut self, chunk: Bytes) -> Result<(), Fault> {
        if self.next_index >= CHUNKS_MAX {
            return Err(Fault::OverLimit {
                what: "a leaf, in chunks,".to_owned(),
                limit: u64::from(CHUNKS_MAX),
                got: u64::from(self.next_index) + 1,
            });
        }
        self.suspect(&chunk);
        while self.writing.len() >= self.call.context.node.limits.staged_chunks.max(1) {
            if let Some(written) = self.writing.join_next().await {
                ended(written)?;
            }
        }
        let place = match &mut self.place {
            Some(place) => place,
            none => none.insert(Place::open(&self.call).await?),
        };
        let (slot, upload, index) = (place.slot.clone(), place.locator, self.next_index);
        let call = self.call.clone();
        self.writing.spawn(async move {
            let stage = |reply| BlobMessage::Stage {
                upload,
                index,
                bytes: chunk,
                reply,
            };
            call.ask(&slot, stage).await
        });
        self.next_index += 1;
        Ok(())
    }

    /// Keeps the chunk while everything so far could be a recipe.
    fn suspect(&mut self, chunk: &Bytes) {
        let Some(kept) = &mut self.suspect else {
            return;
        };
        let total = kept.iter().map(Bytes::len).sum::<usize>() + chunk.len();
        let first = kept.first().unwrap_or(chunk);
        if could_name_a_recipe(first, total as u64) {
            kept.push(chunk.clone());
        } else {
            self.suspect = None;
        }
    }

    fn refuse_recipe(&mut self) -> Result<(), Fault> {
        let Some(kept) = self.suspect.take() else {
            return Ok(());
        };
        let mut bytes = BytesMut::new();
        kept.iter().for_each(|chunk| bytes.extend_from_slice(chunk));
        refuse_recipe(&bytes)
    }
}

impl Drop for Upload {
    /// An upload that was not finished is given up when the writes under way have ended, so that
    /// none of them leaves a chunk behind that nobody knows of.
    fn drop(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        let mut writing = std::mem::take(&mut self.writing);
        let give_up = async move {
            while writing.join_next().await.is_some() {}
            drop(place);
        };
        // Outside of a runtime nothing is being written either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(give_up);
        }
    }
}

/// Stores a leaf that is at hand whole; durable when answered.
///
/// # Errors
/// `LeafIsRecipe`, or it could not be stored.
pub(super) async fn put(call: &Call, bytes: Bytes) -> Result<StoredLeaf, Fault> {
    if bytes.len() <= call.context.node.chunk_size.bytes() {
        return whole(call, bytes).await;
    }
    let mut upload = Upload::new(call.clone());
    upload.push(&bytes).await?;
    upload.finish().await
}

/// A leaf of at most one chunk. Any shard takes it: its bytes are hashed there, and only there.
async fn whole(call: &Call, bytes: Bytes) -> Result<StoredLeaf, Fault> {
    refuse_recipe(&bytes)?;
    let shard = call.context.next_shard();
    call.ask(&shard, |reply| BlobMessage::PutLeaf { bytes, reply })
        .await
}

fn refuse_recipe(bytes: &[u8]) -> Result<(), Fault> {
    match names_a_recipe(bytes) {
        Some(_) => Err(Fault::LeafIsRecipe {
            address: CAddr::of_leaf(bytes),
        }),
        None => Ok(()),
    }
}

fn ended(written: Result<Result<(), Fault>, tokio::task::JoinError>) -> Result<(), Fault> {
    written.map_err(|error| breach(&format!("writing a chunk did not end: {error}")))?
}

fn breach(what: &str) -> Fault {
    Fault::Breach {
        what: what.to_owned(),
    }
}

/// Where the chunks of an upload lie. It is given up when it is dropped unsealed.
struct Place {
    slot: Slot<BlobMessage>,
    locator: Locator,
    given_up: GiveUp,
}

/// Whether an upload may still be thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GiveUp {
    OnDrop,
    /// It is sealed.
    Never,
}

impl Place {
    async fn open(call: &Call) -> Result<Self, Fault> {
        let slot = call.context.next_shard();
        let locator = call.ask(&slot, |reply| BlobMessage::Open { reply }).await?;
        Ok(Self {
            slot,
            locator,
            given_up: GiveUp::OnDrop,
        })
    }

    /// A place whose sealing was not heard of is given up like any other: the shard keeps what was
    /// sealed, and else nobody would clear it away.
    async fn seal(mut self, call: &Call, manifest: Arc<Manifest>) -> Result<StoredLeaf, Fault> {
        let upload = self.locator;
        let seal = |reply| BlobMessage::Seal {
            upload,
            manifest,
            reply,
        };
        let sealed = call.ask(&self.slot, seal).await?;
        self.given_up = GiveUp::Never;
        Ok(sealed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.given_up == GiveUp::Never {
            return;
        }
        metrics::counter!("gateway_uploads_abandoned_total").increment(1);
        let abandon = BlobMessage::Abandon {
            upload: self.locator,
        };
        if let Err(fault) = self.slot.ring(abandon) {
            tracing::debug!(%fault, "an unfinished upload stays until the store is opened again");
        }
    }
}

#[cfg(test)]
#[path = "upload_test.rs"]
mod upload_test;

//! The stand on which the rooms' tests build a node's storage: memory for a disk, real lanes, and
//! real shard actors where they are asked for.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{BlobArgs, BlobShardActor, StoredReader, Uploads, shard_of};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{BlobMessage, StoredLeaf},
};
use deriva_model::{
    CAddr, ChunkSize, Consumed, ContentHash, Cost, CutoffKey, Epoch, FunctionId, Recipe, Record,
    SealedRecipe,
};
use deriva_system::{
    ManualClock,
    lane::Lane,
    storage::{
        Batch, CommitLane, CommitLimits, Durability, MemoryStorage, Reading, Space, Storage,
        commit::{Step, read_number},
        layout::{self, Counter},
    },
    supervise::{Slot, SlotLimits},
    view::{Landing, Origin, Produced, Resident, Source, ValueView},
};
use ractor::Actor;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SHARDS: usize = 2;
/// 16 KiB, so that small data has several chunks.
pub(crate) const CHUNK: usize = 1 << 14;

pub(crate) struct Stand {
    pub(crate) storage: Arc<MemoryStorage>,
    pub(crate) commit: CommitLane,
    pub(crate) lane: Lane,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) reader: Arc<StoredReader>,
    pub(crate) values: Arc<ValueView>,
    pub(crate) blobs: Arc<[Slot<BlobMessage>]>,
}

impl Stand {
    /// The store as its `boot`-th start finds it; no actors.
    pub(crate) fn over(storage: Arc<MemoryStorage>, boot: u64) -> Self {
        let clock = Arc::new(ManualClock::default());
        let commit =
            CommitLane::start(storage.clone(), clock, CommitLimits::default()).expect("a lane");
        let slot = |shard| Slot::new(format!("blob-{shard}"), SlotLimits::default());
        Self {
            commit,
            lane: Lane::start("test", 64).expect("a lane"),
            uploads: Arc::new(Uploads::new(boot, ChunkSize::new(14).unwrap())),
            reader: Arc::new(StoredReader::new(storage.clone())),
            values: Arc::new(ValueView::new(1 << 20)),
            blobs: (0..SHARDS).map(slot).collect(),
            storage,
        }
    }

    pub(crate) fn new() -> Self {
        Self::over(Arc::default(), 1)
    }

    /// With shard actors.
    pub(crate) async fn with_shards() -> Self {
        let stand = Self::new();
        stand.start_shards().await;
        stand
    }

    pub(crate) async fn start_shards(&self) {
        for (shard, slot) in self.blobs.iter().enumerate() {
            let args = self.args(shard);
            let (actor, _) = Actor::spawn(None, BlobShardActor, args).await.unwrap();
            slot.seat(actor);
        }
    }

    pub(crate) fn args(&self, shard: usize) -> BlobArgs {
        BlobArgs {
            shard,
            storage: self.storage.clone(),
            commit: self.commit.clone(),
            lane: Lane::start("shard", 64).unwrap(),
            uploads: self.uploads.clone(),
            reader: self.reader.clone(),
            invalidations: self.values.invalidations(),
        }
    }

    pub(crate) async fn commit<T: Send + 'static>(
        &self,
        durability: Durability,
        step: impl FnOnce(&mut Step<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.commit.commit(durability, step).await
    }

    pub(crate) fn shard(&self, content: &ContentHash) -> &Slot<BlobMessage> {
        self.blobs.get(shard_of(content, SHARDS)).unwrap()
    }

    pub(crate) async fn put(&self, bytes: &Bytes) -> Result<StoredLeaf, Fault> {
        let bytes = bytes.clone();
        self.shard(&ContentHash::of(&bytes))
            .call(PATIENCE, |reply| BlobMessage::PutLeaf { bytes, reply })
            .await
    }

    pub(crate) async fn read(&self, leaf: &CAddr, index: u32) -> Result<Bytes, Fault> {
        let (owner, content) = (*leaf, leaf.as_content());
        self.shard(&content)
            .call(PATIENCE, |reply| BlobMessage::Read {
                owner,
                content,
                index,
                reply,
            })
            .await
    }

    /// Stores a recipe as the `DagActor` would, synced.
    pub(crate) fn store_recipe(&self, recipe: &SealedRecipe) {
        let mut batch = Batch::default();
        let value = layout::stamped(Epoch::new(1), recipe.bytes());
        batch.put(
            Space::Recipes,
            layout::address_key(&recipe.address()),
            value,
        );
        self.storage.write(&batch, Durability::Synced).unwrap();
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        read_number(self.storage.as_ref(), &counter.key()).unwrap()
    }

    /// How many keys a space holds, with this prefix.
    pub(crate) fn keys(&self, space: Space, prefix: &[u8]) -> usize {
        self.storage
            .scan(space, prefix, &[], usize::MAX)
            .unwrap()
            .len()
    }

    /// Makes the disk answer a content's entry, or its first chunk, with an error of its own.
    pub(crate) fn corrupt(&self, content: &ContentHash) {
        let key = layout::content_key(content);
        let raw = self.storage.get(Space::Contents, &key).unwrap().unwrap();
        match layout::ContentEntry::decode(&raw).unwrap() {
            layout::ContentEntry::Chunked { locator, .. } => {
                self.storage
                    .corrupt(Space::Chunks, &layout::chunk_key(locator, 0));
            }
            layout::ContentEntry::Inline(_) => self.storage.corrupt(Space::Contents, &key),
        }
    }

    /// Puts other bytes in the place of a content's first chunk, or of its entry if it stands there.
    pub(crate) fn damage(&self, content: &ContentHash) {
        let key = layout::content_key(content);
        let raw = self.storage.get(Space::Contents, &key).unwrap().unwrap();
        match layout::ContentEntry::decode(&raw).unwrap() {
            layout::ContentEntry::Inline(bytes) => {
                let mut bytes = bytes.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                let entry = layout::ContentEntry::Inline(bytes.into());
                self.storage
                    .damage(Space::Contents, &key, entry.encode().unwrap());
            }
            layout::ContentEntry::Chunked { locator, .. } => {
                let key = layout::chunk_key(locator, 0);
                let bytes = self.storage.get(Space::Chunks, &key).unwrap().unwrap();
                let mut bytes = bytes.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                self.storage.damage(Space::Chunks, &key, bytes);
            }
        }
    }
}

/// Bytes that differ with `seed` and from place to place.
pub(crate) fn bytes(seed: u8, len: usize) -> Bytes {
    (0u32..)
        .take(len)
        .map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ seed)
        .collect()
}

pub(crate) fn recipe(name: &str, inputs: Vec<CAddr>) -> SealedRecipe {
    let function = FunctionId::new(name, "1.0.0");
    SealedRecipe::seal(Recipe::new(function, inputs, BTreeMap::new()).unwrap())
}

/// A value of a recipe over inputs whose contents are their leaf addresses'.
pub(crate) fn resident(recipe: &SealedRecipe, bytes: &Bytes, origin: Origin) -> Arc<Resident> {
    costing(recipe, bytes, origin, Duration::from_secs(1))
}

pub(crate) fn costing(
    recipe: &SealedRecipe,
    bytes: &Bytes,
    origin: Origin,
    wall: Duration,
) -> Arc<Resident> {
    let inputs = recipe.recipe().inputs();
    let consumed = |address: &CAddr| Consumed {
        address: *address,
        content: address.as_content(),
    };
    let contents: Vec<_> = inputs.iter().map(CAddr::as_content).collect();
    let record = Record {
        recipe: recipe.address(),
        function: recipe.recipe().shared_function(),
        inputs: inputs.iter().map(consumed).collect(),
        output: ContentHash::of(bytes),
        size: bytes.len() as u64,
        cost: Cost {
            wall_nanos: u64::try_from(wall.as_nanos()).unwrap(),
            ..Cost::default()
        },
    };
    let cutoff = CutoffKey::of(recipe.recipe(), &contents);
    Arc::new(Resident::new(
        bytes.clone(),
        Arc::new(record),
        cutoff,
        origin,
    ))
}

/// A value that is in memory, whoever has booked it.
pub(crate) fn put(values: &ValueView, recipe: &SealedRecipe, value: &Arc<Resident>) {
    let landing = values.offer(produced(recipe, value, values.invalidation_number()));
    assert!(matches!(landing, Landing::Ring | Landing::Queued));
}

pub(crate) fn produced(recipe: &SealedRecipe, value: &Arc<Resident>, begun: u64) -> Produced {
    Produced {
        address: recipe.address(),
        value: value.clone(),
        source: Source::Computed,
        begun,
    }
}

//! What an evaluation asks of the node: `Sources` over the read views, the store and the
//! scratch directory. It runs on the evaluator's threads and may block on the disk.
//!
//! It refuses to hand out bytes that do not match their hash, to load more at once than its bounds,
//! and to decide what is kept: values it brings back from disk are offered to the cache like new
//! ones, values that fail are dropped by a blob shard. Recipes it reads are let into the
//! `RecipeView` within the view's budget; the `DagActor` owns every other write there.
//!
//! No actor, so nobody supervises it: it holds no state but counters and the scratch directory.
//!
//! Invariant: by address alone a value is answered only if its recipe is stored here.

mod disk;
mod fetch;
mod scratch;

use crate::blob::StoredReader;
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::BlobMessage,
    cache::CacheMessage,
    verify::{VerifyMessage, Violation},
};
use deriva_model::{CAddr, ContentHash, CutoffKey, FunctionId, Record};
use deriva_system::{
    compute::{Known, Look, Patience, Sources, StoredContent},
    scratch::Scratch,
    storage::Storage,
    supervise::Slot,
    view::{Landing, Marks, Produced, RecipeView, Resident, ValueView},
};
use scratch::ScratchDirectory;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::oneshot;

/// What the sources stand on.
pub struct SourcesArgs {
    pub recipes: Arc<RecipeView>,
    /// Bytes that the recipe view may take; the same as the `DagActor` keeps to.
    pub recipe_bytes: u64,
    pub values: Arc<ValueView>,
    pub storage: Arc<dyn Storage>,
    /// The node's.
    pub reader: Arc<StoredReader>,
    pub cache: Slot<CacheMessage>,
    /// All shards of the node, by shard number.
    pub blobs: Arc<[Slot<BlobMessage>]>,
    /// The node's.
    pub marks: Arc<Marks>,
    pub verify: Slot<VerifyMessage>,
    /// A directory of this node's own: whatever lies in it is removed at the start.
    pub scratch_directory: PathBuf,
    /// Bytes that may lie there at once.
    pub scratch_bytes: u64,
}

/// The sources of one node.
pub struct NodeSources {
    recipes: Arc<RecipeView>,
    recipe_bytes: u64,
    values: Arc<ValueView>,
    storage: Arc<dyn Storage>,
    reader: Arc<StoredReader>,
    cache: Slot<CacheMessage>,
    blobs: Arc<[Slot<BlobMessage>]>,
    marks: Arc<Marks>,
    verify: Slot<VerifyMessage>,
    scratch: Arc<ScratchDirectory>,
}

impl NodeSources {
    /// Empties the scratch directory, which is made if it is not there.
    ///
    /// # Errors
    /// The directory could not be made or emptied.
    pub fn open(args: SourcesArgs) -> std::io::Result<Self> {
        Ok(Self {
            recipes: args.recipes,
            recipe_bytes: args.recipe_bytes,
            values: args.values,
            storage: args.storage,
            reader: args.reader,
            cache: args.cache,
            blobs: args.blobs,
            marks: args.marks,
            verify: args.verify,
            scratch: Arc::new(ScratchDirectory::open(
                args.scratch_directory,
                args.scratch_bytes,
            )?),
        })
    }

    /// A value in memory whose recipe is stored, as far as memory knows.
    fn resident_value(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let value = self.values.get(address)?;
        if !value.is_durable() {
            if !self.recipes.contains(address) {
                return None;
            }
            value.mark_durable();
        }
        self.values.count_saved(&value);
        Some(value)
    }

    /// While something is voided no value on disk is taken for true either.
    fn is_voiding(&self) -> bool {
        self.values.invalidations().is_voiding()
    }

    /// Offers a value to the cache and rings if it is the first.
    fn offer(&self, produced: Produced) -> Landing {
        let landing = self.values.offer(produced);
        match landing {
            Landing::Ring => {
                // A cache that is being restarted rings itself, and may have done so already.
                if self.cache.ring(CacheMessage::Landed).is_err() {
                    self.values.unheard();
                    metrics::counter!("cache_bells_unheard_total").increment(1);
                }
            }
            Landing::Queued => {}
            Landing::Refused => metrics::counter!("cache_offers_refused_total").increment(1),
            Landing::Stale => metrics::counter!("cache_offers_stale_total").increment(1),
        }
        landing
    }
}

impl Sources for NodeSources {
    /// For values, a recipe in memory is no answer: its value may be on disk.
    fn resident(&self, address: &CAddr, look: Look) -> Option<Known> {
        match look {
            Look::ForValues => self.resident_value(address).map(Known::Value),
            Look::ForVerified => {
                let value = self.resident_value(address);
                value.filter(|value| value.is_verified()).map(Known::Value)
            }
            Look::ForRecipes => self.recipes.get(address).map(Known::Recipe),
        }
    }

    fn travelling(&self, address: &CAddr) -> Option<Arc<Resident>> {
        let value = self.values.get(address)?;
        self.values.count_saved(&value);
        Some(value)
    }

    fn looked_up(&self, found: u64, to_run: u64) {
        self.values.count(found, to_run);
    }

    fn fetch(&self, addresses: &[CAddr], look: Look) -> Result<Vec<Known>, Fault> {
        fetch::fetch(self, addresses, look)
    }

    fn load(&self, stored: &StoredContent) -> Result<Bytes, Fault> {
        self.reader
            .whole(&stored.content, stored.size)
            .map_err(|fault| fault.of_leaf(stored.owner))
    }

    fn chunk(&self, stored: &StoredContent, index: u32) -> Result<Bytes, Fault> {
        self.reader
            .chunk(&stored.content, index)
            .map_err(|fault| fault.of_leaf(stored.owner))
    }

    fn cutoff(&self, key: &CutoffKey, patience: Patience) -> Option<(ContentHash, Bytes)> {
        if let Some(value) = self.values.cutoff(key) {
            return Some((value.content(), value.bytes.clone()));
        }
        match patience {
            Patience::Disk if !self.is_voiding() => disk::cutoff(self, key),
            Patience::Memory | Patience::Disk => None,
        }
    }

    fn invalidations(&self) -> u64 {
        self.values.invalidation_number()
    }

    fn produced(&self, produced: Produced) {
        self.offer(produced);
    }

    fn refusal(&self, function: &FunctionId) -> Option<Fault> {
        self.marks.refusal(function)
    }

    fn standing(&self, recipe: &CAddr) -> Option<Arc<Record>> {
        match self.values.get(recipe) {
            Some(value) => Some(value.record.clone()),
            None if self.is_voiding() => None,
            None => disk::standing(self, recipe),
        }
    }

    fn distrust(&self, violation: &Violation) {
        self.marks.mark(violation.clone());
    }

    fn void(&self, violation: &Violation) -> Result<(), Fault> {
        let (reply, voided) = oneshot::channel();
        self.verify.ring(VerifyMessage::Violated {
            violation: violation.clone(),
            reply: reply.into(),
        })?;
        // An actor that ends drops its side, so this ends too; whoever comes after it goes on.
        voided.blocking_recv().map_err(|_| Fault::Unavailable {
            what: "the verifier".to_owned(),
        })?
    }

    fn scratch(&self) -> Arc<dyn Scratch> {
        self.scratch.clone()
    }
}

#[cfg(test)]
mod sources_test;

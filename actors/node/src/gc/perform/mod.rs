//! The hands: surveys on the collection's lane find candidates, commit steps remove them.

mod dry;
mod steps;

use super::{
    GcArgs,
    decide::{Epochs, Fate, Judge},
};
use deriva_messages::{
    Fault, Reply,
    cache::CacheMessage,
    gc::{Collect, Collected, Extent},
};
use deriva_model::{CAddr, Collection};
use deriva_system::storage::{
    Durability, Space, StorageFault,
    commit::{Step, read_number},
    layout::{self, CollectionEntry, Counter},
};
use parking_lot::Mutex;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Addresses surveyed in one piece of the lane's work, and removed at most in one step: short enough
/// that puts do not wait for it.
const PAGE: usize = 128;
/// Candidates that wait, 32 bytes each. Over it they are left to the scan of the leaves, or to
/// another round over what is forgotten.
const CANDIDATES_MAX: usize = 1 << 20;
/// How long the cache may take to let go of one page of values.
const CACHE_PATIENCE: Duration = Duration::from_secs(60);
/// How often the cache is asked; a restart takes less than one patience of its slot.
const UNLINK_TRIES: usize = 3;
/// Removals without a bound.
const UNBOUNDED: u64 = u64::MAX;
/// Milliseconds: tombstones are kept at least as long as the default grace.
const DEFAULT_GRACE: u64 = 24 * 3600 * 1000;

pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, Fault>) {
    if reply.send(result).is_err() {
        metrics::counter!("actor_answers_unheard_total").increment(1);
    }
}

/// One collection under way.
pub(super) struct Collector {
    args: GcArgs,
    told: Collected,
    detail: usize,
    candidates: Vec<CAddr>,
    /// Whether candidates were left out, so that another round may find more.
    left_out: bool,
}

/// Carries out what was asked for.
pub(super) async fn collect(mut run: Collector, asked: Collect) -> Result<Collected, Fault> {
    run.detail = asked.detail;
    let grace = u64::try_from(asked.grace.as_millis()).unwrap_or(u64::MAX);
    let left = asked.max_removals.unwrap_or(UNBOUNDED);
    let done = match asked.extent {
        Extent::DryRun => dry::run(run, grace, left).await?,
        Extent::Remove => {
            let entry = run.begin(grace, left).await?;
            run.sweep(entry).await?
        }
    };
    metrics::counter!("gc_collections_total").increment(1);
    Ok(done)
}

/// Goes on with the collection that an earlier start left, if there is one.
pub(super) async fn go_on(run: Collector) {
    let storage = run.args.storage.clone();
    let read = move || storage.get(Space::Meta, layout::META_COLLECTION);
    let left = match run.args.lane.run(read).await {
        Ok(Ok(left)) => left,
        Ok(Err(fault)) => return tracing::warn!(%fault, "the last collection is not known"),
        Err(fault) => return tracing::warn!(%fault, "the last collection is not known"),
    };
    let Some(raw) = left else { return };
    let ended = match CollectionEntry::parse(&raw) {
        Some(entry) => run.sweep(entry).await.map(|_| ()),
        None => run.end().await,
    };
    match ended {
        Ok(()) => tracing::info!("a collection that was cut off has been ended"),
        Err(fault) => tracing::warn!(%fault, "a collection that was cut off is left as it is"),
    }
}

/// What one step did.
#[derive(Default)]
pub(super) struct Buried {
    leaves: Vec<(CAddr, u64)>,
    recipes: Vec<CAddr>,
    aliases: Vec<CAddr>,
    values: u64,
    value_bytes: u64,
    /// What the removed recipes named: nothing may hold it any more.
    released: Vec<CAddr>,
    left: u64,
}

impl Collector {
    pub(super) fn new(args: GcArgs) -> Self {
        Self {
            args,
            told: Collected::default(),
            detail: 0,
            candidates: Vec::new(),
            left_out: false,
        }
    }

    /// Opens two epochs and writes down that the collection runs in the second.
    async fn begin(&self, grace: u64, left: u64) -> Result<CollectionEntry, Fault> {
        let step = move |step: &mut Step<'_>| {
            step.open_epoch();
            let entry = CollectionEntry {
                epoch: step.open_epoch(),
                grace,
                left,
            };
            step.put(
                Space::Meta,
                layout::META_COLLECTION.to_vec(),
                entry.encode(),
            );
            let longest = read_number(step, layout::META_LONGEST_GRACE)?.max(grace);
            let longest = layout::number(longest);
            step.put(Space::Meta, layout::META_LONGEST_GRACE.to_vec(), longest);
            Ok(entry)
        };
        self.args.commit.commit(Durability::Synced, step).await
    }

    async fn sweep(mut self, mut entry: CollectionEntry) -> Result<Collected, Fault> {
        let rules = Rules {
            collection: Collection {
                epoch: entry.epoch,
                grace_millis: entry.grace,
            },
            now: self.args.clock.wall_millis(),
        };
        loop {
            self.left_out = false;
            let before = self.told.recipes;
            self.scan(Space::Meta, layout::FORGOTTEN_PREFIX, rules, &mut entry)
                .await?;
            if !self.left_out || self.told.recipes == before {
                break;
            }
        }
        self.scan(Space::Leaves, &[], rules, &mut entry).await?;
        self.end().await?;
        steps::prune_tombs(&self.args, rules.now).await?;
        self.count().await
    }

    /// Goes through the keys of a space, whose ends are addresses, and removes what goes.
    async fn scan(
        &mut self,
        space: Space,
        prefix: &'static [u8],
        rules: Rules,
        entry: &mut CollectionEntry,
    ) -> Result<(), Fault> {
        let mut from = prefix.to_vec();
        while entry.left > 0 {
            let page = self.page(space, prefix, &from).await?;
            let full = page.len() == PAGE;
            if let Some(last) = page.last() {
                from = [prefix, last.as_bytes(), &[0][..]].concat();
            }
            self.offer(page);
            while !self.candidates.is_empty() && entry.left > 0 {
                let at = self.candidates.len().saturating_sub(PAGE);
                let some = self.candidates.split_off(at);
                self.remove(some, rules, entry).await?;
            }
            self.candidates.clear();
            if !full {
                break;
            }
        }
        Ok(())
    }

    async fn page(
        &self,
        space: Space,
        prefix: &'static [u8],
        from: &[u8],
    ) -> Result<Vec<CAddr>, Fault> {
        let (storage, from) = (self.args.storage.clone(), from.to_vec());
        let read = move || -> Result<Vec<CAddr>, StorageFault> {
            let entries = storage.scan(space, prefix, &from, PAGE)?;
            let addresses = entries.iter().map(|(key, _)| {
                layout::last_address(key).ok_or_else(|| StorageFault::Damaged {
                    why: format!("a key of {} is no address", space.name()),
                })
            });
            addresses.collect()
        };
        Ok(self.args.lane.run(read).await??)
    }

    fn offer(&mut self, addresses: Vec<CAddr>) {
        let room = CANDIDATES_MAX.saturating_sub(self.candidates.len());
        self.left_out |= addresses.len() > room;
        self.candidates.extend(addresses.into_iter().take(room));
    }

    /// Surveys some addresses; what seems to go is judged again in the step that removes it.
    async fn remove(
        &mut self,
        some: Vec<CAddr>,
        rules: Rules,
        entry: &mut CollectionEntry,
    ) -> Result<(), Fault> {
        let args = self.args.clone();
        let survey = move || -> Result<Vec<CAddr>, StorageFault> {
            let nothing = HashSet::new();
            let judge = rules.judge(&args, Epochs::Opened, &nothing);
            let mut going = Vec::new();
            for address in some {
                if judge.fate(args.storage.as_ref(), &address)? != Fate::Stays {
                    going.push(address);
                }
            }
            Ok(going)
        };
        let going = self.args.lane.run(survey).await??;
        if going.is_empty() {
            return Ok(());
        }
        let condemned = Arc::new(Mutex::new(Vec::new()));
        let buried = self.bury(going, rules, *entry, &condemned).await;
        // Whatever came of it, nobody waits for these any longer.
        self.args.holds.bury(&condemned.lock());
        let buried = buried?;
        entry.left = buried.left;
        self.note(buried);
        Ok(())
    }

    /// The removing step; then what the views know of it goes, too.
    async fn bury(
        &self,
        going: Vec<CAddr>,
        rules: Rules,
        entry: CollectionEntry,
        condemned: &Arc<Mutex<Vec<CAddr>>>,
    ) -> Result<Buried, Fault> {
        // An evaluation that nobody waits for any more may still end: its value is not taken.
        let window = self.args.invalidations.cascade();
        let (args, dying) = (self.args.clone(), condemned.clone());
        let step = move |step: &mut Step<'_>| {
            let nothing = HashSet::new();
            let judge = rules.judge(&args, Epochs::Opened, &nothing);
            steps::bury(step, &going, &judge, entry, &dying)
        };
        let buried = self.args.commit.commit(Durability::Synced, step).await?;
        for recipe in &buried.recipes {
            self.args.recipes.removed(recipe);
        }
        if !buried.recipes.is_empty() {
            self.unlink(&buried.recipes).await?;
        }
        window.finish(&buried.recipes);
        Ok(buried)
    }

    /// The values of removed recipes leave memory; a cache that is being restarted is asked again.
    async fn unlink(&self, recipes: &[CAddr]) -> Result<(), Fault> {
        let mut last = Ok(());
        for _ in 0..UNLINK_TRIES {
            let addresses = recipes.to_vec();
            let unlink = |reply| CacheMessage::Unlink { addresses, reply };
            match self.args.cache.call(CACHE_PATIENCE, unlink).await {
                Ok(_) => return Ok(()),
                Err(fault) => last = Err(fault),
            }
        }
        last
    }

    fn note(&mut self, buried: Buried) {
        let leaves = buried.leaves.len() as u64;
        let recipes = buried.recipes.len() as u64;
        metrics::counter!("gc_removed_total", "kind" => "leaf").increment(leaves);
        metrics::counter!("gc_removed_total", "kind" => "recipe").increment(recipes);
        let told = &mut self.told;
        told.leaves += leaves;
        told.recipes += recipes;
        told.values += buried.values;
        told.value_bytes = told.value_bytes.saturating_add(buried.value_bytes);
        for (_, size) in &buried.leaves {
            told.leaf_bytes = told.leaf_bytes.saturating_add(*size);
        }
        let room = self.detail.saturating_sub(told.removed.len());
        let removed = buried.recipes.iter().chain(&buried.aliases).copied();
        let removed = removed.chain(buried.leaves.iter().map(|(leaf, _)| *leaf));
        told.removed.extend(removed.take(room));
        self.offer(buried.released);
    }

    /// The collection is over, as far as a start can tell.
    async fn end(&self) -> Result<(), Fault> {
        let step = |step: &mut Step<'_>| {
            step.delete(Space::Meta, layout::META_COLLECTION.to_vec());
            Ok(())
        };
        self.args.commit.commit(Durability::Synced, step).await
    }

    async fn count(mut self) -> Result<Collected, Fault> {
        let storage = self.args.storage.clone();
        let read = move || -> Result<[u64; 3], StorageFault> {
            let read = |counter: Counter| read_number(storage.as_ref(), &counter.key());
            Ok([
                read(Counter::Leaves)?,
                read(Counter::Recipes)?,
                read(Counter::Pins)?,
            ])
        };
        let [leaves, recipes, pinned] = self.args.lane.run(read).await??;
        self.told.live_leaves = leaves;
        self.told.live_recipes = recipes;
        self.told.pinned = pinned;
        Ok(self.told)
    }
}

/// What a collection goes by from its beginning to its end.
#[derive(Clone, Copy)]
struct Rules {
    collection: Collection,
    /// Milliseconds since 1970.
    now: u64,
}

impl Rules {
    fn judge<'run>(
        self,
        args: &'run GcArgs,
        epochs: Epochs,
        gone: &'run HashSet<CAddr>,
    ) -> Judge<'run> {
        Judge {
            collection: self.collection,
            now: self.now,
            epochs,
            holds: &args.holds,
            gone,
        }
    }
}

//! The hands: surveys on the collection's lane find candidates, commit steps remove them, or a dry
//! run remembers them instead.

mod dry;
mod steps;
mod walk;

use super::{
    GcArgs,
    decide::{Epochs, Judge},
};
use deriva_messages::{
    Fault, Reply,
    cache::CacheMessage,
    gc::{Collect, Collected, Extent},
};
use deriva_model::{CAddr, Collection};
use deriva_system::storage::{
    Durability, StorageFault,
    commit::{Step, read_number},
    layout::{CollectionEntry, Counter},
};
use dry::Gone;
use parking_lot::Mutex;
use std::{cell::RefCell, collections::HashSet, mem, sync::Arc, time::Duration};

/// Addresses removed in one step: some ten milliseconds, so that puts hardly wait for it.
const REMOVED_AT_ONCE: usize = 1024;
/// Edges and chunks, each some 100 bytes of a step, after which a step takes no further address.
const STEP_WORK: u64 = 65_536;
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
    /// Objects that it may still remove.
    left: u64,
    way: Way,
    candidates: Vec<CAddr>,
    /// What was surveyed and seems to go; less than a page more than one step removes.
    going: Vec<CAddr>,
    /// Whether candidates were left out, so that another round may find more.
    left_out: bool,
}

/// What becomes of what goes. All else is the same, so a dry run tells what a real one does.
enum Way {
    Remove,
    Imagine(Gone),
}

/// Carries out what was asked for.
pub(super) async fn collect(mut run: Collector, asked: Collect) -> Result<Collected, Fault> {
    run.detail = asked.detail;
    run.left = asked.max_removals.unwrap_or(UNBOUNDED);
    let grace = u64::try_from(asked.grace.as_millis()).unwrap_or(u64::MAX);
    let done = match asked.extent {
        Extent::DryRun => dry::run(run, grace).await?,
        Extent::Remove => {
            let entry = steps::begin(&run.args, grace, run.left).await?;
            run.sweep(entry).await?
        }
    };
    metrics::counter!("gc_collections_total").increment(1);
    Ok(done)
}

/// Goes on with the collection that an earlier start left, if there is one.
pub(super) async fn go_on(run: Collector) {
    let left = match steps::left_behind(&run.args).await {
        Ok(left) => left,
        Err(fault) => return tracing::warn!(%fault, "the last collection is not known"),
    };
    let Some(raw) = left else { return };
    let alone = run.args.membership.may_collect();
    let ended = match CollectionEntry::parse(&raw) {
        Some(entry) if alone.is_ok() => run.sweep(entry).await.map(|_| ()),
        // In a cluster the epochs are others: what it began alone is not gone on with.
        Some(_) | None => steps::end(&run.args).await,
    };
    match ended {
        Ok(()) => tracing::info!("a collection that was cut off has been ended"),
        Err(fault) => tracing::warn!(%fault, "a collection that was cut off is left as it is"),
    }
}

/// What one step did.
#[derive(Default)]
struct Buried {
    leaves: Vec<(CAddr, u64)>,
    /// With the size of the value that each had on disk.
    recipes: Vec<(CAddr, Option<u64>)>,
    aliases: Vec<CAddr>,
    /// What the removed recipes named: nothing may hold it any more.
    released: Vec<CAddr>,
    /// What was not come to: the step had enough to do.
    rest: Vec<CAddr>,
    /// Edges and chunks.
    work: u64,
    left: u64,
}

impl Collector {
    pub(super) fn new(args: GcArgs) -> Self {
        Self {
            args,
            told: Collected::default(),
            detail: 0,
            left: 0,
            way: Way::Remove,
            candidates: Vec::new(),
            going: Vec::new(),
            left_out: false,
        }
    }

    async fn sweep(mut self, entry: CollectionEntry) -> Result<Collected, Fault> {
        self.left = entry.left;
        let rules = Rules {
            collection: Collection {
                epoch: entry.epoch,
                grace_millis: entry.grace,
            },
            now: self.args.clock.wall_millis(),
            epochs: Epochs::Opened,
        };
        self.walk(rules).await?;
        steps::end(&self.args).await?;
        steps::prune_tombs(&self.args, rules.now).await?;
        self.count().await
    }

    /// Removes some of what goes, in one step.
    async fn remove(&mut self, rules: Rules) -> Result<(), Fault> {
        let at = self.going.len().saturating_sub(REMOVED_AT_ONCE);
        let some = self.going.split_off(at);
        let (buried, in_memory) = match self.way {
            Way::Remove => self.bury(some, rules).await?,
            Way::Imagine(_) => self.imagine(some, rules).await?,
        };
        self.note(buried, in_memory);
        Ok(())
    }

    fn take_gone(&mut self) -> Gone {
        match &mut self.way {
            Way::Remove => Gone::default(),
            Way::Imagine(gone) => mem::take(gone),
        }
    }

    fn give_back(&mut self, came_back: Gone) {
        if let Way::Imagine(gone) = &mut self.way {
            *gone = came_back;
        }
    }

    async fn bury(
        &self,
        going: Vec<CAddr>,
        rules: Rules,
    ) -> Result<(Buried, Vec<Option<u64>>), Fault> {
        let condemned = Arc::new(Mutex::new(Vec::new()));
        let buried = self.bury_condemned(going, rules, &condemned).await;
        // Whatever came of it, nobody waits for these any longer.
        self.args.holds.bury(&condemned.lock());
        buried
    }

    /// The removing step; then what the views know of it goes, too. Also the bytes of each recipe's
    /// value that was in memory.
    async fn bury_condemned(
        &self,
        going: Vec<CAddr>,
        rules: Rules,
        condemned: &Arc<Mutex<Vec<CAddr>>>,
    ) -> Result<(Buried, Vec<Option<u64>>), Fault> {
        // An evaluation that nobody waits for any more may still end: its value is not taken.
        let window = self.args.values.invalidations().begin(going.clone());
        let (args, dying, left) = (self.args.clone(), condemned.clone(), self.left);
        let step = move |step: &mut Step<'_>| {
            let nothing = Gone::default();
            let judge = rules.judge(&args, &nothing);
            steps::bury(step, going, &judge, left, &dying)
        };
        let buried = self.args.commit.commit(Durability::Synced, step).await?;
        let recipes: Vec<CAddr> = buried.recipes.iter().map(|(recipe, _)| *recipe).collect();
        for recipe in &recipes {
            self.args.recipes.removed(recipe);
        }
        let in_memory = match recipes.is_empty() {
            true => Vec::new(),
            false => self.unlink(&recipes).await?,
        };
        window.finish(&recipes);
        Ok((buried, in_memory))
    }

    /// The values of removed recipes leave memory; a cache that is being restarted is asked again.
    async fn unlink(&self, recipes: &[CAddr]) -> Result<Vec<Option<u64>>, Fault> {
        let mut tries = UNLINK_TRIES;
        loop {
            let addresses = recipes.to_vec();
            let unlink = |reply| CacheMessage::Unlink { addresses, reply };
            tries -= 1;
            match self.args.cache.call(CACHE_PATIENCE, unlink).await {
                Err(_) if tries > 0 => {}
                answer => return answer,
            }
        }
    }

    fn note(&mut self, buried: Buried, in_memory: Vec<Option<u64>>) {
        self.left = buried.left;
        let leaves = buried.leaves.len() as u64;
        let recipes = buried.recipes.len() as u64;
        if let Way::Remove = self.way {
            metrics::counter!("gc_removed_total", "kind" => "leaf").increment(leaves);
            metrics::counter!("gc_removed_total", "kind" => "recipe").increment(recipes);
        }
        let told = &mut self.told;
        told.leaves += leaves;
        told.recipes += recipes;
        let on_disk = buried.recipes.iter().map(|(_, size)| *size);
        // One that is in both places is counted once.
        for size in on_disk
            .zip(in_memory)
            .filter_map(|(disk, memory)| disk.or(memory))
        {
            told.values += 1;
            told.value_bytes = told.value_bytes.saturating_add(size);
        }
        for (_, size) in &buried.leaves {
            told.leaf_bytes = told.leaf_bytes.saturating_add(*size);
        }
        let room = self.detail.saturating_sub(told.removed.len());
        let removed = buried.recipes.iter().map(|(recipe, _)| *recipe);
        let removed = removed.chain(buried.aliases);
        let removed = removed.chain(buried.leaves.iter().map(|(leaf, _)| *leaf));
        told.removed.extend(removed.take(room));
        self.offer(buried.released);
        self.offer(buried.rest);
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
    epochs: Epochs,
}

impl Rules {
    fn judge<'run>(self, args: &'run GcArgs, gone: &'run HashSet<CAddr>) -> Judge<'run> {
        Judge {
            collection: self.collection,
            now: self.now,
            epochs: self.epochs,
            holds: &args.holds,
            gone,
            ages: RefCell::default(),
        }
    }
}

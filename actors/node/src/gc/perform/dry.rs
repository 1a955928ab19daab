//! A dry run: the same walk over what is stored, with its findings kept in memory instead of
//! written. It refuses to go on over its bound: a part of the truth would be a wrong answer.

use super::{
    super::{
        GcArgs,
        decide::{Epochs, Fate},
    },
    Buried, Collector, Rules, Way, steps,
};
use deriva_messages::{Fault, address_map::AddressMap, gc::Collected};
use deriva_model::{CAddr, Collection, Epoch, Record};
use deriva_system::storage::{
    Reading, Space, StorageFault,
    layout::{self, ValueMarker},
};
use std::collections::HashSet;

/// Addresses that a dry run may find to go, some 50 bytes each.
const GONE_MAX: usize = 5_000_000;

/// What a dry run has found to go.
pub(super) type Gone = HashSet<CAddr>;

pub(super) async fn run(mut run: Collector, grace: u64) -> Result<Collected, Fault> {
    run.way = Way::Imagine(Gone::default());
    let storage = run.args.storage.clone();
    let open = move || storage.get(Space::Meta, layout::META_EPOCH);
    let open = run.args.lane.run(open).await??;
    // Where nothing was ever written none is open, and nothing has been touched.
    let epoch = match open {
        None => Epoch::new(0),
        Some(raw) => layout::parse_epoch(&raw)
            .map(|(epoch, _)| epoch)
            .ok_or_else(|| Fault::StoreFailed {
                why: "the open epoch cannot be read".to_owned(),
            })?,
    };
    let rules = Rules {
        collection: Collection {
            // The second of the two that it would open.
            epoch: epoch.next().next(),
            grace_millis: grace,
        },
        now: run.args.clock.wall_millis(),
        epochs: Epochs::Imagined,
    };
    run.walk(rules).await?;
    let mut told = run.count().await?;
    told.live_leaves = told.live_leaves.saturating_sub(told.leaves);
    told.live_recipes = told.live_recipes.saturating_sub(told.recipes);
    Ok(told)
}

impl Collector {
    /// What the removing step would do, remembered.
    pub(super) async fn imagine(
        &mut self,
        going: Vec<CAddr>,
        rules: Rules,
    ) -> Result<(Buried, Vec<Option<u64>>), Fault> {
        let (args, left, mut gone) = (self.args.clone(), self.left, self.take_gone());
        let look = move || -> Result<(Buried, Gone), StorageFault> {
            let buried = bury(&args, rules, going, left, &mut gone)?;
            Ok((buried, gone))
        };
        let (buried, gone) = self.args.lane.run(look).await??;
        let found = gone.len();
        self.give_back(gone);
        if found > GONE_MAX {
            return Err(Fault::OverLimit {
                what: "the removals that a dry run can tell of".to_owned(),
                limit: GONE_MAX as u64,
                got: found as u64,
            });
        }
        let in_memory = buried.recipes.iter();
        let in_memory = in_memory.map(|(recipe, _)| self.args.values.size_of(recipe));
        let in_memory = in_memory.collect();
        Ok((buried, in_memory))
    }
}

fn bury(
    args: &GcArgs,
    rules: Rules,
    going: Vec<CAddr>,
    left: u64,
    gone: &mut Gone,
) -> Result<Buried, StorageFault> {
    let store = args.storage.as_ref();
    let mut buried = Buried {
        left,
        ..Buried::default()
    };
    let going = steps::distinct(going);
    let fates = rules.judge(args, gone).fates(store, &going)?;
    let fates: AddressMap<CAddr, Fate> = going.iter().copied().zip(fates).collect();
    let mut going = going.into_iter();
    while let Some(address) = buried.next(&mut going) {
        let fate = fates.get(&address).cloned().unwrap_or(Fate::Stays);
        let fate = fate.within(buried.left);
        match &fate {
            Fate::Stays => {}
            Fate::Leaf { size } => buried.took_leaf(address, *size),
            Fate::Recipe { aliases } => {
                let inputs = steps::inputs(store, &address)?;
                steps::release(store, &inputs, &mut buried)?;
                let value = value_on_disk(store, &address)?;
                buried.took_recipe(address, value, aliases);
            }
            Fate::Aliases(aliases) => buried.took_aliases(aliases),
        }
        gone.extend(fate.removed(&address));
    }
    Ok(buried)
}

/// Bytes of a recipe's value, if its marker stands.
fn value_on_disk(store: &dyn Reading, recipe: &CAddr) -> Result<Option<u64>, StorageFault> {
    let Some(document) = store.get(Space::Records, &layout::address_key(recipe))? else {
        return Ok(None);
    };
    let record = Record::decode(&document).ok();
    let Some(record) = record.filter(|record| record.recipe == *recipe) else {
        return Ok(None);
    };
    let marker = store.get(Space::Values, &layout::value_key(&record.output, recipe))?;
    let marker = marker.map(|raw| ValueMarker::parse(&raw));
    Ok(marker.map(|marker| marker.map_or(record.size, |marker| marker.size)))
}

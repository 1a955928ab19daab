//! A dry run: the same survey over what is stored, with its findings kept in memory instead of
//! written. It refuses to go on over its bound: a part of the truth would be a wrong answer.

use super::{
    super::{
        GcArgs,
        decide::{Epochs, Fate},
    },
    Collector, PAGE, Rules,
};
use deriva_messages::{Fault, gc::Collected};
use deriva_model::{CAddr, Collection, Record};
use deriva_system::storage::{Space, Storage, StorageFault, layout};
use std::{collections::HashSet, mem};

/// Addresses that a dry run may find to go, some 50 bytes each.
const GONE_MAX: usize = 5_000_000;

/// What a dry run has found so far.
#[derive(Default)]
struct Found {
    gone: HashSet<CAddr>,
    told: Collected,
    /// Addresses to look at, which what has gone named.
    open: Vec<CAddr>,
    left: u64,
    detail: usize,
}

pub(super) async fn run(run: Collector, grace: u64, left: u64) -> Result<Collected, Fault> {
    let storage = run.args.storage.clone();
    let open = run
        .args
        .lane
        .run(move || storage.get(Space::Meta, layout::META_EPOCH));
    let open = open.await??.and_then(|raw| layout::parse_epoch(&raw));
    let (epoch, _) = open.ok_or_else(|| Fault::StoreFailed {
        why: "the open epoch cannot be read".to_owned(),
    })?;
    let rules = Rules {
        collection: Collection {
            // The second of the two that it would open.
            epoch: epoch.next().next(),
            grace_millis: grace,
        },
        now: run.args.clock.wall_millis(),
    };
    let mut found = Found {
        left,
        detail: run.detail,
        ..Found::default()
    };
    for (space, prefix) in [
        (Space::Meta, layout::FORGOTTEN_PREFIX),
        (Space::Leaves, &[][..]),
    ] {
        let mut from = prefix.to_vec();
        loop {
            let page = run.page(space, prefix, &from).await?;
            let full = page.len() == PAGE;
            if let Some(last) = page.last() {
                from = [prefix, last.as_bytes(), &[0][..]].concat();
            }
            found.open.extend(page);
            while !found.open.is_empty() && found.left > 0 {
                let args = run.args.clone();
                let mut survey = mem::take(&mut found);
                let survey = move || survey.look(&args, rules).map(|()| survey);
                found = run.args.lane.run(survey).await??;
            }
            found.open.clear();
            if !full || found.left == 0 {
                break;
            }
        }
    }
    let told = mem::take(&mut found.told);
    let mut counted = run.count().await?;
    counted.live_leaves = counted.live_leaves.saturating_sub(told.leaves);
    counted.live_recipes = counted.live_recipes.saturating_sub(told.recipes);
    Ok(Collected {
        live_leaves: counted.live_leaves,
        live_recipes: counted.live_recipes,
        pinned: counted.pinned,
        ..told
    })
}

impl Found {
    /// Looks at some of the open addresses.
    fn look(&mut self, args: &GcArgs, rules: Rules) -> Result<(), Fault> {
        let store = args.storage.as_ref();
        for _ in 0..PAGE {
            let Some(address) = self.open.pop() else {
                return Ok(());
            };
            if self.left == 0 || self.gone.contains(&address) {
                continue;
            }
            let judge = rules.judge(args, Epochs::Imagined, &self.gone);
            match judge.fate(store, &address)? {
                Fate::Stays => {}
                Fate::Leaf { size } => {
                    self.told.leaves += 1;
                    self.told.leaf_bytes = self.told.leaf_bytes.saturating_add(size);
                    self.went(address)?;
                }
                Fate::Recipe { aliases } => {
                    self.recipe(store, &address)?;
                    for alias in aliases {
                        self.went(alias)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn recipe(&mut self, store: &dyn Storage, address: &CAddr) -> Result<(), Fault> {
        self.told.recipes += 1;
        let key = layout::address_key(address);
        if let Some(document) = store.get(Space::Records, &key)?
            && let Ok(record) = Record::decode(&document)
        {
            self.told.values += 1;
            self.told.value_bytes = self.told.value_bytes.saturating_add(record.size);
        }
        self.went(*address)?;
        let inputs = store.get(Space::Edges, &layout::inputs_key(address))?;
        for input in inputs
            .and_then(|raw| layout::parse_inputs(&raw))
            .unwrap_or_default()
        {
            if let Some(to) = leads_to(store, &input)? {
                self.open.push(to);
            }
            self.open.push(input);
        }
        Ok(())
    }

    fn went(&mut self, address: CAddr) -> Result<(), Fault> {
        self.left = self.left.saturating_sub(1);
        if self.told.removed.len() < self.detail {
            self.told.removed.push(address);
        }
        self.gone.insert(address);
        if self.gone.len() > GONE_MAX {
            return Err(Fault::OverLimit {
                what: "the removals that a dry run can tell of".to_owned(),
                limit: GONE_MAX as u64,
                got: self.gone.len() as u64,
            });
        }
        Ok(())
    }
}

fn leads_to(store: &dyn Storage, address: &CAddr) -> Result<Option<CAddr>, StorageFault> {
    let raw = store.get(Space::Aliases, &layout::address_key(address))?;
    Ok(raw
        .and_then(|raw| layout::parse_alias(&raw))
        .map(|(_, to)| to))
}

//! The disk within its bound: pages of the order are judged, what is worth least goes, what was used
//! since it was weighed moves back.
//!
//! It refuses to read a value's bytes: record, number and uses are enough.

use super::{Disk, PAGE, counted, pages};
use crate::cache::decide::{self, Candidate, Fate, Inflation};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{BlobMessage, DropReason},
};
use deriva_model::{CAddr, Record};
use deriva_system::storage::{
    Batch, Durability, Space, StorageFault,
    commit::read_number,
    layout::{self, META_INFLATION},
};

/// Values that one trim moves back instead of evicting them, whatever the uses.
const STAYS_MAX: usize = 4 * PAGE;
/// Stands for an address that cannot be read; nothing hashes to it that anybody knows of.
const NOBODY: CAddr = CAddr::from_bytes([0; CAddr::LEN]);

/// One place in the order.
pub(super) struct Aged {
    key: Vec<u8>,
    pub(super) recipe: CAddr,
    pub(super) candidate: Candidate,
}

impl Disk {
    /// Evicts what is worth least until the disk is within its bound.
    pub(super) async fn trim(&self) -> Result<(), Fault> {
        let mut held = self.held().await?;
        if !held.is_over(&self.config) {
            return Ok(());
        }
        let mut chances = STAYS_MAX;
        for _ in 0..pages(held.values) + (STAYS_MAX / PAGE) as u64 {
            let page = self.least().await?;
            let fates = self.judged(&page, held, &mut chances);
            if fates.is_empty() {
                break;
            }
            self.carry_out(page, &fates).await?;
            held = self.held().await?;
        }
        self.save_inflation().await
    }

    fn judged(&self, page: &[Aged], held: decide::OnDisk, chances: &mut usize) -> Vec<Fate> {
        let candidates: Vec<_> = page.iter().map(|aged| aged.candidate).collect();
        let mut inflation = self.inflation.lock();
        held.judge(&candidates, &self.config, &mut inflation, chances)
    }

    async fn carry_out(&self, page: Vec<Aged>, fates: &[Fate]) -> Result<(), Fault> {
        let (mut going, mut staying) = (Vec::new(), Vec::new());
        for (aged, fate) in page.into_iter().zip(fates) {
            match fate {
                Fate::Goes => going.push(aged),
                Fate::Stays(worth) => staying.push((aged.recipe, *worth)),
            }
        }
        self.weigh(staying).await?;
        let recipes = going.iter().map(|aged| aged.recipe).collect();
        let dropped = self.drop_values(recipes, DropReason::Evicted).await?;
        counted(&dropped);
        self.forget_ages(going, dropped.values()).await
    }

    /// Moves values back in the order.
    pub(super) async fn weigh(&self, worths: Vec<(CAddr, u64)>) -> Result<(), Fault> {
        if worths.is_empty() {
            return Ok(());
        }
        let weigh = |reply| BlobMessage::Weigh { worths, reply };
        let moved = self.shard(0)?.call(super::PATIENCE, weigh).await?;
        metrics::counter!("cache_weighings_total").increment(moved);
        Ok(())
    }

    /// The page of the values that are worth least.
    pub(super) async fn least(&self) -> Result<Vec<Aged>, Fault> {
        let (storage, values) = (self.storage.clone(), self.values.clone());
        let read = move || -> Result<Vec<Aged>, StorageFault> {
            let entries = storage.scan(Space::Meta, layout::AGE_PREFIX, &[], PAGE)?;
            // One that cannot be read names no value, so its age alone goes.
            let recipe = |raw: &Bytes| CAddr::try_from_slice(raw).unwrap_or(NOBODY);
            let recipes: Vec<_> = entries.iter().map(|(_, raw)| recipe(raw)).collect();
            let keys: Vec<_> = recipes.iter().map(layout::address_key).collect();
            let records = storage.get_many(Space::Records, &keys)?;
            let page = entries.into_iter().zip(recipes).zip(records);
            let aged = page.map(|(((key, _), recipe), record)| {
                let uses = values.peek(&recipe).map(|value| value.uses());
                let candidate = candidate(&key, record, uses);
                Aged {
                    key,
                    recipe,
                    candidate,
                }
            });
            Ok(aged.collect())
        };
        Ok(self.lane.run(read).await??)
    }

    /// An age whose value was not found names nothing any more.
    pub(super) async fn forget_ages(&self, page: Vec<Aged>, dropped: u64) -> Result<(), Fault> {
        if dropped >= page.len() as u64 {
            return Ok(());
        }
        let storage = self.storage.clone();
        let write = move || {
            let mut batch = Batch::default();
            for aged in page {
                batch.delete(Space::Meta, aged.key);
            }
            storage.write(&batch, Durability::Behind)
        };
        Ok(self.lane.run(write).await??)
    }

    /// Takes the inflation over from the start before. It is written down at once where it was not,
    /// so that what releases before left counts as old once and not anew at every start.
    pub(super) async fn take_over(&self) -> Result<(), Fault> {
        let storage = self.storage.clone();
        let read = move || -> Result<(u64, bool), StorageFault> {
            let stored = storage.get(Space::Meta, META_INFLATION)?;
            let known = stored.and_then(|bytes| layout::parse_number(&bytes));
            let old = || read_number(storage.as_ref(), layout::META_BOOT);
            match known {
                Some(level) => Ok((level, true)),
                None => Ok((layout::worth_above_old(old()?), false)),
            }
        };
        let (level, is_written) = self.lane.run(read).await??;
        *self.inflation.lock() = Inflation::at(level);
        match is_written {
            true => Ok(()),
            false => self.save_inflation().await,
        }
    }

    /// What a value of this merit is worth on disk now.
    pub(in crate::cache) fn worth(&self, merit: u64) -> u64 {
        self.inflation.lock().worth(merit)
    }

    async fn save_inflation(&self) -> Result<(), Fault> {
        let level = self.inflation.lock().level();
        let storage = self.storage.clone();
        let write = move || {
            let mut batch = Batch::default();
            batch.put(Space::Meta, META_INFLATION.to_vec(), layout::number(level));
            storage.write(&batch, Durability::Behind)
        };
        Ok(self.lane.run(write).await??)
    }
}

fn candidate(key: &[u8], record: Option<Bytes>, uses: Option<u32>) -> Candidate {
    let record = record.and_then(|document| Record::decode(&document).ok());
    let merit = |(record, uses): (&Record, u32)| {
        decide::on_disk(record.cost.wall_nanos, record.size, uses).whole_merit()
    };
    Candidate {
        size: record.as_ref().map(|record| record.size),
        worth: layout::last_number(key).map_or(0, layout::worth_of),
        merit: record.as_ref().zip(uses).map(merit),
    }
}

#[cfg(test)]
#[path = "trim_test.rs"]
mod trim_test;

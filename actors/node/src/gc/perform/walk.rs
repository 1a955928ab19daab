//! The walk over what may go: page by page, surveyed on the collection's lane, until it is worth a step
//! that removes.
//!
//! It refuses to remove anything itself, and to hold more candidates than its bound.

use super::{super::decide::Fate, Collector, REMOVED_AT_ONCE, Rules, dry::Gone};
use deriva_messages::Fault;
use deriva_model::CAddr;
use deriva_system::storage::{Space, StorageFault, layout};

/// Addresses surveyed in one piece of the lane's work: some milliseconds.
const PAGE: usize = 1024;
/// Candidates that wait, 32 bytes each. Over it they are left to the scan of the leaves, or to
/// another round over what is forgotten.
const CANDIDATES_MAX: usize = 1 << 20;

impl Collector {
    /// First what is forgotten with what only it held, then the leaves.
    pub(super) async fn walk(&mut self, rules: Rules) -> Result<(), Fault> {
        loop {
            self.left_out = false;
            let before = self.told.recipes;
            self.scan(Space::Meta, layout::FORGOTTEN_PREFIX, rules)
                .await?;
            if !self.left_out || self.told.recipes == before {
                break;
            }
        }
        self.scan(Space::Leaves, &[], rules).await
    }

    /// Goes through the keys of a space, whose ends are addresses, and removes what goes.
    async fn scan(
        &mut self,
        space: Space,
        prefix: &'static [u8],
        rules: Rules,
    ) -> Result<(), Fault> {
        let mut from = prefix.to_vec();
        while self.left > 0 {
            let page = self.page(space, prefix, &from).await?;
            let full = page.len() == PAGE;
            if let Some(last) = page.last() {
                from = [prefix, last.as_bytes(), &[0][..]].concat();
            }
            self.offer(page);
            self.survey_all(rules).await?;
            if !full {
                break;
            }
        }
        // What goes releases others, until nothing more does.
        while !self.going.is_empty() && self.left > 0 {
            self.remove(rules).await?;
            self.survey_all(rules).await?;
        }
        self.candidates.clear();
        self.going.clear();
        Ok(())
    }

    /// Surveys every candidate; what goes is removed as soon as it is many, because a step costs a
    /// write to the disk however little it removes.
    async fn survey_all(&mut self, rules: Rules) -> Result<(), Fault> {
        while !self.candidates.is_empty() && self.left > 0 {
            let at = self.candidates.len().saturating_sub(PAGE);
            let some = self.candidates.split_off(at);
            let going = self.survey(some, rules).await?;
            self.going.extend(going);
            let many = (REMOVED_AT_ONCE as u64).min(self.left);
            if self.going.len() as u64 >= many {
                self.remove(rules).await?;
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

    pub(super) fn offer(&mut self, addresses: Vec<CAddr>) {
        let room = CANDIDATES_MAX.saturating_sub(self.candidates.len());
        self.left_out |= addresses.len() > room;
        self.candidates.extend(addresses.into_iter().take(room));
    }

    /// Those of some addresses that seem to go; each is judged again where it is removed.
    async fn survey(&mut self, some: Vec<CAddr>, rules: Rules) -> Result<Vec<CAddr>, Fault> {
        let (args, gone) = (self.args.clone(), self.take_gone());
        let survey = move || -> Result<(Vec<CAddr>, Gone), StorageFault> {
            let judge = rules.judge(&args, &gone);
            let fates = judge.fates(args.storage.as_ref(), &some)?;
            let going = some.into_iter().zip(fates);
            let going = going.filter(|(_, fate)| *fate != Fate::Stays);
            let going = going.map(|(address, _)| address).collect();
            Ok((going, gone))
        };
        let (going, gone) = self.args.lane.run(survey).await??;
        self.give_back(gone);
        Ok(going)
    }
}

//! The epochs that a node alone gives out to itself: one a start, one an hour, and those that steps
//! ask for.
//!
//! It refuses to use an epoch whose opening may not be on disk.

use super::super::{Batch, Space, Storage, StorageFault, layout};
use crate::Clock;
use deriva_model::Epoch;
use std::{sync::Arc, time::Duration};

/// Epochs open at least this often.
pub(super) const EPOCH_LENGTH: Duration = Duration::from_secs(3600);

pub(super) struct Epochs {
    clock: Arc<dyn Clock>,
    pub(super) open: Epoch,
    /// When it was opened, by the clock that does not jump; none when the next group opens one.
    opened: Option<Duration>,
    /// When it was opened, by the clock that may jump. Milliseconds since 1970.
    start: u64,
}

impl Epochs {
    /// Each start opens an epoch of its own.
    pub(super) fn open(storage: &dyn Storage, clock: Arc<dyn Clock>) -> Result<Self, StorageFault> {
        let before = match storage.get(Space::Meta, layout::META_EPOCH)? {
            None => Epoch::new(0),
            Some(bytes) => {
                let (epoch, _) =
                    layout::parse_epoch(&bytes).ok_or_else(|| StorageFault::Damaged {
                        why: "the epoch cannot be read".to_owned(),
                    })?;
                epoch
            }
        };
        Ok(Self {
            clock,
            open: before,
            opened: None,
            start: 0,
        })
    }

    /// The epochs that open with the next group, with their starts: the last is the group's own, and
    /// where none opens it is the open one. Of the hours in which no step came the first is opened
    /// late, under its own time: nothing was touched in it, so nobody can tell.
    pub(super) fn opening(&mut self) -> Vec<(Epoch, u64)> {
        let (now, wall) = (self.clock.monotonic(), self.clock.wall_millis());
        let mut opening = Vec::new();
        if let Some(opened) = self.opened {
            let open_for = now.saturating_sub(opened);
            if open_for < EPOCH_LENGTH {
                return opening;
            }
            if open_for >= EPOCH_LENGTH.saturating_mul(2) {
                let length = u64::try_from(EPOCH_LENGTH.as_millis()).unwrap_or(u64::MAX);
                let due = self.start.saturating_add(length).min(wall);
                self.open = self.open.next();
                opening.push((self.open, due));
            }
        }
        self.open = self.open.next();
        self.opened = Some(now);
        self.start = wall;
        opening.push((self.open, wall));
        opening
    }

    /// Says which epoch is open.
    pub(super) fn tell(&self, batch: &mut Batch) {
        let open = layout::epoch_value(self.open, self.start);
        batch.put(Space::Meta, layout::META_EPOCH.to_vec(), open);
    }

    /// What the clock that may jump says now.
    pub(super) fn wall(&self) -> u64 {
        self.clock.wall_millis()
    }

    /// Steps have opened epochs up to this one, with this start.
    pub(super) fn opened_by_steps(&mut self, open: Epoch, start: u64) {
        if open > self.open {
            self.open = open;
            self.opened = Some(self.clock.monotonic());
            self.start = start;
        }
    }

    /// An epoch whose opening was not written is not used again.
    pub(super) fn not_written(&mut self) {
        self.opened = None;
    }
}

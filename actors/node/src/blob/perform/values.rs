//! Cached values: brought to disk in batches, one commit step a batch, and taken away.

use super::{DROP_MAX, Hands, KEEP_VALUES_MAX, within};
use crate::blob::{
    decide::{Chunks, Incoming},
    steps::{self, Keeping},
};
use bytes::Bytes;
use deriva_messages::{
    Fault,
    blob::{DropReason, Dropped, KeptValue},
};
use deriva_model::{CAddr, ContentHash};
use deriva_system::storage::{Durability, commit::Step, layout};
use std::sync::Arc;

/// A value made ready for its commit step.
struct Ready {
    value: Keeping,
    incoming: Incoming,
}

impl Hands {
    pub(in crate::blob) async fn keep(&self, values: Vec<KeptValue>) -> Result<u64, Fault> {
        within("the values of one keep", values.len(), KEEP_VALUES_MAX)?;
        let mut ready = Vec::with_capacity(values.len());
        for value in values {
            match self.make_ready(value).await {
                Ok(value) => ready.push(value),
                Err(fault) => {
                    self.give_up_all(&ready).await;
                    return Err(fault);
                }
            }
        }
        let ready = Arc::new(ready);
        let (values, invalidations) = (ready.clone(), self.args.invalidations.clone());
        let step = move |step: &mut Step<'_>| {
            let mut held = 0;
            for Ready { value, incoming } in values.iter() {
                held += steps::keep_step(step, value, incoming, &invalidations)?;
            }
            Ok(held)
        };
        let kept = self.args.commit.commit(Durability::Behind, step).await;
        if kept.is_err() {
            self.give_up_all(&ready).await;
        }
        kept
    }

    async fn make_ready(&self, kept: KeptValue) -> Result<Ready, Fault> {
        let KeptValue {
            record,
            bytes,
            cutoff,
            begun,
            worth,
            is_verified,
        } = kept;
        let size = bytes.len() as u64;
        if record.size != size {
            return Err(Fault::Breach {
                what: format!("a record of {} bytes came with {size}", record.size),
            });
        }
        let document = record.encode().map_err(|error| Fault::Breach {
            what: format!("the record of {} cannot be written: {error}", record.recipe),
        })?;
        let incoming = match bytes.len() <= layout::INLINE_MAX {
            true => Incoming::Inline(bytes),
            false => self.place_unless_sound(&record.output, bytes).await?,
        };
        let value = Keeping {
            record,
            document: document.into(),
            cutoff,
            age: layout::age_number(worth, self.args.uploads.age()?),
            begun,
            is_verified,
        };
        Ok(Ready { value, incoming })
    }

    /// A value whose content lies there already, as a leaf or another value, is not written again.
    async fn place_unless_sound(
        &self,
        content: &ContentHash,
        bytes: Bytes,
    ) -> Result<Incoming, Fault> {
        let (reader, content, size) = (self.args.reader.clone(), *content, bytes.len() as u64);
        let look = move || reader.whole(&content, size).is_ok();
        match self.args.lane.run(look).await? {
            true => Ok(Incoming::Verified),
            false => self.place(bytes).await,
        }
    }

    async fn give_up_all(&self, ready: &[Ready]) {
        for Ready { incoming, .. } in ready {
            if let Incoming::Staged { locator, manifest } = incoming {
                let count = manifest.chunk_count();
                self.delete_staged(Chunks {
                    locator: *locator,
                    count,
                })
                .await;
            }
        }
    }

    pub(in crate::blob) async fn weigh(&self, worths: Vec<(CAddr, u64)>) -> Result<u64, Fault> {
        within("the values of one weighing", worths.len(), DROP_MAX)?;
        let mut ages = Vec::with_capacity(worths.len());
        for (recipe, worth) in worths {
            ages.push((recipe, layout::age_number(worth, self.args.uploads.age()?)));
        }
        let step = move |step: &mut Step<'_>| steps::weigh_step(step, &ages);
        self.args.commit.commit(Durability::Behind, step).await
    }

    pub(in crate::blob) async fn drop_values(
        &self,
        recipes: Vec<CAddr>,
        why: DropReason,
    ) -> Result<Dropped, Fault> {
        within("the values of one drop", recipes.len(), DROP_MAX)?;
        let durability = match why {
            DropReason::Evicted => Durability::Behind,
            DropReason::Invalidated => Durability::Synced,
        };
        let step = move |step: &mut Step<'_>| steps::drop_step(step, &recipes, why);
        self.args.commit.commit(durability, step).await
    }
}

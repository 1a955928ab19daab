//! The ear of the cache: one value view, one ledger, one queue to the disk.
//!
//! It refuses to wait for the disk in a handler: batches go into the queue, answers that need the
//! disk come from tasks.

use super::{
    decide::{self, Appraisal, Arrival, CacheConfig, Ledger, Line, Place},
    perform::{self, Asked, Disk, Job},
};
use deriva_messages::{
    Fault, Reply,
    blob::{BlobMessage, KeptValue},
    cache::{CacheCounts, CacheMessage, Evicted},
};
use deriva_model::CAddr;
use deriva_system::{
    lane::Lane,
    storage::{CommitLane, Storage},
    supervise::{Envelope, Slot},
    view::{Produced, Resident, ValueView},
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Arrivals that are dealt with before other messages have their turn.
const LANDED_MAX: usize = 4096;
/// What arrives within this time after a bell is booked together with what rang: a value is booked
/// faster than the next one comes, and a thread woken for each costs more than either.
const GATHERING: Duration = Duration::from_millis(1);

/// Fewer addresses than this leave the view on the actor's own thread.
const UNLINKED_ALONE: usize = 512;

/// What the cache starts with.
#[derive(Clone)]
pub struct CacheArgs {
    pub values: Arc<ValueView>,
    pub storage: Arc<dyn Storage>,
    /// The node's one order: for what a deferred cascade writes down.
    pub commit: CommitLane,
    /// For the cache's own reads.
    pub lane: Lane,
    /// All shards of the node, by shard number.
    pub blobs: Arc<[Slot<BlobMessage>]>,
    pub config: CacheConfig,
}

/// The actor.
#[derive(Clone, Copy, Debug, Default)]
pub struct CacheActor;

pub struct CacheState {
    values: Arc<ValueView>,
    ledger: Ledger,
    /// A bell is on its way for what arrives meanwhile.
    gathering: bool,
    /// Of the batch at hand: to find the metric costs more than to book a value.
    admitted: u64,
    config: CacheConfig,
    disk: Arc<Disk>,
    /// To the one task that keeps and evicts on disk, in order.
    jobs: mpsc::Sender<Job>,
    /// Room for addresses that wait for deferred cascades.
    deferred: Arc<Semaphore>,
}

impl Actor for CacheActor {
    type Msg = Envelope<CacheMessage>;
    type State = CacheState;
    type Arguments = CacheArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        args: CacheArgs,
    ) -> Result<CacheState, ActorProcessingErr> {
        let (values, config) = (args.values.clone(), args.config);
        let disk = Arc::new(Disk::open(args).await);
        // Before anybody is served: what was promised to be gone is gone.
        perform::finish_cascades(&disk).await?;
        let mut state = CacheState {
            ledger: Ledger::new(config),
            gathering: false,
            admitted: 0,
            values,
            config,
            jobs: perform::start(disk.clone()),
            disk,
            deferred: Arc::new(Semaphore::new(perform::DEFERRED_MAX)),
        };
        state.take_over();
        // A bell may have been lost with the actor before.
        ring(&myself)?;
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut CacheState,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, credit } = envelope;
        match message {
            CacheMessage::Landed if state.may_gather() => {
                state.gathering = true;
                // It ends with the actor, or rings.
                drop(myself.send_after(GATHERING, bell));
            }
            CacheMessage::Landed => {
                state.gathering = false;
                state.landed();
                if state.values.arrived() > 0 {
                    ring(&myself)?;
                }
            }
            CacheMessage::Invalidate { address, reply } => state.invalidate(address, reply, credit),
            CacheMessage::Cascade {
                address,
                root,
                policy,
                detail,
                reply,
            } => {
                let asked = Asked {
                    address,
                    root,
                    policy,
                    detail,
                    reply,
                    credit,
                };
                let (disk, deferred) = (state.disk.clone(), state.deferred.clone());
                tokio::spawn(perform::cascade(disk, myself, deferred, asked));
            }
            CacheMessage::Void { function, reply } => {
                let void = perform::void(state.disk.clone(), myself, function);
                tokio::spawn(async move {
                    perform::answer(reply, void.await);
                    drop(credit);
                });
            }
            CacheMessage::Unlink { addresses, reply } => {
                perform::answer(reply, state.unlink(addresses).await);
            }
            CacheMessage::EvictAll { reply } => state.evict_all(reply, credit),
            CacheMessage::Count { reply } => state.count(reply, credit),
        }
        state.publish();
        Ok(())
    }
}

fn ring(myself: &ActorRef<Envelope<CacheMessage>>) -> Result<(), ActorProcessingErr> {
    Ok(myself.cast(bell())?)
}

fn bell() -> Envelope<CacheMessage> {
    Envelope {
        message: CacheMessage::Landed,
        credit: None,
    }
}

impl CacheState {
    /// Books what the actor before left in the view.
    fn take_over(&mut self) {
        for (address, _) in self.values.entries() {
            self.book(address, |_| true);
        }
        self.evict();
        self.publish();
    }

    /// Books the value that is there, if it is the one meant; whether it was.
    fn book(&mut self, address: CAddr, is_meant: impl FnOnce(&Arc<Resident>) -> bool) -> bool {
        let ledger = &mut self.ledger;
        let booked = self.values.while_there(&address, |value| {
            if !is_meant(value) {
                return false;
            }
            // It was booked before, or another whose place it took.
            forget(ledger, &address, value);
            let appraisal = Appraisal {
                nanos: value.recompute_nanos(),
                weight: value.weight(),
                uses: value.uses(),
            };
            let (line, uses) = ledger.admit(address, value.bytes.len() as u64, appraisal);
            value.set_line(line.number());
            value.add_uses(uses);
            true
        });
        booked == Some(true)
    }

    /// Takes a value out of the view and off the books.
    fn take_out(&mut self, address: &CAddr) -> Option<Arc<Resident>> {
        let gone = self.values.remove(address)?;
        forget(&mut self.ledger, address, &gone);
        Some(gone)
    }

    fn may_gather(&self) -> bool {
        !self.gathering && self.values.arrived() < LANDED_MAX && !self.values.is_pressed()
    }

    /// Books what arrived, a batch of it.
    fn landed(&mut self) {
        let mut landed = self.values.take_arrivals(LANDED_MAX);
        // Those that were computed first: what was cut off early takes its cost from one of them.
        landed.sort_by_key(|produced| produced.value.was_cut_off());
        let mut kept = Vec::new();
        for produced in &landed {
            // What went meanwhile was invalidated, or differs from what is there now.
            let there = self.values.peek(&produced.address);
            let content = produced.value.content();
            let Some(there) = there.filter(|there| there.content() == content) else {
                continue;
            };
            let placement = decide::place(&Arrival::of(produced), &self.config);
            match placement.memory {
                Place::Taken => self.admit(produced, &there),
                Place::Refused => drop(self.take_out(&produced.address)),
            }
            if placement.disk == Place::Taken {
                kept.push(self.kept_value(produced));
            }
        }
        let admitted = std::mem::take(&mut self.admitted);
        metrics::counter!("cache_admissions_total").increment(admitted);
        self.keep(kept);
        self.evict();
    }

    fn admit(&mut self, produced: &Produced, there: &Arc<Resident>) {
        // Another one was there before: that one is booked, or its own arrival is on the way.
        if !Arc::ptr_eq(there, &produced.value) {
            return;
        }
        if there.was_cut_off() {
            there.set_recompute_nanos(self.values.cutoff_nanos(&there.cutoff));
            // It knows the cost now, and hands it on when the one that was computed has gone.
            self.values.take_over_cutoff(&produced.address);
        }
        let is_booked = self.book(produced.address, |there| {
            Arc::ptr_eq(there, &produced.value)
        });
        self.admitted += u64::from(is_booked);
    }

    fn evict(&mut self) {
        let values = &self.values;
        let uses = |address: &CAddr| values.peek(address).map_or(0, |value| value.uses());
        let victims = self.ledger.evict(uses);
        let gone = victims.iter().filter_map(|victim| values.remove(victim));
        let worths: Vec<_> = gone
            .filter_map(|value| self.worth_if_used(&value))
            .collect();
        perform::queue_weighing(&self.jobs, &worths);
        let evicted = victims.len() as u64;
        metrics::counter!("cache_evictions_total", "from" => "memory").increment(evicted);
    }

    /// What a value's copy on disk is worth, if it may have one and the uses in memory raised it.
    fn worth_if_used(&self, value: &Resident) -> Option<(CAddr, u64)> {
        let may_be_there = value.is_durable() && !value.was_cut_off();
        (may_be_there && value.uses() > 1).then(|| (value.record.recipe, self.worth_on_disk(value)))
    }

    fn worth_on_disk(&self, value: &Resident) -> u64 {
        let nanos = value.record.cost.wall_nanos;
        let appraisal = decide::on_disk(nanos, value.record.size, value.uses());
        self.disk.worth(appraisal.whole_merit())
    }

    fn kept_value(&self, produced: &Produced) -> KeptValue {
        let value = &produced.value;
        KeptValue {
            record: value.record.clone(),
            bytes: value.bytes.clone(),
            cutoff: value.cutoff,
            begun: produced.begun,
            worth: self.worth_on_disk(value),
            is_verified: value.is_verified(),
        }
    }

    fn keep(&self, kept: Vec<KeptValue>) {
        for batch in perform::batches(kept) {
            let values = batch.len() as u64;
            if self.jobs.try_send(Job::Keep(batch)).is_err() {
                metrics::counter!("cache_keeps_skipped_total").increment(values);
            }
        }
    }

    fn invalidate(
        &mut self,
        address: CAddr,
        reply: Reply<Evicted>,
        credit: Option<OwnedSemaphorePermit>,
    ) {
        let window = self.values.invalidations().begin(vec![address]);
        let in_memory = self.take_out(&address);
        let disk = self.disk.clone();
        tokio::spawn(async move {
            let done = disk.invalidate(address, in_memory).await;
            // Until here a Get may find it on disk; from here on it begins under the next number.
            drop(window);
            perform::answer(reply, done);
            drop(credit);
        });
    }

    /// Bytes of each value that was in memory. Of many half leave the view on another thread, if one
    /// is idle.
    async fn unlink(&mut self, mut addresses: Vec<CAddr>) -> Result<Vec<Option<u64>>, Fault> {
        let others = match addresses.len() {
            ..UNLINKED_ALONE => Vec::new(),
            all => addresses.split_off(all / 2),
        };
        let leaving = (!others.is_empty()).then(|| {
            let (values, others) = (self.values.clone(), others.clone());
            tokio::spawn(async move { perform::unlink(&values, &others) })
        });
        let mut gone = perform::unlink(&self.values, &addresses);
        self.forget_all(&addresses, &gone);
        if let Some(leaving) = leaving {
            let also_gone = perform::ended(leaving.await)?;
            self.forget_all(&others, &also_gone);
            gone.extend(also_gone);
        }
        let size = |value: &Arc<Resident>| value.bytes.len() as u64;
        let sizes = gone.iter().map(|value| value.as_ref().map(size)).collect();
        // To give their memory back takes as long as to take them out, and need not be waited for.
        tokio::spawn(async move { drop(gone) });
        Ok(sizes)
    }

    fn forget_all(&mut self, addresses: &[CAddr], gone: &[Option<Arc<Resident>>]) {
        for (address, value) in addresses.iter().zip(gone) {
            if let Some(value) = value {
                forget(&mut self.ledger, address, value);
            }
        }
    }

    fn evict_all(&mut self, reply: Reply<Evicted>, credit: Option<OwnedSemaphorePermit>) {
        let mut memory = self.ledger.clear();
        for address in memory.keys() {
            self.values.remove(address);
        }
        // What arrived and was not booked is there all the same.
        for (address, _) in self.values.entries() {
            let value = self.values.remove(&address);
            memory.extend(value.map(|value| (address, value.bytes.len() as u64)));
        }
        let evicted = memory.len() as u64;
        metrics::counter!("cache_evictions_total", "from" => "memory").increment(evicted);
        perform::queue_evict_all(
            self.jobs.clone(),
            Job::EvictAll {
                memory,
                reply,
                credit,
            },
        );
    }

    fn count(&mut self, reply: Reply<CacheCounts>, credit: Option<OwnedSemaphorePermit>) {
        self.landed();
        let (values, bytes) = (self.ledger.values(), self.ledger.size());
        let disk = self.disk.clone();
        tokio::spawn(async move {
            let counts = disk.held().await.map(|on_disk| CacheCounts {
                resident_values: values,
                resident_bytes: bytes,
                disk_values: on_disk.values,
                disk_bytes: on_disk.bytes,
            });
            perform::answer(reply, counts);
            drop(credit);
        });
    }

    fn publish(&self) {
        metrics::gauge!("cache_resident_bytes").set(self.ledger.size() as f64);
        metrics::gauge!("cache_resident_values").set(self.ledger.values() as f64);
    }
}

fn forget(ledger: &mut Ledger, address: &CAddr, value: &Resident) {
    if let Some(line) = value.line() {
        ledger.forget(Line::of_number(line), address);
    }
}

#[cfg(test)]
#[path = "actor_test.rs"]
mod actor_test;
#[cfg(test)]
#[path = "cascade_test.rs"]
mod cascade_test;

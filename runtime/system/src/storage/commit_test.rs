//! The lane's promises: one order, one fsync for many, nothing told before it is written, and
//! refusals, panics and failing disks that leave nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{epochs::EPOCH_LENGTH, *};
use crate::{ManualClock, storage::MemoryStorage};
use std::{sync::mpsc as blocking, time::Duration};
use tokio::task::JoinHandle;

struct Stage {
    storage: Arc<MemoryStorage>,
    clock: Arc<ManualClock>,
    lane: CommitLane,
}

fn lane(
    storage: &Arc<MemoryStorage>,
    clock: &Arc<ManualClock>,
    limits: CommitLimits,
) -> CommitLane {
    CommitLane::start(storage.clone(), clock.clone(), limits).unwrap()
}

fn stage(limits: CommitLimits) -> Stage {
    let storage = Arc::new(MemoryStorage::default());
    let clock = Arc::new(ManualClock::default());
    let lane = lane(&storage, &clock, limits);
    Stage {
        storage,
        clock,
        lane,
    }
}

fn refusal() -> Fault {
    Fault::Malformed {
        reason: "the step refuses".to_owned(),
    }
}

impl Stage {
    fn stored(&self, key: &[u8]) -> Option<Bytes> {
        self.storage.get(Space::Leaves, key).unwrap()
    }

    async fn put(&self, key: &'static [u8], durability: Durability) -> Result<Epoch, Fault> {
        let step = move |step: &mut Step<'_>| {
            step.put(Space::Leaves, key.to_vec(), "value");
            Ok(step.epoch())
        };
        self.lane.commit(durability, step).await
    }

    /// Holds the lane inside a step that writes nothing, until the sender is used or dropped.
    async fn hold(&self) -> (blocking::Sender<()>, JoinHandle<Result<(), Fault>>) {
        let (release, until) = blocking::channel::<()>();
        let (entered, inside) = oneshot::channel();
        let lane = self.lane.clone();
        let held = tokio::spawn(async move {
            let step = move |_: &mut Step<'_>| {
                entered.send(()).unwrap();
                // A dropped sender releases as well.
                until.recv().ok();
                Ok(())
            };
            lane.commit(Durability::Behind, step).await
        });
        inside.await.unwrap();
        (release, held)
    }

    async fn until_waiting(&self, steps: usize) {
        while self.lane.depth() < steps {
            tokio::task::yield_now().await;
        }
    }

    /// As many steps as keys, all waiting when the first is decided; what each was answered.
    async fn together(&self, keys: std::ops::Range<u8>, bytes: usize) -> Vec<Result<(), Fault>> {
        let (release, held) = self.hold().await;
        let count = keys.len();
        let steps: Vec<_> = keys
            .map(|key| {
                let lane = self.lane.clone();
                let step = move |step: &mut Step<'_>| {
                    step.put(Space::Leaves, vec![key], vec![0; bytes]);
                    Ok(())
                };
                tokio::spawn(async move { lane.commit(Durability::Synced, step).await })
            })
            .collect();
        self.until_waiting(count).await;
        drop(release);
        held.await.unwrap().unwrap();
        let mut answers = Vec::new();
        for step in steps {
            answers.push(step.await.unwrap());
        }
        answers
    }
}

#[tokio::test]
async fn what_is_acknowledged_as_synced_survives_a_power_cut() {
    let stage = stage(CommitLimits::default());
    stage
        .put(b"behind, covered", Durability::Behind)
        .await
        .unwrap();
    stage.put(b"synced", Durability::Synced).await.unwrap();
    stage.put(b"behind", Durability::Behind).await.unwrap();
    assert!(
        stage.stored(b"behind").is_some(),
        "seen before it is durable"
    );
    stage.storage.cut_power();
    assert!(stage.stored(b"behind, covered").is_some());
    assert!(stage.stored(b"synced").is_some());
    assert_eq!(stage.stored(b"behind"), None);
}

#[tokio::test]
async fn steps_that_wait_together_share_one_synced_write() {
    let stage = stage(CommitLimits::default());
    let (writes, syncs) = stage.storage.counts();
    let answers = stage.together(0..50, 1).await;
    assert!(answers.iter().all(Result::is_ok));
    // The held step opened the epoch or joined the others: one write of fifty, at most one before.
    let (writes, syncs) = (
        stage.storage.counts().0 - writes,
        stage.storage.counts().1 - syncs,
    );
    assert!(writes <= 2 && syncs == 1, "{writes} writes, {syncs} synced");
    assert_eq!(
        stage
            .storage
            .scan(Space::Leaves, b"", b"", 100)
            .unwrap()
            .len(),
        50
    );
}

#[tokio::test]
async fn a_group_ends_at_its_bounds() {
    for limits in [
        CommitLimits {
            group_steps: 10,
            ..CommitLimits::default()
        },
        CommitLimits {
            group_bytes: 10_000,
            ..CommitLimits::default()
        },
    ] {
        let stage = stage(limits);
        let answers = stage.together(0..40, 1000).await;
        assert!(answers.iter().all(Result::is_ok));
        let (_, syncs) = stage.storage.counts();
        assert!(
            (4..=5).contains(&syncs),
            "{syncs} synced writes under {limits:?}"
        );
    }
}

#[tokio::test]
async fn a_step_sees_those_before_it_and_the_order_is_that_of_arrival() {
    let stage = stage(CommitLimits::default());
    let (release, held) = stage.hold().await;
    let steps: Vec<_> = (1..=100_usize)
        .map(|number| {
            let lane = stage.lane.clone();
            let count = |step: &mut Step<'_>| {
                let before = step.scan(Space::Pins, b"n", b"", 1000)?.len();
                step.put(Space::Pins, [b"n", &before.to_be_bytes()[..]].concat(), "");
                step.count(layout::Counter::Leaves, 1)?;
                Ok((before, read_number(step, &layout::Counter::Leaves.key())?))
            };
            (
                number,
                tokio::spawn(async move { lane.commit(Durability::Synced, count).await }),
            )
        })
        .collect();
    stage.until_waiting(100).await;
    drop(release);
    held.await.unwrap().unwrap();
    for (number, step) in steps {
        let (before, counted) = step.await.unwrap().unwrap();
        assert_eq!((before, counted), (number - 1, number as u64));
    }
}

#[tokio::test]
async fn a_step_that_refuses_writes_nothing_and_does_not_hurt_its_group() {
    let stage = stage(CommitLimits::default());
    let (release, held) = stage.hold().await;
    let refused = {
        let lane = stage.lane.clone();
        tokio::spawn(async move {
            let step = |step: &mut Step<'_>| {
                step.put(Space::Leaves, b"half".to_vec(), "");
                step.delete(Space::Leaves, b"whole".to_vec());
                Err::<(), _>(refusal())
            };
            lane.commit(Durability::Synced, step).await
        })
    };
    stage.until_waiting(1).await;
    let panicked = {
        let lane = stage.lane.clone();
        tokio::spawn(async move {
            let step = |step: &mut Step<'_>| -> Result<(), Fault> {
                step.put(Space::Leaves, b"half".to_vec(), "");
                panic!("a step that panics, on purpose");
            };
            lane.commit(Durability::Synced, step).await
        })
    };
    stage.until_waiting(2).await;
    drop(release);
    held.await.unwrap().unwrap();
    assert_eq!(refused.await.unwrap(), Err(refusal()));
    assert_eq!(panicked.await.unwrap(), Err(gone()));
    stage.put(b"whole", Durability::Synced).await.unwrap();
    assert_eq!(stage.stored(b"half"), None);
    assert!(stage.stored(b"whole").is_some());
}

#[tokio::test]
async fn a_write_that_fails_is_told_to_every_step_of_its_group_and_nothing_is_seen() {
    let stage = stage(CommitLimits::default());
    let full = StorageFault::Full {
        free: 1,
        reserve: 2,
    };
    stage.storage.fail_writes(full.clone());
    // The held step fails with its group too: it rides on the opening of the epoch.
    let (release, held) = stage.hold().await;
    let steps: Vec<_> = [&b"b"[..], b"c", b"d"]
        .map(|key| {
            let lane = stage.lane.clone();
            let step = move |step: &mut Step<'_>| {
                step.put(Space::Leaves, key.to_vec(), "");
                Ok(())
            };
            tokio::spawn(async move { lane.commit(Durability::Synced, step).await })
        })
        .into();
    stage.until_waiting(3).await;
    drop(release);
    assert_eq!(held.await.unwrap(), Err(full.clone().into()));
    for step in steps {
        assert_eq!(step.await.unwrap(), Err(full.clone().into()));
    }
    assert!(
        stage
            .storage
            .scan(Space::Leaves, b"", b"", 10)
            .unwrap()
            .is_empty()
    );
    assert_eq!(stage.put(b"a", Durability::Synced).await, Err(full.into()));
    assert_eq!(stage.stored(b"a"), None);
    stage.storage.heal();
    stage.put(b"a", Durability::Synced).await.unwrap();
    assert!(stage.stored(b"a").is_some());
}

#[tokio::test]
async fn an_epoch_opens_with_each_start_and_at_least_hourly() {
    let stage = stage(CommitLimits::default());
    let epoch = |number| Ok(Epoch::new(number));
    let put = || stage.put(b"a", Durability::Synced);
    assert_eq!(put().await, epoch(1));
    stage.clock.advance(EPOCH_LENGTH - Duration::from_millis(1));
    assert_eq!(put().await, epoch(1));
    stage.clock.advance(Duration::from_millis(1));
    assert_eq!(put().await, epoch(2));
    assert_eq!(put().await, epoch(2));
    let start = u64::try_from(EPOCH_LENGTH.as_millis()).unwrap();
    let open = stage
        .storage
        .get(Space::Meta, layout::META_EPOCH)
        .unwrap()
        .unwrap();
    assert_eq!(layout::parse_epoch(&open), Some((Epoch::new(2), start)));
    let second = layout::epoch_start_key(Epoch::new(2));
    assert_eq!(read_number(stage.storage.as_ref(), &second), Ok(start));
    // A power cut and a start at the same moment.
    stage.storage.cut_power();
    let lane = lane(&stage.storage, &stage.clock, CommitLimits::default());
    let again = Stage {
        lane,
        storage: stage.storage.clone(),
        clock: stage.clock.clone(),
    };
    assert_eq!(again.put(b"b", Durability::Synced).await, epoch(3));
}

#[tokio::test]
async fn an_epoch_whose_opening_was_not_written_is_not_used() {
    let stage = stage(CommitLimits::default());
    stage.storage.fail_writes(StorageFault::Io {
        why: "once".to_owned(),
    });
    stage.put(b"a", Durability::Synced).await.unwrap_err();
    stage.storage.heal();
    let epoch = stage.put(b"a", Durability::Synced).await.unwrap();
    let open = stage
        .storage
        .get(Space::Meta, layout::META_EPOCH)
        .unwrap()
        .unwrap();
    assert_eq!(layout::parse_epoch(&open).unwrap().0, epoch);
}

#[tokio::test]
async fn counters_do_not_fall_below_zero() {
    let stage = stage(CommitLimits::default());
    let step = |step: &mut Step<'_>| {
        step.count(layout::Counter::LeafBytes, 5)?;
        step.count(layout::Counter::LeafBytes, -9)?;
        step.count(layout::Counter::LeafBytes, 2)?;
        Ok(read_number(step, &layout::Counter::LeafBytes.key())?)
    };
    assert_eq!(stage.lane.commit(Durability::Synced, step).await, Ok(2));
}

#[tokio::test]
async fn what_cannot_be_read_is_damage_and_no_number() {
    let stage = stage(CommitLimits::default());
    let key = layout::Counter::Leaves.key();
    stage.storage.damage(Space::Meta, &key, "seven b");
    let step = |step: &mut Step<'_>| Ok(step.count(layout::Counter::Leaves, 1)?);
    let answer = stage.lane.commit(Durability::Synced, step).await;
    assert!(
        matches!(answer, Err(Fault::StoreFailed { .. })),
        "{answer:?}"
    );
    stage
        .storage
        .damage(Space::Meta, layout::META_EPOCH, "short");
    let again = CommitLane::start(
        stage.storage.clone(),
        stage.clock.clone(),
        CommitLimits::default(),
    );
    assert!(matches!(again.err(), Some(StorageFault::Damaged { .. })));
}

#[tokio::test]
async fn more_steps_than_may_wait_wait_outside_and_all_are_done() {
    let stage = stage(CommitLimits {
        depth: 2,
        ..CommitLimits::default()
    });
    let (release, held) = stage.hold().await;
    let steps: Vec<_> = (0..20_u8)
        .map(|key| {
            let lane = stage.lane.clone();
            let step = move |step: &mut Step<'_>| {
                step.put(Space::Leaves, vec![key], "");
                Ok(())
            };
            tokio::spawn(async move { lane.commit(Durability::Behind, step).await })
        })
        .collect();
    stage.until_waiting(2).await;
    assert_eq!(stage.lane.depth(), 2);
    drop(release);
    held.await.unwrap().unwrap();
    for step in steps {
        step.await.unwrap().unwrap();
    }
    assert_eq!(
        stage
            .storage
            .scan(Space::Leaves, b"", b"", 100)
            .unwrap()
            .len(),
        20
    );
}

/// A caller that goes away does not take its step with it: what was queued is decided.
#[tokio::test]
async fn the_lane_ends_after_what_was_queued_when_its_last_handle_goes() {
    let stage = stage(CommitLimits::default());
    let (release, held) = stage.hold().await;
    let lane = stage.lane.clone();
    let (decided, done) = oneshot::channel();
    let waiting = tokio::spawn(async move {
        let step = move |step: &mut Step<'_>| {
            step.put(Space::Leaves, b"last".to_vec(), "");
            decided.send(()).unwrap();
            Ok(())
        };
        lane.commit(Durability::Synced, step).await
    });
    stage.until_waiting(1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let storage = stage.storage.clone();
    drop(stage);
    drop(release);
    held.await.unwrap().unwrap();
    done.await.unwrap();
    // The lane's own handle to the storage goes with its thread.
    while Arc::strong_count(&storage) > 1 {
        tokio::task::yield_now().await;
    }
    assert!(storage.get(Space::Leaves, b"last").unwrap().is_some());
}

/// Puts the key unless it is there, as a repeated put does.
async fn put_once(lane: CommitLane, durability: Durability) -> Result<(), Fault> {
    let step = |step: &mut Step<'_>| {
        if step.get(Space::Leaves, b"once")?.is_none() {
            step.put(Space::Leaves, b"once".to_vec(), "");
        }
        Ok(())
    };
    lane.commit(durability, step).await
}

#[tokio::test]
async fn what_a_synced_step_found_is_as_durable_as_what_it_would_have_written() {
    let stage = stage(CommitLimits::default());
    stage.put(b"a", Durability::Synced).await.unwrap();
    for durability in [Durability::Behind, Durability::Synced] {
        put_once(stage.lane.clone(), durability).await.unwrap();
    }
    let (writes, _) = stage.storage.counts();
    put_once(stage.lane.clone(), Durability::Synced)
        .await
        .unwrap();
    assert_eq!(stage.storage.counts().0, writes, "synced already");
    stage.storage.cut_power();
    assert!(stage.stored(b"once").is_some());
    assert_eq!(stage.put(b"b", Durability::Behind).await, Ok(Epoch::new(1)));
}

#[tokio::test]
async fn a_refusal_that_may_rest_on_a_write_waits_for_it() {
    let stage = stage(CommitLimits::default());
    stage.put(b"a", Durability::Synced).await.unwrap();
    let (release, held) = stage.hold().await;
    let (put, refused) = {
        let (first, second) = (stage.lane.clone(), stage.lane.clone());
        let put = tokio::spawn(put_once(first, Durability::Synced));
        stage.until_waiting(1).await;
        let step = |step: &mut Step<'_>| match step.get(Space::Leaves, b"once")? {
            Some(_) => Err::<(), _>(refusal()),
            None => Ok(()),
        };
        let step = async move { second.commit(Durability::Synced, step).await };
        (put, tokio::spawn(step))
    };
    stage.until_waiting(2).await;
    let full = StorageFault::Full {
        free: 1,
        reserve: 2,
    };
    stage.storage.fail_writes(full.clone());
    drop(release);
    held.await.unwrap().unwrap_err();
    assert_eq!(put.await.unwrap(), Err(full.clone().into()));
    assert_eq!(refused.await.unwrap(), Err(full.into()));
    let refuses = |_: &mut Step<'_>| Err::<(), _>(refusal());
    let alone = stage.lane.commit(Durability::Synced, refuses).await;
    assert_eq!(alone, Err(refusal()), "it rests on nothing unwritten");
}

#[tokio::test]
async fn hours_in_which_nobody_came_do_not_make_what_was_touched_before_them_younger() {
    let stage = stage(CommitLimits::default());
    let hour = u64::try_from(EPOCH_LENGTH.as_millis()).unwrap();
    assert_eq!(stage.put(b"a", Durability::Synced).await, Ok(Epoch::new(1)));
    stage.clock.advance(EPOCH_LENGTH * 10);
    assert_eq!(stage.put(b"b", Durability::Synced).await, Ok(Epoch::new(3)));
    for (epoch, start) in [(2, hour), (3, hour * 10)] {
        let key = layout::epoch_start_key(Epoch::new(epoch));
        assert_eq!(read_number(stage.storage.as_ref(), &key), Ok(start));
    }
}

#[tokio::test]
async fn a_step_opens_epochs_of_its_own_that_survive_and_are_not_given_out_twice() {
    let stage = stage(CommitLimits::default());
    let before = stage.put(b"a", Durability::Synced).await.unwrap();
    let opened = stage
        .lane
        .commit(Durability::Synced, |step: &mut Step<'_>| {
            Ok((step.open_epoch(), step.open_epoch()))
        });
    let (first, second) = opened.await.unwrap();
    assert_eq!((first, second), (before.next(), before.next().next()));
    assert_eq!(stage.put(b"b", Durability::Synced).await, Ok(second));
    // What a refused step opened is not open.
    let refused = stage
        .lane
        .commit(Durability::Synced, |step: &mut Step<'_>| {
            step.open_epoch();
            Err::<(), _>(refusal())
        });
    refused.await.unwrap_err();
    assert_eq!(stage.put(b"c", Durability::Synced).await, Ok(second));
    for epoch in [first, second] {
        let start = stage
            .storage
            .get(Space::Meta, &layout::epoch_start_key(epoch));
        assert!(start.unwrap().is_some());
    }
    stage.storage.cut_power();
    let again = lane(&stage.storage, &stage.clock, CommitLimits::default());
    let opened = again.commit(Durability::Synced, |step: &mut Step<'_>| Ok(step.epoch()));
    assert!(opened.await.unwrap() > second);
}

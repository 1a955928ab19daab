//! A group is decided while the one before is written: what it sees, when it is answered, and what
//! becomes of it when that one is not written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{super::*, HANDED_OVER_BYTES};
use crate::{ManualClock, storage::MemoryStorage};
use parking_lot::Mutex;
use std::sync::mpsc as blocking;
use tokio::task::JoinHandle;

/// What a held write waits for, and what it answers then.
type Verdict = Result<(), StorageFault>;

/// Storage whose writes of many bytes say that they begin and wait to be told how they end.
struct Slow {
    memory: MemoryStorage,
    begun: blocking::Sender<()>,
    verdicts: Mutex<blocking::Receiver<Verdict>>,
}

impl Reading for Slow {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StorageFault> {
        self.memory.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>, StorageFault> {
        self.memory.scan(space, prefix, from, limit)
    }
}

impl Storage for Slow {
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), StorageFault> {
        if batch.size() >= HANDED_OVER_BYTES {
            self.begun.send(()).unwrap();
            self.verdicts.lock().recv().unwrap()?;
        }
        self.memory.write(batch, durability)
    }

    fn refuses_writes(&self) -> Option<StorageFault> {
        None
    }
}

struct Stage {
    storage: Arc<Slow>,
    lane: CommitLane,
    begun: blocking::Receiver<()>,
    verdict: blocking::Sender<Verdict>,
}

type Answer<T> = JoinHandle<Result<T, Fault>>;

impl Stage {
    fn new() -> Self {
        let ((tell, begun), (verdict, verdicts)) = (blocking::channel(), blocking::channel());
        let storage = Arc::new(Slow {
            memory: MemoryStorage::default(),
            begun: tell,
            verdicts: Mutex::new(verdicts),
        });
        let clock = Arc::new(ManualClock::default());
        let lane = CommitLane::start(storage.clone(), clock, CommitLimits::default()).unwrap();
        Self {
            storage,
            lane,
            begun,
            verdict,
        }
    }

    /// Commits a step; comes back when it is decided, with the answer to come.
    async fn decided<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&mut Step<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<T> {
        let (tell, decided) = oneshot::channel();
        let lane = self.lane.clone();
        let step = move |step: &mut Step<'_>| {
            let done = decide(step);
            tell.send(()).unwrap();
            done
        };
        let answer = tokio::spawn(async move { lane.commit(Durability::Synced, step).await });
        decided.await.unwrap();
        answer
    }

    /// A step that puts the key with many bytes, on its way to the disk.
    async fn on_its_way(&self, key: &'static [u8]) -> Answer<Epoch> {
        let answer = self.decided(|step| {
            step.put(Space::Leaves, key.to_vec(), vec![0; HANDED_OVER_BYTES]);
            Ok(step.epoch())
        });
        let answer = answer.await;
        self.begun.recv().unwrap();
        answer
    }

    fn holds(&self, key: &[u8]) -> bool {
        self.storage.get(Space::Leaves, key).unwrap().is_some()
    }
}

fn sees(step: &Step<'_>, key: &[u8]) -> Result<bool, Fault> {
    Ok(step.get(Space::Leaves, key)?.is_some())
}

fn full() -> StorageFault {
    StorageFault::Full {
        free: 1,
        reserve: 2,
    }
}

#[tokio::test]
async fn the_next_group_is_decided_over_what_is_on_its_way_and_answered_after_it() {
    let stage = Stage::new();
    let first = stage.on_its_way(b"first").await;
    let second = stage.decided(|step| {
        step.put(Space::Leaves, b"second".to_vec(), "");
        step.delete(Space::Leaves, b"first".to_vec());
        Ok(())
    });
    let second = second.await;
    assert!(!first.is_finished() && !second.is_finished());
    assert!(!stage.holds(b"first") && !stage.holds(b"second"));
    stage.verdict.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert!(!stage.holds(b"first") && stage.holds(b"second"));
    stage.storage.memory.cut_power();
    assert!(stage.holds(b"second"));
}

#[tokio::test]
async fn what_is_on_its_way_is_seen_by_every_look() {
    let stage = Stage::new();
    let first = stage.on_its_way(b"first").await;
    let looks = stage.decided(|step| {
        let keys = [b"first".to_vec(), b"other".to_vec()];
        let many = step.get_many(Space::Leaves, &keys)?;
        let under = step.first_under(Space::Leaves, &[b"fi".to_vec()])?;
        let scanned = step.scan(Space::Leaves, b"f", b"", 10)?.len();
        let found = many.iter().map(Option::is_some).collect::<Vec<_>>();
        Ok((sees(step, b"first")?, found, under, scanned))
    });
    let looks = looks.await;
    stage.verdict.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    let under = vec![Some(b"first".to_vec())];
    assert_eq!(
        looks.await.unwrap(),
        Ok((true, vec![true, false], under, 1))
    );
}

#[tokio::test]
async fn what_was_decided_over_a_group_that_is_not_written_is_not_written_either() {
    let stage = Stage::new();
    let first = stage.on_its_way(b"first").await;
    let second = stage.decided(|step| {
        assert!(sees(step, b"first")?);
        step.put(Space::Leaves, b"second".to_vec(), "");
        Ok(())
    });
    let second = second.await;
    stage.verdict.send(Err(full())).unwrap();
    assert_eq!(first.await.unwrap(), Err(full().into()));
    assert_eq!(second.await.unwrap(), Err(full().into()));
    // What comes after them sees neither, and writes again, in an epoch that is on disk.
    let third = stage.decided(|step| {
        step.put(Space::Leaves, b"third".to_vec(), "");
        Ok((
            sees(step, b"first")? || sees(step, b"second")?,
            step.epoch(),
        ))
    });
    let (saw, epoch) = third.await.await.unwrap().unwrap();
    assert!(!saw && stage.holds(b"third"));
    assert!(!stage.holds(b"first") && !stage.holds(b"second"));
    let start = layout::epoch_start_key(epoch);
    assert!(stage.storage.get(Space::Meta, &start).unwrap().is_some());
}

#[tokio::test]
async fn a_refusal_that_may_rest_on_what_is_on_its_way_waits_for_it() {
    for verdict in [Ok(()), Err(full())] {
        let stage = Stage::new();
        let first = stage.on_its_way(b"first").await;
        let refusal = || Fault::Malformed {
            reason: "it is there".to_owned(),
        };
        let refused = stage.decided(move |step| match sees(step, b"first")? {
            true => Err::<(), _>(refusal()),
            false => Ok(()),
        });
        let refused = refused.await;
        assert!(!refused.is_finished());
        stage.verdict.send(verdict.clone()).unwrap();
        assert_eq!(first.await.unwrap().is_ok(), verdict.is_ok());
        let expected = verdict.map_or_else(Fault::from, |()| refusal());
        assert_eq!(refused.await.unwrap(), Err(expected));
    }
}

#[tokio::test]
async fn a_failure_that_nobody_decided_over_hurts_nobody_else() {
    let stage = Stage::new();
    let first = stage.on_its_way(b"first").await;
    stage.verdict.send(Err(full())).unwrap();
    assert_eq!(first.await.unwrap(), Err(full().into()));
    // The lane heard of it before its steps did.
    let put = stage.decided(|step| {
        step.put(Space::Leaves, b"second".to_vec(), "");
        Ok(step.epoch())
    });
    let epoch = put.await.await.unwrap().unwrap();
    let start = layout::epoch_start_key(epoch);
    assert!(stage.storage.get(Space::Meta, &start).unwrap().is_some());
    assert!(stage.holds(b"second") && !stage.holds(b"first"));
}

#[tokio::test]
async fn nothing_is_written_after_a_write_that_died() {
    let mut stage = Stage::new();
    let first = stage.on_its_way(b"first").await;
    // Whoever waits for a verdict that never comes panics, on purpose.
    stage.verdict = blocking::channel().0;
    assert_eq!(first.await.unwrap(), Err(gone()));
    for _ in 0..2 {
        let put = stage.decided(|step| {
            step.put(Space::Leaves, b"second".to_vec(), "");
            Ok(())
        });
        let answer = put.await.await.unwrap();
        assert!(
            matches!(answer, Err(Fault::StoreFailed { .. })),
            "{answer:?}"
        );
    }
    assert!(!stage.holds(b"second") && !stage.holds(b"first"));
}

#[tokio::test]
async fn what_is_on_its_way_is_written_when_the_last_handle_goes() {
    let stage = Stage::new();
    let first = stage.on_its_way(b"first").await;
    let Stage {
        storage,
        lane,
        verdict,
        ..
    } = stage;
    drop(lane);
    verdict.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    // Both threads let go of the storage.
    while Arc::strong_count(&storage) > 1 {
        tokio::task::yield_now().await;
    }
    assert!(storage.get(Space::Leaves, b"first").unwrap().is_some());
}

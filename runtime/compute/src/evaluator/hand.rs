//! What a worker has at hand: functions that it will call next, and values that it has not told of yet.
//!
//! The board has one lock. Where functions take microseconds, a worker takes several at a time and
//! tells of their values together, so that the lock is not what they cost. Nothing waits for it: who
//! has nothing to do helps himself from what others have at hand, a hand that has not moved for long
//! is emptied by whoever comes by, and what a request waits for is told at once. It refuses to take
//! several functions where they are slow.

use super::{
    board::{Check, FlightId, Job, Worker},
    engine::{Shared, State},
    hold::Held,
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Functions that a worker has at hand at most.
const AT_HAND_MAX: usize = 32;
/// What a worker takes at a time should not take it longer than this, together.
const TURN: Duration = Duration::from_micros(200);
/// A hand that has not been empty for this long is emptied by others.
const STUCK: Duration = Duration::from_millis(5);

/// A value that has come home, and the flight that was under way to it.
pub(super) type Landed = (FlightId, Arc<Held>);

#[derive(Default)]
struct Hand {
    jobs: VecDeque<Job>,
    landed: Vec<Landed>,
    /// When it was filled.
    since: Duration,
}

/// The hands of all workers, and how many workers wait for work.
pub(super) struct Hands {
    hands: Box<[Mutex<Hand>]>,
    /// Changed under the state's lock, looked at without it.
    idle: AtomicUsize,
    /// Whose hand is looked at next.
    next: AtomicUsize,
}

/// How many functions a worker takes at a time.
pub(super) struct Pace {
    taken: usize,
    since: Duration,
}

impl Pace {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            taken: 1,
            since: now,
        }
    }

    /// Twice as many as the last time if they were quick, half as many if they were not.
    fn turn(&mut self, now: Duration) -> usize {
        let took = now.saturating_sub(self.since);
        self.since = now;
        self.taken = match took < TURN {
            true => (2 * self.taken).min(AT_HAND_MAX),
            false => (self.taken / 2).max(1),
        };
        self.taken
    }
}

impl Hands {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            hands: (0..workers.max(1)).map(|_| Mutex::default()).collect(),
            idle: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }

    /// Workers that wait for work.
    pub(super) fn idle(&self) -> usize {
        self.idle.load(Ordering::SeqCst)
    }

    /// A worker is about to wait. Counted before it looks whether there is anything at others' hands:
    /// whoever puts something by looks at the count afterwards.
    pub(super) fn rest(&self) {
        self.idle.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn go_on(&self) {
        self.idle.fetch_sub(1, Ordering::SeqCst);
    }

    fn with<T>(&self, worker: usize, act: impl FnOnce(&mut Hand) -> T) -> Option<T> {
        self.hands.get(worker).map(|hand| act(&mut hand.lock()))
    }

    /// The next function at hand. While somebody has nothing to do, what has landed is told first.
    pub(super) fn take_job(&self, worker: usize) -> Option<Job> {
        let idle = self.idle() > 0;
        let next = |hand: &mut Hand| match idle && !hand.landed.is_empty() {
            true => None,
            false => hand.jobs.pop_front(),
        };
        self.with(worker, next).flatten()
    }

    fn give(&self, worker: usize, jobs: impl IntoIterator<Item = Job>, now: Duration) {
        self.with(worker, |hand| {
            hand.jobs.extend(jobs);
            hand.since = now;
        });
    }

    /// A value is told of with the next ones.
    pub(super) fn put_by(&self, worker: usize, landed: Landed) {
        self.with(worker, |hand| hand.landed.push(landed));
    }

    /// What has landed and nobody was told of yet.
    pub(super) fn take_landed(&self, worker: usize) -> Vec<Landed> {
        let landed = self.with(worker, |hand| std::mem::take(&mut hand.landed));
        landed.unwrap_or_default()
    }

    /// For a worker who has nothing to do: half of what another has at hand, and what that one has
    /// not told of. Whether there was anything.
    pub(super) fn help(&self, worker: usize, now: Duration) -> bool {
        let others = (1..self.hands.len()).map(|step| (worker + step) % self.hands.len());
        others
            .into_iter()
            .any(|other| self.take_over(worker, other, now, Duration::ZERO))
    }

    /// Looks at one other's hand, another one each time.
    pub(super) fn look_in(&self, worker: usize, now: Duration) {
        let other = self.next.fetch_add(1, Ordering::Relaxed) % self.hands.len();
        if other != worker {
            self.take_over(worker, other, now, STUCK);
        }
    }

    fn take_over(&self, worker: usize, other: usize, now: Duration, stuck: Duration) -> bool {
        let Some(Some(mut theirs)) = self.hands.get(other).map(Mutex::try_lock) else {
            return false;
        };
        let is_empty = theirs.jobs.is_empty() && theirs.landed.is_empty();
        if is_empty || now.saturating_sub(theirs.since) < stuck {
            return false;
        }
        let kept = theirs.jobs.len() / 2;
        let jobs = theirs.jobs.split_off(kept);
        let landed = std::mem::take(&mut theirs.landed);
        // One hand at a time: two who helped one another would wait for ever.
        drop(theirs);
        self.with(worker, |hand| hand.landed.extend(landed));
        self.give(worker, jobs, now);
        true
    }
}

impl Shared {
    /// Fills a worker's hand from the board, and gives the first of it.
    pub(super) fn deal(&self, state: &mut State, worker: Worker, pace: &mut Pace) -> Option<Job> {
        let now = self.executor.clock.monotonic();
        let share = match self.hands.idle() {
            0 => AT_HAND_MAX,
            _ => state.board.ready_at_most().div_ceil(worker.crew).max(1),
        };
        let most = pace.turn(now).min(share);
        let first = state.board.next_for(worker)?;
        let mut more = Vec::new();
        let mut is_plain = first.check == Check::Once;
        while is_plain && more.len() + 1 < most {
            let Some(job) = state.board.next_for(worker) else {
                break;
            };
            is_plain = job.check == Check::Once;
            more.push(job);
        }
        self.hands.give(worker.number, more, now);
        Some(first)
    }
}

//! The threads of the evaluator.
//!
//! A worker takes plans first (a plan finds work for the others), then by turns productions whose
//! readers have caught up and functions, longest chain first; then graphs that run alone, which may
//! hold all workers but one. It refuses to die of a panic, whoever's it is, and to keep a lock while
//! it calls anything.

use super::{
    board::{Answer, Check, FlightId, Job, RequestId, Worker},
    engine::{Found, Request, Shared, State},
    hand::{Landed, Pace},
    hold::Held,
    produce::{Course, Unwanted, streamed},
    tail::FileTail,
};
use deriva_model::limits;
use deriva_system::{
    Fault,
    compute::{Evaluated, Outcome},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
};

/// What a worker does next.
enum Work {
    Plan(RequestId),
    Run(Job),
    Produce(Box<Course>),
    Alone(RequestId),
}

/// What flights that ended leave to be done.
struct Told {
    answers: Vec<Answer>,
    /// Dropped outside the lock: temporary files go with it.
    unwanted: Unwanted,
}

impl Told {
    fn is_something(&self) -> bool {
        !self.answers.is_empty() || !self.unwanted.is_empty()
    }
}

/// A panic on the other side of a port, or our own, is an answer and not a worker's end.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
}

impl Shared {
    pub(super) fn work_until_closed(&self, number: usize) {
        let crew = self.config.workers.max(1);
        let mut pace = Pace::new(self.executor.clock.monotonic());
        loop {
            if let Some(job) = self.hands.take_job(number) {
                self.call(number, job);
                continue;
            }
            match self.next(Worker { number, crew }, &mut pace) {
                None => return,
                Some(Work::Plan(request)) => self.plan(request),
                Some(Work::Run(job)) => self.call(number, job),
                Some(Work::Produce(course)) => self.produce(course),
                Some(Work::Alone(request)) => {
                    self.plan(request);
                    let mut state = self.state.lock();
                    state.running_alone -= 1;
                    if !state.solitary.is_empty() {
                        self.work.notify_one();
                    }
                }
            }
        }
    }

    fn call(&self, number: usize, job: Job) {
        if job.check != Check::Once {
            return self.run_checked(job);
        }
        let is_awaited = job.audience.waiters > 0;
        let Some((flight, held)) = self.begin(job) else {
            return;
        };
        match is_awaited {
            true => self.land(flight, Ok(held)),
            false => self.hands.put_by(number, (flight, held)),
        }
    }

    fn next(&self, worker: Worker, pace: &mut Pace) -> Option<Work> {
        self.hands
            .look_in(worker.number, self.executor.clock.monotonic());
        let mut state = self.state.lock();
        loop {
            let landed = self.hands.take_landed(worker.number);
            if !landed.is_empty() {
                let told = self.bring_home(&mut state, landed);
                self.wake(&state, 1);
                if told.is_something() {
                    drop(state);
                    self.tell_all(told);
                    state = self.state.lock();
                }
            }
            if state.closing {
                return None;
            }
            // From another's hand.
            if let Some(job) = self.hands.take_job(worker.number) {
                return Some(Work::Run(job));
            }
            if let Some(request) = state.plans.pop_front() {
                return Some(Work::Plan(request));
            }
            let work = match state.production_was_last {
                true => self
                    .take(&mut state, worker, pace)
                    .or_else(|| resumed(&mut state)),
                false => resumed(&mut state).or_else(|| self.take(&mut state, worker, pace)),
            };
            if let Some(work) = work {
                state.production_was_last = matches!(work, Work::Produce(_));
                return Some(work);
            }
            self.hands.rest();
            if !self
                .hands
                .help(worker.number, self.executor.clock.monotonic())
            {
                self.work.wait(&mut state);
            }
            self.hands.go_on();
        }
    }

    /// A function to call, or a graph to run alone.
    fn take(&self, state: &mut State, worker: Worker, pace: &mut Pace) -> Option<Work> {
        if let Some(job) = self.deal(state, worker, pace) {
            // Somebody else takes the second of two executions, at once if he has nothing to do.
            self.wake(state, 0);
            return Some(Work::Run(job));
        }
        if state.running_alone >= self.config.workers.saturating_sub(1).max(1) {
            return None;
        }
        let request = state.solitary.pop_front()?;
        state.running_alone += 1;
        Some(Work::Alone(request))
    }

    /// Wakes as many workers as there are functions to call, less those that the caller takes itself.
    pub(super) fn wake(&self, state: &State, taken: usize) {
        let wanted = state.board.ready_at_most() + state.board.checks_at_most();
        let wanted = wanted.saturating_sub(taken);
        for _ in 0..wanted.min(self.hands.idle()) {
            self.work.notify_one();
        }
    }

    /// A flight ended: those who need its value are told.
    pub(super) fn land(&self, flight: FlightId, result: Result<Arc<Held>, Fault>) {
        let mut state = self.state.lock();
        let told = match result {
            Ok(held) => self.bring_home(&mut state, [(flight, held)]),
            Err(fault) => {
                state.tails.remove(&flight);
                let answers = state.board.failed(flight, &fault);
                let unwanted = Self::take_unwanted(&mut state);
                Told { answers, unwanted }
            }
        };
        self.wake(&state, usize::from(told.answers.is_empty()));
        drop(state);
        self.tell_all(told);
    }

    /// Fills the slots of those who need these values. What comes of it is told outside the lock.
    fn bring_home(&self, state: &mut State, landed: impl IntoIterator<Item = Landed>) -> Told {
        let mut answers = Vec::new();
        for (flight, held) in landed {
            if !state.tails.is_empty() {
                state.tails.remove(&flight);
            }
            state.landings += 1;
            answers.extend(state.board.landed(flight, &held));
        }
        let unwanted = Self::take_unwanted(state);
        Told { answers, unwanted }
    }

    fn tell_all(&self, told: Told) {
        drop(told.unwanted);
        for Answer { request, result } in told.answers {
            self.answer(request, result.map(Found::Value));
        }
    }

    pub(super) fn answer(&self, id: RequestId, result: Result<Found, Fault>) {
        if result.is_ok() && self.is_overtaken(id) {
            return;
        }
        let Some(request) = self.forget(id) else {
            return;
        };
        let evaluated = caught(|| {
            let (held, trace) = match result? {
                Found::Value(held) => (held, None),
                Found::Traced(held, trace) => (held, Some(trace)),
                Found::Reader(reader) => return Ok(streamed(reader)),
            };
            let outcome = self.outcome(&held)?;
            Ok(Evaluated { outcome, trace })
        });
        let evaluated = evaluated.unwrap_or_else(|_| {
            Err(Fault::Breach {
                what: format!("bringing back {} panicked", request.ask.root),
            })
        });
        tell(request, evaluated);
    }

    fn outcome(&self, held: &Held) -> Result<Outcome, Fault> {
        if let Some(stored) = held.as_stored() {
            return Ok(Outcome::Stored(stored));
        }
        let content = held.settled()?;
        if let Some(file) = held.as_file()
            && held.size() > limits::BATCH_INPUT_BYTES as u64
        {
            let tail = FileTail::new(file, content);
            return Ok(Outcome::Production(Box::new(tail)));
        }
        let bytes = held.bytes(self.executor.sources.as_ref())?;
        Ok(Outcome::Bytes { content, bytes })
    }

    fn forget(&self, id: RequestId) -> Option<Request> {
        self.forget_in(&mut self.state.lock(), id)
    }

    /// The request goes, or the stream that answered it: it needs nothing any more.
    pub(super) fn withdraw(&self, id: RequestId) {
        let mut state = self.state.lock();
        let request = self.forget_in(&mut state, id);
        if let Some(request) = &request {
            request.cancelled.store(true, Ordering::Relaxed);
        }
        if !state.board.withdraw(id) && request.is_none() {
            return;
        }
        let unwanted = Self::take_unwanted(&mut state);
        drop(state);
        // Values in temporary files go with what held them: not under the lock.
        drop(unwanted);
        metrics::counter!("materialize_withdrawals_total").increment(1);
    }

    /// No work is taken any more; what runs is cancelled, and who waits is told.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        let requests = std::mem::take(&mut state.requests);
        state.board.withdraw_all();
        let gone = state.board.take_gone();
        let mut unwanted = std::mem::take(&mut state.resumed);
        unwanted.extend(std::mem::take(&mut state.parked).into_values());
        let tails = std::mem::take(&mut state.tails);
        drop(state);
        self.work.notify_all();
        // Before what makes them goes, which would call them cancelled.
        for tail in tails.into_values() {
            let what = "the evaluator".to_owned();
            tail.end(Err(Fault::Unavailable { what }));
        }
        drop((gone, unwanted));
        for (_, request) in requests {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            request.cancelled.store(true, Ordering::Relaxed);
            let what = "the evaluator".to_owned();
            tell(request, Err(Fault::Unavailable { what }));
        }
    }
}

fn resumed(state: &mut State) -> Option<Work> {
    state.resumed.pop_front().map(Work::Produce)
}

/// Whoever asked may panic on hearing the answer: that is theirs, and the worker goes on.
pub(super) fn tell(request: Request, evaluated: Result<Evaluated, Fault>) {
    let root = request.ask.root;
    let done = request.done;
    if caught(|| done(evaluated)).is_err() {
        metrics::counter!("materialize_answers_unheard_total").increment(1);
        tracing::error!(%root, "whoever asked panicked on hearing the answer");
    }
}

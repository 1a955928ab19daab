//! The threads of the evaluator.
//!
//! A worker takes plans first (a plan finds work for the others), then functions, longest chain
//! first, then graphs that run alone, which may hold all workers but one. It refuses to die of a
//! panic, whoever's it is, and to keep a lock while it calls anything.

use super::{
    board::{Answer, Job, RequestId},
    engine::{Request, Shared, State, Valued},
    execute::Reuse,
    hold::Held,
};
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
    Alone(RequestId),
}

/// A panic on the other side of a port, or our own, is an answer and not a worker's end.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
}

impl Shared {
    pub(super) fn work_until_closed(&self) {
        while let Some(work) = self.next() {
            match work {
                Work::Plan(request) => self.plan(request),
                Work::Run(job) => self.run(job),
                Work::Alone(request) => {
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

    fn next(&self) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if state.closing {
                return None;
            }
            if let Some(request) = state.plans.pop_front() {
                return Some(Work::Plan(request));
            }
            if let Some(job) = state.board.take() {
                return Some(Work::Run(job));
            }
            if state.running_alone < self.config.workers.saturating_sub(1).max(1)
                && let Some(request) = state.solitary.pop_front()
            {
                state.running_alone += 1;
                return Some(Work::Alone(request));
            }
            state.idle += 1;
            self.work.wait(&mut state);
            state.idle -= 1;
        }
    }

    /// Wakes as many workers as there are functions to call, less those that the caller takes itself.
    pub(super) fn wake(&self, state: &State, taken: usize) {
        let wanted = state.board.ready_at_most().saturating_sub(taken);
        for _ in 0..wanted.min(state.idle) {
            self.work.notify_one();
        }
    }

    /// Calls one function and tells those who need its value.
    fn run(&self, job: Job) {
        let (flight, address) = (job.flight, job.recipe.address());
        let computed = caught(|| self.compute(job)).unwrap_or_else(|_| {
            Err(Fault::Breach {
                what: format!("executing {address} panicked"),
            })
        });
        let mut state = self.state.lock();
        let answers = match computed {
            Ok(held) => {
                state.landings += 1;
                state.board.landed(flight, &held)
            }
            Err(fault) => state.board.failed(flight, &fault),
        };
        self.wake(&state, usize::from(answers.is_empty()));
        let gone = state.board.take_gone();
        drop(state);
        drop(gone);
        for Answer { request, result } in answers {
            self.answer(request, result.map(|held| (held, None)));
        }
    }

    fn compute(&self, job: Job) -> Result<Arc<Held>, Fault> {
        let executed = self.executor.execute(
            &job.recipe,
            &job.inputs,
            job.origin,
            &job.cancelled,
            Reuse::EarlyCutoff,
        )?;
        drop(job.inputs);
        self.executor.offer(&job.recipe, &executed, job.begun);
        Ok(Arc::new(Held::computed(
            executed.content,
            executed.bytes,
            &self.meter,
            self.config.in_flight_bytes,
            self.executor.sources.as_ref(),
        )))
    }

    pub(super) fn answer(&self, id: RequestId, result: Result<Valued, Fault>) {
        let Some(request) = self.forget(id) else {
            return;
        };
        let evaluated = caught(|| {
            let (held, trace) = result?;
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
        let bytes = held.bytes(self.executor.sources.as_ref())?;
        Ok(Outcome::Bytes {
            content: held.content,
            bytes,
        })
    }

    fn forget(&self, id: RequestId) -> Option<Request> {
        let mut state = self.state.lock();
        let request = state.requests.remove(&id)?;
        // Under the lock, so that the count is never above what whoever left can know.
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        Some(request)
    }

    pub(super) fn withdraw(&self, id: RequestId) {
        let mut state = self.state.lock();
        let Some(request) = state.requests.remove(&id) else {
            return;
        };
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        request.cancelled.store(true, Ordering::Relaxed);
        state.board.withdraw(id);
        let gone = state.board.take_gone();
        drop(state);
        // Values in temporary files go with what held them: not under the lock.
        drop(gone);
        metrics::counter!("materialize_withdrawals_total").increment(1);
    }

    /// No work is taken any more; what runs is cancelled, and who waits is told.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closing = true;
        let requests = std::mem::take(&mut state.requests);
        for id in requests.keys() {
            state.board.withdraw(*id);
        }
        let gone = state.board.take_gone();
        drop(state);
        self.work.notify_all();
        drop(gone);
        for (_, request) in requests {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            request.cancelled.store(true, Ordering::Relaxed);
            let what = "the evaluator".to_owned();
            tell(request, Err(Fault::Unavailable { what }));
        }
    }
}

/// Whoever asked may panic on hearing the answer: that is theirs, and the worker goes on.
fn tell(request: Request, evaluated: Result<Evaluated, Fault>) {
    let root = request.ask.root;
    let done = request.done;
    if caught(|| done(evaluated)).is_err() {
        metrics::counter!("materialize_answers_unheard_total").increment(1);
        tracing::error!(%root, "whoever asked panicked on hearing the answer");
    }
}

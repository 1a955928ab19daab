//! The threads of the evaluator.
//!
//! Workers take plans first (a plan finds work for the others), then functions, longest chain first,
//! then graphs that run alone. It refuses to hold a lock while a function runs or the disk is read.

use super::{
    alone::{Alone, Course},
    board::{Answer, Board, Job, RequestId},
    execute::{Executor, Reuse, Tally},
    hold::{Held, Meter},
    plan::{Plan, Planner},
};
use crate::{BudgetLimits, Registry};
use deriva_model::{CAddr, Trace};
use deriva_system::{
    Clock, Fault,
    compute::{Done, Evaluated, Look, Materialize, Mode, Outcome, Sources},
};
use parking_lot::{Condvar, Mutex};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// Bounds of the evaluator.
#[derive(Clone, Copy, Debug)]
pub struct EvaluatorConfig {
    /// Functions that run at once.
    pub workers: usize,
    /// Bytes of computed values held for their consumers in memory; more goes to temporary files.
    pub in_flight_bytes: u64,
    /// What one call may use.
    pub budget: BudgetLimits,
}

/// One request that is not answered yet.
pub(super) struct Request {
    pub(super) ask: Materialize,
    pub(super) done: Done,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) span: tracing::Span,
}

#[derive(Default)]
pub(super) struct State {
    board: Board,
    pub(super) plans: VecDeque<RequestId>,
    pub(super) requests: HashMap<RequestId, Request>,
    pub(super) next_request: RequestId,
    /// Goes up with every flight that landed: a plan made before may have missed its value.
    landings: u64,
    closing: bool,
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) work: Condvar,
    pub(super) executor: Executor,
    meter: Meter,
    config: EvaluatorConfig,
    pub(super) in_flight: AtomicU64,
}

/// The evaluator of a node. Dropping it ends its threads when what they run has ended.
pub struct Evaluator {
    pub(super) shared: Arc<Shared>,
}

impl Evaluator {
    /// Starts the workers.
    ///
    /// # Errors
    /// The operating system gave no thread.
    pub fn start(
        registry: Arc<Registry>,
        sources: Arc<dyn Sources>,
        clock: Arc<dyn Clock>,
        config: EvaluatorConfig,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            executor: Executor {
                registry,
                sources,
                clock,
                limits: config.budget,
                tally: Tally::default(),
            },
            meter: Meter::default(),
            config,
            in_flight: AtomicU64::new(0),
        });
        let evaluator = Self { shared };
        for number in 0..config.workers.max(1) {
            let shared = evaluator.shared.clone();
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || shared.work_until_closed())?;
        }
        Ok(evaluator)
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_all();
    }
}

/// A root's value, and the trace of the modes that record.
type Valued = (Arc<Held>, Option<Trace>);

/// What a worker does next.
enum Work {
    Plan(RequestId),
    Run(Job),
}

impl Shared {
    fn work_until_closed(&self) {
        while let Some(work) = self.next() {
            match work {
                Work::Plan(request) => self.plan(request),
                Work::Run(job) => self.run(job),
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
            self.work.wait(&mut state);
        }
    }

    /// Everything but shared flights happens here; a panic answers its own request only.
    fn plan(&self, id: RequestId) {
        let Some((ask, cancelled, span)) = self.look_at(id) else {
            return;
        };
        let _entered = span.enter();
        let begun = self.executor.sources.invalidations();
        let planned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &ask.mode {
            Mode::Parallel => self.join(id, &ask, begun).transpose(),
            Mode::Sequential => {
                let course = Course::Sequential { begun };
                Some(
                    self.alone(&ask, &cancelled, course)
                        .map(|(held, _)| (held, None)),
                )
            }
            Mode::Record => {
                let course = Course::Record;
                Some(
                    self.alone(&ask, &cancelled, course)
                        .map(|(held, trace)| (held, Some(trace))),
                )
            }
            Mode::Replay(trace) => Some(
                self.replay(&ask, &cancelled, trace)
                    .map(|(held, trace)| (held, Some(trace))),
            ),
        }));
        let answer = planned.unwrap_or_else(|_| {
            Some(Err(Fault::Breach {
                what: format!("planning {} panicked", ask.root),
            }))
        });
        if let Some(result) = answer {
            self.answer(id, result);
        }
    }

    fn look_at(&self, id: RequestId) -> Option<(Materialize, Arc<AtomicBool>, tracing::Span)> {
        let state = self.state.lock();
        let request = state.requests.get(&id)?;
        Some((
            request.ask.clone(),
            request.cancelled.clone(),
            request.span.clone(),
        ))
    }

    fn planned(&self, ask: &Materialize, look: Look) -> Result<Plan, Fault> {
        let planner = Planner {
            sources: self.executor.sources.as_ref(),
            transient: &ask.transient,
            look,
        };
        let plan = planner.plan(ask.root)?;
        metrics::histogram!("materialize_graph_depth").record(f64::from(plan.depth()));
        Ok(plan)
    }

    /// Joins the board; the root at once if it is known.
    fn join(&self, id: RequestId, ask: &Materialize, begun: u64) -> Result<Option<Valued>, Fault> {
        let landings = self.state.lock().landings;
        let plan = self.planned(ask, Look::ForValues)?;
        let mut state = self.state.lock();
        if !state.requests.contains_key(&id) {
            return Ok(None);
        }
        let stale = state.landings != landings;
        let answer = state.board.join(id, plan, begun, |address| {
            if stale { self.came_in(address) } else { None }
        });
        drop(state);
        self.work.notify_all();
        match answer {
            Some(Answer { result, .. }) => result.map(|held| Some((held, None))),
            None => Ok(None),
        }
    }

    /// A value that another flight brought in since the plan was made.
    fn came_in(&self, address: &CAddr) -> Option<Arc<Held>> {
        let value = self.executor.sources.travelling(address)?;
        Some(Arc::new(Held::known(value.content(), value.bytes.clone())))
    }

    fn solitary<'a>(&'a self, cancelled: &'a Arc<AtomicBool>) -> Alone<'a> {
        Alone {
            executor: &self.executor,
            meter: &self.meter,
            in_flight_budget: self.config.in_flight_bytes,
            cancelled,
        }
    }

    fn alone(
        &self,
        ask: &Materialize,
        cancelled: &Arc<AtomicBool>,
        course: Course,
    ) -> Result<(Arc<Held>, Trace), Fault> {
        let look = match course {
            Course::Sequential { .. } => Look::ForValues,
            Course::Record => Look::ForRecipes,
        };
        let plan = self.planned(ask, look)?;
        let root = root_address(&plan, ask.root);
        self.solitary(cancelled).in_order(plan, root, course)
    }

    fn replay(
        &self,
        ask: &Materialize,
        cancelled: &Arc<AtomicBool>,
        trace: &Trace,
    ) -> Result<(Arc<Held>, Trace), Fault> {
        let plan = self.planned(ask, Look::ForRecipes)?;
        let root = root_address(&plan, ask.root);
        self.solitary(cancelled).replay(plan, root, trace)
    }

    /// Calls one function and tells those who need its value.
    fn run(&self, job: Job) {
        let executed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.executor.execute(
                &job.recipe,
                &job.inputs,
                job.origin,
                &job.cancelled,
                Reuse::EarlyCutoff,
            )
        }));
        let executed = executed.unwrap_or_else(|_| {
            Err(Fault::Breach {
                what: format!("executing {} panicked", job.recipe.address()),
            })
        });
        let Job {
            flight,
            inputs,
            recipe,
            begun,
            ..
        } = job;
        drop(inputs);
        let answers = match executed {
            Ok(executed) => {
                self.executor.offer(&recipe, &executed, begun);
                let held = Arc::new(Held::computed(
                    executed.content,
                    executed.bytes,
                    &self.meter,
                    self.config.in_flight_bytes,
                    self.executor.sources.as_ref(),
                ));
                let mut state = self.state.lock();
                state.landings += 1;
                state.board.landed(flight, &held)
            }
            Err(fault) => self.state.lock().board.failed(flight, &fault),
        };
        self.work.notify_all();
        for Answer { request, result } in answers {
            self.answer(request, result.map(|held| (held, None)));
        }
    }

    fn answer(&self, id: RequestId, result: Result<Valued, Fault>) {
        let Some(request) = self.state.lock().requests.remove(&id) else {
            return;
        };
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let evaluated = result.and_then(|(held, trace)| {
            let outcome = self.outcome(&held)?;
            Ok(Evaluated { outcome, trace })
        });
        (request.done)(evaluated);
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

    pub(super) fn withdraw(&self, id: RequestId) {
        let mut state = self.state.lock();
        let Some(request) = state.requests.remove(&id) else {
            return;
        };
        request.cancelled.store(true, Ordering::Relaxed);
        state.board.withdraw(id);
        drop(state);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        metrics::counter!("materialize_withdrawals_total").increment(1);
    }
}

/// The root's own address: an alias asked for is answered under the recipe it leads to.
fn root_address(plan: &Plan, asked: CAddr) -> CAddr {
    plan.nodes.get(plan.root).map_or(asked, |node| node.address)
}

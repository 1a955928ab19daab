//! The evaluator's requests: what each mode of them does, up to the board or to its own end.
//!
//! A request is told how it ended exactly once, whatever panics, or never if it withdrew. It refuses
//! to hold a lock while a function runs or the disk is read; `workers` has the threads.

use super::{
    alone::{self, Alone},
    board::{Answer, Board, FlightId, RequestId},
    execute::{Executor, Tally},
    hand::Hands,
    hold::{Held, Meter},
    plan::{Plan, PlanLimits, Planner},
    produce::Course,
    tail::{Reader, Tail},
    verify::{is_shared, looks},
    workers::caught,
};
use crate::{BudgetLimits, Monotonic, Registry};
use deriva_model::{CAddr, Trace};
use deriva_system::{
    Clock, Fault,
    compute::{Done, Look, Materialize, Mode, Sources},
};
use parking_lot::{Condvar, Mutex};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64},
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
    /// Bytes that a call may write whose value is given out in pieces.
    pub stream_bytes: u64,
    /// Decides which recipes a sampled verification takes; best a number that no client knows.
    pub salt: u64,
}

/// One request that is not answered yet.
pub(super) struct Request {
    pub(super) ask: Materialize,
    pub(super) done: Done,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) span: tracing::Span,
    /// How often a function had been caught when it was last planned.
    pub(super) voidings: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) board: Board,
    /// Requests to be planned and joined to the board.
    pub(super) plans: VecDeque<RequestId>,
    /// Requests whose graphs run alone.
    pub(super) solitary: VecDeque<RequestId>,
    /// Workers that are busy with a graph alone.
    pub(super) running_alone: usize,
    /// Productions that gave out something, for those who come late.
    pub(super) tails: HashMap<FlightId, Arc<Tail>>,
    /// Productions that are far enough ahead of their readers.
    pub(super) parked: HashMap<FlightId, Box<Course>>,
    /// Productions that go on.
    pub(super) resumed: VecDeque<Box<Course>>,
    /// What a worker took last was one of them: what else there is comes first now.
    pub(super) production_was_last: bool,
    pub(super) requests: HashMap<RequestId, Request>,
    pub(super) next_request: RequestId,
    /// Goes up with every flight that landed: a plan made before may have missed its value.
    pub(super) landings: u64,
    /// Functions caught since the start.
    pub(super) voidings: u64,
    pub(super) closing: bool,
}

impl State {
    /// Whether there may be work that no worker has taken.
    pub(super) fn is_anything_waiting(&self) -> bool {
        let queues = self.plans.is_empty() && self.resumed.is_empty() && self.solitary.is_empty();
        !queues || self.board.ready_at_most() + self.board.checks_at_most() > 0
    }
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) work: Condvar,
    pub(super) hands: Hands,
    pub(super) executor: Arc<Executor>,
    pub(super) config: EvaluatorConfig,
    pub(super) in_flight: AtomicU64,
    /// Itself: what wakes a production must not keep the evaluator.
    pub(super) this: Weak<Self>,
}

/// The evaluator of a node. Dropping it answers every request that waits, and ends its threads when
/// what they run has ended.
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
        let monotonic: Monotonic = {
            let clock = clock.clone();
            Arc::new(move || clock.monotonic())
        };
        let shared = Arc::new_cyclic(|this| Shared {
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            hands: Hands::new(config.workers),
            executor: Arc::new(Executor {
                registry,
                sources,
                clock,
                monotonic,
                limits: config.budget,
                tally: Tally::default(),
                meter: Meter::default(),
                stream_bytes: config.stream_bytes,
                in_flight_bytes: config.in_flight_bytes,
            }),
            config,
            in_flight: AtomicU64::new(0),
            this: this.clone(),
        });
        let evaluator = Self { shared };
        for number in 0..config.workers.max(1) {
            let shared = evaluator.shared.clone();
            thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || shared.work_until_closed(number))?;
        }
        Ok(evaluator)
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// What a request is answered with.
pub(super) enum Found {
    Value(Arc<Held>),
    /// With the trace of the modes that record.
    Traced(Arc<Held>, Trace),
    /// A value that is still being made.
    Reader(Reader),
}

impl Shared {
    /// Everything but shared flights happens here; a panic answers its own request only.
    pub(super) fn plan(&self, id: RequestId) {
        let Some((ask, cancelled, span)) = self.look_at(id) else {
            return;
        };
        let _entered = span.enter();
        let begun = self.executor.sources.invalidations();
        let planned = caught(|| match &ask.mode {
            _ if is_shared(&ask) => self.join(id, &ask, begun, &cancelled).transpose(),
            Mode::Parallel | Mode::Verify(_) => None,
            Mode::Sequential => {
                let course = alone::Course::Sequential { begun };
                Some(
                    self.alone(&ask, &cancelled, course)
                        .map(|(held, _)| Found::Value(held)),
                )
            }
            Mode::Record => {
                let course = alone::Course::Record;
                Some(
                    self.alone(&ask, &cancelled, course)
                        .map(|(held, trace)| Found::Traced(held, trace)),
                )
            }
            Mode::Replay(trace) => Some(
                self.replay(&ask, &cancelled, trace)
                    .map(|(held, trace)| Found::Traced(held, trace)),
            ),
        });
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
        let mut state = self.state.lock();
        let voidings = state.voidings;
        let request = state.requests.get_mut(&id)?;
        request.voidings = voidings;
        Some((
            request.ask.clone(),
            request.cancelled.clone(),
            request.span.clone(),
        ))
    }

    fn planned(&self, ask: &Materialize, cancelled: &AtomicBool) -> Result<Plan, Fault> {
        let (root_look, look) = looks(ask);
        let planner = Planner {
            sources: self.executor.sources.as_ref(),
            transient: &ask.transient,
            look,
            root_look,
            cancelled,
            limits: PlanLimits::default(),
        };
        let plan = planner.plan(ask.root)?;
        if root_look != Look::ForRecipes {
            self.executor.sources.looked_up(plan.known, plan.to_run());
        }
        metrics::histogram!("materialize_graph_depth").record(f64::from(plan.depth()));
        Ok(plan)
    }

    /// Joins the board; the root at once if it is known.
    fn join(
        &self,
        id: RequestId,
        ask: &Materialize,
        begun: u64,
        cancelled: &AtomicBool,
    ) -> Result<Option<Found>, Fault> {
        let landings = self.state.lock().landings;
        let mut plan = self.planned(ask, cancelled)?;
        plan.checks = self.checks(ask, &plan);
        let (_, look) = looks(ask);
        let mut state = self.state.lock();
        let voidings = state.voidings;
        match state.requests.get(&id) {
            None => return Ok(None),
            Some(request) if request.voidings < voidings => {
                state.plans.push_back(id);
                return Ok(None);
            }
            Some(_) => {}
        }
        if state.board.awaited_by(id).is_some() {
            // Two noticed that it was overtaken, so it was planned twice. It waits once.
            return Ok(None);
        }
        let stale = state.landings != landings;
        let answer = state.board.join(id, &plan, begun, |address| {
            if stale {
                self.came_in(address, look)
            } else {
                None
            }
        });
        let found = match answer {
            Some(Answer { result, .. }) => result.map(|held| Some(Found::Value(held))),
            None => self.tailed(&mut state, id),
        };
        // This worker takes one piece of it itself, after the answer if there is one.
        self.wake(&state, usize::from(matches!(found, Ok(None))));
        found
    }

    /// A value that another flight brought in since the plan was made.
    fn came_in(&self, address: &CAddr, look: Look) -> Option<Arc<Held>> {
        let value = self.executor.sources.travelling(address)?;
        if look == Look::ForVerified && !value.is_verified() {
            return None;
        }
        Some(Arc::new(Held::known(value.content(), value.bytes.clone())))
    }

    fn solitary<'a>(&'a self, cancelled: &'a Arc<AtomicBool>) -> Alone<'a> {
        Alone {
            executor: &self.executor,
            cancelled,
        }
    }

    fn alone(
        &self,
        ask: &Materialize,
        cancelled: &Arc<AtomicBool>,
        course: alone::Course,
    ) -> Result<(Arc<Held>, Trace), Fault> {
        let plan = self.planned(ask, cancelled)?;
        let root = root_address(&plan, ask.root);
        self.solitary(cancelled).in_order(plan, root, course)
    }

    fn replay(
        &self,
        ask: &Materialize,
        cancelled: &Arc<AtomicBool>,
        trace: &Trace,
    ) -> Result<(Arc<Held>, Trace), Fault> {
        let plan = self.planned(ask, cancelled)?;
        let root = root_address(&plan, ask.root);
        self.solitary(cancelled).replay(plan, root, trace)
    }
}

/// The root's own address: an alias asked for is answered under the recipe it leads to.
fn root_address(plan: &Plan, asked: CAddr) -> CAddr {
    plan.node(plan.root).map_or(asked, |node| node.address)
}

//! Productions among the workers: who is shown what is there, when one is put aside, and how it ends.
//!
//! A production holds a worker while it computes and nothing while it waits for its readers. It ends
//! early when nobody needs it any more, runs on to its end where another function needs it whole, and
//! becomes the live input of the one function that needs it piece by piece. It refuses to show a value
//! that ends at once: that one is answered whole.

use super::{
    board::{Audience, Flight, FlightId, Job, RequestId},
    engine::{Found, Request, Shared, State},
    hand::Landed,
    hold::Held,
    live::{Live, NESTED_MAX},
    production::{Production, no_room},
    tail::{Reader, Resume},
    task::{Executed, Task},
    workers::{caught, tell},
};
use deriva_system::{
    Fault,
    compute::{Evaluated, Outcome},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Bytes that a value may have and still be answered whole.
const WHOLE_MAX: u64 = 256 << 10;
/// How long a reader waits for the rest of a value that could be answered whole.
const WHOLE_WAIT: Duration = Duration::from_millis(20);
/// How long a production keeps its worker while other work waits for one.
const TURN: Duration = Duration::from_millis(10);

/// A production with whom it is for.
pub(super) struct Course {
    pub(super) flight: FlightId,
    begun: u64,
    started: Duration,
    production: Production,
}

/// What becomes of a production after a piece.
enum Pace {
    On(Box<Course>),
    /// It is in other hands, or over.
    Off,
}

impl Shared {
    /// Calls a task's function, at once or piece by piece. Gives the value of one that ended at once
    /// and well; whoever calls brings it home.
    pub(super) fn begin(&self, job: Job) -> Option<Landed> {
        let (flight, address) = (job.flight, job.task.recipe.address());
        let breach = |_| Fault::Breach {
            what: format!("executing {address} panicked"),
        };
        let opened = caught(|| self.open(job)).map_err(breach);
        match opened.and_then(|opened| opened) {
            Ok(Opened::Done(held)) => return Some((flight, held)),
            Ok(Opened::Course(course)) => self.produce(course),
            Err(fault) => self.land(flight, Err(fault)),
        }
        None
    }

    fn open(&self, job: Job) -> Result<Opened, Fault> {
        let executor = &self.executor;
        executor.admit(&job.task)?;
        let prepared = executor.prepare(&job.task)?;
        if let Some(known) = executor.known(&job.task, &prepared) {
            return Ok(Opened::Done(self.kept(&job.task, known, job.begun)));
        }
        if let Some(executed) = executor.at_once(&job.task, &prepared, job.audience)? {
            return Ok(Opened::Done(self.kept(&job.task, executed, job.begun)));
        }
        Ok(Opened::Course(Box::new(Course {
            flight: job.flight,
            begun: job.begun,
            started: executor.clock.monotonic(),
            production: executor.open(job.task, prepared)?,
        })))
    }

    fn kept(&self, task: &Task, executed: Executed, begun: u64) -> Arc<Held> {
        self.executor.offer(task.recipe.address(), &executed, begun);
        self.executor.hold(executed)
    }

    /// Goes on with a production until it ends or is put aside.
    pub(super) fn produce(&self, mut course: Box<Course>) {
        let since = self.executor.clock.monotonic();
        loop {
            let address = course.production.task.recipe.address();
            let more = caught(|| course.production.advance()).unwrap_or_else(|_| {
                Err(Fault::Breach {
                    what: format!("producing {address} panicked"),
                })
            });
            match more {
                // Who needs it, and how far they are, matters only when they could have more.
                Ok(true) if !course.production.has_given() => continue,
                Ok(true) => {}
                Ok(false) => return self.produced(*course),
                Err(fault) => {
                    self.land(course.flight, Err(fault.clone()));
                    return course.production.tail.end(Err(fault));
                }
            }
            match self.pace(course, since) {
                Pace::On(on) => course = on,
                Pace::Off => return,
            }
        }
    }

    /// What becomes of it. It has been on this worker `since` then.
    fn pace(&self, course: Box<Course>, since: Duration) -> Pace {
        let now = self.executor.clock.monotonic();
        let mut state = self.state.lock();
        let Some(audience) = state.board.audience(course.flight) else {
            state.tails.remove(&course.flight);
            drop(state);
            course.production.tail.end(Err(Fault::Cancelled));
            return Pace::Off;
        };
        if course.is_for_one_function(audience) {
            return self.hand_over(state, course);
        }
        if audience.waiters == 0 && !course.production.can_be_held() {
            drop(state);
            let fault = no_room(course.production.size);
            self.land(course.flight, Err(fault));
            return Pace::Off;
        }
        let shown = match course.is_worth_showing(now) {
            true => self.show(&mut state, &course),
            false => Vec::new(),
        };
        let aside = audience.consumers == 0 && course.production.tail.park();
        let pace = match aside {
            true => {
                state.parked.insert(course.flight, course);
                told(&state);
                Pace::Off
            }
            false if now.saturating_sub(since) >= TURN && state.is_anything_waiting() => {
                state.resumed.push_back(course);
                self.work.notify_one();
                Pace::Off
            }
            false => Pace::On(course),
        };
        drop(state);
        for (request, reader) in shown {
            tell(request, reader.map(streamed));
        }
        pace
    }

    /// The one function that needs the value pulls the rest itself.
    fn hand_over(
        &self,
        mut state: parking_lot::MutexGuard<'_, State>,
        course: Box<Course>,
    ) -> Pace {
        let Course {
            flight, production, ..
        } = *course;
        let held = Arc::new(Held::live(Live::new(Box::new(production))));
        state.landings += 1;
        // Of a reader who left.
        state.tails.remove(&flight);
        // Nobody waited for it, so nobody is answered.
        state.board.landed(flight, &held);
        self.wake(&state, 1);
        Pace::Off
    }

    /// Requests that wait and were shown nothing yet, each with a reader.
    fn show(&self, state: &mut State, course: &Course) -> Vec<(Request, Result<Reader, Fault>)> {
        let tail = &course.production.tail;
        let waiters = state.board.waiters(course.flight).iter();
        let waiting: Vec<RequestId> = waiters
            .copied()
            .filter(|waiter| state.requests.contains_key(waiter))
            .collect();
        if waiting.is_empty() {
            return Vec::new();
        }
        state.tails.insert(course.flight, tail.clone());
        let mut shown = Vec::with_capacity(waiting.len());
        for waiter in waiting {
            if let Some(request) = self.forget_in(state, waiter) {
                shown.push((request, tail.reader(self.resume(course.flight))));
            }
        }
        shown
    }

    /// A reader of what the request's flight has given out already.
    pub(super) fn tailed(
        &self,
        state: &mut State,
        request: RequestId,
    ) -> Result<Option<Found>, Fault> {
        self.unpark_wanted(state);
        let Some(flight) = state.board.awaited_by(request) else {
            return Ok(None);
        };
        let Some(tail) = state.tails.get(&flight) else {
            return Ok(None);
        };
        let reader = tail.reader(self.resume(flight))?;
        Ok(Some(Found::Reader(reader)))
    }

    /// What another function needs whole does not wait for readers.
    fn unpark_wanted(&self, state: &mut State) {
        for flight in state.board.take_wanted() {
            self.bring_back(state, flight);
        }
    }

    /// A production that was put aside goes on, whatever its readers do.
    fn bring_back(&self, state: &mut State, flight: FlightId) {
        if let Some(course) = state.parked.remove(&flight) {
            course.production.tail.unpark();
            state.resumed.push_back(course);
            told(state);
            self.work.notify_one();
        }
    }

    fn resume(&self, flight: FlightId) -> Resume {
        let shared = self.this.clone();
        Box::new(move || {
            if let Some(shared) = shared.upgrade() {
                shared.bring_back(&mut shared.state.lock(), flight);
            }
        })
    }

    fn produced(&self, mut course: Course) {
        let Course { flight, begun, .. } = course;
        let tail = course.production.tail.clone();
        let recipe = course.production.task.recipe.clone();
        let landed = caught(|| {
            let finished = course.production.finish();
            let end = (finished.content, finished.size);
            let held = finished.value().map(|executed| {
                self.executor.offer(recipe.address(), &executed, begun);
                self.executor.hold(executed)
            });
            (end, held)
        });
        match landed {
            Ok((end, held)) => {
                self.land(flight, held);
                tail.end(Ok(end));
            }
            Err(_) => {
                let what = format!("ending the production of {} panicked", recipe.address());
                let fault = Fault::Breach { what };
                self.land(flight, Err(fault.clone()));
                tail.end(Err(fault));
            }
        }
    }

    /// Takes out what nobody needs any more of the flights that ended unwanted or failed; both are to
    /// be dropped outside the lock.
    pub(super) fn take_unwanted(state: &mut State) -> Unwanted {
        let flights = state.board.take_gone();
        if flights.is_empty() {
            return Unwanted::default();
        }
        let State {
            board,
            parked,
            tails,
            ..
        } = state;
        tails.retain(|flight, _| board.audience(*flight).is_some());
        let unwanted: Vec<FlightId> = parked
            .keys()
            .copied()
            .filter(|flight| board.audience(*flight).is_none())
            .collect();
        let gone = unwanted.iter().filter_map(|flight| parked.remove(flight));
        let courses = gone.map(|course| *course).collect();
        told(state);
        Unwanted { flights, courses }
    }

    pub(super) fn forget_in(&self, state: &mut State, id: RequestId) -> Option<Request> {
        let request = state.requests.remove(&id)?;
        // Under the lock, so that the count is never above what whoever left can know.
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        Some(request)
    }
}

fn told(state: &State) {
    metrics::gauge!("materialize_productions_waiting").set(state.parked.len() as f64);
}

/// What nobody needs any more.
#[derive(Default)]
pub(super) struct Unwanted {
    flights: Vec<Flight>,
    courses: Vec<Course>,
}

impl Unwanted {
    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty() && self.courses.is_empty()
    }
}

enum Opened {
    Done(Arc<Held>),
    Course(Box<Course>),
}

pub(super) fn streamed(reader: Reader) -> Evaluated {
    Evaluated {
        outcome: Outcome::Production(Box::new(reader)),
        trace: None,
    }
}

impl Course {
    /// Whether one function needs it and nobody else, and it is too much to be held. What lost its
    /// beginning to a file goes on into it: whoever pulls takes what stands in memory.
    fn is_for_one_function(&self, audience: Audience) -> bool {
        let one = Audience {
            consumers: 1,
            waiters: 0,
        };
        audience == one
            && self.production.is_full()
            && self.production.is_in_memory()
            && self.production.task.depth() < NESTED_MAX
    }

    fn is_worth_showing(&self, now: Duration) -> bool {
        let waited = now.saturating_sub(self.started);
        self.production.tail.in_memory() > 0
            && (self.production.size > WHOLE_MAX || waited >= WHOLE_WAIT)
    }
}

//! The board: every computation under way in this process, as plain data.
//!
//! A flight is one recipe being computed for whoever needs it: other flights (its consumers) and
//! requests (its waiters). A waiter holds no thread and no permit, so overlapping graphs cannot
//! deadlock. The board refuses to run anything, to look at a clock, and to keep a flight that nobody
//! needs any more.

#[path = "check.rs"]
mod check;
#[path = "flight.rs"]
mod flight;
#[path = "flights.rs"]
mod flights;
#[path = "sweep.rs"]
mod sweep;

pub(super) use check::{Apart, Check, Checks, Settled, Verdict, Worker, is_the_worlds};
pub(super) use flight::Flight;
pub(super) use flights::FlightId;

use check::CheckQueue;
use flight::Input;
use flights::Flights;

use super::{
    hold::Held,
    plan::{Kind, Node, Plan},
    task::Task,
};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::{AddressMap, Fault};
use smallvec::SmallVec;
use std::{
    collections::{BinaryHeap, HashMap, hash_map::Entry},
    sync::Arc,
};

pub(super) type RequestId = u64;

/// One function to call, with all its inputs.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) flight: FlightId,
    pub(super) task: Task,
    /// The oldest invalidation number under which anything it consumes was looked up.
    pub(super) begun: u64,
    pub(super) check: Check,
    /// Who needed it when it was taken.
    pub(super) audience: Audience,
}

/// Who needs a flight's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Audience {
    /// Positions in other flights.
    pub(super) consumers: usize,
    /// Requests.
    pub(super) waiters: usize,
}

/// An answer for a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request: RequestId,
    pub(super) result: Result<Arc<Held>, Fault>,
}

/// Longest chain first, then the older flight.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ready {
    rank: u32,
    older: std::cmp::Reverse<FlightId>,
}

/// The state of all computations that are shared between requests.
#[derive(Debug, Default)]
pub(super) struct Board {
    flights: Flights,
    /// Those that others may join, and some that have ended.
    by_address: AddressMap<(CAddr, Check), FlightId>,
    by_request: HashMap<RequestId, FlightId>,
    ready: BinaryHeap<Ready>,
    checks: CheckQueue,
    /// Flights that ended unwanted or failed: whoever holds the lock drops them after it.
    gone: Vec<Flight>,
    /// Flights that ran already when a function came to need them.
    wanted: Vec<FlightId>,
}

impl Board {
    /// Joins a plan that was begun under the invalidation number `begun`. The answer is there at once
    /// if its root is known. `finished` may know a value that came in after the plan was made.
    pub(super) fn join(
        &mut self,
        request: RequestId,
        plan: &Plan,
        begun: u64,
        finished: impl Fn(&CAddr) -> Option<Arc<Held>>,
    ) -> Option<Answer> {
        self.sweep_ready();
        self.sweep_checks();
        self.sweep_addresses();
        self.flights.reserve(plan.nodes.len());
        let result = match self.weave(plan, begun, finished) {
            Some(Joined::Here(held)) => Ok(held),
            Some(Joined::Flight(id)) => {
                if let Some(flight) = self.flights.get_mut(id) {
                    self.by_request.insert(request, id);
                    flight.waiters.push(request);
                    flight.interest += 1;
                    return None;
                }
                Err(Fault::Breach {
                    what: "a flight vanished while it was joined".to_owned(),
                })
            }
            None => Err(Fault::Breach {
                what: "a plan without a root".to_owned(),
            }),
        };
        Some(Answer { request, result })
    }

    /// Makes flights for what is not under way yet, from the root down, so that nothing is begun
    /// beneath a flight that exists already.
    fn weave(
        &mut self,
        plan: &Plan,
        begun: u64,
        finished: impl Fn(&CAddr) -> Option<Arc<Held>>,
    ) -> Option<Joined> {
        let mut joined: Vec<Option<Joined>> = Vec::new();
        joined.resize_with(plan.nodes.len(), || None);
        let mut open = vec![plan.root];
        // In the order in which they are begun.
        let mut fresh: Vec<(FlightId, Node)> = Vec::new();
        while let Some(at) = open.pop() {
            let (Some(node), Some(slot @ None)) = (plan.node(at), joined.get_mut(at as usize))
            else {
                continue;
            };
            let (recipe, origin) = match &node.kind {
                Kind::Have(held) => {
                    *slot = Some(Joined::Here(held.clone()));
                    continue;
                }
                Kind::Run { recipe, origin, .. } => (recipe, *origin),
            };
            let check = plan.checks.of(&node.address);
            let place = match check {
                Check::Apart => None,
                check => Some(self.by_address.entry((node.address, check))),
            };
            if let Some(Entry::Occupied(known)) = &place
                && let Some(flight) = self.flights.get_mut(*known.get())
            {
                // A longer chain may hang on it now.
                flight.rank = flight.rank.max(node.rank);
                *slot = Some(Joined::Flight(*known.get()));
                continue;
            }
            if check != Check::Apart
                && let Some(held) = finished(&node.address)
            {
                *slot = Some(Joined::Here(held));
                continue;
            }
            let flight = Flight::new(check, recipe.clone(), origin);
            let flight = self.flights.insert(Flight {
                rank: node.rank,
                begun,
                ..flight
            });
            if let Some(place) = place {
                place.insert_entry(flight);
            }
            *slot = Some(Joined::Flight(flight));
            fresh.push((flight, at));
            open.extend(plan.inputs_of(at));
        }
        self.wire(plan, &joined, &fresh);
        joined.into_iter().nth(plan.root as usize).flatten()
    }

    /// Connects new flights to their inputs; those that wait for nothing are ready.
    fn wire(&mut self, plan: &Plan, joined: &[Option<Joined>], fresh: &[(FlightId, Node)]) {
        for (consumer, node) in fresh {
            let nodes = plan.inputs_of(*node);
            let Some(check) = self.flights.get(*consumer).map(|flight| flight.check) else {
                continue;
            };
            let mut inputs = SmallVec::with_capacity(nodes.len());
            let mut open = 0;
            for (position, node) in (0..).zip(nodes) {
                inputs.push(match joined.get(*node as usize) {
                    Some(Some(Joined::Here(held))) => Input::Here(held.clone()),
                    Some(Some(Joined::Flight(producer))) => {
                        self.hang(*producer, (*consumer, position), check);
                        open += 1;
                        Input::From(*producer)
                    }
                    Some(None) | None => continue,
                });
            }
            if let Some(flight) = self.flights.get_mut(*consumer) {
                flight.inputs = inputs;
                flight.open = open;
            }
            self.ready_if_full(*consumer);
        }
    }

    /// One more position hangs on a flight.
    fn hang(&mut self, producer: FlightId, consumer: (FlightId, u32), check: Check) {
        if let Some(flight) = self.flights.get_mut(producer) {
            flight.consumers.push(consumer);
            flight.interest += 1;
            flight.is_held |= check != Check::Once;
            if flight.running.is_some() {
                self.wanted.push(producer);
            }
        }
    }

    /// A flight whose slots are all filled is ready, once.
    fn ready_if_full(&mut self, id: FlightId) {
        if let Some(flight) = self.flights.get(id)
            && flight.open == 0
            && flight.running.is_none()
        {
            self.ready.push(Ready {
                rank: flight.rank,
                older: std::cmp::Reverse(id),
            });
        }
    }

    /// Who needs this flight's value now; `None` if it is gone.
    pub(super) fn audience(&self, id: FlightId) -> Option<Audience> {
        self.flights.get(id).map(|flight| flight.audience())
    }

    /// The requests that wait for this flight.
    pub(super) fn waiters(&self, id: FlightId) -> &[RequestId] {
        self.flights.get(id).map_or(&[], |flight| &flight.waiters)
    }

    /// Flights that ran already when a function came to need them, since the last time.
    pub(super) fn take_wanted(&mut self) -> Vec<FlightId> {
        std::mem::take(&mut self.wanted)
    }

    /// The flight that a request waits for.
    pub(super) fn awaited_by(&self, request: RequestId) -> Option<FlightId> {
        self.by_request.get(&request).copied()
    }

    /// Whether anybody needs this flight's value beyond the cache.
    fn is_wanted(&self, id: FlightId) -> bool {
        self.flights
            .get(id)
            .is_some_and(|flight| flight.interest > 0)
    }

    /// A flight came home: its consumers' slots are filled, its waiters answered.
    pub(super) fn landed(&mut self, id: FlightId, held: &Arc<Held>) -> Vec<Answer> {
        let Some(flight) = self.remove(id) else {
            return Vec::new();
        };
        for (consumer, position) in flight.consumers {
            let Some(consuming) = self.flights.get_mut(consumer) else {
                continue;
            };
            if let Some(slot) = consuming.inputs.get_mut(position as usize) {
                *slot = Input::Here(held.clone());
                consuming.open -= 1;
                consuming.begun = consuming.begun.min(flight.begun);
            }
            self.ready_if_full(consumer);
        }
        self.answer(flight.waiters, &Ok(held.clone()))
    }

    /// A flight failed, and with it everything that needs it; what only they needed is let go.
    pub(super) fn failed(&mut self, id: FlightId, fault: &Fault) -> Vec<Answer> {
        let mut answers = Vec::new();
        let mut failing = vec![id];
        let mut freed = Vec::new();
        while let Some(id) = failing.pop() {
            let Some(mut flight) = self.remove(id) else {
                continue;
            };
            failing.extend(flight.consumers.iter().map(|(consumer, _)| *consumer));
            freed.extend(producers(&flight));
            let waiters = std::mem::take(&mut flight.waiters);
            answers.extend(self.answer(waiters, &Err(fault.clone())));
            self.gone.push(flight);
        }
        self.let_go(freed);
        answers
    }

    /// A request is withdrawn, whether it was; what others wait for goes on.
    pub(super) fn withdraw(&mut self, request: RequestId) -> bool {
        let Some(id) = self.by_request.remove(&request) else {
            return false;
        };
        if let Some(flight) = self.flights.get_mut(id) {
            flight.waiters.retain(|waiter| *waiter != request);
            flight.interest = flight.interest.saturating_sub(1);
        }
        let mut freed = Vec::new();
        self.drop_if_unwanted(id, &mut freed);
        self.let_go(freed);
        true
    }

    /// All requests are withdrawn.
    pub(super) fn withdraw_all(&mut self) {
        let requests: Vec<RequestId> = self.by_request.keys().copied().collect();
        for request in requests {
            self.withdraw(request);
        }
    }

    fn remove(&mut self, id: FlightId) -> Option<Flight> {
        let flight = self.flights.remove(id)?;
        if self.flights.len() == 0 {
            self.sweep_addresses();
        }
        Some(flight)
    }

    fn answer(
        &mut self,
        waiters: Vec<RequestId>,
        result: &Result<Arc<Held>, Fault>,
    ) -> Vec<Answer> {
        waiters
            .into_iter()
            .map(|request| {
                self.by_request.remove(&request);
                Answer {
                    request,
                    result: result.clone(),
                }
            })
            .collect()
    }
}

#[derive(Debug)]
enum Joined {
    Here(Arc<Held>),
    Flight(FlightId),
}

/// The flights that still have to fill a slot, once each a slot.
fn producers(flight: &Flight) -> impl Iterator<Item = FlightId> + '_ {
    flight.inputs.iter().filter_map(|input| match input {
        Input::From(producer) => Some(*producer),
        Input::Here(_) => None,
    })
}

#[cfg(test)]
#[path = "board_test.rs"]
mod board_test;

//! Second executions: which flights have one, who may take it and when, and what the two say together.
//!
//! First executions go before second ones, and second ones go last come, first gone: so the two are
//! made in different orders wherever there is a choice. Neither may wait for ever: second executions
//! are taken in waves, and a wave begins when so many wait or so many first ones went before them. It
//! refuses the second execution of a flight to the worker that had the first, while there is another.

use super::{Board, FlightId, Job, Ready, RequestId};
use deriva_model::{CAddr, ContentHash};
use deriva_system::{
    Failure, Fault,
    compute::{Rate, Verification},
};
use std::sync::{Arc, atomic::AtomicBool};

/// Second executions that wait before they go first: each keeps the inputs of its flight alive.
const WAITING_MAX: usize = 256;
/// First executions that go before a second one that waits.
const PASSED_MAX: usize = 64;

/// How often a recipe is executed before its value is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::evaluator) enum Check {
    #[default]
    Once,
    Twice,
    /// Twice, and neither shares a flight with anybody nor takes a value that is known.
    Apart,
}

/// What stands apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::evaluator) enum Apart {
    #[default]
    Nothing,
    Only(CAddr),
    Everything,
}

/// Which recipes of a request are executed twice.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::evaluator) struct Checks {
    pub(in crate::evaluator) verification: Verification,
    pub(in crate::evaluator) apart: Apart,
    /// Of this process: what is sampled differs from one to the next.
    pub(in crate::evaluator) salt: u64,
}

impl Checks {
    pub(super) fn of(&self, recipe: &CAddr) -> Check {
        match self.apart {
            Apart::Everything => return Check::Apart,
            Apart::Only(root) if root == *recipe => return Check::Apart,
            Apart::Only(_) | Apart::Nothing => {}
        }
        match self.verification {
            Verification::Off => Check::Once,
            Verification::Dual => Check::Twice,
            Verification::Sampled(rate) if is_sampled(recipe, self.salt, rate) => Check::Twice,
            Verification::Sampled(_) => Check::Once,
        }
    }
}

/// Whether a recipe is among the share: by its address, which is as good as chance, and a number
/// that clients do not know, so that none of them can choose recipes that are not.
fn is_sampled(recipe: &CAddr, salt: u64, rate: Rate) -> bool {
    let (words, _) = recipe.as_bytes().as_chunks::<8>();
    let mixed = words.iter().fold(salt, |mixed, word| {
        // The finishing steps of a well known mixer: every bit of the address moves every other.
        let mut mixed = mixed ^ u64::from_le_bytes(*word);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    let share = (u128::from(mixed) * u128::from(Rate::ALL)) >> 64;
    share < u128::from(rate.parts())
}

/// A worker that looks for something to do.
#[derive(Clone, Copy, Debug)]
pub(in crate::evaluator) struct Worker {
    pub(in crate::evaluator) number: usize,
    /// How many there are.
    pub(in crate::evaluator) crew: usize,
}

impl Worker {
    fn may_check(self, first: usize) -> bool {
        self.crew <= 1 || self.number != first
    }
}

/// A second execution that waits, and who had the first.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    flight: FlightId,
    first: usize,
}

/// Second executions that wait.
#[derive(Debug, Default)]
pub(super) struct CheckQueue {
    /// Taken from its end.
    wave: Vec<Waiting>,
    /// The next wave.
    next: Vec<Waiting>,
    /// First executions that went before, since the last second one.
    passed: usize,
}

impl CheckQueue {
    pub(super) fn push(&mut self, flight: FlightId, first: Worker) {
        let first = first.number;
        self.next.push(Waiting { flight, first });
    }

    fn len(&self) -> usize {
        self.wave.len() + self.next.len()
    }

    fn is_due(&self) -> bool {
        self.len() >= WAITING_MAX || (self.len() > 0 && self.passed >= PASSED_MAX)
    }

    /// The last of the wave that the worker may take; of the next one when there is none.
    fn take(&mut self, by: Worker) -> Option<FlightId> {
        if self.wave.is_empty() {
            std::mem::swap(&mut self.wave, &mut self.next);
        }
        for queue in [&mut self.wave, &mut self.next] {
            let fits = queue
                .iter()
                .rposition(|waiting| by.may_check(waiting.first));
            if let Some(at) = fits {
                return Some(queue.remove(at).flight);
            }
        }
        None
    }
}

/// What one execution came to: a value, or a failure of the function's own.
pub(in crate::evaluator) type Verdict = Result<ContentHash, Fault>;

/// What is known when one of two executions has ended.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum Settled {
    /// Nobody wants the flight any more.
    Unwanted,
    /// The other one is still out.
    Waiting,
    Agreed,
    Differ {
        first: Option<ContentHash>,
        second: Option<ContentHash>,
    },
}

impl Board {
    /// What the worker does next.
    pub(in crate::evaluator) fn next_for(&mut self, by: Worker) -> Option<Job> {
        if self.checks.is_due()
            && let Some(job) = self.take_check(by)
        {
            return Some(job);
        }
        let passed = usize::from(self.checks.len() > 0);
        if let Some(job) = self.take_first(by) {
            self.checks.passed += passed;
            return Some(job);
        }
        self.take_check(by)
    }

    /// The next function to call for the first time. Entries of flights that are gone or running are
    /// passed over.
    fn take_first(&mut self, by: Worker) -> Option<Job> {
        loop {
            let Ready { older, .. } = self.ready.pop()?;
            let Some(flight) = self.flights.get_mut(older.0) else {
                continue;
            };
            if flight.running.is_some() {
                continue;
            }
            let cancelled = Arc::new(AtomicBool::new(false));
            flight.running = Some(cancelled.clone());
            let inputs = match flight.check {
                Check::Once => std::mem::take(&mut flight.inputs),
                Check::Twice | Check::Apart => {
                    self.checks.push(older.0, by);
                    flight.inputs.clone()
                }
            };
            let job = flight.job(older.0, inputs, cancelled);
            let reins = job.task.inputs.iter().flat_map(|held| held.reins());
            flight.pulled = reins.cloned().collect();
            return Some(job);
        }
    }

    /// The second execution of a flight. Entries of flights that are gone are passed over.
    fn take_check(&mut self, by: Worker) -> Option<Job> {
        loop {
            let id = self.checks.take(by)?;
            let Some(flight) = self.flights.get_mut(id) else {
                continue;
            };
            let Some(cancelled) = flight.running.clone() else {
                continue;
            };
            let inputs = std::mem::take(&mut flight.inputs);
            self.checks.passed = 0;
            return Some(flight.job(id, inputs, cancelled));
        }
    }

    /// How many second executions wait, at most: some are of flights that are gone.
    pub(in crate::evaluator) fn checks_at_most(&self) -> usize {
        self.checks.len()
    }

    /// Entries of flights that are gone go when they outnumber what is under way.
    pub(super) fn sweep_checks(&mut self) {
        if self.checks.len() <= 2 * self.flights.len() + WAITING_MAX {
            return;
        }
        for queue in [&mut self.checks.wave, &mut self.checks.next] {
            queue.retain(|waiting| self.flights.contains(waiting.flight));
        }
    }

    /// One execution of a flight that has two came to a verdict.
    pub(in crate::evaluator) fn settle(&mut self, id: FlightId, verdict: &Verdict) -> Settled {
        let Some(flight) = self.flights.get_mut(id) else {
            return Settled::Unwanted;
        };
        let Some(first) = flight.verdict.take() else {
            flight.verdict = Some(Box::new(verdict.clone()));
            return Settled::Waiting;
        };
        match (*first, verdict) {
            (Ok(first), Ok(second)) if first == *second => Settled::Agreed,
            // Two failures are no result, so they are no two results.
            (Err(_), Err(_)) => Settled::Agreed,
            (first, second) => Settled::Differ {
                first: first.ok(),
                second: second.as_ref().ok().copied(),
            },
        }
    }

    /// Everything under way ends, and those who wait for it are to begin anew: what they consumed may
    /// not be true.
    pub(in crate::evaluator) fn restart(&mut self) -> Vec<RequestId> {
        self.ready.clear();
        self.checks = CheckQueue::default();
        self.by_address.clear();
        for flight in self.flights.drain() {
            flight.cancel();
            self.gone.push(flight);
        }
        self.by_request
            .drain()
            .map(|(request, _)| request)
            .collect()
    }

    #[cfg(test)]
    pub(super) fn take(&mut self) -> Option<Job> {
        self.take_first(Worker { number: 0, crew: 1 })
    }
}

/// Whether a failure says as much of the machine, or of who asked, as of the function: then the other
/// execution does not contradict it.
pub(in crate::evaluator) const fn is_the_worlds(fault: &Fault) -> bool {
    match fault {
        Fault::FunctionFailed { failure, .. } => matches!(failure, Failure::TooSlow),
        Fault::OverLimit { .. } | Fault::RefusedRecipe { .. } => false,
        _ => true,
    }
}

#[cfg(test)]
#[path = "check_test.rs"]
mod check_test;

//! Executing twice: both executions on inputs in recipe order, neither answered by early cutoff, and
//! nothing leaves before both came to the same.
//!
//! When they did not, the function is distrusted at once, everything under way begins anew without
//! what may be wrong, and whoever needed the recipe hears of it when the distrust is on disk. It
//! refuses to call a cancellation, a slow machine or a full disk a difference.

use super::{
    board::{
        Answer, Apart, Check, Checks, FlightId, Job, RequestId, Settled, Verdict, is_the_worlds,
    },
    engine::{Found, Shared},
    execute::Reuse,
    hold::Held,
    plan::Plan,
    task::Executed,
    workers::caught,
};
use deriva_model::{CAddr, FunctionId};
use deriva_system::{
    Fault,
    compute::{Depth, Look, Materialize, Mode, Verification, Violation},
};
use std::sync::{Arc, atomic::Ordering};

/// How a request looks at its root and at what is beneath it.
pub(super) const fn looks(ask: &Materialize) -> (Look, Look) {
    let known = match ask.verification {
        Verification::Dual => Look::ForVerified,
        Verification::Off | Verification::Sampled(_) => Look::ForValues,
    };
    match ask.mode {
        Mode::Parallel | Mode::Sequential => (known, known),
        Mode::Verify(Depth::Root) => (Look::ForRecipes, known),
        Mode::Verify(Depth::Graph) | Mode::Record | Mode::Replay(_) => {
            (Look::ForRecipes, Look::ForRecipes)
        }
    }
}

/// Whether a request's graph goes to the board. One step at a time is one order; a request that is
/// verified wants two.
pub(super) const fn is_shared(ask: &Materialize) -> bool {
    match ask.mode {
        Mode::Parallel | Mode::Verify(_) => true,
        Mode::Sequential => !matches!(ask.verification, Verification::Off),
        Mode::Record | Mode::Replay(_) => false,
    }
}

impl Shared {
    /// What of a plan is executed twice.
    pub(super) fn checks(&self, ask: &Materialize, plan: &Plan) -> Checks {
        let root = plan.node(plan.root).map_or(ask.root, |root| root.address);
        Checks {
            verification: ask.verification,
            apart: match ask.mode {
                Mode::Verify(Depth::Root) => Apart::Only(root),
                Mode::Verify(Depth::Graph) => Apart::Everything,
                _ => Apart::Nothing,
            },
            salt: self.config.salt,
        }
    }

    /// One of the two executions of a flight, and what follows from both if it is the second to end.
    pub(super) fn run_checked(&self, job: Job) {
        let reuse = match job.check {
            Check::Apart => Reuse::NothingOnTrial,
            Check::Once | Check::Twice => Reuse::Nothing,
        };
        let Job {
            flight,
            task,
            begun,
            audience,
            ..
        } = job;
        let address = task.recipe.address();
        let function = task.recipe.recipe().function().clone();
        // Nobody is shown it before its end, also where it would be streamed.
        let made = caught(|| self.executor.execute(task, reuse, audience));
        let made = made.unwrap_or_else(|_| Err(panicked(&address)));
        if let Err(fault) = &made
            && is_the_worlds(fault)
        {
            counted("undecided");
            return self.land(flight, Err(fault.clone()));
        }
        let verdict: Verdict = match &made {
            Ok(executed) => Ok(executed.content),
            Err(fault) => Err(fault.clone()),
        };
        let settled = self.state.lock().board.settle(flight, &verdict);
        match settled {
            // The bytes go: the other execution brings the same, or they are worth nothing.
            Settled::Waiting | Settled::Unwanted => {}
            Settled::Agreed => self.agreed(flight, &address, made, begun),
            Settled::Differ { first, second } => {
                let violation = Violation {
                    function,
                    recipe: address,
                    first,
                    second,
                };
                self.violated(flight, violation);
            }
        }
    }

    /// Two executions came to the same. A record that stands and says otherwise is the third voice.
    fn agreed(&self, flight: FlightId, recipe: &CAddr, made: Result<Executed, Fault>, begun: u64) {
        let executed = match made {
            Ok(executed) => executed,
            Err(fault) => {
                counted("failed");
                return self.land(flight, Err(fault));
            }
        };
        let judged = caught(|| match self.contradicted(&executed) {
            Some(violation) => Err(Box::new(violation)),
            None => Ok(self.believed(*recipe, executed, begun)),
        });
        match judged {
            Ok(Ok(held)) => self.land(flight, Ok(held)),
            Ok(Err(violation)) => self.violated(flight, *violation),
            Err(_) => self.land(flight, Err(panicked(recipe))),
        }
    }

    fn contradicted(&self, executed: &Executed) -> Option<Violation> {
        // What is too large to be kept has no record, and neither had what came before.
        let made = &executed.value.as_ref()?.record;
        let stands = self.executor.sources.standing(&made.recipe)?;
        let is_of_this = stands.function == made.function && stands.inputs == made.inputs;
        (is_of_this && stands.output != made.output).then(|| Violation {
            function: (*made.function).clone(),
            recipe: made.recipe,
            first: Some(stands.output),
            second: Some(made.output),
        })
    }

    fn believed(&self, recipe: CAddr, executed: Executed, begun: u64) -> Arc<Held> {
        counted("agreed");
        self.executor.tally.agreed.fetch_add(1, Ordering::Relaxed);
        if let Some(value) = &executed.value {
            value.mark_verified();
            // A function on trial is still refused: what it makes is looked at and not kept.
            if self
                .executor
                .sources
                .refusal(&value.record.function)
                .is_none()
            {
                self.executor.offer(recipe, &executed, begun);
            }
        }
        self.executor.hold(executed)
    }

    /// A function was caught.
    fn violated(&self, flight: FlightId, violation: Violation) {
        counted("differed");
        self.executor.tally.differed.fetch_add(1, Ordering::Relaxed);
        count_violation(&violation.function);
        tracing::error!(%violation, "a function gave two answers");
        let sources = self.executor.sources.as_ref();
        let distrusted = caught(|| sources.distrust(&violation));
        let answers = self.begin_anew(flight, &violation);
        let voided = caught(|| distrusted.map(|()| sources.void(&violation)));
        if !matches!(voided, Ok(Ok(Ok(())))) {
            metrics::counter!("verification_voidings_unfinished_total").increment(1);
            tracing::error!(?voided, %violation, "what it made is not voided yet");
        }
        for Answer { request, result } in answers {
            self.answer(request, result.map(Found::Value));
        }
    }

    /// Fails the flight. Everything else under way may have consumed what is voided now: it ends, and
    /// the requests that wait for it are planned again.
    fn begin_anew(&self, flight: FlightId, violation: &Violation) -> Vec<Answer> {
        let violation = Box::new(violation.clone());
        let fault = Fault::Nondeterministic { violation };
        let mut state = self.state.lock();
        state.voidings += 1;
        let answers = state.board.failed(flight, &fault);
        let again: Vec<RequestId> = state.board.restart();
        state.plans.extend(again);
        self.work.notify_all();
        let tails = std::mem::take(&mut state.tails);
        let unwanted = Self::take_unwanted(&mut state);
        drop(state);
        for tail in tails.into_values() {
            // What was given out may be made of it, too.
            let what = "the rest of the value, since a function was caught meanwhile,".to_owned();
            tail.end(Err(Fault::Unavailable { what }));
        }
        drop(unwanted);
        answers
    }

    /// Whether a request took values for known before a function was caught; then it is planned again,
    /// for what it found may be voided.
    pub(super) fn is_overtaken(&self, id: RequestId) -> bool {
        let mut state = self.state.lock();
        let voidings = state.voidings;
        let Some(request) = state.requests.get(&id) else {
            return false;
        };
        let took_nothing = matches!(looks(&request.ask), (_, Look::ForRecipes));
        if took_nothing || request.voidings == voidings {
            return false;
        }
        match is_shared(&request.ask) {
            true => state.plans.push_back(id),
            false => state.solitary.push_back(id),
        }
        self.work.notify_one();
        true
    }
}

fn panicked(recipe: &CAddr) -> Fault {
    Fault::Breach {
        what: format!("executing {recipe} panicked"),
    }
}

fn counted(outcome: &'static str) {
    metrics::counter!("verification_checks_total", "outcome" => outcome).increment(1);
}

/// The registry knows the function, so the label's values are bounded.
fn count_violation(function: &FunctionId) {
    let function = function.to_string();
    metrics::counter!("verification_violations_total", "function" => function).increment(1);
}

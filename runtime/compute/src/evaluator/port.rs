//! The evaluator as the node sees it: the compute port.
//!
//! It refuses to run anything on the caller's thread: a request is queued and returns at once.

use super::{
    board::RequestId,
    engine::{Evaluator, Request, Shared},
    verify::is_shared,
};
use crate::{FunctionSpec, function::Presence};
use deriva_model::{FunctionId, Recipe};
use deriva_system::{
    Fault,
    compute::{
        Compute, ComputeCounts, Done, FunctionDescription, Materialize, ParamDescription, Ticket,
    },
};
use std::sync::{
    Arc, Weak,
    atomic::{AtomicBool, Ordering},
};

struct Withdrawal {
    shared: Weak<Shared>,
    request: RequestId,
}

impl Ticket for Withdrawal {}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.withdraw(self.request);
        }
    }
}

impl Compute for Evaluator {
    fn start(&self, ask: Materialize, done: Done) -> Box<dyn Ticket> {
        let mut state = self.shared.state.lock();
        let id = state.next_request;
        state.next_request += 1;
        let request = Request {
            ask,
            done,
            cancelled: Arc::new(AtomicBool::new(false)),
            span: tracing::Span::current(),
            voidings: 0,
        };
        match is_shared(&request.ask) {
            true => state.plans.push_back(id),
            false => state.solitary.push_back(id),
        }
        state.requests.insert(id, request);
        // Counted before a worker can answer it, so that the count never passes below zero.
        self.shared.in_flight.fetch_add(1, Ordering::Relaxed);
        drop(state);
        self.shared.work.notify_one();
        Box::new(Withdrawal {
            shared: Arc::downgrade(&self.shared),
            request: id,
        })
    }

    fn check(&self, recipe: &Recipe) -> Result<Arc<FunctionId>, Fault> {
        let registry = &self.shared.executor.registry;
        registry
            .check(recipe)
            .map_err(|error| Fault::RefusedRecipe {
                reason: error.to_string(),
            })
    }

    fn functions(&self) -> Vec<FunctionDescription> {
        let registry = &self.shared.executor.registry;
        registry.list().into_iter().map(describe).collect()
    }

    fn counts(&self) -> ComputeCounts {
        let tally = &self.shared.executor.tally;
        ComputeCounts {
            executions: tally.executions.load(Ordering::Relaxed),
            cutoffs: tally.cutoffs.load(Ordering::Relaxed),
            failures: tally.failures.load(Ordering::Relaxed),
            agreed: tally.agreed.load(Ordering::Relaxed),
            differed: tally.differed.load(Ordering::Relaxed),
            in_flight: self.shared.in_flight.load(Ordering::Relaxed),
        }
    }
}

fn describe(spec: &FunctionSpec) -> FunctionDescription {
    let bound = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    FunctionDescription {
        name: spec.id.name.clone(),
        version: spec.id.version.clone(),
        description: spec.description.clone(),
        min_inputs: bound(spec.inputs.min),
        max_inputs: spec.inputs.max.map(bound),
        params: spec
            .params
            .iter()
            .map(|param| ParamDescription {
                name: param.name.clone(),
                kind: param.kind.to_string(),
                required: param.presence == Presence::Required,
                default: param
                    .default_value()
                    .map(deriva_model::Value::canonical_string),
                description: param.description.clone(),
            })
            .collect(),
        example: spec.example.clone(),
    }
}

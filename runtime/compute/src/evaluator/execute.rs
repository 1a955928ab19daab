//! Executing one recipe on inputs that are all there: early cutoff, the call inside its budget, the
//! content hash, the record.
//!
//! It refuses to record anything but a result: a refusal, a panic or a spent budget is a typed
//! failure that names the recipe and the function.

use super::hold::Held;
use crate::{
    Budget, BudgetLimits, FunctionError, Registry, budget::check_input_total, registry::Call,
};
use bytes::Bytes;
use deriva_model::{Consumed, ContentHash, Cost, CutoffKey, Record, SealedRecipe};
use deriva_system::{
    Clock, Failure, Fault,
    compute::{Patience, Sources},
    view::{Origin, Produced, Resident, Source},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// A cutoff is looked up on disk only where the function is expected to cost more than this: the
/// look costs some microseconds itself.
const DISK_CUTOFF_FROM: Duration = Duration::from_micros(100);

/// What has been done since the start.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) executions: AtomicU64,
    pub(super) cutoffs: AtomicU64,
    pub(super) failures: AtomicU64,
}

/// What is needed to execute anything.
pub(super) struct Executor {
    pub(super) registry: Arc<Registry>,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: BudgetLimits,
    pub(super) tally: Tally,
}

/// Whether a result may come from an equal computation that was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    EarlyCutoff,
    /// Everything is executed.
    Nothing,
}

/// A value with its record.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) content: ContentHash,
    pub(super) bytes: Bytes,
    pub(super) value: Arc<Resident>,
}

impl Executor {
    pub(super) fn execute(
        &self,
        recipe: &SealedRecipe,
        inputs: &[Arc<Held>],
        origin: Origin,
        cancelled: &Arc<AtomicBool>,
        reuse: Reuse,
    ) -> Result<Executed, Fault> {
        let contents: Vec<ContentHash> = inputs.iter().map(|held| held.content).collect();
        let input_bytes = inputs
            .iter()
            .fold(0u64, |sum, held| sum.saturating_add(held.size()));
        let call =
            self.registry
                .prepare(recipe.recipe())
                .map_err(|error| Fault::RefusedRecipe {
                    reason: error.to_string(),
                })?;
        let key = CutoffKey::of(recipe.recipe(), &contents);
        let known = match reuse {
            Reuse::EarlyCutoff => self.cut_off(&call, &key, input_bytes),
            Reuse::Nothing => None,
        };
        let (content, bytes, cost) = match known {
            Some((content, bytes)) => (content, bytes, Cost::default()),
            None => self.run(&call, recipe, inputs, input_bytes, cancelled)?,
        };
        let record = Record {
            recipe: recipe.address(),
            function: recipe.recipe().function().clone(),
            inputs: consumed(recipe, &contents),
            output: content,
            size: bytes.len() as u64,
            cost,
        };
        let value = Resident::new(bytes.clone(), Arc::new(record), key, origin);
        Ok(Executed {
            content,
            bytes,
            value: Arc::new(value),
        })
    }

    /// Tells the cache about a value.
    pub(super) fn offer(&self, recipe: &SealedRecipe, executed: &Executed, begun: u64) {
        self.sources.produced(Produced {
            address: recipe.address(),
            value: executed.value.clone(),
            source: Source::Computed,
            begun,
        });
    }

    fn cut_off(
        &self,
        call: &Call,
        key: &CutoffKey,
        input_bytes: u64,
    ) -> Option<(ContentHash, Bytes)> {
        let expected = call.spec().cost.estimate(input_bytes);
        let patience = if expected >= DISK_CUTOFF_FROM {
            Patience::Disk
        } else {
            Patience::Memory
        };
        let found = self.sources.cutoff(key, patience)?;
        self.tally.cutoffs.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("materialize_cutoffs_total").increment(1);
        Some(found)
    }

    fn run(
        &self,
        call: &Call,
        recipe: &SealedRecipe,
        inputs: &[Arc<Held>],
        input_bytes: u64,
        cancelled: &Arc<AtomicBool>,
    ) -> Result<(ContentHash, Bytes, Cost), Fault> {
        // Before anything is loaded: what cannot be taken is not brought into memory.
        check_input_total(input_bytes).map_err(|error| self.failure(recipe, &error))?;
        let loaded: Result<Vec<Bytes>, Fault> = inputs
            .iter()
            .map(|held| held.bytes(self.sources.as_ref()))
            .collect();
        let loaded = loaded?;
        let clock = self.clock.clone();
        let mut budget = Budget::new(self.limits, Arc::new(move || clock.monotonic()))
            .cancelled_by(cancelled.clone())
            .with_scratch(self.sources.scratch());
        let begun = self.clock.monotonic();
        let result = call.run(&loaded, &mut budget);
        let wall = self.clock.monotonic().saturating_sub(begun);
        let bytes = result.map_err(|error| self.failure(recipe, &error))?;
        let content = ContentHash::of(&bytes);
        self.count(recipe, wall);
        let cost = Cost {
            wall_nanos: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            steps: budget.steps_used(),
            input_bytes,
        };
        Ok((content, bytes, cost))
    }

    fn count(&self, recipe: &SealedRecipe, wall: Duration) {
        self.tally.executions.fetch_add(1, Ordering::Relaxed);
        // The registry knows this function, so the label's values are bounded.
        let function = recipe.recipe().function().name.clone();
        metrics::counter!("materialize_executions_total", "function" => function.clone())
            .increment(1);
        metrics::histogram!("materialize_duration_seconds", "function" => function)
            .record(wall.as_secs_f64());
    }

    fn failure(&self, recipe: &SealedRecipe, error: &FunctionError) -> Fault {
        let failure = match error {
            FunctionError::Cancelled => return Fault::Cancelled,
            FunctionError::World(fault) => return fault.clone(),
            FunctionError::InputsTooLarge { total, limit } => {
                return Fault::OverLimit {
                    what: format!(
                        "{} {} in recipe {}",
                        Fault::FUNCTION_INPUTS,
                        recipe.recipe().function(),
                        recipe.address()
                    ),
                    limit: *limit,
                    got: *total,
                };
            }
            FunctionError::Panicked { .. } => Failure::Panicked,
            FunctionError::BudgetExceeded { .. } => Failure::OverBudget,
            _ => Failure::Refused,
        };
        self.tally.failures.fetch_add(1, Ordering::Relaxed);
        let kind = match failure {
            Failure::Refused => "refused",
            Failure::Panicked => "panicked",
            Failure::OverBudget => "over_budget",
        };
        let function = recipe.recipe().function().clone();
        metrics::counter!(
            "materialize_failures_total",
            "function" => function.name.clone(),
            "kind" => kind
        )
        .increment(1);
        Fault::FunctionFailed {
            recipe: recipe.address(),
            function,
            failure,
            message: error.to_string(),
        }
    }
}

fn consumed(recipe: &SealedRecipe, contents: &[ContentHash]) -> Vec<Consumed> {
    recipe
        .recipe()
        .inputs()
        .iter()
        .zip(contents)
        .map(|(address, content)| Consumed {
            address: *address,
            content: *content,
        })
        .collect()
}

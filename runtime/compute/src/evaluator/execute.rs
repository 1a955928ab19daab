//! Executing one recipe on inputs that are all there: early cutoff, the call inside its budget, the
//! content hash, the record. What is too large for one call becomes a production.
//!
//! It refuses to record anything but a result: a refusal, a panic or a spent budget is a typed
//! failure that names the recipe and the function.

use super::{
    board::Audience,
    hold::{Held, Made, Meter},
    live,
    production::Production,
    task::{Executed, Known, Prepared, Task},
};
use crate::{
    Budget, BudgetLimits, Call, FunctionError, Monotonic, Registry, Resource,
    budget::check_input_total,
};
use bytes::Bytes;
use deriva_model::{CAddr, Consumed, ContentHash, Cost, CutoffKey, Record, SealedRecipe};
use deriva_system::{
    Clock, Failure, Fault,
    compute::{Patience, Sources},
    view::{Produced, Resident, Source},
};
use smallvec::SmallVec;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
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
    /// Values that two executions agreed on.
    pub(super) agreed: AtomicU64,
    /// Values that they did not agree on.
    pub(super) differed: AtomicU64,
}

/// What is needed to execute anything.
pub(super) struct Executor {
    pub(super) registry: Arc<Registry>,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) clock: Arc<dyn Clock>,
    /// The clock as budgets read it.
    pub(super) monotonic: Monotonic,
    pub(super) limits: BudgetLimits,
    pub(super) tally: Tally,
    pub(super) meter: Meter,
    /// Bytes that a call may write whose value is given out in pieces.
    pub(super) stream_bytes: u64,
    /// Bytes of values in flight that memory may hold.
    pub(super) in_flight_bytes: u64,
}

/// Whether a result may come from an equal computation that was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    EarlyCutoff,
    /// Everything is executed.
    Nothing,
    /// Everything is executed, functions that are refused too: somebody looks into them.
    NothingOnTrial,
}

impl Executor {
    /// Executes a task to its end, whatever its size.
    pub(super) fn execute(
        self: &Arc<Self>,
        task: Task,
        reuse: Reuse,
        audience: Audience,
    ) -> Result<Executed, Fault> {
        if reuse != Reuse::NothingOnTrial {
            self.admit(&task)?;
        }
        let prepared = self.prepare(&task)?;
        if reuse == Reuse::EarlyCutoff
            && let Some(known) = self.known(&task, &prepared)
        {
            return Ok(known);
        }
        if let Some(executed) = self.at_once(&task, &prepared, audience)? {
            return Ok(executed);
        }
        let mut production = self.open(task, prepared)?;
        while production.advance()? {}
        production.finish().value()
    }

    /// A function that was caught is refused.
    pub(super) fn admit(&self, task: &Task) -> Result<(), Fault> {
        match self.sources.refusal(task.recipe.recipe().function()) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    pub(super) fn prepare(&self, task: &Task) -> Result<Prepared, Fault> {
        let recipe = task.recipe.recipe();
        let call = self
            .registry
            .prepare(recipe)
            .map_err(|error| Fault::RefusedRecipe {
                reason: error.to_string(),
            })?;
        Ok(Prepared {
            call,
            known: Known::of(task),
            input_bytes: task.input_bytes(),
            is_live: task.inputs.iter().any(|held| held.as_live().is_some()),
        })
    }

    /// The value of an equal computation, if there is one.
    pub(super) fn known(&self, task: &Task, prepared: &Prepared) -> Option<Executed> {
        let known = prepared.known.as_ref()?;
        let (content, bytes) = self.cut_off(prepared, &known.key)?;
        Some(self.executed(
            task,
            Some(known),
            (content, Made::Bytes(bytes)),
            Cost::default(),
        ))
    }

    /// Calls the function once, on all of its inputs. `None`: it is a production. What a request waits
    /// for is one if it can be, the rest only if it has to be: where its inputs or its value are more
    /// than one call may have.
    pub(super) fn at_once(
        &self,
        task: &Task,
        prepared: &Prepared,
        audience: Audience,
    ) -> Result<Option<Executed>, Fault> {
        if audience.waiters > 0 && prepared.call.streams() {
            return Ok(None);
        }
        if prepared.is_large() && (prepared.is_live || prepared.call.streams()) {
            return Ok(None);
        }
        // Before anything is loaded: what cannot be taken is not brought into memory.
        check_input_total(prepared.input_bytes).map_err(|error| self.failure(task, &error))?;
        let inputs = task.inputs.iter();
        let loaded: Result<SmallVec<[Bytes; 2]>, Fault> = inputs
            .map(|held| held.bytes(self.sources.as_ref()))
            .collect();
        let loaded = loaded?;
        let mut budget = self.budget(task, self.limits);
        let begun = budget.started();
        let result = prepared.call.run(&loaded, &mut budget);
        let wall = self.clock.monotonic().saturating_sub(begun);
        let bytes = match result {
            Err(FunctionError::BudgetExceeded {
                what: Resource::OutputBytes,
                ..
            }) if prepared.call.streams() => return Ok(None),
            result => result.map_err(|error| self.failure(task, &error))?,
        };
        let content = ContentHash::of(&bytes);
        self.count(&prepared.call, wall);
        let cost = Cost {
            wall_nanos: nanos(wall),
            steps: budget.steps_used(),
            input_bytes: prepared.input_bytes,
        };
        let made = (content, Made::Bytes(bytes));
        Ok(Some(self.executed(
            task,
            prepared.known.as_ref(),
            made,
            cost,
        )))
    }

    /// Opens a production: nothing is computed yet.
    pub(super) fn open(
        self: &Arc<Self>,
        task: Task,
        prepared: Prepared,
    ) -> Result<Production, Fault> {
        let inputs: Result<Vec<_>, Fault> = task
            .inputs
            .iter()
            .map(|held| live::feed(held, &self.sources))
            .collect();
        let limits = match prepared.call.streams() {
            true => BudgetLimits {
                output_bytes: self.stream_bytes,
                ..self.limits
            },
            false => self.limits,
        };
        let budget = self.budget(&task, limits);
        let stream = prepared
            .call
            .open_stream(inputs?, budget)
            .map_err(|error| self.failure(&task, &error))?;
        let Prepared { call, known, .. } = prepared;
        Ok(Production::new(self.clone(), task, (call, known), stream))
    }

    fn budget(&self, task: &Task, limits: BudgetLimits) -> Budget {
        Budget::new(limits, self.monotonic.clone())
            .cancelled_by(task.cancelled.clone())
            .with_scratch(self.sources.scratch())
    }

    /// The value with its record, if it can have one.
    pub(super) fn executed(
        &self,
        task: &Task,
        known: Option<&Known>,
        (content, made): (ContentHash, Made),
        cost: Cost,
    ) -> Executed {
        let value = match (&made, known) {
            (Made::Bytes(bytes), Some(Known { contents, key })) => {
                let recipe = &task.recipe;
                let record = Record {
                    recipe: recipe.address(),
                    function: recipe.recipe().shared_function(),
                    inputs: consumed(recipe, contents),
                    output: content,
                    size: bytes.len() as u64,
                    cost,
                };
                let value = Resident::new(bytes.clone(), Arc::new(record), *key, task.origin);
                Some(Arc::new(value))
            }
            _ => None,
        };
        Executed {
            content,
            made,
            value,
        }
    }

    /// Tells the cache about a value.
    pub(super) fn offer(&self, recipe: CAddr, executed: &Executed, begun: u64) {
        let Some(value) = executed.value.clone() else {
            return;
        };
        self.sources.produced(Produced {
            address: recipe,
            value,
            source: Source::Computed,
            begun,
        });
    }

    /// A value for those who need it.
    pub(super) fn hold(&self, executed: Executed) -> Arc<Held> {
        let Executed { content, made, .. } = executed;
        Arc::new(Held::computed(content, made, self))
    }

    fn cut_off(&self, prepared: &Prepared, key: &CutoffKey) -> Option<(ContentHash, Bytes)> {
        let expected = prepared.call.spec().cost.estimate(prepared.input_bytes);
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

    pub(super) fn count(&self, call: &Call, wall: Duration) {
        self.tally.executions.fetch_add(1, Ordering::Relaxed);
        call.count(wall);
    }

    pub(super) fn failure(&self, task: &Task, error: &FunctionError) -> Fault {
        let recipe = &task.recipe;
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
            FunctionError::BudgetExceeded { .. } if error.is_transient() => Failure::TooSlow,
            FunctionError::BudgetExceeded { .. } => Failure::OverBudget,
            _ => Failure::Refused,
        };
        self.tally.failures.fetch_add(1, Ordering::Relaxed);
        let kind = match failure {
            Failure::Refused => "refused",
            Failure::Panicked => "panicked",
            Failure::OverBudget => "over_budget",
            Failure::TooSlow => "too_slow",
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

pub(super) fn nanos(wall: Duration) -> u64 {
    u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)
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

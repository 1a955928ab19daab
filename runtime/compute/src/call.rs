//! A function with its params, ready to be called: once on all of its inputs, or piece by piece.
//!
//! It refuses to let a panic out of the function's code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use deriva_model::FunctionId;

use crate::budget::{Budget, check_inputs};
use crate::function::{ComputeFunction, FunctionError, FunctionSpec};
use crate::params::Params;
use crate::registry::cut;
use crate::streaming::{Gathered, Pieces, Source, Stream};

/// Longest panic message kept, in bytes.
pub(crate) const MAX_PANIC_MESSAGE: usize = 512;

/// A function, and what is counted of it.
pub(crate) struct Registered {
    /// One for all that name it.
    pub(crate) id: Arc<FunctionId>,
    pub(crate) function: Arc<dyn ComputeFunction>,
    /// Made at the first call, when whoever listens to the metrics is there.
    pub(crate) meters: OnceLock<Meters>,
}

/// Looked up once a function: to find a metric by name and label costs more than a small function.
pub(crate) struct Meters {
    executions: metrics::Counter,
    durations: metrics::Histogram,
}

impl Registered {
    /// The registry bounds how many names there are, so the label's values are bounded.
    fn meters(&self) -> &Meters {
        self.meters.get_or_init(|| {
            let name = self.function.spec().id.name.clone();
            Meters {
                executions: metrics::counter!("materialize_executions_total", "function" => name.clone()),
                durations: metrics::histogram!("materialize_duration_seconds", "function" => name),
            }
        })
    }
}

/// A function with its validated params, ready to run on its inputs.
#[derive(Clone)]
pub struct Call {
    pub(crate) registered: Arc<Registered>,
    pub(crate) params: Params,
}

impl Call {
    /// The card of the function to be called.
    #[must_use]
    pub fn spec(&self) -> &FunctionSpec {
        self.registered.function.spec()
    }

    /// Counts one execution, which took so long.
    pub(crate) fn count(&self, wall: Duration) {
        let meters = self.registered.meters();
        meters.executions.increment(1);
        meters.durations.record(wall.as_secs_f64());
    }

    /// Runs the function. A panic inside it becomes [`FunctionError::Panicked`].
    ///
    /// # Errors
    /// The function's error; or its inputs are too many, too few, or too large in total.
    pub fn run(&self, inputs: &[Bytes], budget: &mut Budget) -> Result<Bytes, FunctionError> {
        let expected = &self.spec().inputs;
        if !expected.accepts(inputs.len()) {
            return Err(FunctionError::WrongInputs {
                given: inputs.len(),
                expected: expected.clone(),
            });
        }
        check_inputs(inputs)?;
        budget.check_wanted()?;
        // Nothing of the call survives a panic but the budget, which is only counters.
        guarded(|| {
            let function = &self.registered.function;
            function.execute(inputs, &self.params, budget)
        })
    }

    /// Whether the function computes piece by piece, in memory that does not grow with its input.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.registered.function.streaming().is_some()
    }

    /// Opens the function on inputs that come in pieces; nothing is computed until the first pull.
    /// A function that cannot stream gathers its inputs first, within the limit of batch functions.
    /// `budget` is commonly opened with [`crate::BudgetLimits::streaming`].
    ///
    /// # Errors
    /// Inputs too many or too few, or params that do not fit these inputs.
    pub fn open_stream(
        &self,
        inputs: Vec<Box<dyn Pieces>>,
        budget: Budget,
    ) -> Result<Stream, FunctionError> {
        let expected = &self.spec().inputs;
        if !expected.accepts(inputs.len()) {
            return Err(FunctionError::WrongInputs {
                given: inputs.len(),
                expected: expected.clone(),
            });
        }
        let inputs = inputs.into_iter().map(Source::wrap).collect();
        let pieces = match self.registered.function.streaming() {
            Some(function) => guarded(|| function.open(inputs, &self.params))?,
            None => Gathered::open(self.clone(), inputs),
        };
        Ok(Stream::new(pieces, budget))
    }
}

/// Runs the function's code; a panic inside it becomes [`FunctionError::Panicked`].
pub(crate) fn guarded<T>(
    code: impl FnOnce() -> Result<T, FunctionError>,
) -> Result<T, FunctionError> {
    catch_unwind(AssertUnwindSafe(code)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Err(FunctionError::Panicked {
            message: cut(message, MAX_PANIC_MESSAGE),
        })
    })
}

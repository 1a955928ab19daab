//! The budget of one call: how much it may write, hold, do and dawdle before it is stopped.
//!
//! Charges come before allocations, so a function that asks for too much is refused, not killed.
//! The budget does not measure what a result cost (the evaluator does), and reads time only through
//! the clock it is handed.

mod output;

pub use output::Output;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use deriva_system::scratch::{Scratch, ScratchFile};

use crate::function::FunctionError;

/// Bytes of all inputs of a batch function together: it holds them all in memory, so this times the
/// number of calls at once bounds what inputs can take.
pub const MAX_BATCH_INPUT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a result: as much as one batch function downstream can take.
pub const DEFAULT_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a result that is given out in pieces and never held: enough for a dataset, and an end to a
/// stream that would have none.
pub const DEFAULT_STREAM_OUTPUT_BYTES: u64 = 1 << 40;
/// Bytes held besides inputs and output: an index over a full input (16 bytes a line, twice) for
/// lines of 8 bytes and more.
pub const DEFAULT_SCRATCH_BYTES: u64 = 256 * 1024 * 1024;
/// Steps: some ten seconds at a nanosecond each, far above what a full input needs (sorting
/// 8 million lines takes some 200 million comparisons), and the same on a slow machine as on a fast one.
pub const DEFAULT_STEPS: u64 = 10_000_000_000;
/// Wall time: a backstop for a machine so busy that steps say little.
pub const DEFAULT_WALL: Duration = Duration::from_secs(60);
/// Bytes between two looks at the clock, as the laws demand.
pub const CHECKPOINT_BYTES: u64 = 64 * 1024;
/// Steps between two looks at the clock, as the laws demand.
pub const CHECKPOINT_STEPS: u64 = 10_000;
/// Bytes read for one step: about what a core moves in a few nanoseconds.
const BYTES_PER_STEP: u64 = 64;

/// Reads a monotonic clock: the time since some fixed moment.
pub type Monotonic = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of the result.
    OutputBytes,
    /// Bytes held while computing, besides inputs and result.
    ScratchBytes,
    /// Units of work: a record, a line, a scalar, a comparison, 64 bytes read.
    Steps,
    /// Milliseconds since the call began.
    WallMillis,
}

impl Resource {
    /// What a user can do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::OutputBytes => "ask for a smaller result, or raise the node's output limit",
            Self::ScratchBytes => "split the input, or raise the node's scratch limit",
            Self::Steps => "split the input, or raise the node's step limit",
            Self::WallMillis => {
                "try again when the node is less busy, or raise the node's time limit"
            }
        }
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OutputBytes => "bytes of output",
            Self::ScratchBytes => "bytes of scratch memory",
            Self::Steps => "steps",
            Self::WallMillis => "milliseconds",
        })
    }
}

/// How much a call may use. Every limit is inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Bytes of the result.
    pub output_bytes: u64,
    /// Bytes held besides inputs and result.
    pub scratch_bytes: u64,
    /// Units of work.
    pub steps: u64,
    /// Time from start to end.
    pub wall: Duration,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            output_bytes: DEFAULT_OUTPUT_BYTES,
            scratch_bytes: DEFAULT_SCRATCH_BYTES,
            steps: DEFAULT_STEPS,
            wall: DEFAULT_WALL,
        }
    }
}

impl BudgetLimits {
    /// The limits of a call whose result is streamed: only the result may be longer. Steps and wall
    /// time are those between two signs of progress (see [`Budget::progressed`]).
    #[must_use]
    pub fn streaming() -> Self {
        Self {
            output_bytes: DEFAULT_STREAM_OUTPUT_BYTES,
            ..Self::default()
        }
    }
}

/// The running account of one call.
pub struct Budget {
    limits: BudgetLimits,
    clock: Monotonic,
    started: Duration,
    paused: Option<Duration>,
    cancelled: Option<Arc<AtomicBool>>,
    scratch_files: Option<Arc<dyn Scratch>>,
    output: u64,
    scratch: u64,
    steps: u64,
    /// Before the last sign of progress.
    steps_before: u64,
    steps_since_checkpoint: u64,
    bytes_since_checkpoint: u64,
}

impl Budget {
    /// Opens an account; the wall clock starts now.
    #[must_use]
    pub fn new(limits: BudgetLimits, clock: Monotonic) -> Self {
        let started = clock();
        Self {
            limits,
            clock,
            started,
            paused: None,
            cancelled: None,
            scratch_files: None,
            output: 0,
            scratch: 0,
            steps: 0,
            steps_before: 0,
            steps_since_checkpoint: 0,
            bytes_since_checkpoint: 0,
        }
    }

    /// The same account, which also ends at a checkpoint once `flag` is set.
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancelled = Some(flag);
        self
    }

    /// The same account, which can also pay for files: what is held beyond the scratch memory.
    #[must_use]
    pub fn with_scratch(mut self, files: Arc<dyn Scratch>) -> Self {
        self.scratch_files = Some(files);
        self
    }

    /// A scratch file, for a function that holds more than its scratch memory pays for.
    ///
    /// # Errors
    /// [`FunctionError::World`]: no file could be made. [`FunctionError::BudgetExceeded`]: this
    /// account has none to give, so the scratch memory is all there is.
    pub fn scratch_file(&self) -> Result<ScratchPieces, FunctionError> {
        let Some(files) = &self.scratch_files else {
            return Err(exceeded(Resource::ScratchBytes, self.limits.scratch_bytes));
        };
        Ok(ScratchPieces(files.file()?))
    }

    /// Bytes of scratch memory that may still be charged.
    #[must_use]
    pub fn scratch_left(&self) -> u64 {
        self.limits.scratch_bytes.saturating_sub(self.scratch)
    }

    /// Gives back `bytes` of scratch memory that were charged and are free again.
    pub fn release_scratch(&mut self, bytes: u64) {
        self.scratch = self.scratch.saturating_sub(bytes);
    }

    /// Counts `steps` units of work.
    ///
    /// # Errors
    /// [`FunctionError::BudgetExceeded`] or [`FunctionError::Cancelled`].
    pub fn charge_steps(&mut self, steps: u64) -> Result<(), FunctionError> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.limits.steps {
            return Err(exceeded(Resource::Steps, self.limits.steps));
        }
        self.steps_since_checkpoint = self.steps_since_checkpoint.saturating_add(steps);
        self.checkpoint_if_due()
    }

    /// Counts `bytes` of result; call it before allocating them.
    ///
    /// # Errors
    /// As [`Budget::charge_steps`].
    pub fn charge_output(&mut self, bytes: u64) -> Result<(), FunctionError> {
        self.output = self.output.saturating_add(bytes);
        if self.output > self.limits.output_bytes {
            return Err(exceeded(Resource::OutputBytes, self.limits.output_bytes));
        }
        Ok(())
    }

    /// Counts `bytes` held besides inputs and result; call it before allocating them.
    ///
    /// # Errors
    /// As [`Budget::charge_steps`].
    pub fn charge_scratch(&mut self, bytes: u64) -> Result<(), FunctionError> {
        self.scratch = self.scratch.saturating_add(bytes);
        if self.scratch > self.limits.scratch_bytes {
            return Err(exceeded(Resource::ScratchBytes, self.limits.scratch_bytes));
        }
        Ok(())
    }

    /// Counts `bytes` read or copied: a step for each 64, and a checkpoint for each 64 KiB.
    ///
    /// # Errors
    /// As [`Budget::charge_steps`].
    pub fn charge_read(&mut self, bytes: u64) -> Result<(), FunctionError> {
        self.bytes_since_checkpoint = self.bytes_since_checkpoint.saturating_add(bytes);
        self.charge_steps(bytes.div_ceil(BYTES_PER_STEP))
    }

    /// Stops the wall clock: from here on somebody else is waited for.
    pub fn pause(&mut self) {
        if self.paused.is_none() {
            self.paused = Some((self.clock)());
        }
    }

    /// Lets the wall clock go on where it was stopped.
    pub fn resume(&mut self) {
        if let Some(since) = self.paused.take() {
            let waited = (self.clock)().saturating_sub(since);
            self.started = self.started.saturating_add(waited);
        }
    }

    /// A piece of a stream was taken in or given out, or went to a scratch file or came back from it:
    /// steps and wall time start anew. A stream may last as long as it gets on, and what goes through
    /// scratch files does so in a bounded number of passes; what it wrote and holds stays charged.
    pub fn progressed(&mut self) {
        self.steps_before = self.steps_used();
        self.steps = 0;
        self.started = self.paused.unwrap_or_else(|| (self.clock)());
    }

    /// Lowers the limit of output to `bytes`: the function at work holds its whole result.
    pub fn cap_output(&mut self, bytes: u64) {
        self.limits.output_bytes = self.limits.output_bytes.min(bytes);
    }

    /// Hands the account to a reader inside of a library, which must give it back with
    /// [`Budget::take_back`]; what stays here pays for nothing.
    #[must_use]
    pub fn lend(&mut self) -> Self {
        let mut stub = Self::new(self.limits, Arc::clone(&self.clock));
        stub.steps = u64::MAX;
        stub.scratch_files.clone_from(&self.scratch_files);
        std::mem::replace(self, stub)
    }

    /// Goes on with the account that was lent.
    pub fn take_back(&mut self, lent: Self) {
        *self = lent;
    }

    /// Bytes of result that may still be charged.
    #[must_use]
    pub fn output_left(&self) -> u64 {
        self.limits.output_bytes.saturating_sub(self.output)
    }

    /// Units of work charged so far.
    #[must_use]
    pub fn steps_used(&self) -> u64 {
        self.steps_before.saturating_add(self.steps)
    }

    /// When the account was opened, by its clock; later by as long as it stood still.
    pub(crate) const fn started(&self) -> Duration {
        self.started
    }

    /// Looks at the cancel flag now.
    ///
    /// # Errors
    /// [`FunctionError::Cancelled`].
    pub(crate) fn check_wanted(&self) -> Result<(), FunctionError> {
        let cancelled = self.cancelled.as_ref();
        match cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            true => Err(FunctionError::Cancelled),
            false => Ok(()),
        }
    }

    /// Looks at the clock and the cancel flag now. Charges do so by themselves often enough.
    ///
    /// # Errors
    /// As [`Budget::charge_steps`].
    pub fn checkpoint(&mut self) -> Result<(), FunctionError> {
        self.steps_since_checkpoint = 0;
        self.bytes_since_checkpoint = 0;
        self.check_wanted()?;
        let elapsed = (self.clock)().saturating_sub(self.started);
        if elapsed > self.limits.wall {
            let limit = u64::try_from(self.limits.wall.as_millis()).unwrap_or(u64::MAX);
            return Err(exceeded(Resource::WallMillis, limit));
        }
        Ok(())
    }

    fn checkpoint_if_due(&mut self) -> Result<(), FunctionError> {
        let due = self.steps_since_checkpoint >= CHECKPOINT_STEPS
            || self.bytes_since_checkpoint >= CHECKPOINT_BYTES;
        if due { self.checkpoint() } else { Ok(()) }
    }
}

/// A scratch file as a function sees it: the faults of the disk are the call's errors.
#[derive(Clone, Debug)]
pub struct ScratchPieces(Arc<dyn ScratchFile>);

impl ScratchPieces {
    /// Appends a piece; some 64 KiB at a time are well spent.
    ///
    /// # Errors
    /// [`FunctionError::World`].
    pub fn push(&self, piece: &[u8]) -> Result<(), FunctionError> {
        Ok(self.0.push(piece)?)
    }

    /// A piece by its number, from 0; `None` past the last.
    ///
    /// # Errors
    /// [`FunctionError::World`].
    pub fn piece(&self, number: u64) -> Result<Option<Bytes>, FunctionError> {
        Ok(self.0.piece(number)?)
    }
}

fn exceeded(what: Resource, limit: u64) -> FunctionError {
    FunctionError::BudgetExceeded { what, limit }
}

/// Refuses inputs that are too large, in total, for a function that holds them all.
///
/// # Errors
/// [`FunctionError::InputsTooLarge`].
pub fn check_inputs(inputs: &[Bytes]) -> Result<(), FunctionError> {
    let total = inputs
        .iter()
        .fold(0u64, |sum, input| sum.saturating_add(input.len() as u64));
    check_input_total(total)
}

/// As [`check_inputs`], for a total known before the inputs are loaded.
///
/// # Errors
/// [`FunctionError::InputsTooLarge`].
pub fn check_input_total(total: u64) -> Result<(), FunctionError> {
    if total > MAX_BATCH_INPUT_BYTES {
        return Err(FunctionError::InputsTooLarge {
            total,
            limit: MAX_BATCH_INPUT_BYTES,
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "budget_test.rs"]
mod budget_test;

//! Values in pieces: what a function that streams is, and how its pieces are pulled.
//!
//! The reader pulls and the function pulls from its inputs, so nothing runs ahead of its reader, and
//! a reader that goes away stops the work by dropping the stream. This file refuses threads, channels
//! and clocks: who pulls, on which thread and how far ahead, the evaluator decides.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::budget::{Budget, DEFAULT_OUTPUT_BYTES, MAX_BATCH_INPUT_BYTES};
use crate::call::{Call, guarded};
use crate::function::{ComputeFunction, FunctionError};
use crate::params::Params;

/// Longest piece that a stream gives out, in bytes.
pub const PIECE_BYTES: usize = 64 * 1024;

/// A value that comes piece by piece, in order.
pub trait Pieces: Send {
    /// The next piece, never empty; `None` at the end and ever after.
    ///
    /// `None` is said only of a value that is whole: a source that was cut off says so by an error,
    /// because what follows would take a short value for the value. The budget is that of the function
    /// that pulls; a source that computes on its own account leaves it alone.
    ///
    /// # Errors
    /// What stopped the value; the pieces before it are then worth nothing.
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError>;
}

/// A function that computes piece by piece, in memory that does not grow with its input.
///
/// The bytes are those of [`ComputeFunction::execute`], however the inputs are cut. They are charged
/// to the budget by the function, as there.
pub trait StreamingComputeFunction: ComputeFunction {
    /// Opens the value; nothing is pulled yet. `inputs` stand in recipe order and fit the card.
    ///
    /// # Errors
    /// What can be refused before anything is read.
    fn open(
        &self,
        inputs: Vec<Box<dyn Pieces>>,
        params: &Params,
    ) -> Result<Box<dyn Pieces>, FunctionError>;
}

/// Computes the whole value with a function that streams: its `execute`, so that it is written once.
///
/// # Errors
/// The function's.
pub fn drain(
    function: &dyn StreamingComputeFunction,
    inputs: &[Bytes],
    params: &Params,
    budget: &mut Budget,
) -> Result<Bytes, FunctionError> {
    let arity = &function.spec().inputs;
    if !arity.accepts(inputs.len()) {
        return Err(FunctionError::WrongInputs {
            given: inputs.len(),
            expected: arity.clone(),
        });
    }
    budget.charge_steps(1)?;
    let sources = inputs.iter().cloned().map(Whole::boxed).collect();
    let mut pieces = function.open(sources, params)?;
    let mut value = Vec::new();
    while let Some(piece) = pieces.next(budget)? {
        value.extend_from_slice(&piece);
    }
    Ok(Bytes::from(value))
}

/// A value in memory, in pieces that share it.
pub struct Whole {
    rest: Bytes,
    piece: usize,
}

impl Whole {
    /// The value in pieces of the usual length.
    #[must_use]
    pub fn boxed(bytes: Bytes) -> Box<dyn Pieces> {
        Self::in_pieces_of(bytes, PIECE_BYTES)
    }

    /// The value in pieces of `len` bytes, at least 1.
    #[must_use]
    pub fn in_pieces_of(bytes: Bytes, len: usize) -> Box<dyn Pieces> {
        Box::new(Self {
            rest: bytes,
            piece: len.max(1),
        })
    }
}

impl Pieces for Whole {
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let len = self.piece.min(self.rest.len());
        Ok(Some(self.rest.split_to(len)))
    }
}

/// An input of a stream: the function's clock stands while it waits for it, and a piece that comes is
/// progress. It cuts longer pieces, skips empty ones, and asks no more of a source that has ended.
pub(crate) struct Source {
    inner: Option<Box<dyn Pieces>>,
    rest: Bytes,
    failed: Option<FunctionError>,
}

impl Source {
    pub(crate) fn wrap(inner: Box<dyn Pieces>) -> Box<dyn Pieces> {
        Box::new(Self {
            inner: Some(inner),
            rest: Bytes::new(),
            failed: None,
        })
    }
}

impl Pieces for Source {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        while self.rest.is_empty() {
            let Some(inner) = &mut self.inner else {
                return Ok(None);
            };
            budget.checkpoint()?;
            budget.charge_steps(1)?;
            budget.pause();
            let pulled = inner.next(budget);
            budget.resume();
            match pulled {
                Ok(Some(piece)) => self.rest = piece,
                Ok(None) => self.inner = None,
                Err(error) => {
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            }
        }
        budget.progressed();
        let len = self.rest.len().min(PIECE_BYTES);
        Ok(Some(self.rest.split_to(len)))
    }
}

/// A streaming call under way, with an account of its own. It is a source for another call in turn.
pub struct Stream {
    pieces: Option<Box<dyn Pieces>>,
    budget: Budget,
    rest: Bytes,
    failed: Option<FunctionError>,
}

impl Stream {
    pub(crate) fn new(pieces: Box<dyn Pieces>, mut budget: Budget) -> Self {
        budget.pause();
        Self {
            pieces: Some(pieces),
            budget,
            rest: Bytes::new(),
            failed: None,
        }
    }

    /// The next piece, of 1 to [`PIECE_BYTES`] bytes; `None` when the value is complete.
    ///
    /// # Errors
    /// The function's, again at every later pull; a panic inside it is one.
    pub fn pull(&mut self) -> Result<Option<Bytes>, FunctionError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if self.rest.is_empty() {
            match self.compute() {
                Ok(Some(piece)) => self.rest = piece,
                Ok(None) => {
                    self.let_go();
                    return Ok(None);
                }
                Err(error) => {
                    self.let_go();
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            }
        }
        let len = self.rest.len().min(PIECE_BYTES);
        Ok(Some(self.rest.split_to(len)))
    }

    /// Units of work charged so far.
    #[must_use]
    pub fn steps_used(&self) -> u64 {
        self.budget.steps_used()
    }

    /// Drops the function's state, which is its code too: a panic in it is logged and ends nothing.
    fn let_go(&mut self) {
        let pieces = self.pieces.take();
        if let Err(error) = guarded(|| {
            drop(pieces);
            Ok(())
        }) {
            tracing::error!(%error, "a function panicked when its stream was dropped");
        }
    }

    fn compute(&mut self) -> Result<Option<Bytes>, FunctionError> {
        let Some(pieces) = &mut self.pieces else {
            return Ok(None);
        };
        let budget = &mut self.budget;
        budget.resume();
        let piece = guarded(|| {
            budget.checkpoint()?;
            loop {
                // A piece without bytes is a defect that could go on for ever; each costs a step.
                budget.charge_steps(1)?;
                match pieces.next(budget)? {
                    Some(piece) if piece.is_empty() => {}
                    other => return Ok(other),
                }
            }
        });
        if matches!(piece, Ok(Some(_))) {
            self.budget.progressed();
        }
        self.budget.pause();
        piece
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Pieces for Stream {
    /// Computes on the stream's own account.
    fn next(&mut self, _budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        self.pull()
    }
}

/// A batch function as a stream: its inputs are gathered, it runs once, its value is handed out.
pub(crate) struct Gathered {
    call: Call,
    inputs: VecDeque<Box<dyn Pieces>>,
    held: Vec<Vec<u8>>,
    total: u64,
    done: bool,
}

impl Gathered {
    pub(crate) fn open(call: Call, inputs: Vec<Box<dyn Pieces>>) -> Box<dyn Pieces> {
        Box::new(Self {
            call,
            inputs: inputs.into(),
            held: Vec::new(),
            total: 0,
            done: false,
        })
    }
}

impl Pieces for Gathered {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        if self.done {
            return Ok(None);
        }
        while let Some(mut source) = self.inputs.pop_front() {
            let mut bytes = Vec::new();
            while let Some(piece) = source.next(budget)? {
                self.total = self.total.saturating_add(piece.len() as u64);
                if self.total > MAX_BATCH_INPUT_BYTES {
                    return Err(FunctionError::InputsTooLarge {
                        total: self.total,
                        limit: MAX_BATCH_INPUT_BYTES,
                    });
                }
                bytes.extend_from_slice(&piece);
            }
            self.held.push(bytes);
        }
        self.done = true;
        let inputs: Vec<Bytes> = self.held.drain(..).map(Bytes::from).collect();
        budget.cap_output(DEFAULT_OUTPUT_BYTES);
        let value = self.call.run(&inputs, budget)?;
        Ok((!value.is_empty()).then_some(value))
    }
}

#[cfg(test)]
#[path = "streaming_test.rs"]
mod streaming_test;

//! How the functions here stream: bytes of one input go in at the front, pieces come out at the back.
//!
//! A function is written once, against [`Transform`] or [`LineWork`]; its batch form is derived. It
//! never sees where its input was cut, so the cut cannot shape the result. Nothing here holds more
//! than a piece and what the function itself charges for.

use bytes::{Buf, Bytes};

use crate::budget::{Budget, CHECKPOINT_BYTES};
use crate::function::{ComputeFunction, FunctionError, FunctionSpec};
use crate::params::{ParamError, Params};
use crate::streaming::{PIECE_BYTES, Pieces, StreamingComputeFunction, drain};

/// The inputs of a call that streams.
pub(super) type Inputs = Vec<Box<dyn Pieces>>;
/// What opening a stream gives.
pub(super) type Opened = Result<Box<dyn Pieces>, FunctionError>;

/// A function given by its card and what opens it; its batch form drains the stream.
pub(super) struct Streamed {
    spec: FunctionSpec,
    check: fn(&Params) -> Result<(), ParamError>,
    open: fn(Inputs, &Params) -> Opened,
}

impl Streamed {
    pub(super) fn new(spec: FunctionSpec, open: fn(Inputs, &Params) -> Opened) -> Self {
        Self {
            spec,
            check: |_| Ok(()),
            open,
        }
    }

    /// The same function with rules that its params must hold.
    pub(super) fn checked(mut self, check: fn(&Params) -> Result<(), ParamError>) -> Self {
        self.check = check;
        self
    }
}

impl ComputeFunction for Streamed {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn check(&self, params: &Params) -> Result<(), ParamError> {
        (self.check)(params)
    }

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        drain(self, inputs, params, budget)
    }

    fn streaming(&self) -> Option<&dyn StreamingComputeFunction> {
        Some(self)
    }
}

impl StreamingComputeFunction for Streamed {
    fn open(&self, inputs: Inputs, params: &Params) -> Opened {
        (self.open)(inputs, params)
    }
}

/// Whether a transform has more to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// It goes on with what comes next.
    More,
    /// The value is complete, whatever follows in the input.
    Done,
}

/// Bytes to be given out: charged before they are held.
#[derive(Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
}

impl Outbox {
    pub(super) fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        budget.charge_output(bytes.len() as u64)?;
        for piece in bytes.chunks(CHECKPOINT_BYTES as usize) {
            budget.charge_read(piece.len() as u64)?;
            self.bytes.extend_from_slice(piece);
        }
        Ok(())
    }

    /// Whether a transform should stop until this has been given out.
    pub(super) fn full(&self) -> bool {
        self.bytes.len() >= PIECE_BYTES
    }

    pub(super) fn take(&mut self) -> Option<Bytes> {
        (!self.bytes.is_empty()).then(|| Bytes::from(std::mem::take(&mut self.bytes)))
    }
}

/// A function of one input, as bytes go through it.
pub(super) trait Transform: Send {
    /// Takes bytes from the front of `input` (all of them, or until `out` is full).
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError>;

    /// Says what is left to say after the last byte; called again until it is done.
    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        Ok(Flow::Done)
    }
}

/// A transform at work on its input.
struct Through<T> {
    input: Option<Box<dyn Pieces>>,
    held: Bytes,
    done: bool,
    work: T,
    out: Outbox,
}

/// Opens the stream of a transform over the only input.
pub(super) fn through<T: Transform + 'static>(inputs: Inputs, work: T) -> Opened {
    Ok(Box::new(Through {
        input: Some(only(inputs)?),
        held: Bytes::new(),
        done: false,
        work,
        out: Outbox::default(),
    }))
}

/// The only input; the arity has been checked, so this refuses only direct calls.
pub(super) fn only(inputs: Inputs) -> Opened {
    let missing = || FunctionError::failed("the function takes an input, and none was given");
    inputs.into_iter().next().ok_or_else(missing)
}

impl<T: Transform> Pieces for Through<T> {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        while !self.done && !self.out.full() {
            if self.held.is_empty()
                && let Some(input) = &mut self.input
            {
                match input.next(budget)? {
                    Some(piece) => {
                        budget.charge_read(piece.len() as u64)?;
                        self.held = piece;
                    }
                    None => self.input = None,
                }
            }
            let flow = if self.held.is_empty() {
                if self.input.is_some() {
                    continue;
                }
                self.work.finish(&mut self.out, budget)?
            } else {
                self.work.feed(&mut self.held, &mut self.out, budget)?
            };
            if flow == Flow::Done {
                self.done = true;
                self.input = None;
                self.held = Bytes::new();
            }
        }
        Ok(self.out.take())
    }
}

/// A function of one input, as its lines go through it. A line ends at `\n`; a `\r` before it belongs
/// to the line.
pub(super) trait LineWork: Send {
    /// One line, without its newline. `ended` is false for a last line that has none.
    fn line(
        &mut self,
        line: &[u8],
        ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError>;

    /// Says what is left to say after the last line; called again until it is done.
    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        Ok(Flow::Done)
    }
}

/// Opens the stream of a function of lines over the only input.
pub(super) fn by_line<W: LineWork + 'static>(inputs: Inputs, work: W) -> Opened {
    through(
        inputs,
        ByLine {
            work,
            partial: Held::default(),
        },
    )
}

struct ByLine<W> {
    work: W,
    partial: Held,
}

impl<W: LineWork> Transform for ByLine<W> {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        while !input.is_empty() && !out.full() {
            let Some(at) = memchr::memchr(b'\n', input) else {
                self.partial.push(input, budget)?;
                input.clear();
                break;
            };
            budget.charge_steps(1)?;
            let line = input.split_to(at);
            input.advance(1);
            let flow = if self.partial.bytes.is_empty() {
                self.work.line(&line, true, out, budget)?
            } else {
                self.partial.push(&line, budget)?;
                let flow = self.work.line(&self.partial.bytes, true, out, budget)?;
                self.partial.bytes.clear();
                flow
            };
            if flow == Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let last = std::mem::take(&mut self.partial.bytes);
        if !last.is_empty() {
            self.work.line(&last, false, out, budget)?;
        }
        self.work.finish(out, budget)
    }
}

/// Bytes held back, paid for as scratch at twice their greatest length (a buffer doubles).
#[derive(Default)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    paid: usize,
}

impl Held {
    pub(super) fn push(&mut self, bytes: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        let len = self.bytes.len() + bytes.len();
        if len > self.paid {
            budget.charge_scratch(2 * (len - self.paid) as u64)?;
            self.paid = len;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// The lines of one of several inputs, pulled one by one.
pub(super) struct Lines {
    input: Option<Box<dyn Pieces>>,
    rest: Bytes,
    held: Held,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Pieces>) -> Self {
        Self {
            input: Some(input),
            rest: Bytes::new(),
            held: Held::default(),
        }
    }

    /// The next line without its newline; `None` after the last.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Result<Option<&[u8]>, FunctionError> {
        self.held.bytes.clear();
        budget.charge_steps(1)?;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.rest) {
                let line = self.rest.split_to(at);
                self.rest.advance(1);
                self.held.push(&line, budget)?;
                return Ok(Some(&self.held.bytes));
            }
            self.held.push(&self.rest, budget)?;
            self.rest = Bytes::new();
            let piece = match &mut self.input {
                Some(input) => input.next(budget)?,
                None => None,
            };
            match piece {
                Some(piece) => {
                    budget.charge_read(piece.len() as u64)?;
                    self.rest = piece;
                }
                None => {
                    self.input = None;
                    let last = !self.held.bytes.is_empty();
                    return Ok(last.then_some(&self.held.bytes));
                }
            }
        }
    }
}

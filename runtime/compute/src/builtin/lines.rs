//! `head`, `tail`, `line_count`, `word_count` and `join`: one input, line by line.
//!
//! A line ends at `\n`; a `\r` before it belongs to the line. Bytes need not be text. Where lines
//! are given out each ends in a newline, the last one too.

use std::collections::VecDeque;

use bytes::Bytes;

use super::card::{card, cost, default, param, text};
use super::cut_bytes::{length, or_else};
use super::flow::{Flow, LineWork, Outbox, Streamed, Transform, by_line, through};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, ParamKind};

/// Scratch for a line held, besides its bytes.
const LINE_BYTES: u64 = 48;
/// Most lines that `tail` holds.
const MAX_TAIL_LINES: i64 = 10_000_000;

pub(super) fn head() -> Streamed {
    let count = ParamKind::I64 {
        min: 0,
        max: i64::MAX,
    };
    let spec = card(
        "head",
        "Gives the first `count` lines of its input. Every line of the result ends in a newline.",
        Arity::exactly(&["lines"]),
        cost(300, 500),
    )
    .with(param("count", count, or_else(10), "How many lines."))
    .example("-i ADDR -p count=20");
    Streamed::new(spec, |inputs, params| {
        by_line(inputs, Head(length(params, "count")?))
    })
}

pub(super) fn tail() -> Streamed {
    let count = ParamKind::I64 {
        min: 0,
        max: MAX_TAIL_LINES,
    };
    let spec = card(
        "tail",
        "Gives the last `count` lines of its input. Every line of the result ends in a newline.",
        Arity::exactly(&["lines"]),
        cost(300, 1_000),
    )
    .with(param("count", count, or_else(10), "How many lines."))
    .example("-i ADDR -p count=20");
    Streamed::new(spec, |inputs, params| {
        let tail = Tail {
            count: length(params, "count")?,
            held: VecDeque::new(),
            bytes: 0,
            paid: 0,
        };
        by_line(inputs, tail)
    })
}

pub(super) fn join() -> Streamed {
    let spec = card(
        "join",
        "Joins the lines of its input into one, with the separator between every two of them and no \
         newline at the end.",
        Arity::exactly(&["lines"]),
        cost(300, 1_000),
    )
    .with(text(
        "separator",
        default(","),
        "Text put between two lines, never before the first or after the last.",
    ))
    .example("-i ADDR -p separator=;");
    Streamed::new(spec, |inputs, params| {
        let separator = params.string("separator")?.as_bytes().to_vec();
        let first = true;
        by_line(inputs, Join { separator, first })
    })
}

pub(super) fn line_count() -> Streamed {
    let spec = card(
        "line_count",
        "Gives the number of lines of its input, in decimal, without a newline. A last line without \
         a newline counts.",
        Arity::exactly(&["lines"]),
        cost(300, 200),
    );
    Streamed::new(spec, |inputs, _| {
        let within = false;
        through(inputs, LineCount { lines: 0, within })
    })
}

pub(super) fn word_count() -> Streamed {
    let spec = card(
        "word_count",
        "Gives the number of words of its input, in decimal, without a newline. A word is a run of \
         bytes between ASCII spaces, tabs, line feeds, form feeds and carriage returns.",
        Arity::exactly(&["text"]),
        cost(300, 1_000),
    );
    Streamed::new(spec, |inputs, _| {
        let within = false;
        through(inputs, WordCount { words: 0, within })
    })
}

/// A line as all functions here write it.
pub(super) fn push_line(
    line: &[u8],
    out: &mut Outbox,
    budget: &mut Budget,
) -> Result<(), FunctionError> {
    out.push(line, budget)?;
    out.push(b"\n", budget)
}

struct Head(u64);

impl LineWork for Head {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        if self.0 == 0 {
            return Ok(Flow::Done);
        }
        self.0 -= 1;
        push_line(line, out, budget)?;
        Ok(if self.0 == 0 { Flow::Done } else { Flow::More })
    }
}

struct Tail {
    count: u64,
    held: VecDeque<Vec<u8>>,
    bytes: u64,
    paid: u64,
}

impl LineWork for Tail {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        if self.count == 0 {
            return Ok(Flow::Done);
        }
        if self.held.len() as u64 == self.count
            && let Some(oldest) = self.held.pop_front()
        {
            self.bytes -= oldest.len() as u64 + LINE_BYTES;
        }
        self.bytes += line.len() as u64 + LINE_BYTES;
        if self.bytes > self.paid {
            budget.charge_scratch(self.bytes - self.paid)?;
            self.paid = self.bytes;
        }
        self.held.push_back(line.to_vec());
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        while !out.full() {
            let Some(line) = self.held.pop_front() else {
                return Ok(Flow::Done);
            };
            push_line(&line, out, budget)?;
        }
        Ok(Flow::More)
    }
}

struct Join {
    separator: Vec<u8>,
    first: bool,
}

impl LineWork for Join {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        if !self.first {
            out.push(&self.separator, budget)?;
        }
        self.first = false;
        out.push(line, budget)?;
        Ok(Flow::More)
    }
}

struct LineCount {
    lines: u64,
    within: bool,
}

impl Transform for LineCount {
    fn feed(
        &mut self,
        input: &mut Bytes,
        _out: &mut Outbox,
        _budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.lines += memchr::memchr_iter(b'\n', input).count() as u64;
        self.within = !input.ends_with(b"\n");
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let lines = self.lines + u64::from(self.within);
        out.push(lines.to_string().as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

struct WordCount {
    words: u64,
    within: bool,
}

impl Transform for WordCount {
    fn feed(
        &mut self,
        input: &mut Bytes,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_steps(input.len() as u64 / 16)?;
        for byte in input.iter() {
            let within = !byte.is_ascii_whitespace();
            self.words += u64::from(within && !self.within);
            self.within = within;
        }
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        out.push(self.words.to_string().as_bytes(), budget)?;
        Ok(Flow::Done)
    }
}

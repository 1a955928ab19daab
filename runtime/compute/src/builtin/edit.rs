//! `split`, `trim` and `replace`: the input cut or changed at plain bytes, without patterns.

use bytes::{Buf, Bytes};
use memchr::memmem::Finder;

use super::card::{MAX_TEXT, card, cost, default, param, text, word};
use super::flow::through;
use super::flow::{Flow, Held, Inputs, LineWork, Opened, Outbox, Streamed, Transform, by_line};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::params::{ParamError, Params};

pub(super) fn split() -> Streamed {
    let index = ParamKind::I64 {
        min: 0,
        max: i64::MAX,
    };
    let spec = card(
        "split",
        "Cuts its input at every separator. With `index` it gives that part as it is, and refuses \
         when there is none; without, every part on a line of its own. A separator at an edge leaves \
         an empty part there; the empty value has one empty part.",
        Arity::exactly(&["data"]),
        cost(300, 1_000),
    )
    .with(text(
        "separator",
        Presence::Required,
        "The text between two parts; not empty.",
    ))
    .with(param(
        "index",
        index,
        Presence::Optional,
        "Which part, counted from 0.",
    ))
    .example("-i ADDR -p separator=, -p index=2");
    Streamed::new(spec, open_split).checked(|params| not_empty(params, "separator"))
}

pub(super) fn replace() -> Streamed {
    let spec = card(
        "replace",
        "Puts the text `with` in the place of every `find`, from left to right; what was put in is \
         not searched again.",
        Arity::exactly(&["data"]),
        cost(300, 1_500),
    )
    .with(text(
        "find",
        Presence::Required,
        "The text that is replaced; not empty.",
    ))
    .with(text("with", default(""), "What stands in its place."))
    .example("-i ADDR -p find=colour -p with=color");
    Streamed::new(spec, open_replace).checked(|params| not_empty(params, "find"))
}

pub(super) fn trim() -> Streamed {
    let spec = card(
        "trim",
        "Takes away ASCII white space (space, tab, line feed, form feed, carriage return) at the \
         edges of the input, or of each line; with unit=lines every line of the result ends in a \
         newline.",
        Arity::exactly(&["text"]),
        cost(300, 1_000),
    )
    .with(word(
        "unit",
        &["all", "lines"],
        default("all"),
        "What is trimmed: the whole input or each line.",
    ))
    .with(word(
        "side",
        &["both", "start", "end"],
        default("both"),
        "At which edge.",
    ))
    .example("-i ADDR -p unit=lines -p side=end");
    Streamed::new(spec, open_trim)
}

fn not_empty(params: &Params, name: &str) -> Result<(), ParamError> {
    if !params.string(name)?.is_empty() {
        return Ok(());
    }
    Err(ParamError::OutOfRange {
        param: name.to_string(),
        given: "the empty string".to_string(),
        expected: format!("a text of 1 to {MAX_TEXT} bytes"),
    })
}

/// What happens where the needle stands, and to what lies between.
enum Act {
    Replace(Vec<u8>),
    Part { at: u64, wanted: u64 },
}

/// Searches for a needle that may lie across two pieces.
struct Seek {
    needle: Finder<'static>,
    act: Act,
    /// Bytes that may begin a needle: fewer than its length.
    tail: Held,
}

fn open_split(inputs: Inputs, params: &Params) -> Opened {
    let act = match params.optional_i64("index")? {
        Some(index) => Act::Part {
            at: 0,
            wanted: u64::try_from(index).unwrap_or(0),
        },
        None => Act::Replace(b"\n".to_vec()),
    };
    seek(inputs, params.string("separator")?, act)
}

fn open_replace(inputs: Inputs, params: &Params) -> Opened {
    let with = params.string("with")?.as_bytes().to_vec();
    through(
        inputs,
        Seek::new(params.string("find")?, Act::Replace(with)),
    )
}

fn seek(inputs: Inputs, needle: &str, act: Act) -> Opened {
    let lines = matches!(act, Act::Replace(_));
    let seek = Seek::new(needle, act);
    if lines {
        return through(inputs, Terminated(seek));
    }
    through(inputs, seek)
}

impl Seek {
    fn new(needle: &str, act: Act) -> Self {
        Self {
            needle: Finder::new(needle.as_bytes()).into_owned(),
            act,
            tail: Held::default(),
        }
    }

    fn between(
        &self,
        bytes: &[u8],
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        match &self.act {
            Act::Part { at, wanted } if at != wanted => Ok(()),
            _ => out.push(bytes, budget),
        }
    }

    fn found(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        budget.charge_steps(1)?;
        match &mut self.act {
            Act::Replace(with) => out.push(with, budget)?,
            Act::Part { at, wanted } if at == wanted => return Ok(Flow::Done),
            Act::Part { at, .. } => *at += 1,
        }
        Ok(Flow::More)
    }
}

impl Transform for Seek {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let len = self.needle.needle().len();
        let mut joined = if self.tail.bytes.is_empty() {
            std::mem::take(input)
        } else {
            self.tail.push(input, budget)?;
            input.clear();
            budget.charge_read(self.tail.bytes.len() as u64)?;
            Bytes::copy_from_slice(&self.tail.bytes)
        };
        self.tail.bytes.clear();
        while !out.full() {
            let Some(at) = self.needle.find(&joined) else {
                let held = joined.len().min(len - 1);
                let sure = joined.split_to(joined.len() - held);
                self.between(&sure, out, budget)?;
                self.tail.push(&joined, budget)?;
                return Ok(Flow::More);
            };
            let before = joined.split_to(at);
            joined.advance(len);
            self.between(&before, out, budget)?;
            if self.found(out, budget)? == Flow::Done {
                return Ok(Flow::Done);
            }
        }
        *input = joined;
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        let tail = std::mem::take(&mut self.tail.bytes);
        self.between(&tail, out, budget)?;
        match &self.act {
            Act::Part { at, wanted } if at < wanted => Err(FunctionError::failed(format!(
                "there is no part {wanted}: the input has {} parts, counted from 0",
                at + 1
            ))),
            _ => Ok(Flow::Done),
        }
    }
}

/// Parts as lines: the last one ends in a newline too.
struct Terminated(Seek);

impl Transform for Terminated {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.0.feed(input, out, budget)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.0.finish(out, budget)?;
        out.push(b"\n", budget)?;
        Ok(Flow::Done)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Both,
    Start,
    End,
}

fn open_trim(inputs: Inputs, params: &Params) -> Opened {
    let edge = match params.string("side")? {
        "start" => Edge::Start,
        "end" => Edge::End,
        _ => Edge::Both,
    };
    if params.string("unit")? == "lines" {
        return by_line(inputs, TrimLines(edge));
    }
    let begun = edge == Edge::End;
    let blanks = Held::default();
    through(
        inputs,
        TrimAll {
            edge,
            begun,
            blanks,
        },
    )
}

struct TrimLines(Edge);

impl LineWork for TrimLines {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_read(line.len() as u64)?;
        let trimmed = match self.0 {
            Edge::Both => line.trim_ascii(),
            Edge::Start => line.trim_ascii_start(),
            Edge::End => line.trim_ascii_end(),
        };
        out.push(trimmed, budget)?;
        out.push(b"\n", budget)?;
        Ok(Flow::More)
    }
}

/// White space is held until it is known whether something follows.
struct TrimAll {
    edge: Edge,
    begun: bool,
    blanks: Held,
}

impl Transform for TrimAll {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        let mut piece = input.as_ref();
        if !self.begun {
            piece = piece.trim_ascii_start();
            self.begun = !piece.is_empty();
        }
        let body = match self.edge {
            Edge::Start => piece,
            _ => piece.trim_ascii_end(),
        };
        if !body.is_empty() {
            out.push(&self.blanks.bytes, budget)?;
            self.blanks.bytes.clear();
            out.push(body, budget)?;
        }
        let blanks = piece.get(body.len()..).unwrap_or_default();
        self.blanks.push(blanks, budget)?;
        input.clear();
        Ok(Flow::More)
    }
}

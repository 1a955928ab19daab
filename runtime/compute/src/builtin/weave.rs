//! `interleave` and `zip_concat`: the lines of several inputs, side by side.
//!
//! A line ends at `\n`; every line of the result ends in a newline. One line of each input is held.

use bytes::Bytes;

use super::card::{card, cost, default, text, word};
use super::flow::{Inputs, Lines, Opened, Outbox, Streamed};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError};
use crate::params::Params;
use crate::streaming::Pieces;

pub(super) fn interleave() -> Streamed {
    let spec = card(
        "interleave",
        "Gives the first line of each input in recipe order, then the second of each, and so on; an \
         input that has ended is left out. Every line of the result ends in a newline.",
        Arity::any("lines"),
        cost(500, 1_500),
    )
    .example("-i ADDR1 ADDR2");
    Streamed::new(spec, |inputs, _| open(inputs, Style::Interleaved))
}

pub(super) fn zip_concat() -> Streamed {
    let spec = card(
        "zip_concat",
        "Joins the first lines of all inputs into one line, then the second lines, and so on, with \
         the separator between every two. Every line of the result ends in a newline.",
        Arity::any("lines"),
        cost(500, 1_500),
    )
    .with(text(
        "separator",
        default("\t"),
        "Text put between the lines of two inputs.",
    ))
    .with(word(
        "uneven",
        &["refuse", "pad", "stop"],
        default("refuse"),
        "When one input has fewer lines: refuse, take empty lines in its place, or stop with it.",
    ))
    .example("-i ADDR1 ADDR2 -p separator=,");
    Streamed::new(spec, |inputs, params| {
        open(inputs, Style::Zipped(Zip::read(params)?))
    })
}

enum Style {
    Interleaved,
    Zipped(Zip),
}

struct Zip {
    separator: Vec<u8>,
    uneven: Uneven,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Uneven {
    Refuse,
    Pad,
    Stop,
}

impl Zip {
    fn read(params: &Params) -> Result<Self, FunctionError> {
        Ok(Self {
            separator: params.string("separator")?.as_bytes().to_vec(),
            uneven: match params.string("uneven")? {
                "pad" => Uneven::Pad,
                "stop" => Uneven::Stop,
                _ => Uneven::Refuse,
            },
        })
    }
}

fn open(inputs: Inputs, style: Style) -> Opened {
    Ok(Box::new(Weave {
        inputs: inputs.into_iter().map(Lines::new).collect(),
        style,
        row: 0,
        ended: false,
        out: Outbox::default(),
    }))
}

struct Weave {
    inputs: Vec<Lines>,
    style: Style,
    row: u64,
    ended: bool,
    out: Outbox,
}

impl Pieces for Weave {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        while !self.ended && !self.out.full() {
            budget.charge_steps(1)?;
            self.row += 1;
            match &self.style {
                Style::Interleaved => {
                    self.ended = true;
                    for lines in &mut self.inputs {
                        if let Some(line) = lines.next(budget)? {
                            self.ended = false;
                            self.out.push(line, budget)?;
                            self.out.push(b"\n", budget)?;
                        }
                    }
                }
                Style::Zipped(zip) => {
                    self.ended = !zip_row(zip, self.row, &mut self.inputs, &mut self.out, budget)?;
                }
            }
        }
        Ok(self.out.take())
    }
}

/// Writes one row; false when there is none any more. The row is held until it is known to be one.
fn zip_row(
    zip: &Zip,
    row: u64,
    inputs: &mut [Lines],
    out: &mut Outbox,
    budget: &mut Budget,
) -> Result<bool, FunctionError> {
    let mut joined = Vec::new();
    let mut missing = None;
    let mut present = 0;
    for (at, lines) in inputs.iter_mut().enumerate() {
        if at > 0 {
            joined.extend_from_slice(&zip.separator);
        }
        match lines.next(budget)? {
            Some(line) => {
                budget.charge_read(line.len() as u64)?;
                joined.extend_from_slice(line);
                present += 1;
            }
            None => missing = Some(at),
        }
    }
    match (missing, zip.uneven) {
        _ if present == 0 => return Ok(false),
        (Some(_), Uneven::Stop) => return Ok(false),
        (Some(at), Uneven::Refuse) => {
            return Err(FunctionError::failed(format!(
                "input {at} has no line {row} and another input has; give uneven=pad or uneven=stop, \
                 or inputs with equally many lines"
            )));
        }
        _ => {}
    }
    out.push(&joined, budget)?;
    out.push(b"\n", budget)?;
    Ok(true)
}

//! `sort_lines`: the lines of the input in the order of their bytes.
//!
//! A line ends at `\n`; a `\r` before it belongs to the line. A last line without a newline gets one,
//! so the result is empty or ends in a newline. Bytes need not be text; there is no locale. Lines
//! that do not fit into memory are sorted through scratch files.

use deriva_model::Value;

use super::card::{card, cost, default, param, word};
use super::flow::{Flow, LineWork, Outbox, Streamed, by_line};
use super::lines::push_line;
use crate::budget::Budget;
use crate::external::{Order, Sorter, Sorting, Ties};
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::params::{ParamError, Params};

/// Half of the scratch memory is for the lines, the rest for merging and for a long line.
const MEMORY_PARTED: u64 = 2;

pub(super) fn sort_lines() -> Streamed {
    let spec = card(
        "sort_lines",
        "Sorts the lines of its input by their bytes, without a locale. Every line of the \
         result ends in a newline, the last one too.",
        Arity::exactly(&["lines"]),
        cost(500, 50_000),
    )
    .with(word(
        "order",
        &["asc", "desc"],
        default("asc"),
        "Ascending or descending.",
    ))
    .with(param(
        "unique",
        ParamKind::Bool,
        Presence::Default(Value::Bool(false)),
        "Whether of equal lines only one is kept.",
    ))
    .example("-i ADDR -p order=desc -p unique=true");
    Streamed::new(spec, |inputs, params| {
        let ties = if params.bool("unique")? {
            Ties::First
        } else {
            Ties::All
        };
        let sorter = Sorter::new(order(params)?, ties, MEMORY_PARTED);
        by_line(inputs, SortLines(Sorting::Taking(sorter)))
    })
}

/// The param `order`, which sorts have.
pub(super) fn order(params: &Params) -> Result<Order, ParamError> {
    Ok(match params.string("order")? {
        "desc" => Order::Descending,
        _ => Order::Ascending,
    })
}

struct SortLines(Sorting);

impl LineWork for SortLines {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.0.push(line, &[], budget)?;
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        while !out.full() {
            let Some((line, _)) = self.0.next(budget)? else {
                return Ok(Flow::Done);
            };
            push_line(line, out, budget)?;
        }
        Ok(Flow::More)
    }
}

//! `csv_aggregate`: one record for each group, with one figure about one column.
//!
//! Groups stand in ascending order of their cells' bytes, column by column. Additions run from left
//! to right in row order, starting at zero, in IEEE doubles. Numbers are read and written by
//! `number.rs`; an empty cell is missing and counts for nothing, any other that is no number is
//! refused by line, and so is a sum that overflows.
//!
//! When groups fill their memory, those that are there go on as before, and the records of all others
//! are sorted through scratch files: parts of a sum added later would not give the same bits.

use csv::ByteRecord;

use super::card::{card, columns, cost, default, text, word};
use super::csv_columns::{RecordWork, open};
use super::csv_stream::TableStream;
use super::csv_table::{delimiter, delimiter_param, write_record};
use super::flow::{Flow, Outbox, Streamed};
use super::number;
use super::tally::{Gain, Group, Groups};
use crate::budget::Budget;
use crate::external::Key;
use crate::function::{Arity, FunctionError, Presence};
use crate::params::{ParamError, Params};

pub(super) fn csv_aggregate() -> Streamed {
    let spec = card(
        "csv_aggregate",
        "Groups the records by `group_by` and gives one record a group: the group's cells, \
         then the figure, in a column named AGGREGATE_COLUMN, or `count`. Empty cells are \
         missing; a group without a number has an empty cell, a count of 0. Without \
         `group_by` the whole table is one group.",
        Arity::exactly(&["table"]),
        cost(1_000, 40_000),
    )
    .with(columns(
        "group_by",
        default(""),
        "The columns whose cells make a group, joined by commas.",
    ))
    .with(word(
        "aggregate",
        &["sum", "mean", "min", "max", "count"],
        Presence::Required,
        "The figure; count counts the cells that are not empty, or without `column` the records.",
    ))
    .with(text(
        "column",
        Presence::Optional,
        "The column the figure is about; only count can do without.",
    ))
    .with(delimiter_param())
    .example("-i ADDR -p group_by=weather -p aggregate=mean -p column=temp_max");
    Streamed::new(spec, |inputs, params| {
        let work = Aggregate {
            figure: Figure::read(params)?,
            names: params.strings("group_by")?.to_vec(),
            column: params.optional_string("column")?.map(str::to_string),
            at: None,
            keys: Vec::new(),
            key: Key::default(),
            groups: Groups::default(),
        };
        open(inputs, params, work)
    })
    .checked(check)
}

fn check(params: &Params) -> Result<(), ParamError> {
    delimiter(params)?;
    let aggregate = params.string("aggregate")?;
    if aggregate != "count" && params.optional_string("column")?.is_none() {
        return Err(ParamError::Missing {
            param: "column".to_string(),
            expected: format!("the column whose {aggregate} is wanted"),
        });
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Figure {
    Sum,
    Mean,
    Min,
    Max,
    Count,
}

impl Figure {
    fn read(params: &Params) -> Result<Self, ParamError> {
        Ok(match params.string("aggregate")? {
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            _ => Self::Count,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
        }
    }

    fn of(self, group: &Group) -> String {
        let tally = &group.tally;
        let number = match self {
            Self::Count => return tally.count.to_string(),
            _ if tally.count == 0 => None,
            Self::Sum => Some(tally.sum),
            Self::Mean => Some(tally.sum / tally.count as f64),
            Self::Min => tally.min,
            Self::Max => tally.max,
        };
        number.map(number::format).unwrap_or_default()
    }

    /// Where the group's sum left the range, if the figure is made of it.
    fn overflow(self, group: &Group) -> Option<u64> {
        let summed = matches!(self, Self::Sum | Self::Mean);
        group.overflow.filter(|_| summed)
    }
}

struct Aggregate {
    figure: Figure,
    names: Vec<String>,
    column: Option<String>,
    /// Position of the column the figure is about.
    at: Option<usize>,
    /// Positions of the columns whose cells make a group.
    keys: Vec<usize>,
    key: Key,
    groups: Groups,
}

impl Aggregate {
    fn gain(&self, record: &ByteRecord, table: &TableStream) -> Result<Gain, FunctionError> {
        let (Some(name), Some(at)) = (&self.column, self.at) else {
            return Ok(Gain::One);
        };
        let cell = record.get(at).unwrap_or_default();
        if cell.is_empty() {
            return Ok(Gain::Nothing);
        }
        if self.figure == Figure::Count {
            return Ok(Gain::One);
        }
        match number::parse(cell) {
            Some(number) => Ok(Gain::Number(number)),
            None => Err(table.refuse_record(number::not_one(name, cell))),
        }
    }
}

impl RecordWork for Aggregate {
    fn header(
        &mut self,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let keys = self.names.iter().map(|name| table.column(name));
        self.keys = keys.collect::<Result<_, _>>()?;
        if let Some(name) = &self.column {
            self.at = Some(table.column(name)?);
        }
        if self.keys.is_empty() {
            self.groups.add(&[], Gain::Nothing, 1, budget)?;
        }
        let figure = match &self.column {
            Some(name) => format!("{}_{name}", self.figure.name()),
            None => self.figure.name().to_string(),
        };
        let names = self.keys.iter().filter_map(|at| table.header().get(*at));
        let names = names.chain(std::iter::once(figure.as_bytes()));
        write_record(names, delimiter, out, budget)
    }

    fn record(
        &mut self,
        record: &ByteRecord,
        table: &TableStream,
        _delimiter: u8,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.key.clear();
        for at in &self.keys {
            self.key.cell(record.get(*at).unwrap_or_default(), budget)?;
        }
        let gain = self.gain(record, table)?;
        let line = table.line();
        let group = self.groups.add(self.key.bytes(), gain, line, budget)?;
        match group.and_then(|group| self.figure.overflow(group)) {
            Some(line) => Err(table.refuse(line, OVERFLOW)),
            None => Ok(()),
        }
    }

    fn finish(
        &mut self,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        while !out.full() {
            let Some((cells, group)) = self.groups.next(budget)? else {
                return Ok(Flow::Done);
            };
            if let Some(line) = self.figure.overflow(&group) {
                return Err(table.refuse(line, OVERFLOW));
            }
            let figure = self.figure.of(&group);
            let cells = cells.iter().map(Vec::as_slice);
            let cells = cells.chain(std::iter::once(figure.as_bytes()));
            write_record(cells, delimiter, out, budget)?;
        }
        Ok(Flow::More)
    }
}

const OVERFLOW: &str = "the sum leaves the range of a double here; scale the column down first";

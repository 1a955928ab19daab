//! `csv_aggregate`: one record for each group, with one figure about one column.
//!
//! Groups stand in ascending order of their cells' bytes, column by column. Additions run from left
//! to right in row order, starting at zero, in IEEE doubles. Numbers are read and written by
//! `number.rs`; an empty cell is missing and counts for nothing, any other that is no number is
//! refused by line, and so is a sum that overflows.

use std::collections::BTreeMap;

use bytes::Bytes;
use csv::ByteRecord;

use super::card::{card, columns, cost, default, input, text, word};
use super::csv_table::{Table, delimiter, delimiter_param, write_record};
use super::number;
use crate::budget::{Budget, Output};
use crate::function::{Arity, ComputeFunction, FunctionError, FunctionSpec, Presence};
use crate::params::{ParamError, Params};

/// Scratch for a group besides its cells: tree node, tally, vector.
const GROUP_SCRATCH: u64 = 160;
/// Scratch for a cell of a group besides its bytes.
const CELL_SCRATCH: u64 = 40;

pub(super) struct CsvAggregate {
    spec: FunctionSpec,
}

impl CsvAggregate {
    pub(super) fn new() -> Self {
        Self {
            spec: card(
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
            .example("-i ADDR -p group_by=weather -p aggregate=mean -p column=temp_max"),
        }
    }
}

/// What is known of a group so far.
#[derive(Default)]
struct Tally {
    count: u64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
}

impl Tally {
    fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        // Only a smaller or larger one replaces, so of equal ones the first stays.
        self.min = Some(self.min.filter(|min| *min <= number).unwrap_or(number));
        self.max = Some(self.max.filter(|max| *max >= number).unwrap_or(number));
    }

    fn figure(&self, aggregate: &str) -> String {
        let number = match aggregate {
            "count" => return self.count.to_string(),
            _ if self.count == 0 => None,
            "sum" => Some(self.sum),
            "mean" => Some(self.sum / self.count as f64),
            "min" => self.min,
            _ => self.max,
        };
        number.map(number::format).unwrap_or_default()
    }
}

/// What a record adds to its group.
enum Gain {
    Nothing,
    One,
    Number(f64),
}

/// The job: which columns, which figure.
struct Plan<'a> {
    aggregate: &'a str,
    keys: Vec<usize>,
    column: Option<(&'a str, usize)>,
}

impl<'a> Plan<'a> {
    fn read(params: &'a Params, table: &Table<'_>) -> Result<Self, FunctionError> {
        let names = params.strings("group_by")?;
        let keys = names.iter().map(|name| table.column(name));
        let column = params.optional_string("column")?;
        Ok(Self {
            aggregate: params.string("aggregate")?,
            keys: keys.collect::<Result<_, _>>()?,
            column: match column {
                Some(name) => Some((name, table.column(name)?)),
                None => None,
            },
        })
    }

    fn gain(&self, record: &ByteRecord, table: &Table<'_>) -> Result<Gain, FunctionError> {
        let Some((name, at)) = self.column else {
            return Ok(Gain::One);
        };
        let cell = record.get(at).unwrap_or_default();
        if cell.is_empty() {
            return Ok(Gain::Nothing);
        }
        if self.aggregate == "count" {
            return Ok(Gain::One);
        }
        match number::parse(cell) {
            Some(number) => Ok(Gain::Number(number)),
            None => Err(table.refuse_record(record, number::not_one(name, cell))),
        }
    }
}

/// A group: its cells, and what is known of it.
struct Group {
    cells: Vec<Vec<u8>>,
    tally: Tally,
}

/// Groups by their cells in one piece, see [`append_cell`].
type Groups = BTreeMap<Vec<u8>, Group>;

/// Adds a cell to a key so that keys, compared as bytes, stand in the order of their cells: a zero
/// is written as `00 ff`, and `00 00` ends the cell before anything longer.
fn append_cell(key: &mut Vec<u8>, cell: &[u8]) {
    for byte in cell {
        key.push(*byte);
        if *byte == 0 {
            key.push(0xff);
        }
    }
    key.extend_from_slice(&[0, 0]);
}

fn tally(plan: &Plan<'_>, table: &mut Table<'_>) -> Result<Groups, FunctionError> {
    let mut groups = Groups::new();
    if plan.keys.is_empty() {
        groups.insert(Vec::new(), new_group(Vec::new()));
    }
    let mut record = ByteRecord::new();
    let mut key = Vec::new();
    while table.next(&mut record)? {
        key.clear();
        for cell in plan.keys.iter().filter_map(|at| record.get(*at)) {
            append_cell(&mut key, cell);
        }
        let gain = plan.gain(&record, table)?;
        let tally = match groups.get_mut(&key) {
            Some(group) => &mut group.tally,
            None => {
                let cells = plan.keys.iter().filter_map(|at| record.get(*at));
                let cells: Vec<Vec<u8>> = cells.map(<[u8]>::to_vec).collect();
                let cell_scratch = cells.len() as u64 * CELL_SCRATCH;
                let scratch = GROUP_SCRATCH + cell_scratch + 2 * key.len() as u64;
                table.budget().charge_scratch(scratch)?;
                let group = groups.entry(key.clone());
                &mut group.or_insert_with(|| new_group(cells)).tally
            }
        };
        match gain {
            Gain::Nothing => {}
            Gain::One => tally.count += 1,
            Gain::Number(number) => tally.add(number),
        }
        if !tally.sum.is_finite() && matches!(plan.aggregate, "sum" | "mean") {
            return Err(table.refuse_record(
                &record,
                "the sum leaves the range of a double here; scale the column down first",
            ));
        }
    }
    Ok(groups)
}

fn new_group(cells: Vec<Vec<u8>>) -> Group {
    Group {
        cells,
        tally: Tally::default(),
    }
}

impl ComputeFunction for CsvAggregate {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn check(&self, params: &Params) -> Result<(), ParamError> {
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

    fn execute(
        &self,
        inputs: &[Bytes],
        params: &Params,
        budget: &mut Budget,
    ) -> Result<Bytes, FunctionError> {
        self.check(params)?;
        let delimiter = delimiter(params)?;
        let data = input(&self.spec, inputs, 0)?;
        let mut table = Table::open(0, data, delimiter, budget)?;
        let plan = Plan::read(params, &table)?;
        let groups = tally(&plan, &mut table)?;
        let figure_name = match plan.column {
            Some((name, _)) => format!("{}_{name}", plan.aggregate),
            None => plan.aggregate.to_string(),
        };
        let header = table.header().clone();
        let names = plan.keys.iter().filter_map(|at| header.get(*at));
        let names = names.chain(std::iter::once(figure_name.as_bytes()));
        let mut output = Output::new();
        write_record(names, delimiter, &mut output, table.budget())?;
        for group in groups.values() {
            let figure = group.tally.figure(plan.aggregate);
            let cells = group.cells.iter().map(Vec::as_slice);
            let cells = cells.chain(std::iter::once(figure.as_bytes()));
            write_record(cells, delimiter, &mut output, table.budget())?;
        }
        Ok(output.finish())
    }
}

//! `csv_select` and `csv_to_json`: one record at a time, from a table that streams.

use bytes::Bytes;
use csv::ByteRecord;
use deriva_model::Value;

use super::card::{card, columns, cost, default, param, word};
use super::csv_stream::TableStream;
use super::csv_table::{delimiter, delimiter_param, shorten, some_columns, write_record};
use super::flow::{Flow, Inputs, Opened, Outbox, Streamed, only};
use super::json_scan::{escape_into, is_number};
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::params::{ParamError, Params};
use crate::streaming::Pieces;

pub(super) fn csv_select() -> Streamed {
    let spec = card(
        "csv_select",
        "Keeps the given columns, in the order given.",
        Arity::exactly(&["table"]),
        cost(1_000, 5_000),
    )
    .with(columns(
        "columns",
        Presence::Required,
        "The columns, at least one.",
    ))
    .with(delimiter_param())
    .example("-i ADDR -p columns=date,temp_max");
    Streamed::new(spec, |inputs, params| {
        let names = params.strings("columns")?.to_vec();
        open(
            inputs,
            params,
            Select {
                names,
                at: Vec::new(),
            },
        )
    })
    .checked(check_select)
}

pub(super) fn csv_to_json() -> Streamed {
    let spec = card(
        "csv_to_json",
        "Gives every record as a JSON object of its cells by the names of their columns, which must \
         differ and, like the cells, be UTF-8.",
        Arity::exactly(&["table"]),
        cost(1_000, 8_000),
    )
    .with(word(
        "format",
        &["array", "lines"],
        default("array"),
        "One array of all objects, or an object a line.",
    ))
    .with(param(
        "numbers",
        ParamKind::Bool,
        Presence::Default(Value::Bool(false)),
        "Whether a cell that is spelled as a JSON number becomes one; else every cell is a string.",
    ))
    .with(delimiter_param())
    .example("-i ADDR -p format=lines -p numbers=true");
    Streamed::new(spec, |inputs, params| {
        let work = ToJson {
            lines: params.string("format")? == "lines",
            numbers: params.bool("numbers")?,
            names: Vec::new(),
            records: 0,
        };
        open(inputs, params, work)
    })
    .checked(|params| delimiter(params).map(|_delimiter| ()))
}

fn check_select(params: &Params) -> Result<(), ParamError> {
    some_columns(params, "columns")?;
    delimiter(params).map(|_delimiter| ())
}

/// A function of the records of one table.
pub(super) trait RecordWork: Send {
    fn header(
        &mut self,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError>;

    /// One record; an error text is a refusal of it by line.
    fn record(
        &mut self,
        record: &ByteRecord,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError>;

    /// Says what is left to say after the last record; called again until it is done.
    fn finish(
        &mut self,
        _table: &TableStream,
        _delimiter: u8,
        _out: &mut Outbox,
        _budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        Ok(Flow::Done)
    }
}

/// Opens the stream of a function of records over the only input.
pub(super) fn open<W: RecordWork + 'static>(inputs: Inputs, params: &Params, work: W) -> Opened {
    let delimiter = delimiter(params)?;
    Ok(Box::new(Records {
        table: TableStream::new(0, only(inputs)?, delimiter),
        delimiter,
        stage: Stage::Header,
        record: ByteRecord::new(),
        work,
        out: Outbox::default(),
    }))
}

#[derive(PartialEq, Eq)]
enum Stage {
    Header,
    Records,
    Finish,
    Done,
}

struct Records<W> {
    table: TableStream,
    delimiter: u8,
    stage: Stage,
    record: ByteRecord,
    work: W,
    out: Outbox,
}

impl<W: RecordWork> Pieces for Records<W> {
    fn next(&mut self, budget: &mut Budget) -> Result<Option<Bytes>, FunctionError> {
        let (out, delimiter) = (&mut self.out, self.delimiter);
        while matches!(self.stage, Stage::Header | Stage::Records) && !out.full() {
            if self.stage == Stage::Header {
                self.table.begin(budget)?;
                self.work.header(&self.table, delimiter, out, budget)?;
                self.stage = Stage::Records;
            } else if self.table.next(&mut self.record, budget)? {
                let (work, record) = (&mut self.work, &self.record);
                work.record(record, &self.table, delimiter, out, budget)?;
            } else {
                self.stage = Stage::Finish;
            }
        }
        while self.stage == Stage::Finish && !out.full() {
            if self.work.finish(&self.table, delimiter, out, budget)? == Flow::Done {
                self.stage = Stage::Done;
            }
        }
        Ok(self.out.take())
    }
}

struct Select {
    names: Vec<String>,
    at: Vec<usize>,
}

impl Select {
    fn write(
        &self,
        record: &ByteRecord,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let cells = self.at.iter().map(|at| record.get(*at).unwrap_or_default());
        write_record(cells, delimiter, out, budget)
    }
}

impl RecordWork for Select {
    fn header(
        &mut self,
        table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let found = self.names.iter().map(|name| table.column(name));
        self.at = found.collect::<Result<_, _>>()?;
        self.write(table.header(), delimiter, out, budget)
    }

    fn record(
        &mut self,
        record: &ByteRecord,
        _table: &TableStream,
        delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        budget.charge_steps(self.at.len() as u64)?;
        self.write(record, delimiter, out, budget)
    }
}

struct ToJson {
    lines: bool,
    numbers: bool,
    /// The columns' names as JSON strings.
    names: Vec<Vec<u8>>,
    records: u64,
}

fn not_text(cell: &[u8]) -> String {
    format!("\"{}\" is not UTF-8, which JSON must be", shorten(cell))
}

impl RecordWork for ToJson {
    fn header(
        &mut self,
        table: &TableStream,
        _delimiter: u8,
        _out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        for cell in table.header() {
            let text = std::str::from_utf8(cell);
            let text = text.map_err(|_| table.refuse_record(not_text(cell)))?;
            table.column(text)?;
            budget.charge_steps(table.header().len() as u64)?;
            let mut name = Vec::new();
            escape_into(text, &mut name);
            self.names.push(name);
        }
        Ok(())
    }

    fn record(
        &mut self,
        record: &ByteRecord,
        table: &TableStream,
        _delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        let mut object = Vec::new();
        match (self.lines, self.records) {
            (true, _) => {}
            (false, 0) => object.extend_from_slice(b"[\n"),
            (false, _) => object.extend_from_slice(b",\n"),
        }
        self.records += 1;
        for (at, (name, cell)) in self.names.iter().zip(record).enumerate() {
            budget.charge_read((name.len() + cell.len()) as u64)?;
            object.push(if at == 0 { b'{' } else { b',' });
            object.extend_from_slice(name);
            object.push(b':');
            let text = std::str::from_utf8(cell);
            let text = text.map_err(|_| table.refuse_record(not_text(cell)))?;
            if self.numbers && is_number(cell) {
                object.extend_from_slice(cell);
            } else {
                escape_into(text, &mut object);
            }
            out.push(&object, budget)?;
            object.clear();
        }
        out.push(if self.lines { b"}\n" } else { b"}" }, budget)
    }

    fn finish(
        &mut self,
        _table: &TableStream,
        _delimiter: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        match (self.lines, self.records) {
            (true, _) => {}
            (false, 0) => out.push(b"[]\n", budget)?,
            (false, _) => out.push(b"\n]\n", budget)?,
        }
        Ok(Flow::Done)
    }
}

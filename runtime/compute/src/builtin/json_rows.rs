//! `json_to_csv`: flat JSON objects as the records of a table.
//!
//! The columns are those given, or the keys of the first object. A string becomes its text, a number
//! or truth value stays as it is written, and null or a key that is absent is the empty cell. A value
//! that is itself an array or object is refused, and so is a key that is no column: nothing is lost
//! in silence.

use bytes::Bytes;

use super::card::{MAX_COLUMNS, card, columns, cost, default, word};
use super::csv_table::{delimiter, delimiter_param, shorten, write_record};
use super::flow::{Flow, Held, Outbox, Streamed, Transform, through};
use super::json_scan::{Event, Kind, Scanner, Shape, unescape};
use super::utf8::Utf8;
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, Presence};

pub(super) fn json_to_csv() -> Streamed {
    let spec = card(
        "json_to_csv",
        "Gives flat JSON objects as the records of a table. The columns are those given, or the keys \
         of the first object. Null or a missing key is an empty cell; a nested value, a repeated key \
         and a key that is no column are refused.",
        Arity::exactly(&["json"]),
        cost(1_000, 10_000),
    )
    .with(word(
        "format",
        &["array", "lines"],
        default("array"),
        "One array of objects, or one object after the other.",
    ))
    .with(columns(
        "columns",
        Presence::Optional,
        "The columns, in order; without, the keys of the first object.",
    ))
    .with(delimiter_param())
    .example("-i ADDR -p columns=date,temp_max");
    Streamed::new(spec, |inputs, params| {
        let lines = params.string("format")? == "lines";
        let columns = params.optional_strings("columns")?.map(<[String]>::to_vec);
        let (shape, level) = if lines {
            (Shape::Many, 0)
        } else {
            (Shape::One, 1)
        };
        let rows = Rows {
            scanner: Scanner::new(shape),
            utf8: Utf8::default(),
            level,
            delimiter: delimiter(params)?,
            columns,
            begun: false,
            row: Vec::new(),
            key: None,
            held: Held::default(),
            number: 0,
        };
        through(inputs, rows)
    })
    .checked(|params| delimiter(params).map(|_delimiter| ()))
}

struct Rows {
    scanner: Scanner,
    utf8: Utf8,
    /// How many containers are open around a record.
    level: usize,
    delimiter: u8,
    columns: Option<Vec<String>>,
    /// Whether the header was written.
    begun: bool,
    row: Vec<(String, Vec<u8>)>,
    key: Option<String>,
    /// The key or scalar that is being read.
    held: Held,
    number: u64,
}

impl Rows {
    fn step(
        &mut self,
        byte: u8,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        if self.scanner.ends_before(byte) {
            self.cell()?;
        }
        let depth = self.scanner.depth();
        match self.scanner.step(byte)? {
            Event::Open(kind) => self.opened(kind, depth, byte, budget),
            Event::KeyOpen => {
                self.held.bytes.clear();
                self.held.push(&[byte], budget)
            }
            Event::KeyClose => {
                self.held.push(&[byte], budget)?;
                budget.charge_steps(1)?;
                self.key = Some(unescape(&self.held.bytes)?);
                self.held.bytes.clear();
                Ok(())
            }
            Event::Close if depth == self.level + 1 && self.scanner.depth() == self.level => {
                self.record(out, budget)
            }
            Event::Close if depth == self.level + 1 => {
                self.held.push(&[byte], budget)?;
                self.cell()
            }
            Event::Inside if !self.held.bytes.is_empty() => self.held.push(&[byte], budget),
            Event::Close | Event::Inside => Ok(()),
        }
    }

    fn opened(
        &mut self,
        kind: Kind,
        depth: usize,
        byte: u8,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.held.bytes.clear();
        if depth < self.level {
            return match kind {
                Kind::Array => Ok(()),
                _ => Err(self
                    .scanner
                    .refuse("with format=array an array must stand at the top")),
            };
        }
        if depth == self.level {
            return match kind {
                Kind::Object => Ok(()),
                _ => Err(self.scanner.refuse("a record must be an object")),
            };
        }
        match kind {
            Kind::Object | Kind::Array => Err(self.scanner.refuse(
                "a cell is an array or an object; take it apart with `json_extract` first",
            )),
            _ => self.held.push(&[byte], budget),
        }
    }

    /// A scalar of the record is complete.
    fn cell(&mut self) -> Result<(), FunctionError> {
        let Some(key) = self.key.take() else {
            return Ok(());
        };
        let cell = match self.held.bytes.as_slice() {
            b"null" => Vec::new(),
            quoted @ [b'"', ..] => unescape(quoted)?.into_bytes(),
            plain => plain.to_vec(),
        };
        self.held.bytes.clear();
        let repeated = self.row.iter().any(|(name, _)| *name == key);
        if repeated || self.row.len() >= MAX_COLUMNS {
            let problem = format!(
                "the key \"{}\" stands twice, or there are too many keys",
                shorten(key.as_bytes())
            );
            return Err(self.refuse(&problem));
        }
        self.row.push((key, cell));
        Ok(())
    }

    fn record(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<(), FunctionError> {
        self.number += 1;
        let row = std::mem::take(&mut self.row);
        let keys = || row.iter().map(|(name, _)| name.clone()).collect();
        let columns = self.columns.take().unwrap_or_else(keys);
        if columns.is_empty() {
            return Err(self.refuse("the first object has no keys, so there are no columns"));
        }
        let unknown = row.iter().find(|(name, _)| !columns.contains(name));
        if let Some((name, _)) = unknown {
            let name = shorten(name.as_bytes());
            return Err(self.refuse(&format!("the key \"{name}\" is no column")));
        }
        budget.charge_steps((columns.len() * row.len().max(1)) as u64)?;
        if !self.begun {
            self.header(&columns, out, budget)?;
        }
        let cells = columns.iter().map(|column| {
            let cell = row.iter().find(|(name, _)| name == column);
            cell.map(|(_, cell)| cell.as_slice()).unwrap_or_default()
        });
        write_record(cells, self.delimiter, out, budget)?;
        self.columns = Some(columns);
        Ok(())
    }

    fn header(
        &mut self,
        columns: &[String],
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<(), FunctionError> {
        self.begun = true;
        write_record(
            columns.iter().map(String::as_bytes),
            self.delimiter,
            out,
            budget,
        )
    }

    fn refuse(&self, problem: &str) -> FunctionError {
        FunctionError::failed(format!("object {}: {problem}", self.number.max(1)))
    }
}

impl Transform for Rows {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_steps(input.len() as u64 / 8)?;
        self.utf8.feed(input, |_text| Ok(()))?;
        for byte in input.iter() {
            self.step(*byte, out, budget)?;
        }
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.utf8.finish()?;
        self.scanner.finish()?;
        if !self.begun {
            let Some(columns) = self.columns.take() else {
                let problem = "there is no object, so there are no columns; give `columns`";
                return Err(FunctionError::failed(problem));
            };
            self.header(&columns, out, budget)?;
        }
        Ok(Flow::Done)
    }
}

//! `json_validate` and `json_extract`: JSON as it comes, in memory that does not grow with it.

use bytes::Bytes;
use deriva_model::Value;

use super::card::{MAX_TEXT, card, cost, param};
use super::flow::{Flow, Held, Inputs, Opened, Outbox, Streamed, Transform, through};
use super::json_scan::{Event, Kind, MAX_DEPTH, Scanner, Shape, unescape};
use super::utf8::Utf8;
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, ParamKind, Presence};
use crate::params::{ParamError, Params};

/// Bytes for one step: the scanner looks at each.
const BYTES_PER_STEP: usize = 8;

pub(super) fn json_validate() -> Streamed {
    let spec = card(
        "json_validate",
        &format!(
            "Gives its input unchanged if it is one JSON value (RFC 8259, in UTF-8, nested at most \
             {MAX_DEPTH} deep), and refuses it with the offset of what is wrong."
        ),
        Arity::exactly(&["json"]),
        cost(500, 4_000),
    );
    Streamed::new(spec, |inputs, _| {
        let (scanner, utf8) = (Scanner::new(Shape::One), Utf8::default());
        through(inputs, Validate { scanner, utf8 })
    })
}

pub(super) fn json_extract() -> Streamed {
    let path = ParamKind::String {
        max_len: MAX_TEXT,
        one_of: Vec::new(),
    };
    let spec = card(
        "json_extract",
        &format!(
            "Gives the value at a JSON Pointer (RFC 6901), as it is written in the input. Of equal \
             keys the first counts. The whole input must be JSON, nested at most {MAX_DEPTH} deep; \
             where the pointer leads nowhere it refuses."
        ),
        Arity::exactly(&["json"]),
        cost(500, 5_000),
    )
    .with(param(
        "pointer",
        path,
        Presence::Required,
        "The pointer, such as /days/0/temp; empty for the whole value.",
    ))
    .with(param(
        "text",
        ParamKind::Bool,
        Presence::Default(Value::Bool(false)),
        "Whether a string is given as its text, without quotes and escapes; anything else is then \
         refused.",
    ))
    .example("-i ADDR -p pointer=/days/0/temp");
    Streamed::new(spec, open_extract).checked(|params| pointer(params).map(|_steps| ()))
}

struct Validate {
    scanner: Scanner,
    utf8: Utf8,
}

impl Transform for Validate {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_steps((input.len() / BYTES_PER_STEP) as u64)?;
        self.utf8.feed(input, |_text| Ok(()))?;
        for byte in input.iter() {
            self.scanner.step(*byte)?;
        }
        out.push(input, budget)?;
        input.clear();
        Ok(Flow::More)
    }

    fn finish(&mut self, _out: &mut Outbox, _budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.utf8.finish()?;
        self.scanner.finish()?;
        Ok(Flow::Done)
    }
}

/// The steps of the pointer.
fn pointer(params: &Params) -> Result<Vec<String>, ParamError> {
    let pointer = params.string("pointer")?;
    let bad = |reason: &str| ParamError::OutOfRange {
        param: "pointer".to_string(),
        given: "no JSON Pointer".to_string(),
        expected: reason.to_string(),
    };
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let Some(steps) = pointer.strip_prefix('/') else {
        return Err(bad("one that is empty or begins with /"));
    };
    let tilde = |step: &str| step.replace("~0", "").replace("~1", "").contains('~');
    if steps.split('/').any(tilde) {
        return Err(bad(
            "one in which every ~ is written ~0 and every / in a key ~1",
        ));
    }
    let unescaped = |step: &str| step.replace("~1", "/").replace("~0", "~");
    Ok(steps.split('/').map(unescaped).collect())
}

fn open_extract(inputs: Inputs, params: &Params) -> Opened {
    let style = if params.bool("text")? {
        Style::Text
    } else {
        Style::Verbatim
    };
    let work = Extract {
        scanner: Scanner::new(Shape::One),
        utf8: Utf8::default(),
        steps: pointer(params)?,
        style,
        entered: 0,
        index: 0,
        child: true,
        key: None,
        target: Target::Ahead,
        held: Held::default(),
    };
    through(inputs, work)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Verbatim,
    Text,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Ahead,
    /// It began when so many containers were open.
    Within(usize),
    Found,
    /// The path was left without finding it.
    Lost,
}

struct Extract {
    scanner: Scanner,
    utf8: Utf8,
    steps: Vec<String>,
    style: Style,
    /// How many containers along the path are open.
    entered: usize,
    /// Which child of the innermost of them comes next, in an array.
    index: u64,
    /// Whether the child that comes next lies on the path.
    child: bool,
    /// A key of that container, as it is being read.
    key: Option<Vec<u8>>,
    target: Target,
    held: Held,
}

impl Extract {
    /// Takes a byte; says whether it belongs to the target.
    fn step(&mut self, byte: u8) -> Result<bool, FunctionError> {
        if self.scanner.ends_before(byte) {
            self.closed(self.scanner.depth());
        }
        let depth = self.scanner.depth();
        let event = self.scanner.step(byte)?;
        let mut inside = matches!(self.target, Target::Within(_));
        match event {
            Event::Open(kind) => {
                self.opened(kind, depth)?;
                inside = matches!(self.target, Target::Within(_));
            }
            Event::Close => self.closed(self.scanner.depth()),
            Event::KeyOpen if self.target == Target::Ahead && depth == self.entered => {
                self.key = Some(vec![byte]);
            }
            Event::KeyClose => self.named(byte)?,
            Event::KeyOpen | Event::Inside => self.spell(byte),
        }
        Ok(inside)
    }

    /// A key too long to be the one that is looked for is not kept: six bytes may spell one.
    fn spell(&mut self, byte: u8) {
        let wanted = self
            .entered
            .checked_sub(1)
            .and_then(|at| self.steps.get(at));
        let longest = wanted.map_or(0, |step| step.len().saturating_mul(6) + 2);
        if let Some(key) = &mut self.key
            && key.len() <= longest
        {
            key.push(byte);
        }
    }

    fn named(&mut self, quote: u8) -> Result<(), FunctionError> {
        if let Some(mut key) = self.key.take() {
            key.push(quote);
            let wanted = self
                .entered
                .checked_sub(1)
                .and_then(|at| self.steps.get(at));
            let longest = wanted.map_or(0, |step| step.len().saturating_mul(6) + 2);
            self.child = key.len() <= longest && Some(&unescape(&key)?) == wanted;
        }
        Ok(())
    }

    fn opened(&mut self, kind: Kind, depth: usize) -> Result<(), FunctionError> {
        if self.target != Target::Ahead || depth != self.entered || !self.child {
            return Ok(());
        }
        if depth == self.steps.len() {
            if self.style == Style::Text && kind != Kind::String {
                let problem = "with text=true the pointer must lead to a string";
                return Err(self.scanner.refuse(problem));
            }
            self.target = Target::Within(depth);
            return Ok(());
        }
        if !matches!(kind, Kind::Object | Kind::Array) {
            self.target = Target::Lost;
            return Ok(());
        }
        self.entered += 1;
        self.index = 0;
        self.child = kind == Kind::Array && self.is_index();
        Ok(())
    }

    /// Whether the next child of an array is the one on the path.
    fn is_index(&self) -> bool {
        let wanted = self
            .entered
            .checked_sub(1)
            .and_then(|at| self.steps.get(at));
        wanted.is_some_and(|step| *step == self.index.to_string())
    }

    /// A value ended; `depth` containers are open around it.
    fn closed(&mut self, depth: usize) {
        match self.target {
            Target::Within(start) if start == depth => self.target = Target::Found,
            Target::Ahead if depth < self.entered => self.target = Target::Lost,
            Target::Ahead if depth == self.entered && self.entered > 0 => {
                self.index += 1;
                self.child = !self.scanner.in_object() && self.is_index();
            }
            _ => {}
        }
    }
}

impl Transform for Extract {
    fn feed(
        &mut self,
        input: &mut Bytes,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        budget.charge_steps((input.len() / BYTES_PER_STEP) as u64)?;
        self.utf8.feed(input, |_text| Ok(()))?;
        let mut piece = Vec::new();
        for byte in input.iter() {
            if self.step(*byte)? {
                piece.push(*byte);
            }
        }
        input.clear();
        match self.style {
            Style::Verbatim => out.push(&piece, budget)?,
            Style::Text => self.held.push(&piece, budget)?,
        }
        Ok(Flow::More)
    }

    fn finish(&mut self, out: &mut Outbox, budget: &mut Budget) -> Result<Flow, FunctionError> {
        self.utf8.finish()?;
        if self.scanner.finish()? {
            self.closed(self.scanner.depth());
        }
        if self.target != Target::Found {
            let problem = "the pointer leads to nothing in the input";
            return Err(FunctionError::failed(problem));
        }
        if self.style == Style::Text {
            let text = unescape(&self.held.bytes)?;
            out.push(text.as_bytes(), budget)?;
        }
        Ok(Flow::Done)
    }
}

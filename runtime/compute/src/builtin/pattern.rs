//! `grep`, `regex_match` and `regex_replace`: regular expressions, line by line.
//!
//! Matching takes time linear in the line (the engine never backtracks), and what is compiled and
//! what is matched at once are capped, so no pattern is slow. Patterns are those of the `regex` crate
//! 1.13 with Unicode classes of the tables it carries; a line need not be UTF-8.

use regex::bytes::{Regex, RegexBuilder};

use super::card::{card, cost, default, param, text};
use super::flow::{Flow, LineWork, Outbox, Streamed, by_line};
use super::lines::push_line;
use crate::budget::Budget;
use crate::function::{Arity, FunctionError, FunctionSpec, ParamKind, Presence};
use crate::params::{ParamError, Params};
use deriva_model::Value;

/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;
/// Largest program that a pattern may become, in bytes.
const MAX_PROGRAM_BYTES: usize = 1024 * 1024;
/// Deepest nesting of a pattern.
const MAX_NESTING: u32 = 64;
/// Longest line that is matched, in bytes: what may pass between two looks at the clock.
const MAX_LINE_BYTES: usize = 256 * 1024;
/// Highest number of a group.
const MAX_GROUP: i64 = 100;
/// Bytes of line for one step, times the bytes of the pattern.
const WORK_PER_STEP: u64 = 64;

pub(super) fn grep() -> Streamed {
    let spec = card(
        "grep",
        "Keeps the lines in which the regular expression matches somewhere. Every line of the result \
         ends in a newline.",
        Arity::exactly(&["lines"]),
        cost(20_000, 5_000),
    );
    let spec = with_pattern(spec)
        .with(flag(
            "invert",
            "Whether the lines are kept that do not match.",
        ))
        .example("-i ADDR -p pattern=^error");
    Streamed::new(spec, |inputs, params| {
        let invert = params.bool("invert")?;
        let pattern = Pattern::read(params)?;
        by_line(inputs, Grep { pattern, invert })
    })
    .checked(|params| Pattern::read(params).map(|_pattern| ()))
}

pub(super) fn regex_match() -> Streamed {
    let group = ParamKind::I64 {
        min: 0,
        max: MAX_GROUP,
    };
    let spec = card(
        "regex_match",
        "Gives every match of the regular expression in each line, from left to right, one a line.",
        Arity::exactly(&["lines"]),
        cost(20_000, 8_000),
    );
    let spec = with_pattern(spec)
        .with(param(
            "group",
            group,
            Presence::Default(Value::I64(0)),
            "Which group of the match is given; 0 is the whole match. A group that did not take part \
             gives nothing.",
        ))
        .example("-i ADDR -p pattern=[0-9]+");
    Streamed::new(spec, |inputs, params| {
        let group = usize::try_from(params.i64("group")?).unwrap_or_default();
        let pattern = Pattern::read(params)?;
        by_line(inputs, Matches { pattern, group })
    })
    .checked(check_group)
}

pub(super) fn regex_replace() -> Streamed {
    let spec = card(
        "regex_replace",
        "Puts `with` in the place of every match of the regular expression in each line. In `with`, \
         $1 or ${1} is the first group, ${name} a named one, $0 the match and $$ a dollar. Newlines \
         stay as they are.",
        Arity::exactly(&["lines"]),
        cost(20_000, 8_000),
    );
    let spec = with_pattern(spec)
        .with(text("with", default(""), "What stands in its place."))
        .example("-i ADDR -p pattern=(a)(b) -p with=$2$1");
    Streamed::new(spec, |inputs, params| {
        let with = params.string("with")?.as_bytes().to_vec();
        let pattern = Pattern::read(params)?;
        by_line(inputs, Replace { pattern, with })
    })
    .checked(|params| Pattern::read(params).map(|_pattern| ()))
}

fn with_pattern(spec: FunctionSpec) -> FunctionSpec {
    let kind = ParamKind::String {
        max_len: MAX_PATTERN_BYTES,
        one_of: Vec::new(),
    };
    spec.with(param(
        "pattern",
        kind,
        Presence::Required,
        "The regular expression.",
    ))
    .with(flag("ignore_case", "Whether case is ignored."))
}

fn flag(name: &str, description: &str) -> crate::function::ParamSpec {
    param(
        name,
        ParamKind::Bool,
        Presence::Default(Value::Bool(false)),
        description,
    )
}

fn check_group(params: &Params) -> Result<(), ParamError> {
    let groups = Pattern::read(params)?.regex.captures_len();
    let group = params.i64("group")?;
    if usize::try_from(group).is_ok_and(|group| group < groups) {
        return Ok(());
    }
    Err(ParamError::Conflict {
        param: "group".to_string(),
        other: "pattern".to_string(),
        reason: format!("the pattern has the groups 0 to {}", groups - 1),
    })
}

struct Pattern {
    regex: Regex,
    len: u64,
    number: u64,
}

impl Pattern {
    fn read(params: &Params) -> Result<Self, ParamError> {
        let pattern = params.string("pattern")?;
        let regex = RegexBuilder::new(pattern)
            .case_insensitive(params.bool("ignore_case")?)
            .size_limit(MAX_PROGRAM_BYTES)
            .dfa_size_limit(MAX_PROGRAM_BYTES)
            .nest_limit(MAX_NESTING)
            .build()
            .map_err(|error| ParamError::OutOfRange {
                param: "pattern".to_string(),
                given: "not a pattern that is taken".to_string(),
                expected: format!(
                    "a regular expression that compiles to at most {MAX_PROGRAM_BYTES} bytes ({})",
                    reason(&error)
                ),
            })?;
        Ok(Self {
            regex,
            len: pattern.len() as u64,
            number: 0,
        })
    }

    /// Counts a line and pays for searching it once.
    fn enter(&mut self, line: &[u8], budget: &mut Budget) -> Result<(), FunctionError> {
        self.number += 1;
        if line.len() > MAX_LINE_BYTES {
            return Err(FunctionError::failed(format!(
                "line {} has {} bytes, and regular expressions take lines of at most \
                 {MAX_LINE_BYTES}; cut it with `split` or `replace` first",
                self.number,
                line.len()
            )));
        }
        self.pay(line.len(), budget)
    }

    fn pay(&self, bytes: usize, budget: &mut Budget) -> Result<(), FunctionError> {
        budget.charge_steps(1 + (bytes as u64).saturating_mul(self.len) / WORK_PER_STEP)?;
        budget.charge_read(bytes as u64)
    }
}

/// The last line of what the compiler says; the lines before it only draw the pattern.
fn reason(error: &regex::Error) -> String {
    let message = error.to_string();
    message
        .lines()
        .last()
        .unwrap_or_default()
        .trim()
        .to_string()
}

struct Grep {
    pattern: Pattern,
    invert: bool,
}

impl LineWork for Grep {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.pattern.enter(line, budget)?;
        if self.pattern.regex.is_match(line) != self.invert {
            push_line(line, out, budget)?;
        }
        Ok(Flow::More)
    }
}

struct Matches {
    pattern: Pattern,
    group: usize,
}

impl LineWork for Matches {
    fn line(
        &mut self,
        line: &[u8],
        _ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.pattern.enter(line, budget)?;
        for captures in self.pattern.regex.captures_iter(line) {
            // A search may look at the rest of the line before it finds a short match.
            let end = captures.get(0).map_or(0, |whole| whole.end());
            self.pattern.pay(line.len() - end, budget)?;
            if let Some(group) = captures.get(self.group) {
                push_line(group.as_bytes(), out, budget)?;
            }
        }
        Ok(Flow::More)
    }
}

struct Replace {
    pattern: Pattern,
    with: Vec<u8>,
}

impl LineWork for Replace {
    fn line(
        &mut self,
        line: &[u8],
        ended: bool,
        out: &mut Outbox,
        budget: &mut Budget,
    ) -> Result<Flow, FunctionError> {
        self.pattern.enter(line, budget)?;
        let mut after = 0;
        let mut put = Vec::new();
        for captures in self.pattern.regex.captures_iter(line) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            self.pattern.pay(line.len() - whole.end(), budget)?;
            budget.charge_read(self.with.len() as u64)?;
            let between = line.get(after..whole.start()).unwrap_or_default();
            out.push(between, budget)?;
            put.clear();
            captures.expand(&self.with, &mut put);
            out.push(&put, budget)?;
            after = whole.end();
        }
        out.push(line.get(after..).unwrap_or_default(), budget)?;
        if ended {
            out.push(b"\n", budget)?;
        }
        Ok(Flow::More)
    }
}

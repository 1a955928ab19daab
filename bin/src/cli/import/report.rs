//! What an import came to: counts, and everything that was refused with its place and its reason.

use std::{io, path::Path};

use deriva_client::ImportState;
use deriva_model::CAddr;
use serde_json::{Value as Json, json};

use crate::cli::{
    args::Format,
    failure::Failure,
    output::{Answer, columns, hexes},
    sink::Sink,
};

/// Refusals that are listed; a source with more of them is something else than an old store.
const REFUSED_MAX: usize = 1_000_000;

/// One file or record that was not imported.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// A path, or a record's number and offset.
    pub(super) at: String,
    /// For a program.
    pub(super) reason: String,
    /// For a person.
    pub(super) message: String,
    /// Where it is a recipe.
    pub(super) old_addr: Option<CAddr>,
    /// The first of the inputs that do not exist.
    pub(super) missing: Vec<CAddr>,
    pub(super) missing_count: u64,
}

impl Refused {
    pub(super) fn of(at: String, reason: &str, message: impl Into<String>) -> Self {
        Self {
            at,
            reason: reason.to_owned(),
            message: message.into(),
            old_addr: None,
            missing: Vec::new(),
            missing_count: 0,
        }
    }

    pub(super) fn at(path: &Path, reason: &str, message: impl Into<String>) -> Self {
        Self::of(path.display().to_string(), reason, message)
    }

    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::at(path, "UNREADABLE", error.to_string())
    }

    fn json(&self) -> Json {
        json!({
            "at": self.at,
            "reason": self.reason,
            "message": self.message,
            "old_addr": self.old_addr.as_ref().map(CAddr::to_string),
            "missing": hexes(&self.missing),
            "missing_count": self.missing_count,
        })
    }

    fn lines(&self) -> String {
        let mut lines = vec![format!("{}: {}: {}", self.at, self.reason, self.message)];
        lines.extend(self.missing.iter().map(|hex| format!("  missing {hex}")));
        let named = self.missing.len() as u64;
        if let Some(more @ 1..) = self.missing_count.checked_sub(named) {
            lines.push(format!("  and {more} more"));
        }
        lines.join("\n")
    }
}

/// The whole import.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) recipes_new: u64,
    pub(super) recipes_known: u64,
    pub(super) leaves_new: u64,
    pub(super) leaves_known: u64,
    pub(super) skipped: u64,
    refused: Vec<Refused>,
    /// At the end of it.
    pub(super) state: Option<ImportState>,
}

impl Report {
    pub(super) fn refuse(&mut self, refused: Refused) -> Result<(), Failure> {
        if self.refused.len() == REFUSED_MAX {
            return Err(Failure::local(format!(
                "more than {REFUSED_MAX} files or records are refused; this is no old store. \
                 The last: {}",
                refused.lines()
            )));
        }
        self.refused.push(refused);
        Ok(())
    }

    /// Everything, on standard output.
    pub(super) fn answer(&self) -> Answer {
        let text = [vec![self.counts()], self.refusals()].concat().join("\n");
        self.judged(Answer::new(text, self.json()))
    }

    /// Everything in a file, and the counts on standard output.
    pub(super) fn written(&self, mut file: Sink, format: Format) -> Result<Answer, Failure> {
        let whole = self.answer();
        let text = match format {
            Format::Text => whole.text,
            Format::Json => whole.json.to_string(),
        };
        file.write(text.as_bytes())?;
        file.write(b"\n")?;
        file.keep()?;
        Ok(self.judged(Answer::new(self.counts(), whole.json)))
    }

    fn judged(&self, answer: Answer) -> Answer {
        match self.refused.is_empty() {
            true => answer,
            false => answer.failed(),
        }
    }

    fn counts(&self) -> String {
        let mut rows = vec![
            ("recipes imported", self.recipes_new.to_string()),
            ("recipes known", self.recipes_known.to_string()),
            ("leaves stored", self.leaves_new.to_string()),
            ("leaves known", self.leaves_known.to_string()),
            ("skipped", self.skipped.to_string()),
            ("refused", self.refused.len().to_string()),
        ];
        if let Some(state) = &self.state {
            rows.extend(standing(state));
        }
        columns(&rows)
    }

    fn refusals(&self) -> Vec<String> {
        self.refused.iter().map(Refused::lines).collect()
    }

    fn json(&self) -> Json {
        json!({
            "recipes": { "imported": self.recipes_new, "known": self.recipes_known },
            "leaves": { "stored": self.leaves_new, "known": self.leaves_known },
            "skipped": self.skipped,
            "refused": self.refused.iter().map(Refused::json).collect::<Vec<_>>(),
            "complete": self.state.map(|state| state.complete),
            "alias_count": self.state.map(|state| state.alias_count),
        })
    }
}

/// How the import stands on the node.
pub(super) fn state(state: &ImportState) -> Answer {
    let json = json!({ "complete": state.complete, "alias_count": state.alias_count });
    Answer::new(columns(&standing(state)), json)
}

fn standing(state: &ImportState) -> Vec<(&'static str, String)> {
    let words = match state.complete {
        true => "complete: aliases are believed",
        false => "open: both addresses are checked on every read, until `deriva import --complete`",
    };
    vec![
        ("aliases", state.alias_count.to_string()),
        ("import", words.to_owned()),
    ]
}

//! The functions a node can call, by name and version, versions side by side.
//!
//! The registry checks a recipe where the client enters and hands the evaluator a call that is ready
//! to run. It refuses to guess: a version is looked up exactly, never "the newest". It is filled
//! before it is shared and does not change afterwards, so it needs no lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use deriva_model::{FunctionId, Recipe};
use thiserror::Error;

use crate::builtin;
use crate::call::{Call, Registered};
use crate::function::{Arity, ComputeFunction, FunctionSpec};
use crate::params::{ParamError, Params};

/// Most names an error suggests.
const MAX_SUGGESTIONS: usize = 3;
/// Most versions an error lists.
const MAX_LISTED_VERSIONS: usize = 8;
/// Longest name that is compared for likeness, in bytes; longer ones are no slip of the finger.
const MAX_COMPARED_BYTES: usize = 64;
/// Most edits between a name and its suggestion.
const MAX_EDITS: usize = 2;
/// Shortest beginning of a name that stands for it, in bytes.
const MIN_BEGINNING: usize = 3;

/// Why a recipe cannot be evaluated here. Refusals of the caller's, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckError {
    /// No function of that name.
    #[error("there is no function `{name}`; {}", suggest(near))]
    UnknownFunction {
        /// The name asked for, cut to a bounded length.
        name: String,
        /// Names that look like it, nearest first.
        near: Vec<String>,
    },
    /// The function exists in other versions.
    #[error("function `{name}` has no version `{version}`; known: {}", known.join(", "))]
    UnknownVersion {
        /// The function.
        name: String,
        /// The version asked for, cut to a bounded length.
        version: String,
        /// Versions that exist.
        known: Vec<String>,
    },
    /// The number of inputs does not fit.
    #[error("function `{name}` takes {expected} inputs, and the recipe has {given}")]
    WrongInputs {
        /// The function.
        name: String,
        /// How many the recipe has.
        given: usize,
        /// What the function takes.
        expected: Arity,
    },
    /// A param does not fit.
    #[error("function `{name}`: {error}")]
    BadParam {
        /// The function.
        name: String,
        /// Which param, and why.
        error: ParamError,
    },
}

fn suggest(near: &[String]) -> String {
    if near.is_empty() {
        return "list what can be called with `deriva functions`".to_string();
    }
    format!("did you mean {}?", near.join(", "))
}

/// Why a function was not taken into the registry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegisterError {
    /// The name and version are taken; what they mean can never change.
    #[error(
        "function `{name}` version `{version}` is registered already; give the new one a version of its own"
    )]
    Taken {
        /// The name.
        name: String,
        /// The version.
        version: String,
    },
    /// The card contradicts itself.
    #[error("the card of function `{name}` contradicts itself: {problem}")]
    BadCard {
        /// The name.
        name: String,
        /// How.
        problem: String,
    },
}

/// Functions by name and version.
#[derive(Clone, Default)]
pub struct Registry {
    functions: BTreeMap<String, BTreeMap<String, Arc<Registered>>>,
    /// The same once more, for every execution looks its function up.
    by_id: HashMap<FunctionId, Arc<Registered>>,
}

impl Registry {
    /// A registry that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry of the functions that come with the node.
    #[must_use]
    pub fn builtin() -> Self {
        let mut registry = Self::new();
        for function in builtin::all() {
            registry.insert(function);
        }
        registry
    }

    /// Adds a function.
    ///
    /// # Errors
    /// [`RegisterError`] when its name and version are taken or its card contradicts itself.
    pub fn register(&mut self, function: Arc<dyn ComputeFunction>) -> Result<(), RegisterError> {
        let spec = function.spec();
        if self.get(&spec.id).is_some() {
            return Err(RegisterError::Taken {
                name: spec.id.name.clone(),
                version: spec.id.version.clone(),
            });
        }
        check_card(spec)?;
        self.insert(function);
        Ok(())
    }

    fn insert(&mut self, function: Arc<dyn ComputeFunction>) {
        let id = function.spec().id.clone();
        let registered = Arc::new(Registered {
            id: Arc::new(id.clone()),
            function,
            meters: OnceLock::new(),
        });
        self.by_id.insert(id.clone(), registered.clone());
        let FunctionId { name, version } = id;
        self.functions
            .entry(name)
            .or_default()
            .insert(version, registered);
    }

    /// The function of exactly that name and version.
    #[must_use]
    pub fn get(&self, id: &FunctionId) -> Option<&Arc<dyn ComputeFunction>> {
        self.find(id).map(|registered| &registered.function)
    }

    fn find(&self, id: &FunctionId) -> Option<&Arc<Registered>> {
        self.by_id.get(id)
    }

    /// Every card, by name and then version, both compared as bytes.
    #[must_use]
    pub fn list(&self) -> Vec<&FunctionSpec> {
        self.functions
            .values()
            .flat_map(|versions| versions.values())
            .map(|registered| registered.function.spec())
            .collect()
    }

    /// Checks that the recipe's function exists and that its inputs and params fit. Gives the
    /// function's id, which all of its recipes may share.
    ///
    /// # Errors
    /// [`CheckError`], saying what to do.
    pub fn check(&self, recipe: &Recipe) -> Result<Arc<FunctionId>, CheckError> {
        self.prepare(recipe).map(|call| call.registered.id.clone())
    }

    /// As [`Registry::check`], and keeps what was looked up for running it.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn prepare(&self, recipe: &Recipe) -> Result<Call, CheckError> {
        let id = recipe.function();
        let registered = self.find(id).ok_or_else(|| self.unknown(id))?;
        let spec = registered.function.spec();
        let given = recipe.inputs().len();
        if !spec.inputs.accepts(given) {
            return Err(CheckError::WrongInputs {
                name: id.name.clone(),
                given,
                expected: spec.inputs.clone(),
            });
        }
        let bad = |error| CheckError::BadParam {
            name: id.name.clone(),
            error,
        };
        let params = Params::validate(spec, &recipe.given()).map_err(bad)?;
        registered.function.check(&params).map_err(bad)?;
        Ok(Call {
            registered: Arc::clone(registered),
            params,
        })
    }

    fn unknown(&self, id: &FunctionId) -> CheckError {
        if let Some(versions) = self.functions.get(&id.name) {
            return CheckError::UnknownVersion {
                name: id.name.clone(),
                version: cut(&id.version, MAX_COMPARED_BYTES),
                known: versions
                    .keys()
                    .rev()
                    .take(MAX_LISTED_VERSIONS)
                    .cloned()
                    .collect(),
            };
        }
        CheckError::UnknownFunction {
            name: cut(&id.name, MAX_COMPARED_BYTES),
            near: self.near(&id.name),
        }
    }

    fn near(&self, name: &str) -> Vec<String> {
        if name.len() > MAX_COMPARED_BYTES {
            return Vec::new();
        }
        let asked = name.to_ascii_lowercase();
        let mut found: Vec<(usize, &String)> = self
            .functions
            .keys()
            .filter(|known| known.len() <= MAX_COMPARED_BYTES)
            .map(|known| (likeness(&asked, known), known))
            .filter(|(edits, known)| *edits <= MAX_EDITS.min(known.len() / 2))
            .collect();
        found.sort();
        found
            .into_iter()
            .take(MAX_SUGGESTIONS)
            .map(|(_, known)| known.clone())
            .collect()
    }
}

/// A default that its own param refuses, or a param declared twice, would fail every recipe later.
fn check_card(spec: &FunctionSpec) -> Result<(), RegisterError> {
    let bad = |problem: String| RegisterError::BadCard {
        name: spec.id.name.clone(),
        problem,
    };
    for (at, param) in spec.params.iter().enumerate() {
        if spec.params.iter().take(at).any(|p| p.name == param.name) {
            return Err(bad(format!("param `{}` stands twice", param.name)));
        }
        if let Some(default) = param.default_value() {
            let mut alone = spec.clone();
            alone.params = vec![param.clone()];
            let given = [(param.name.as_str(), default.clone())];
            Params::validate(&alone, &given)
                .map_err(|error| bad(format!("its default: {error}")))?;
        }
    }
    if spec.inputs.max.is_some_and(|max| max < spec.inputs.min) {
        return Err(bad(
            "it takes fewer inputs at most than at least".to_string()
        ));
    }
    Ok(())
}

/// Edits (insert, delete, replace a byte) between two short names; a beginning counts as one edit.
fn likeness(a: &str, b: &str) -> usize {
    if a.len().min(b.len()) >= MIN_BEGINNING && (a.starts_with(b) || b.starts_with(a)) {
        return 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (y, pair) in b.bytes().zip(row.windows(2)) {
            let (diagonal, above) = match pair {
                [diagonal, above] => (*diagonal, *above),
                _ => continue,
            };
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The text, cut at a character's edge to at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_string()
}

#[cfg(test)]
#[path = "registry_test.rs"]
mod registry_test;

//! `eval`: a graph that travels with its request and is not stored, unless asked to be kept.
//!
//! It refuses a reference forward: a recipe's address needs its inputs' addresses, so what a recipe
//! refers to stands before it in the list.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use deriva_client::{Client, EvaluateStream, Evaluation, Keep};
use deriva_messages::verify::Verification;
use deriva_model::{CAddr, FunctionId, Recipe};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Value as Json, json};

use super::{
    address::Target, args::Global, connect, failure::Failure, output::Answer, params, sink::Sink,
    value, value::Order,
};

/// Bytes of the list: what the interface takes in one message.
const LIST_BYTES_MOST: usize = 64 << 20;

/// The form of a list, for who wrote another.
const LIST: &str = "a list like [{\"function\": \"uppercase\", \"version\": \"1.0.0\", \"inputs\": [ADDR or {\"ref\": 0}], \"params\": {}}]";

#[derive(Debug, Args)]
#[command(after_help = "\
FILE is a JSON list of recipes, inputs before consumers; the last is evaluated unless --root says otherwise:
  [{\"function\": \"uppercase\", \"version\": \"1.0.0\", \"inputs\": [\"<address>\"]},
   {\"function\": \"repeat\", \"version\": \"1.0.0\", \"inputs\": [{\"ref\": 0}], \"params\": {\"count\": 3}}]
An input is an address, or a prefix of one as elsewhere, or {\"ref\": N}, the Nth recipe of the list, counted from 0. Params have the kinds of JSON; {\"bytes\": \"hex\"} is bytes.
JSON: with -o FILE {\"addr\",\"size\",\"file\",\"leaf\"}; otherwise nothing but the bytes.")]
pub(super) struct EvalArgs {
    /// The list of recipes; - is standard input.
    #[arg(value_name = "FILE.json|-")]
    file: PathBuf,
    /// Which recipe of the list to evaluate, counted from 0.
    #[arg(long, value_name = "N")]
    root: Option<usize>,
    /// What to store.
    #[arg(long, value_enum, default_value_t = Kept::Nothing)]
    keep: Kept,
    /// In which order to compute; the bytes are the same.
    #[arg(long, value_enum, default_value_t = Order::Parallel)]
    mode: Order,
    /// What to execute twice and compare before anything comes: off, dual, or sampled:RATE.
    #[arg(long, value_name = "MODE")]
    verify: Option<Verification>,
    /// The file to write; - is standard output.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What stays of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kept {
    /// Nothing: by address alone the recipes are not found.
    Nothing,
    /// The recipes beneath the root and itself.
    Closure,
    /// The value's bytes, as a leaf.
    Leaf,
}

impl From<Kept> for Keep {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Nothing => Self::Nothing,
            Kept::Closure => Self::Closure,
            Kept::Leaf => Self::Leaf,
        }
    }
}

/// One recipe of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    function: String,
    version: String,
    #[serde(default)]
    inputs: Vec<Input>,
    #[serde(default)]
    params: BTreeMap<String, Json>,
}

/// What a recipe of the list is made of.
#[derive(Debug)]
enum Input {
    Address(Target),
    Earlier(Earlier),
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Input;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address in hex digits, or {\"ref\": N}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Input, E> {
        let target = text.parse();
        target
            .map(Input::Address)
            .map_err(|e| E::custom(format!("input {text:?}: {e}")))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Input, A::Error> {
        Earlier::deserialize(MapAccessDeserializer::new(map)).map(Input::Earlier)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    r#ref: usize,
}

pub(super) async fn run(global: &Global, what: EvalArgs) -> Result<Answer, Failure> {
    let text = value::read(&what.file, LIST_BYTES_MOST).await?;
    let steps = parse(&text).map_err(Failure::usage)?;
    // What can be judged here is judged before a connection is made: it is wrong usage.
    if prefixes(&steps).next().is_none() {
        graph(&steps, &Found::new(), what.root).map_err(Failure::usage)?;
    }
    let client = connect(global).await?;
    let mut found = Found::new();
    for target in prefixes(&steps) {
        found.insert(target.clone(), target.find(&client).await?);
    }
    let (recipes, root) = graph(&steps, &found, what.root).map_err(Failure::usage)?;
    let sink = Sink::open(what.out.as_deref())?;
    let evaluation = Evaluation {
        recipes,
        root: Some(root),
        mode: what.mode.into(),
        keep: what.keep.into(),
        verification: what
            .verify
            .map(|verify| verify.to_string())
            .unwrap_or_default(),
    };
    pour(&client, evaluation, sink, &root).await
}

async fn pour(
    client: &Client,
    evaluation: Evaluation,
    mut sink: Sink,
    root: &CAddr,
) -> Result<Answer, Failure> {
    let mut stream = client.evaluate(evaluation).await?;
    while let Some(chunk) = stream.chunk().await? {
        sink.write(&chunk)?;
    }
    let (size, file) = sink.keep()?;
    told(root, size, file, &stream)
}

fn told(
    root: &CAddr,
    size: u64,
    file: Option<PathBuf>,
    stream: &EvaluateStream,
) -> Result<Answer, Failure> {
    let leaf = stream.leaf().map(CAddr::to_string);
    let Some(file) = file else {
        // Standard output holds the value and nothing else; the leaf's address goes beside it.
        if let Some(leaf) = leaf {
            use std::io::Write as _;
            let said = writeln!(std::io::stderr().lock(), "kept as leaf {leaf}");
            said.map_err(|e| Failure::local(format!("kept as leaf {leaf}, but: {e}")))?;
        }
        return Ok(Answer::written());
    };
    let file = file.display().to_string();
    let mut text = format!("{size} bytes of {root} in {file}");
    text.extend(leaf.iter().map(|leaf| format!("\nkept as leaf {leaf}")));
    let json = json!({ "addr": root.to_string(), "size": size, "file": file, "leaf": leaf });
    Ok(Answer::new(text, json))
}

/// What prefixes stand for.
type Found = BTreeMap<Target, CAddr>;

fn prefixes(steps: &[Step]) -> impl Iterator<Item = &Target> {
    let inputs = steps.iter().flat_map(|step| &step.inputs);
    inputs.filter_map(|input| match input {
        Input::Address(target @ Target::Prefix(_)) => Some(target),
        Input::Address(Target::Whole(_)) | Input::Earlier(_) => None,
    })
}

fn parse(text: &[u8]) -> Result<Vec<Step>, String> {
    serde_json::from_slice::<Vec<Step>>(text)
        .map_err(|e| format!("the list of recipes: {e}; expected is {LIST}"))
}

/// The recipes of a list, in its order, and the address of the one to evaluate.
fn graph(
    steps: &[Step],
    found: &Found,
    asked: Option<usize>,
) -> Result<(Vec<Recipe>, CAddr), String> {
    let mut recipes = Vec::new();
    let mut addrs = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let recipe = recipe(step, &addrs, found).map_err(|e| format!("recipe {at}: {e}"))?;
        addrs.push(recipe.address());
        recipes.push(recipe);
    }
    let root = root(&recipes, asked)?;
    Ok((recipes, root))
}

fn recipe(step: &Step, earlier: &[CAddr], found: &Found) -> Result<Recipe, String> {
    let inputs = step.inputs.iter().map(|input| match input {
        Input::Address(Target::Whole(addr)) => Ok(*addr),
        Input::Address(prefix) => found
            .get(prefix)
            .copied()
            .ok_or_else(|| "a prefix was not looked up".to_owned()),
        Input::Earlier(Earlier { r#ref }) => earlier
            .get(*r#ref)
            .copied()
            .ok_or_else(|| format!("ref {ref} does not stand before it in the list")),
    });
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let params = step.params.iter().map(|(key, json)| {
        let value = params::from_json(json).map_err(|e| format!("param {key:?}: {e}"))?;
        Ok((key.clone(), value))
    });
    let params = params.collect::<Result<_, String>>()?;
    let function = FunctionId::new(step.function.clone(), step.version.clone());
    Recipe::new(function, inputs, params).map_err(|e| e.to_string())
}

fn root(recipes: &[Recipe], asked: Option<usize>) -> Result<CAddr, String> {
    let found = match asked {
        Some(at) => recipes.get(at),
        None => recipes.last(),
    };
    match (found, asked) {
        (Some(recipe), _) => Ok(recipe.address()),
        (None, Some(at)) => Err(format!(
            "--root {at}: the list has {} recipes",
            recipes.len()
        )),
        (None, None) => Err("the list of recipes is empty".to_owned()),
    }
}

#[cfg(test)]
#[path = "eval_test.rs"]
mod eval_test;

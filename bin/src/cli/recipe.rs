//! `recipe`: a function, its ordered inputs and its params become an address.

use clap::Args;
use deriva_client::MissingInputs;
use deriva_model::{FunctionId, Recipe, Value};
use serde_json::json;

use super::{address::Target, args::Global, connect, failure::Failure, output::Answer, params};

/// The order in which options leave the names to be names.
const USAGE: &str = "deriva recipe [OPTIONS] FUNCTION VERSION [-i ADDR...] [-p key=value...]";
/// What a name says that was taken for an option's value.
const NAMES_FIRST: &str = "FUNCTION and VERSION stand before -i and -p";

#[derive(Debug, Args)]
#[command(override_usage = USAGE)]
#[command(after_help = "\
-i and -p take everything up to the next option, so FUNCTION and VERSION stand before them.
A param without a kind is text: `-p by=name`. Kinds: `-p n:int=3`, `-p deep:bool=true`, `-p rate:float=0.5`, `-p key:bytes-hex=00ff`, `-p columns:json='[\"a\",\"b\"]'`, and `:string` for a key that contains a colon. Params are part of the address, kind included.
JSON: {\"addr\"}")]
pub(super) struct RecipeArgs {
    /// The function's name; `deriva functions` lists them.
    function: String,
    /// The function's version.
    version: String,
    /// The inputs, in order: `-i A B`, or `-i A -i B`.
    #[arg(short, long = "input", value_name = "ADDR", value_parser = input, num_args = 1..)]
    inputs: Vec<Target>,
    /// The params: `-p a=1 b=2`, or `-p a=1 -p b=2`.
    #[arg(short, long = "param", value_name = "key=value", value_parser = param, num_args = 1..)]
    params: Vec<(String, Value)>,
    /// Store the recipe even if an input does not exist yet.
    #[arg(long)]
    allow_missing: bool,
}

fn input(text: &str) -> Result<Target, String> {
    text.parse().map_err(|e| format!("{e}; {NAMES_FIRST}"))
}

fn param(text: &str) -> Result<(String, Value), String> {
    match text.contains('=') {
        true => params::parse(text),
        false => params::parse(text).map_err(|e| format!("{e}; {NAMES_FIRST}")),
    }
}

pub(super) async fn run(global: &Global, what: RecipeArgs) -> Result<Answer, Failure> {
    // What can be judged here is judged before a connection is made: it is wrong usage.
    let params = params::collect(what.params).map_err(Failure::usage)?;
    let function = FunctionId::new(what.function, what.version);
    Recipe::new(function.clone(), Vec::new(), params.clone())
        .map_err(|e| Failure::usage(format!("this is no recipe: {e}")))?;
    let client = connect(global).await?;
    let mut inputs = Vec::new();
    for input in &what.inputs {
        inputs.push(input.find(&client).await?);
    }
    let recipe = Recipe::new(function, inputs, params)
        .map_err(|e| Failure::usage(format!("this is no recipe: {e}")))?;
    let missing = match what.allow_missing {
        true => MissingInputs::Allow,
        false => MissingInputs::Refuse,
    };
    let addr = client.put_recipe(&recipe, missing).await?;
    Ok(Answer::new(
        addr.to_string(),
        json!({ "addr": addr.to_string() }),
    ))
}

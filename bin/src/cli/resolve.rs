//! `resolve`: what an address stands for.

use clap::Args;
use deriva_client::{Client, Resolution};
use deriva_model::{CAddr, Recipe};
use serde_json::{Map, Value as Json, json};

use super::{
    address::Target,
    failure::Failure,
    output::{self, Answer, columns, hexes},
};

#[derive(Debug, Args)]
#[command(after_help = "\
An address that the server does not know is told so, and the exit code is 1.
JSON: {\"addr\",\"found\",\"kind\"} with \"size\" for a leaf, \"alias_of\" for an alias, \"function\",\"version\",\"inputs\":[ADDR],\"params\":{} for a recipe")]
pub(super) struct ResolveArgs {
    /// What to look up.
    addr: Target,
}

pub(super) async fn run(client: &Client, what: ResolveArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    Ok(render(&addr, &client.resolve(&addr).await?))
}

fn render(addr: &CAddr, resolution: &Resolution) -> Answer {
    let hex = addr.to_string();
    match resolution {
        Resolution::Unknown => {
            let json = json!({ "addr": hex, "found": false });
            Answer::new(format!("{hex} is not known to this server"), json).failed()
        }
        Resolution::Leaf { size } => Answer::new(
            columns(&[
                ("addr", hex.clone()),
                ("kind", "leaf".into()),
                ("size", size.to_string()),
            ]),
            json!({ "addr": hex, "found": true, "kind": "leaf", "size": size }),
        ),
        Resolution::Alias { of } => Answer::new(
            columns(&[
                ("addr", hex.clone()),
                ("kind", "alias".into()),
                ("of", of.to_string()),
            ]),
            json!({ "addr": hex, "found": true, "kind": "alias", "alias_of": of.to_string() }),
        ),
        Resolution::Recipe(recipe) => render_recipe(hex, recipe),
    }
}

fn render_recipe(hex: String, recipe: &Recipe) -> Answer {
    let function = recipe.function();
    let mut rows = vec![
        ("addr", hex.clone()),
        ("kind", "recipe".to_owned()),
        ("function", function.name.clone()),
        ("version", function.version.clone()),
    ];
    rows.extend(
        recipe
            .inputs()
            .iter()
            .map(|input| ("input", input.to_string())),
    );
    let mut params = Map::new();
    for (key, value) in recipe.params() {
        rows.push((
            "param",
            format!("{key}:{}={}", value.kind(), output::param(value)),
        ));
        params.insert(key.clone(), output::param(value));
    }
    let json = json!({
        "addr": hex, "found": true, "kind": "recipe",
        "function": function.name, "version": function.version,
        "inputs": hexes(recipe.inputs()), "params": Json::Object(params),
    });
    Answer::new(columns(&rows), json)
}

#[cfg(test)]
#[path = "resolve_test.rs"]
mod resolve_test;

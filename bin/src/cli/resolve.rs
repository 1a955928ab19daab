//! `resolve`: what an address stands for, under both of its addresses if it was imported.

use clap::Args;
use deriva_client::{Client, Resolution, Resolved};
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
An imported recipe has two addresses: either shows the other.
JSON: {\"addr\",\"found\",\"kind\"} with \"size\" for a leaf, \"function\",\"version\",\"inputs\":[ADDR],\"params\":{},and \"old_addr\" (null where it was not imported) for a recipe; \"alias_of\" and its recipe for an alias")]
pub(super) struct ResolveArgs {
    /// What to look up.
    addr: Target,
}

pub(super) async fn run(client: &Client, what: ResolveArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    Ok(render(&addr, &client.resolve_both(&addr).await?))
}

fn render(addr: &CAddr, resolved: &Resolved) -> Answer {
    let hex = addr.to_string();
    match &resolved.is {
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
        Resolution::Alias { of } => {
            let mut told = Told::new(hex, "alias");
            told.say("of", "alias_of", of.to_string());
            if let Some(recipe) = &resolved.recipe {
                told.recipe(recipe);
            }
            told.answer()
        }
        Resolution::Recipe(recipe) => {
            let mut told = Told::new(hex, "recipe");
            let old = resolved.old_addr.as_ref().map(CAddr::to_string);
            told.fields.insert("old_addr".to_owned(), json!(old));
            told.rows.extend(old.map(|old| ("old addr", old)));
            told.recipe(recipe);
            told.answer()
        }
    }
}

/// An answer in both formats while it is being told.
struct Told {
    rows: Vec<(&'static str, String)>,
    fields: Map<String, Json>,
}

impl Told {
    fn new(hex: String, kind: &'static str) -> Self {
        let mut told = Self {
            rows: Vec::new(),
            fields: Map::new(),
        };
        told.fields.insert("found".to_owned(), json!(true));
        told.say("addr", "addr", hex);
        told.say("kind", "kind", kind.to_owned());
        told
    }

    fn say(&mut self, row: &'static str, field: &str, value: String) {
        self.fields.insert(field.to_owned(), json!(value));
        self.rows.push((row, value));
    }

    fn recipe(&mut self, recipe: &Recipe) {
        let function = recipe.function();
        self.say("function", "function", function.name.clone());
        self.say("version", "version", function.version.clone());
        let inputs = recipe.inputs().iter();
        self.rows
            .extend(inputs.map(|input| ("input", input.to_string())));
        let inputs = json!(hexes(recipe.inputs()));
        self.fields.insert("inputs".to_owned(), inputs);
        let mut params = Map::new();
        for (key, value) in recipe.given() {
            let shown = format!("{key}:{}={}", value.kind(), output::param(&value));
            self.rows.push(("param", shown));
            params.insert(key.to_owned(), output::param(&value));
        }
        self.fields
            .insert("params".to_owned(), Json::Object(params));
    }

    fn answer(self) -> Answer {
        Answer::new(columns(&self.rows), Json::Object(self.fields))
    }
}

#[cfg(test)]
#[path = "resolve_test.rs"]
mod resolve_test;

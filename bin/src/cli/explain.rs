//! `explain`: how a value was made, node by node, with what was consumed and what it cost.

use std::time::Duration;

use clap::Args;
use deriva_client::{Client, Explained};
use deriva_model::ContentHash;
use serde_json::{Value as Json, json};

use super::{
    address::{Target, short},
    failure::Failure,
    output::{Answer, columns, hexes},
};

/// Nodes that are held to be shown; a larger graph is for `graph --query`, page by page.
pub(super) const NODES_MOST: usize = 1_000_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Inputs stand before what consumes them; the address itself is last.
JSON: {\"nodes\":[{\"addr\",\"kind\",\"function\",\"version\",\"inputs\":[ADDR],\"params\":{},\"cached\",\"content_hash\",\"size\",\"cost_nanos\",\"consumed\":[CONTENT HASH]}]}; what is not known is null, and a cost_nanos of 0 means that the value was taken over from an equal computation.")]
pub(super) struct ExplainArgs {
    /// What to explain.
    addr: Target,
}

pub(super) async fn run(client: &Client, what: ExplainArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    let nodes = client.explain(&addr).await?.collect(NODES_MOST).await?;
    Ok(render(&nodes))
}

fn render(nodes: &[Explained]) -> Answer {
    let text = nodes.iter().map(block).collect::<Vec<_>>().join("\n\n");
    Answer::new(
        text,
        json!({ "nodes": nodes.iter().map(node_json).collect::<Vec<_>>() }),
    )
}

fn block(node: &Explained) -> String {
    let mut rows = vec![("addr", node.addr.to_string()), ("kind", node.kind.clone())];
    rows.extend(node.function.iter().map(|f| ("function", f.to_string())));
    rows.extend(
        node.params
            .iter()
            .map(|(key, value)| ("param", format!("{key}={value:?}"))),
    );
    let consumed = node.record.iter().flat_map(|record| &record.consumed);
    let mut consumed = consumed.map(|hash| format!(", content {}", short(&hash.as_leaf_address())));
    for input in &node.inputs {
        let with = consumed.next().unwrap_or_default();
        rows.push(("input", format!("{}{with}", short(input))));
    }
    rows.push(("at hand", if node.cached { "yes" } else { "no" }.to_owned()));
    if let Some(record) = &node.record {
        rows.push(("content", record.content_hash.to_string()));
        rows.push(("size", format!("{} bytes", record.size)));
    }
    // Only what was executed has a cost.
    if let (Some(record), Some(_)) = (&node.record, &node.function) {
        rows.push(("cost", cost(record.cost_nanos)));
    }
    columns(&rows)
}

/// What no execution took was answered from the record of the same computation (early cutoff).
fn cost(nanos: u64) -> String {
    match nanos {
        0 => "taken over from an equal computation".to_owned(),
        _ => format!("{:?}", Duration::from_nanos(nanos)),
    }
}

fn node_json(node: &Explained) -> Json {
    let record = node.record.as_ref();
    json!({
        "addr": node.addr.to_string(),
        "kind": node.kind,
        "function": node.function.as_ref().map(|f| &f.name),
        "version": node.function.as_ref().map(|f| &f.version),
        "inputs": hexes(&node.inputs),
        "params": node.params,
        "cached": node.cached,
        "content_hash": record.map(|r| r.content_hash.to_string()),
        "size": record.map(|r| r.size),
        "cost_nanos": record.map(|r| r.cost_nanos),
        "consumed": record.map(|r| r.consumed.iter().map(ContentHash::to_hex).collect::<Vec<_>>()),
    })
}

#[cfg(test)]
#[path = "explain_test.rs"]
mod explain_test;

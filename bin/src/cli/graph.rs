//! `graph`: what lies beneath an address as a tree, or one of the graph queries as a list.

use std::io::{self, BufWriter, Write as _};

use clap::{Args, ValueEnum};
use deriva_client::{Client, Explained, proto::GraphQuery};
use deriva_model::CAddr;
use serde_json::{Value as Json, json};

use super::{
    address::Target,
    args::Format,
    explain::NODES_MOST,
    failure::Failure,
    output::{Answer, hexes},
    tree,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Without --query a tree: each node once, with the first digits of its address, its function and its params; where it is needed again, a reference.
JSON: the tree {\"addr\",\"nodes\":[{\"addr\",\"kind\",\"function\",\"version\",\"inputs\":[ADDR],\"params\":{}}]}, inputs first; a query {\"addr\",\"query\",\"nodes\":[{\"addr\"}]}; depth {\"addr\",\"query\",\"depth\"}")]
pub(super) struct GraphArgs {
    /// The address to start from.
    addr: Target,
    /// A list instead of the tree, in a fixed order.
    #[arg(long, value_enum)]
    query: Option<Query>,
}

/// What can be asked about the graph around an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Query {
    /// The recipe's inputs, in recipe order.
    Inputs,
    /// The recipes that name the address as an input.
    Dependents,
    /// Everything beneath the address.
    TransitiveInputs,
    /// Everything made from the address.
    TransitiveDependents,
    /// Everything beneath the address and itself, inputs before consumers.
    Order,
    /// The length of the longest chain of inputs.
    Depth,
}

impl Query {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|v| v.get_name().to_owned())
            .unwrap_or_default()
    }
}

impl From<Query> for GraphQuery {
    fn from(query: Query) -> Self {
        match query {
            Query::Inputs => Self::Inputs,
            Query::Dependents => Self::Dependents,
            Query::TransitiveInputs => Self::TransitiveInputs,
            Query::TransitiveDependents => Self::TransitiveDependents,
            Query::Order => Self::TopologicalOrder,
            Query::Depth => Self::Depth,
        }
    }
}

pub(super) async fn run(
    client: &Client,
    what: GraphArgs,
    format: Format,
) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    match (what.query, format) {
        (None, _) => whole(client, &addr).await,
        (Some(Query::Depth), _) => depth(client, &addr).await,
        (Some(query), Format::Text) => list(client, &addr, query).await,
        (Some(query), Format::Json) => object(client, &addr, query).await,
    }
}

async fn whole(client: &Client, addr: &CAddr) -> Result<Answer, Failure> {
    let nodes = client.explain(addr).await?.collect(NODES_MOST).await?;
    let text = tree::render(addr, &nodes);
    let json = nodes.iter().map(node_json).collect::<Vec<_>>();
    Ok(Answer::new(
        text,
        json!({ "addr": addr.to_string(), "nodes": json }),
    ))
}

async fn depth(client: &Client, addr: &CAddr) -> Result<Answer, Failure> {
    let mut answers = client.graph(addr, GraphQuery::Depth).await?;
    let mut depth = 0;
    while let Some(node) = answers.next().await? {
        depth = node.depth;
    }
    let json = json!({ "addr": addr.to_string(), "query": "depth", "depth": depth });
    Ok(Answer::new(depth.to_string(), json))
}

/// A list is printed while it comes, so that its length costs no memory.
async fn list(client: &Client, addr: &CAddr, query: Query) -> Result<Answer, Failure> {
    let mut answers = client.graph(addr, query.into()).await?;
    let mut out = BufWriter::new(io::stdout());
    while let Some(node) = answers.next().await? {
        writeln!(out, "{}", node.addr).map_err(|e| Failure::stdout(&e))?;
    }
    out.flush().map_err(|e| Failure::stdout(&e))?;
    Ok(Answer::written())
}

async fn object(client: &Client, addr: &CAddr, query: Query) -> Result<Answer, Failure> {
    let nodes = client
        .graph(addr, query.into())
        .await?
        .collect(NODES_MOST)
        .await?;
    let nodes = nodes
        .iter()
        .map(|node| json!({ "addr": node.addr.to_string() }));
    let json = json!({
        "addr": addr.to_string(), "query": query.name(), "nodes": nodes.collect::<Vec<_>>(),
    });
    Ok(Answer::new("", json))
}

fn node_json(node: &Explained) -> Json {
    json!({
        "addr": node.addr.to_string(),
        "kind": node.kind,
        "function": node.function.as_ref().map(|f| &f.name),
        "version": node.function.as_ref().map(|f| &f.version),
        "inputs": hexes(&node.inputs),
        "params": node.params,
    })
}

//! `Explain`: each node beneath an address, inputs before consumers, with what is known of its
//! value. It executes nothing.

use super::{
    address,
    answers::{Items, Outlet, pump},
    call::Call,
    graph::{self, ALIAS, LEAF, RECIPE},
    lookup::{self, Found, KnownValue},
    params,
};
use deriva_messages::{Fault, dag::GraphQuestion};
use deriva_model::{CAddr, Record, SealedRecipe};
use deriva_proto::{ExplainRequest, ExplainResponse};
use std::sync::Arc;

/// The word for an input that does not exist.
const MISSING: &str = "missing";
/// Nodes that are looked up together, and that may be ahead of the client.
const TOGETHER: usize = 128;

pub(super) async fn explain(
    call: Call,
    message: ExplainRequest,
) -> Result<Items<ExplainResponse>, Fault> {
    let root = address::read("addr", &message.addr)?;
    // Until the last node is told: what was found in the first look is there in the later ones.
    let held = call.context.node.holds.hold(vec![root]).await;
    let nodes = graph::ask(&call, root, GraphQuestion::TopologicalOrder).await?;
    let order: Vec<CAddr> = nodes.into_iter().map(|node| node.address).collect();
    Ok(pump(TOGETHER, |outlet| async move {
        let told = tell(call, order, outlet).await;
        drop(held);
        told
    }))
}

async fn tell(
    call: Call,
    order: Vec<CAddr>,
    outlet: Arc<Outlet<ExplainResponse>>,
) -> Result<(), Fault> {
    for some in order.chunks(TOGETHER) {
        let addresses = some.to_vec();
        let look = move |context: &_| {
            let found = lookup::look(context, &addresses)?;
            let values = lookup::values(context, &addresses)?;
            Ok((found, values))
        };
        let (found, values) = call.read(look).await?;
        for ((address, found), value) in some.iter().zip(found).zip(values) {
            outlet.give(explained(address, found, value)).await?;
        }
    }
    Ok(())
}

fn explained(address: &CAddr, found: Found, value: Option<KnownValue>) -> ExplainResponse {
    let named = |kind: &str| ExplainResponse {
        addr: address::write(address),
        kind: kind.to_owned(),
        ..ExplainResponse::default()
    };
    match found {
        Found::Nothing => named(MISSING),
        Found::Leaf { size } => ExplainResponse {
            cached: true,
            content_hash: address::write(address),
            size,
            ..named(LEAF)
        },
        Found::Alias(to) => ExplainResponse {
            inputs: vec![address::write(&to)],
            ..named(ALIAS)
        },
        Found::Recipe(recipe) => with_value(with_recipe(named(RECIPE), &recipe), value),
    }
}

fn with_recipe(told: ExplainResponse, recipe: &SealedRecipe) -> ExplainResponse {
    let recipe = recipe.recipe();
    ExplainResponse {
        function_name: recipe.function().name.clone(),
        function_version: recipe.function().version.clone(),
        inputs: recipe.inputs().iter().map(address::write).collect(),
        params: params::texts(recipe),
        ..told
    }
}

fn with_value(told: ExplainResponse, value: Option<KnownValue>) -> ExplainResponse {
    let Some(KnownValue { record, cached }) = value else {
        return told;
    };
    ExplainResponse {
        cached,
        content_hash: address::write(&record.output.as_leaf_address()),
        size: record.size,
        cost_nanos: record.cost.wall_nanos,
        consumed: consumed(&record),
        ..told
    }
}

fn consumed(record: &Record) -> Vec<bytes::Bytes> {
    let contents = record.inputs.iter().map(|input| input.content);
    contents
        .map(|content| address::write(&content.as_leaf_address()))
        .collect()
}

#[cfg(test)]
#[path = "explain_test.rs"]
mod explain_test;

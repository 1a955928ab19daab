//! `Resolve`, `Graph` and `Find`: what an address stands for, and what lies around it.

use super::{
    address,
    answers::{Items, of_iter},
    call::Call,
    lookup::{self, Found},
    params,
};
use crate::context::GatewayContext;
use deriva_messages::{
    Fault,
    dag::{DagMessage, GraphNode, GraphQuestion},
};
use deriva_model::{CAddr, Recipe};
use deriva_proto::{
    FindRequest, FindResponse, GraphQuery, GraphRequest, GraphResponse, ResolveRequest,
    ResolveResponse,
};

/// The word for a leaf in answers.
pub(super) const LEAF: &str = "leaf";
/// The word for a recipe in answers.
pub(super) const RECIPE: &str = "recipe";
/// The word for an alias in answers.
pub(super) const ALIAS: &str = "alias";

/// An address that stands for nothing is an answer, not an error.
pub(super) async fn resolve(call: Call, message: ResolveRequest) -> Result<ResolveResponse, Fault> {
    let address = address::read("addr", &message.addr)?;
    call.read(move |context| {
        Ok(match lookup::look_one(context, address)? {
            Found::Nothing => ResolveResponse::default(),
            Found::Leaf { size } => ResolveResponse {
                found: true,
                kind: LEAF.to_owned(),
                leaf_size: size,
                ..ResolveResponse::default()
            },
            Found::Recipe(recipe) => {
                let old = lookup::old_address(context, &recipe)?;
                ResolveResponse {
                    old_addr: old.as_ref().map(address::write).unwrap_or_default(),
                    ..resolved_recipe(recipe.recipe())
                }
            }
            Found::Alias(to) => resolved_alias(context, &address, to)?,
        })
    })
    .await
}

/// An alias is answered with the recipe that it leads to, for clients that know no aliases.
fn resolved_alias(
    context: &GatewayContext,
    old: &CAddr,
    to: CAddr,
) -> Result<ResolveResponse, Fault> {
    let recipe = match lookup::look_one(context, to)? {
        Found::Recipe(recipe) => resolved_recipe(recipe.recipe()),
        // It was collected meanwhile, with its alias.
        _ => return Ok(ResolveResponse::default()),
    };
    Ok(ResolveResponse {
        kind: ALIAS.to_owned(),
        alias_of: address::write(&to),
        old_addr: address::write(old),
        ..recipe
    })
}

fn resolved_recipe(recipe: &Recipe) -> ResolveResponse {
    ResolveResponse {
        found: true,
        function_name: recipe.function().name.clone(),
        function_version: recipe.function().version.clone(),
        inputs: recipe.inputs().iter().map(address::write).collect(),
        params: params::texts(recipe),
        typed_params: params::typed(recipe),
        kind: RECIPE.to_owned(),
        ..ResolveResponse::default()
    }
}

pub(super) async fn graph(
    call: Call,
    message: GraphRequest,
) -> Result<Items<GraphResponse>, Fault> {
    let address = address::read("addr", &message.addr)?;
    let question = question(message.query)?;
    let nodes = ask(&call, address, question).await?;
    Ok(of_iter(nodes.into_iter().map(|node| GraphResponse {
        addr: address::write(&node.address),
        depth: node.depth,
    })))
}

/// Asks the graph's actor.
///
/// # Errors
/// What it answers.
pub(super) async fn ask(
    call: &Call,
    address: CAddr,
    question: GraphQuestion,
) -> Result<Vec<GraphNode>, Fault> {
    let ask = |reply| DagMessage::Ask {
        address,
        question,
        reply,
    };
    call.ask(&call.context.node.slots.dag, ask).await
}

fn question(number: i32) -> Result<GraphQuestion, Fault> {
    let query = GraphQuery::try_from(number).map_err(|_| Fault::Malformed {
        reason: format!("graph query {number} is not known"),
    })?;
    Ok(match query {
        GraphQuery::Inputs => GraphQuestion::Inputs,
        GraphQuery::Dependents => GraphQuestion::Dependents,
        GraphQuery::TransitiveInputs => GraphQuestion::TransitiveInputs,
        GraphQuery::TransitiveDependents => GraphQuestion::TransitiveDependents,
        GraphQuery::TopologicalOrder => GraphQuestion::TopologicalOrder,
        GraphQuery::Depth => GraphQuestion::Depth,
    })
}

pub(super) async fn find(call: Call, message: FindRequest) -> Result<FindResponse, Fault> {
    let found = call
        .read(move |context| lookup::find(&*context.node.storage, &message.prefix))
        .await?;
    Ok(FindResponse {
        addrs: found.iter().map(address::write).collect(),
    })
}

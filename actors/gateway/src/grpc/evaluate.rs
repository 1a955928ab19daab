//! `Evaluate`: a graph that travels with its request. Nothing of it is stored unless the request
//! says so.

use super::{
    address,
    answers::{Items, Outlet, pump},
    call::Call,
    pieces::{Piece, Pieces},
    recipes,
    upload::Upload,
    values,
};
use bytes::Bytes;
use deriva_messages::{AddressMap, Fault, Spread, dag::MissingInputs, materialize::Mode};
use deriva_model::{CAddr, SealedRecipe};
use deriva_proto::{EvaluateRequest, EvaluateResponse, EvaluationMode, Keep, PutRecipeRequest};
use std::{
    collections::HashSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio_stream::{Stream, StreamExt};

/// Pieces that a kept value may be ahead of its client.
const PIECES_AHEAD: usize = 4;

type Recipes = AddressMap<CAddr, Arc<SealedRecipe>>;

pub(super) async fn evaluate(
    call: Call,
    message: EvaluateRequest,
) -> Result<Items<EvaluateResponse>, Fault> {
    let mode = mode(message.mode)?;
    let verification = values::verification(&call, &mode, &message.verification)?;
    let keep = keep(message.keep)?;
    let (recipes, last) = transient(&call, message.recipes)?;
    let root = match (message.root.is_empty(), last) {
        (false, _) => address::read("root", &message.root)?,
        (true, Some(last)) => last,
        (true, None) => {
            let reason = "give recipes, or a root to evaluate".to_owned();
            return Err(Fault::Malformed { reason });
        }
    };
    let recipes = Arc::new(recipes);
    let (_, pieces) =
        values::materialize(&call, root, (mode, verification), recipes.clone()).await?;
    Ok(match keep {
        Keep::Nothing => Box::pin(Rooted::new(pieces, root)),
        Keep::Closure => {
            keep_closure(&call, &recipes, root).await?;
            Box::pin(Rooted::new(pieces, root))
        }
        Keep::Leaf => pump(PIECES_AHEAD, |outlet| keep_leaf(call, pieces, root, outlet)),
    })
}

fn mode(number: i32) -> Result<Mode, Fault> {
    if number == EvaluationMode::Replay as i32 {
        let reason = "a graph that travels cannot be replayed; put it and use Get".to_owned();
        return Err(Fault::Malformed { reason });
    }
    values::mode(number, &[])
}

fn keep(number: i32) -> Result<Keep, Fault> {
    Keep::try_from(number).map_err(|_| Fault::Malformed {
        reason: format!("keep {number} is not known"),
    })
}

/// The recipes by address, and the address of the last.
fn transient(
    call: &Call,
    messages: Vec<PutRecipeRequest>,
) -> Result<(Recipes, Option<CAddr>), Fault> {
    let mut recipes = Recipes::with_capacity_and_hasher(messages.len(), Spread::default());
    let mut last = None;
    for message in messages {
        let (recipe, _) = recipes::checked(call, message)?;
        last = Some(recipe.address());
        recipes.insert(recipe.address(), recipe);
    }
    Ok((recipes, last))
}

/// Stores what the root needs of the recipes that came along. Their inputs exist: the evaluation
/// has just used them.
async fn keep_closure(call: &Call, recipes: &Recipes, root: CAddr) -> Result<(), Fault> {
    let closure = closure(recipes, root);
    if closure.is_empty() {
        return Ok(());
    }
    recipes::store(call, closure, MissingInputs::Refuse, None).await
}

/// The root's recipes among those that travel. Iterative: a chain may be as long as a message.
fn closure(recipes: &Recipes, root: CAddr) -> Vec<Arc<SealedRecipe>> {
    let mut seen = HashSet::from([root]);
    let mut open = vec![root];
    let mut found = Vec::new();
    while let Some(address) = open.pop() {
        let Some(recipe) = recipes.get(&address) else {
            continue;
        };
        found.push(recipe.clone());
        let inputs = recipe.recipe().inputs().iter();
        open.extend(inputs.filter(|input| seen.insert(**input)));
    }
    found
}

/// Sends the value and stores it as a leaf on the way; the last message names the leaf.
async fn keep_leaf(
    call: Call,
    pieces: Pieces,
    root: CAddr,
    outlet: Arc<Outlet<EvaluateResponse>>,
) -> Result<(), Fault> {
    let mut upload = Upload::new(call);
    let mut messages = Rooted::new(pieces, root);
    while let Some(message) = messages.next().await {
        let message = message?;
        upload.push(&message.chunk).await?;
        outlet.give(message).await?;
    }
    let leaf = upload.finish().await?;
    let last = EvaluateResponse {
        leaf: address::write(&leaf.address),
        ..EvaluateResponse::default()
    };
    outlet.give(last).await
}

/// Pieces of which the first, or an empty message if there is none, names the root.
struct Rooted {
    pieces: Pieces,
    root: Option<Bytes>,
}

impl Rooted {
    fn new(pieces: Pieces, root: CAddr) -> Self {
        Self {
            pieces,
            root: Some(address::write(&root)),
        }
    }
}

impl Stream for Rooted {
    type Item = Result<EvaluateResponse, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = match ready!(Pin::new(&mut self.pieces).poll_next(cx)) {
            Some(Ok(piece)) => piece,
            Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
            None if self.root.is_none() => return Poll::Ready(None),
            None => Piece::default(),
        };
        let root = self.root.take().unwrap_or_default();
        Poll::Ready(Some(Ok(EvaluateResponse {
            chunk: piece.bytes,
            root,
            leaf: Bytes::new(),
            content_hash: values::hash(piece.content),
        })))
    }
}

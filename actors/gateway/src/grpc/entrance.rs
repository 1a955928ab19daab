//! What happens to a request before its message is read: it passes the gate or is refused, and a
//! message that could not be read at all gets a status of ours.
//!
//! It refuses to look at other services than `deriva.Deriva`: health is asked most urgently when
//! the node is full.

use crate::{
    context::GatewayContext,
    edge::{Admitted, Deadline, Listening, status},
};
use deriva_messages::Fault;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{Request, Response},
};
use tower::{Layer, Service};

const PREFIX: &str = "/deriva.Deriva/";

/// Every call of the interface. Metrics and spans take their labels from here, never from a path.
pub(super) const METHODS: [&str; 27] = [
    "PutLeaf",
    "PutLeafStream",
    "PutRecipe",
    "PutRecipes",
    "PutGraph",
    "ImportRecipes",
    "CompleteImport",
    "ImportStatus",
    "Get",
    "Evaluate",
    "Resolve",
    "Invalidate",
    "CascadeInvalidate",
    "Status",
    "Verify",
    "GarbageCollect",
    "Pin",
    "Unpin",
    "ListPins",
    "Forget",
    "ClusterStatus",
    "ListFunctions",
    "Graph",
    "Explain",
    "Trace",
    "ClearMark",
    "Find",
];

fn method_of(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix(PREFIX)?;
    METHODS.iter().find(|method| **method == name).copied()
}

/// Puts the entrance before the services.
#[derive(Clone)]
pub(super) struct EntranceLayer {
    context: Arc<GatewayContext>,
}

impl EntranceLayer {
    pub(super) const fn new(context: Arc<GatewayContext>) -> Self {
        Self { context }
    }
}

impl<S> Layer<S> for EntranceLayer {
    type Service = Entrance<S>;

    fn layer(&self, inner: S) -> Entrance<S> {
        Entrance {
            context: self.context.clone(),
            inner,
        }
    }
}

/// The entrance.
#[derive(Clone)]
pub(super) struct Entrance<S> {
    context: Arc<GatewayContext>,
    inner: S,
}

impl<S> Service<Request<Body>> for Entrance<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(method) = method_of(request.uri().path()) else {
            return Box::pin(self.inner.call(request));
        };
        let admitted = match self.context.gate.admit(method) {
            Ok(admitted) => admitted,
            Err(fault) => {
                let refusal = status(&fault).into_http();
                return Box::pin(async move { Ok(refusal) });
            }
        };
        request.extensions_mut().insert(admitted.clone());
        let limits = &self.context.node.limits;
        let limit = limits.message_bytes;
        let deadline = Deadline::new(
            self.context.node.clock.clone(),
            None,
            limits.longest_request,
        );
        let silence = limits.silence;
        let request = request.map(|body| Body::new(Listening::new(body, silence, deadline)));
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(or_unread(&admitted, limit, answer.await?)) })
    }
}

/// A request that no handler entered was one whose message could not be read; what the transport
/// says about it is put into our words.
fn or_unread(admitted: &Admitted, limit: usize, response: Response<Body>) -> Response<Body> {
    if admitted.has_entered() {
        return response;
    }
    let Some(said) = Status::from_header_map(response.headers()) else {
        return response;
    };
    let Some(fault) = unread(&said, limit) else {
        admitted.ended(said.code());
        return response;
    };
    admitted.failed(&fault);
    status(&fault).into_http()
}

/// What the transport's words about an unreadable message mean.
pub(super) fn unread(said: &Status, limit: usize) -> Option<Fault> {
    match said.code() {
        Code::OutOfRange => Some(too_long(said, limit)),
        Code::DeadlineExceeded => Some(Fault::DeadlineExceeded),
        Code::Aborted => Some(Fault::Cancelled),
        Code::Internal => Some(Fault::Malformed {
            reason: format!("its message cannot be read ({})", said.message()),
        }),
        _ => None,
    }
}

/// The transport tells the length in words only.
fn too_long(said: &Status, limit: usize) -> Fault {
    let numbers = said.message().split(|c: char| !c.is_ascii_digit());
    let got = numbers.filter_map(|digits| digits.parse().ok()).next();
    Fault::OverLimit {
        what: "one message (a longer leaf is sent with PutLeafStream)".to_owned(),
        limit: limit as u64,
        got: got.unwrap_or(limit as u64 + 1),
    }
}

#[cfg(test)]
#[path = "entrance_test.rs"]
mod entrance_test;

//! What stands before every admin request: a browser on another site is refused, and there are only
//! so many requests at once, each with its time.

use crate::{context::GatewayContext, edge::refuse};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use deriva_messages::Fault;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// When a request that found no room is told to come back.
const RETRY_AFTER_MS: u64 = 1000;

/// What the guard needs.
#[derive(Clone)]
pub(super) struct Guard {
    context: Arc<GatewayContext>,
    room: Arc<Semaphore>,
}

impl Guard {
    pub(super) fn new(context: Arc<GatewayContext>) -> Self {
        let room = Arc::new(Semaphore::new(context.node.limits.admin_requests));
        Self { context, room }
    }
}

pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET && comes_from_a_browser(request.headers()) {
        return forbidden();
    }
    let Ok(_room) = guard.room.try_acquire() else {
        return refuse(&Fault::Overloaded {
            what: "the admin listener".to_owned(),
            retry_after_ms: RETRY_AFTER_MS,
        });
    };
    let patience = guard.context.node.limits.admin_patience;
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse(&Fault::DeadlineExceeded),
    }
}

/// Browsers name the site of every request that could change something; other clients do not.
fn comes_from_a_browser(headers: &HeaderMap) -> bool {
    headers.contains_key("origin") || headers.contains_key("sec-fetch-site")
}

fn forbidden() -> Response {
    let body = json!({ "error": {
        "reason": "CROSS_SITE",
        "message": "commands are not taken from browsers",
        "hint": "Use the deriva command, or curl without an Origin header.",
    }});
    (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
}

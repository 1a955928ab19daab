//! The pages of the admin listener.

use super::{
    guard::{Guard, guard},
    metrics::page,
};
use crate::{
    context::GatewayContext,
    edge::{Overview, answer, refuse},
};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use deriva_messages::{Fault, cache::CacheMessage};
use deriva_system::supervise::ChildReport;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use std::sync::Arc;

/// The format of the metrics page.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Parts {
    context: Arc<GatewayContext>,
    metrics: PrometheusHandle,
}

pub(super) fn router(context: Arc<GatewayContext>, metrics: PrometheusHandle) -> Router {
    let before = Guard::new(context.clone());
    Router::new()
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/v1/status", get(status))
        .route("/v1/actors", get(actors))
        .route("/v1/cache/evict", post(evict))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_page)
        .layer(from_fn_with_state(before, guard))
        .with_state(Parts { context, metrics })
}

async fn show_metrics(State(parts): State<Parts>) -> Response {
    let page = page(&parts.context, &parts.metrics);
    ([(header::CONTENT_TYPE, METRICS_TYPE)], page).into_response()
}

/// The process lives and answers.
async fn healthz() -> Response {
    answer(json!({ "status": "alive" }))
}

/// Requests are welcome: every actor stands in its slot and no drain has begun. A store that takes
/// no writes still answers reads, so it is told and does not count.
async fn readyz(State(parts): State<Parts>) -> Response {
    let states = parts.context.slot_states();
    let empty = states
        .into_iter()
        .filter(|slot| !slot.seated)
        .map(|slot| slot.name);
    let missing: Vec<String> = empty.collect();
    let draining = parts.context.is_draining();
    let refuses_writes = parts.context.node.storage.refuses_writes();
    let ready = missing.is_empty() && !draining;
    let code = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "ready": ready,
        "draining": draining,
        "missing_actors": missing,
        "writable": refuses_writes.is_none(),
        "read_only_reason": refuses_writes.map(|fault| fault.to_string()),
    });
    (code, axum::Json(body)).into_response()
}

async fn status(State(parts): State<Parts>) -> Response {
    let patience = parts.context.node.limits.actor_patience;
    match Overview::gather(&parts.context, patience).await {
        Ok(overview) => answer(status_body(&parts.context, &overview)),
        Err(fault) => refuse(&fault),
    }
}

fn status_body(context: &GatewayContext, overview: &Overview) -> Value {
    let identity = &context.node.identity;
    let reason = overview.refuses_writes.as_ref().map(ToString::to_string);
    json!({
        "node": {
            "name": identity.node_name,
            "id": identity.node_id,
            "version": identity.version,
            "grpc": identity.grpc_addr,
            "uptime_secs": overview.uptime.as_secs(),
            "draining": context.is_draining(),
        },
        "store": {
            "recipes": overview.recipes,
            "leaves": overview.leaves,
            "writable": reason.is_none(),
            "read_only_reason": reason,
        },
        "cache": {
            "resident_values": overview.cache.resident_values,
            "resident_bytes": overview.cache.resident_bytes,
            "disk_values": overview.cache.disk_values,
            "disk_bytes": overview.cache.disk_bytes,
            "hit_rate": overview.hit_rate,
            "saved_seconds": overview.saved.as_secs_f64(),
        },
        "compute": {
            "executions": overview.compute.executions,
            "cutoffs": overview.compute.cutoffs,
            "failures": overview.compute.failures,
            "in_flight": overview.compute.in_flight,
        },
        "verification": {
            "mode": context.node.verification.to_string(),
            "passed": overview.compute.agreed,
            "failed": overview.compute.differed,
            "marked": context.node.marks.all().len(),
        },
    })
}

/// The supervision tree, children in the order of their start.
async fn actors(State(parts): State<Parts>) -> Response {
    match (parts.context.node.reports)().await {
        Ok(children) => {
            let children: Vec<Value> = children.iter().map(child).collect();
            answer(json!({ "actors": children }))
        }
        Err(fault) => refuse(&fault),
    }
}

fn child(report: &ChildReport) -> Value {
    json!({
        "supervisor": report.supervisor,
        "name": report.name,
        "running": report.running,
        "restarts": report.restarts,
    })
}

async fn evict(State(parts): State<Parts>) -> Response {
    let node = &parts.context.node;
    let forget = |reply| CacheMessage::EvictAll { reply };
    match node
        .slots
        .cache
        .call(node.limits.admin_patience, forget)
        .await
    {
        Ok(evicted) => answer(json!({ "values": evicted.values, "bytes": evicted.bytes })),
        Err(fault) => refuse(&fault),
    }
}

async fn wrong_method() -> Response {
    let reason = "this page does not take that method".to_owned();
    let mut response = refuse(&Fault::Malformed { reason });
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

async fn no_page() -> Response {
    let reason = "there is no such page; there are /metrics, /healthz, /readyz, /v1/status, \
                  /v1/actors and POST /v1/cache/evict"
        .to_owned();
    let mut response = refuse(&Fault::Malformed { reason });
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

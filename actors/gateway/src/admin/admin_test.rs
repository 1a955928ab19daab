#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::routes::router;
use crate::grpc::test_node::TestNode;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tower::Service;

async fn admin() -> (TestNode, Router) {
    let node = TestNode::start().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let router = router(node.context.clone(), recorder.handle());
    (node, router)
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().call(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str) -> axum::http::request::Builder {
    Request::post(path)
}

#[tokio::test]
async fn evicting_tells_what_went() {
    let (_node, router) = admin().await;
    let request = post("/v1/cache/evict").body(Body::empty()).unwrap();
    let (status, body) = ask(&router, request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, serde_json::json!({ "values": 4, "bytes": 99 }));
}

#[tokio::test]
async fn commands_are_not_taken_from_browsers() {
    let (_node, router) = admin().await;
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let request = post("/v1/cache/evict")
            .header(name, value)
            .body(Body::empty())
            .unwrap();
        let (status, body) = ask(&router, request).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {value}");
        assert_eq!(body["error"]["reason"], "CROSS_SITE");
    }
}

#[tokio::test]
async fn health_is_one_thing_and_readiness_another() {
    let (node, router) = admin().await;
    assert_eq!(ask(&router, get("/healthz")).await.0, StatusCode::OK);
    let (status, body) = ask(&router, get("/readyz")).await;
    assert_eq!(
        (status, &body["ready"]),
        (StatusCode::OK, &Value::Bool(true))
    );
    node.context
        .node
        .slots
        .dag
        .cell()
        .unwrap()
        .stop_and_wait(None, None)
        .await
        .unwrap();
    let (status, body) = ask(&router, get("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["missing_actors"], serde_json::json!(["dag"]));
    node.context.drain();
    let (_, body) = ask(&router, get("/readyz")).await;
    assert_eq!(body["draining"], true);
    assert_eq!(ask(&router, get("/healthz")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn status_and_actors_are_told() {
    let (_node, router) = admin().await;
    let (status, body) = ask(&router, get("/v1/status")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["cache"]["resident_values"], 3);
    assert_eq!(body["compute"]["executions"], 11);
    assert_eq!(body["store"]["writable"], true);
    let (status, body) = ask(&router, get("/v1/actors")).await;
    assert_eq!(
        (status, &body["actors"]),
        (StatusCode::OK, &serde_json::json!([]))
    );
}

#[tokio::test]
async fn wrong_pages_and_methods_are_json_too() {
    let (_node, router) = admin().await;
    let (status, body) = ask(&router, get("/nothing")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("/metrics")
    );
    let (status, body) = ask(&router, get("/v1/cache/evict")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(body["error"]["reason"].is_string());
}

#[tokio::test]
async fn an_actor_that_is_gone_is_an_unavailable_answer() {
    let (node, router) = admin().await;
    node.context
        .node
        .slots
        .cache
        .cell()
        .unwrap()
        .stop_and_wait(None, None)
        .await
        .unwrap();
    let (status, body) = ask(&router, get("/v1/status")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["reason"], "UNAVAILABLE");
}

#[test]
fn queue_depths_are_measured_when_asked() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let node = runtime.block_on(TestNode::start());
    let page =
        metrics::with_local_recorder(&recorder, || super::metrics::page(&node.context, &handle));
    for actor in ["blob-0", "dag", "cache", "materialize"] {
        let line = format!("actor_queue_depth{{actor=\"{actor}\"}} 0");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}

//! `status`, `functions`, `cluster`: what a node says of itself and of its work.

use deriva_client::{
    Client,
    proto::{ClusterNodeInfo, FunctionInfo, ParamInfo, StatusResponse},
};
use serde_json::{Value as Json, json};

use super::{
    failure::Failure,
    output::{Answer, columns},
};

pub(super) async fn status(client: &Client) -> Result<Answer, Failure> {
    let said = client.status().await?;
    Ok(render_status(&said))
}

fn render_status(s: &StatusResponse) -> Answer {
    let json = json!({
        "recipe_count": s.recipe_count,
        "blob_count": s.blob_count,
        "cache_entries": s.cache_entries,
        "cache_size_bytes": s.cache_size_bytes,
        "cache_hit_rate": s.cache_hit_rate,
        "cache_saved_seconds": s.cache_saved_seconds,
        "verification_mode": s.verification_mode,
        "verification_total": s.verification_total,
        "verification_passed": s.verification_passed,
        "verification_failed": s.verification_failed,
        "verification_failure_rate": s.verification_failure_rate,
        "executions": s.executions,
        "disk_entries": s.disk_entries,
        "disk_size_bytes": s.disk_size_bytes,
        "cutoffs": s.cutoffs,
        "node_version": s.node_version,
        "uptime_secs": s.uptime_secs,
        "writable": s.writable,
        "read_only_reason": s.read_only_reason,
    });
    let writes = match s.writable {
        true => "accepted".to_owned(),
        false => format!("refused: {}", s.read_only_reason),
    };
    let rows = [
        ("node version", s.node_version.clone()),
        ("uptime", format!("{} s", s.uptime_secs)),
        ("writes", writes),
        ("recipes", s.recipe_count.to_string()),
        ("leaves", s.blob_count.to_string()),
        (
            "cached values",
            format!("{} ({} bytes)", s.cache_entries, s.cache_size_bytes),
        ),
        (
            "values on disk",
            format!("{} ({} bytes)", s.disk_entries, s.disk_size_bytes),
        ),
        ("cache hit rate", format!("{:.3}", s.cache_hit_rate)),
        (
            "cache saved",
            format!("{:.3} s of computing", s.cache_saved_seconds),
        ),
        ("executions", s.executions.to_string()),
        ("early cutoffs", s.cutoffs.to_string()),
        ("verification", verification(s)),
    ];
    Answer::new(columns(&rows), json)
}

fn verification(s: &StatusResponse) -> String {
    let counts = format!(
        "{} run, {} passed, {} failed",
        s.verification_total, s.verification_passed, s.verification_failed
    );
    match s.verification_mode.is_empty() {
        true => counts,
        false => format!("{}; {counts}", s.verification_mode),
    }
}

pub(super) async fn functions(client: &Client) -> Result<Answer, Failure> {
    let all = client.list_functions().await?;
    let text = all.iter().map(describe).collect::<Vec<_>>().join("\n\n");
    let json = all.iter().map(function_json).collect::<Vec<_>>();
    Ok(Answer::new(text, json!({ "functions": json })))
}

fn describe(function: &FunctionInfo) -> String {
    let inputs = match (function.min_inputs, function.max_inputs) {
        (least, None) => format!("{least} or more inputs"),
        (1, Some(1)) => "1 input".to_owned(),
        (least, Some(most)) if least == most => format!("{least} inputs"),
        (least, Some(most)) => format!("{least} to {most} inputs"),
    };
    let mut lines = vec![
        format!("{} {}  ({inputs})", function.name, function.version),
        format!("  {}", function.description),
    ];
    lines.extend(function.params.iter().map(describe_param));
    if !function.marked.is_empty() {
        lines.push(format!("  refused: {}", function.marked));
    }
    if !function.example.is_empty() {
        lines.push(format!("  example: {}", function.example));
    }
    lines.join("\n")
}

fn describe_param(param: &ParamInfo) -> String {
    let need = match (param.required, param.default.is_empty()) {
        (true, _) => ", required".to_owned(),
        (false, true) => ", optional".to_owned(),
        (false, false) => format!(", default {}", param.default),
    };
    format!(
        "  -p {}  ({}{need})  {}",
        param.name, param.kind, param.description
    )
}

fn function_json(function: &FunctionInfo) -> Json {
    let params = function.params.iter().map(|p| {
        json!({
            "name": p.name, "kind": p.kind, "required": p.required,
            "default": p.default, "description": p.description,
        })
    });
    json!({
        "name": function.name, "version": function.version,
        "description": function.description,
        "min_inputs": function.min_inputs, "max_inputs": function.max_inputs,
        "params": params.collect::<Vec<_>>(), "example": function.example,
        "marked": (!function.marked.is_empty()).then_some(&function.marked),
    })
}

pub(super) async fn cluster(client: &Client) -> Result<Answer, Failure> {
    let said = client.cluster_status().await?;
    let mut blocks = said.nodes.iter().map(describe_node).collect::<Vec<_>>();
    blocks.push(format!(
        "{} alive, {} suspect, {} dead",
        said.alive_count, said.suspect_count, said.dead_count
    ));
    let nodes = said.nodes.iter().map(node_json).collect::<Vec<_>>();
    let json = json!({
        "nodes": nodes, "alive_count": said.alive_count,
        "suspect_count": said.suspect_count, "dead_count": said.dead_count,
    });
    Ok(Answer::new(blocks.join("\n\n"), json))
}

fn describe_node(node: &ClusterNodeInfo) -> String {
    columns(&[
        ("node", node.name.clone()),
        (
            "state",
            format!("{} (incarnation {})", node.state, node.incarnation),
        ),
        ("role", node.role.clone()),
        ("cluster", node.addr.clone()),
        ("grpc", node.grpc_addr.clone()),
        (
            "cache",
            format!("{} values, {} bytes", node.cache_entries, node.cache_bytes),
        ),
        ("leaves", node.blob_count.to_string()),
        ("cpu load", format!("{:.2}", node.cpu_load)),
        ("uptime", format!("{} s", node.uptime_secs)),
    ])
}

fn node_json(node: &ClusterNodeInfo) -> Json {
    json!({
        "name": node.name, "addr": node.addr, "state": node.state,
        "incarnation": node.incarnation, "grpc_addr": node.grpc_addr, "role": node.role,
        "cache_entries": node.cache_entries, "cache_bytes": node.cache_bytes,
        "blob_count": node.blob_count, "cpu_load": node.cpu_load,
        "uptime_secs": node.uptime_secs,
    })
}

#[cfg(test)]
#[path = "nodes_test.rs"]
mod nodes_test;

//! `Status`, `ClusterStatus` and `ListFunctions`: the node about itself.

use super::call::Call;
use crate::edge::{Overview, rate};
use deriva_messages::Fault;
use deriva_model::FunctionId;
use deriva_proto::{
    ClusterNodeInfo, ClusterStatusRequest, ClusterStatusResponse, FunctionInfo,
    ListFunctionsRequest, ListFunctionsResponse, ParamInfo, StatusRequest, StatusResponse,
};
use deriva_system::compute::{ComputeCounts, FunctionDescription, ParamDescription};
use std::collections::HashMap;

const ALIVE: &str = "alive";
/// A node that belongs to no cluster.
const SINGLE: &str = "single";

pub(super) async fn status(call: Call, _: StatusRequest) -> Result<StatusResponse, Fault> {
    let overview = Overview::gather(&call.context, call.patience()).await?;
    let read_only = overview.refuses_writes.as_ref().map(ToString::to_string);
    let ComputeCounts {
        agreed, differed, ..
    } = overview.compute;
    let total = agreed.saturating_add(differed);
    Ok(StatusResponse {
        recipe_count: overview.recipes,
        blob_count: overview.leaves,
        cache_entries: overview.cache.resident_values,
        cache_size_bytes: overview.cache.resident_bytes,
        cache_hit_rate: overview.hit_rate,
        cache_saved_seconds: overview.saved.as_secs_f64(),
        verification_mode: call.context.node.verification.to_string(),
        verification_total: total,
        verification_passed: agreed,
        verification_failed: differed,
        verification_failure_rate: rate(differed, agreed),
        executions: overview.compute.executions,
        disk_entries: overview.cache.disk_values,
        disk_size_bytes: overview.cache.disk_bytes,
        cutoffs: overview.compute.cutoffs,
        node_version: call.context.node.identity.version.clone(),
        uptime_secs: overview.uptime.as_secs(),
        writable: read_only.is_none(),
        read_only_reason: read_only.unwrap_or_default(),
    })
}

/// This node, alone.
pub(super) async fn cluster(
    call: Call,
    _: ClusterStatusRequest,
) -> Result<ClusterStatusResponse, Fault> {
    let overview = Overview::gather(&call.context, call.patience()).await?;
    let identity = &call.context.node.identity;
    let node = ClusterNodeInfo {
        name: identity.node_name.clone(),
        addr: identity.grpc_addr.clone(),
        state: ALIVE.to_owned(),
        grpc_addr: identity.grpc_addr.clone(),
        role: SINGLE.to_owned(),
        cache_entries: overview.cache.resident_values,
        cache_bytes: overview.cache.resident_bytes,
        blob_count: overview.leaves,
        uptime_secs: overview.uptime.as_secs(),
        ..ClusterNodeInfo::default()
    };
    Ok(ClusterStatusResponse {
        nodes: vec![node],
        alive_count: 1,
        ..ClusterStatusResponse::default()
    })
}

pub(super) async fn functions(
    call: Call,
    _: ListFunctionsRequest,
) -> Result<ListFunctionsResponse, Fault> {
    let functions = call.compute().functions();
    let marked = call.context.node.marks.all().into_iter();
    let mut marked: HashMap<_, _> = marked
        .map(|violation| (violation.function.clone(), violation.to_string()))
        .collect();
    let functions = functions.into_iter().map(|of| {
        let id = FunctionId::new(&*of.name, &*of.version);
        function(of, marked.remove(&id).unwrap_or_default())
    });
    Ok(ListFunctionsResponse {
        functions: functions.collect(),
    })
}

fn function(of: FunctionDescription, marked: String) -> FunctionInfo {
    FunctionInfo {
        marked,
        name: of.name,
        version: of.version,
        description: of.description,
        min_inputs: of.min_inputs,
        max_inputs: of.max_inputs,
        params: of.params.into_iter().map(param).collect(),
        example: of.example,
    }
}

fn param(of: ParamDescription) -> ParamInfo {
    ParamInfo {
        name: of.name,
        kind: of.kind,
        required: of.required,
        default: of.default.unwrap_or_default(),
        description: of.description,
    }
}

#[cfg(test)]
#[path = "status_test.rs"]
mod status_test;

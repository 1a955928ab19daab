#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::Gate;
use deriva_messages::Fault;
use deriva_system::ManualClock;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::Arc;
use tonic::Code;

fn gate(requests: usize) -> Gate {
    Gate::new(requests, Arc::new(ManualClock::default()))
}

#[test]
fn over_the_limit_a_request_is_told_when_to_come_back() {
    let gate = gate(1);
    let first = gate.admit("Get").unwrap();
    let refused = gate.admit("Get").unwrap_err();
    assert!(matches!(refused, Fault::Overloaded { .. }), "{refused}");
    drop(first);
    assert!(gate.admit("Get").is_ok(), "its room came back");
}

#[test]
fn a_closed_gate_lets_the_old_go_on_and_nobody_in() {
    let gate = gate(8);
    let before = gate.admit("Get").unwrap();
    gate.close();
    assert_eq!(gate.admit("Get").unwrap_err(), Fault::Draining);
    before.ended(Code::Ok);
}

#[test]
fn each_request_is_counted_once_under_its_end() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = metrics::with_local_recorder(&recorder, || {
        let gate = gate(1);
        let served = gate.admit("Get").unwrap();
        assert!(gate.admit("Resolve").is_err());
        served.ended(Code::Ok);
        drop(served);
        gate.admit("Find").unwrap().failed(&Fault::Cancelled);
        drop(gate.admit("Graph"));
        recorder.handle().render()
    });
    for line in [
        r#"grpc_requests_total{method="Get",code="OK"} 1"#,
        r#"grpc_requests_total{method="Resolve",code="RESOURCE_EXHAUSTED"} 1"#,
        r#"grpc_requests_total{method="Find",code="CANCELLED"} 1"#,
        r#"grpc_requests_total{method="Graph",code="CANCELLED"} 1"#,
        r#"grpc_request_seconds_count{method="Get"} 1"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

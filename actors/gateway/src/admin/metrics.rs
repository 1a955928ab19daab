//! The metrics page, and the upkeep without which unread histograms would grow for ever.

use crate::{context::GatewayContext, edge::rate};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{convert::Infallible, time::Duration};

/// How often measured samples are folded into their summaries.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The page, with the gauges that are only looked at when somebody asks.
pub(super) fn page(context: &GatewayContext, handle: &PrometheusHandle) -> String {
    for slot in context.slot_states() {
        gauge("actor_queue_depth", slot.name, slot.depth);
    }
    // The view counts where the hot path is, without a recorder; the page takes its numbers over.
    let (hits, misses) = context.node.values.lookups();
    metrics::counter!("cache_hits_total").absolute(hits);
    metrics::counter!("cache_misses_total").absolute(misses);
    metrics::gauge!("cache_hit_ratio").set(rate(hits, misses));
    // A counter has whole seconds; `Status` has the rest.
    let saved = context.node.values.saved().as_secs();
    metrics::counter!("cache_saved_seconds_total").absolute(saved);
    handle.render()
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a queue is far shorter than 2^53"
)]
fn gauge(name: &'static str, actor: String, value: usize) {
    metrics::gauge!(name, "actor" => actor).set(value as f64);
}

/// Runs for as long as the listener does.
pub(super) async fn upkeep(handle: PrometheusHandle) -> Infallible {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

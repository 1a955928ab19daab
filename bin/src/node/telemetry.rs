//! Logs and metrics of the process. Both are the process's, not a node's: whoever comes first sets
//! them up, and two nodes in one process (tests only) share them.

use super::settings::{Settings, SettingsError};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Upper bounds of the buckets of what is measured in seconds: 10 µs to a minute.
const SECONDS: [f64; 14] = [
    0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0,
];
/// Upper bounds of the buckets of what is counted: steps, depths.
const COUNTS: [f64; 10] = [
    1.0,
    2.0,
    4.0,
    8.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    16_384.0,
    1_048_576.0,
];

/// The recorder can be set once a process.
static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();

/// Standard error for the logs of a process that must outlive whoever reads them: a line that
/// cannot be written (a reader that left, a full disk) is counted and dropped.
struct Lossy;

impl Write for Lossy {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if io::stderr().write_all(line).is_err() {
            metrics::counter!("log_lines_lost_total").increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The process's metrics.
///
/// # Errors
/// Somebody else has set a recorder.
pub fn metrics() -> Result<PrometheusHandle, String> {
    RECORDER
        .get_or_init(|| install().map_err(|error| error.to_string()))
        .clone()
}

fn install() -> Result<PrometheusHandle, Box<dyn std::error::Error>> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_steps".to_owned()), &COUNTS)?
        .set_buckets_for_metric(Matcher::Suffix("_depth".to_owned()), &COUNTS)?
        .install_recorder()?;
    Ok(handle)
}

/// Logs to standard error, as text or JSON. ractor_cluster's own debug logs would show payloads, so
/// they are held at info.
///
/// # Errors
/// The `log` setting names no level.
pub fn logs(settings: &Settings) -> Result<(), SettingsError> {
    let levels = format!(
        "{},ractor=warn,ractor_cluster=info,rocksdb=info,h2=info,hyper=info",
        settings.text("log")
    );
    let wanted = "a level (off, error, warn, info, debug, trace), or levels by module, such as info,deriva_store=debug";
    let filter = Some(settings.text("log"))
        .filter(|text| names_levels(text))
        .and_then(|_| EnvFilter::try_new(levels).ok())
        .ok_or_else(|| settings.bad("log", wanted))?;
    let logs = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(|| Lossy);
    let set = match settings.text("log_format") {
        "text" => logs.try_init(),
        "json" => logs.json().try_init(),
        _ => return Err(settings.bad("log_format", "text or json")),
    };
    if set.is_err() {
        tracing::debug!("logs were set up before");
    }
    Ok(())
}

/// A single word that is no level would be taken for a module's name, and silence everything.
fn names_levels(text: &str) -> bool {
    text.split(',').all(|part| {
        let level = part.rsplit('=').next().unwrap_or(part).trim();
        !level.is_empty() && level.parse::<LevelFilter>().is_ok()
    })
}

#[cfg(test)]
mod telemetry_test {
    use super::names_levels;

    #[test]
    fn levels_are_known_and_other_words_are_not() {
        for good in [
            "info",
            "off",
            "warn,deriva_store=debug",
            "deriva_bin::node=trace",
        ] {
            assert!(names_levels(good), "{good}");
        }
        for bad in ["loud", "", "info,deriva_store", "deriva=verbose"] {
            assert!(!names_levels(bad), "{bad}");
        }
    }
}

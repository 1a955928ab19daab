//! The settings in force, as the types that the assembly needs.
//!
//! It refuses what this release cannot do: a node that is told to join a cluster says so and stops.

use super::settings::{Settings, SettingsError};
use deriva_actors::gc::Membership;
use deriva_messages::verify::Verification;
use deriva_model::ChunkSize;
use deriva_store::LogDamage;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// What a node is started with. Sizes in bytes.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    pub data_dir: PathBuf,
    pub grpc_listen: SocketAddr,
    pub admin_listen: SocketAddr,
    pub tls_dir: Option<PathBuf>,
    /// The host's name if empty.
    pub node_name: String,
    pub workers: usize,
    pub shards: usize,
    pub chunk_size: ChunkSize,
    pub cache_memory: u64,
    pub cache_disk: u64,
    pub recipe_memory: u64,
    pub store_memory: u64,
    pub in_flight_memory: u64,
    pub spill_disk: u64,
    pub min_free_disk: u64,
    pub damaged_log: LogDamage,
    pub max_requests: usize,
    pub max_message: usize,
    pub function_output: u64,
    pub stream_output: u64,
    pub function_wall: Duration,
    pub verification: Verification,
    /// Alone: no setting that joins a cluster is taken yet.
    pub membership: Membership,
}

/// More workers than this only take memory for their stacks.
const WORKERS_MAX: usize = 1024;
/// Each shard has a thread of its own.
const SHARDS_MAX: usize = 256;

impl TryFrom<&Settings> for NodeConfig {
    type Error = SettingsError;

    fn try_from(settings: &Settings) -> Result<Self, SettingsError> {
        let membership = membership(settings)?;
        let address = "an address and a port, such as 127.0.0.1:50051";
        let count = "a whole number";
        let seconds = settings.parsed("function_seconds", "a whole number of seconds")?;
        let chunk_size = settings.size("chunk_size")?;
        Ok(Self {
            data_dir: settings.path("data_dir").ok_or(SettingsError::Missing {
                key: "data_dir",
                how: "say where the node keeps its data, with --data-dir DIR",
            })?,
            grpc_listen: settings.parsed("grpc_listen", address)?,
            admin_listen: settings.parsed("admin_listen", address)?,
            tls_dir: settings.path("tls_dir"),
            node_name: settings.text("node_name").to_owned(),
            workers: match settings.parsed("workers", count)? {
                0 => std::thread::available_parallelism().map_or(1, usize::from),
                workers => in_range(settings, "workers", workers, WORKERS_MAX)?,
            },
            shards: in_range(
                settings,
                "shards",
                settings.parsed("shards", count)?,
                SHARDS_MAX,
            )?,
            chunk_size: chunk(chunk_size)
                .ok_or_else(|| settings.bad("chunk_size", "a power of two from 16KiB to 16MiB"))?,
            cache_memory: settings.size("cache_memory")?,
            cache_disk: settings.size("cache_disk")?,
            recipe_memory: settings.size("recipe_memory")?,
            store_memory: settings.size("store_memory")?,
            in_flight_memory: settings.size("in_flight_memory")?,
            spill_disk: settings.size("spill_disk")?,
            min_free_disk: settings.size("min_free_disk")?,
            damaged_log: damaged_log(settings)?,
            max_requests: in_range(
                settings,
                "max_requests",
                settings.parsed("max_requests", count)?,
                1 << 20,
            )?,
            max_message: usize::try_from(settings.size("max_message")?)
                .map_err(|_| settings.bad("max_message", "a size that memory can hold"))?,
            function_output: settings.size("function_output")?,
            stream_output: settings.size("stream_output")?,
            function_wall: Duration::from_secs(seconds),
            verification: settings.parsed("verification", Verification::FORMS)?,
            membership,
        })
    }
}

fn damaged_log(settings: &Settings) -> Result<LogDamage, SettingsError> {
    match settings.text("damaged_log") {
        "refuse" => Ok(LogDamage::Refuse),
        "cut_off" => Ok(LogDamage::CutOff),
        _ => Err(settings.bad("damaged_log", "refuse or cut_off")),
    }
}

fn in_range(
    settings: &Settings,
    key: &str,
    value: usize,
    max: usize,
) -> Result<usize, SettingsError> {
    if (1..=max).contains(&value) {
        return Ok(value);
    }
    Err(settings.bad(key, &format!("a whole number from 1 to {max}")))
}

fn chunk(bytes: u64) -> Option<ChunkSize> {
    let log2 = u8::try_from(bytes.checked_ilog2()?).ok()?;
    bytes.is_power_of_two().then_some(())?;
    ChunkSize::new(log2).ok()
}

/// Clustering comes later: to take the setting and do nothing would be a lie.
fn membership(settings: &Settings) -> Result<Membership, SettingsError> {
    for (key, silent) in [
        ("cluster_listen", ""),
        ("seeds", ""),
        ("bootstrap_expect", "0"),
    ] {
        if settings.text(key) != silent {
            return Err(settings.bad(key, "nothing yet: this release runs single nodes"));
        }
    }
    Ok(Membership::Alone)
}

#[cfg(test)]
#[path = "config_test.rs"]
mod config_test;

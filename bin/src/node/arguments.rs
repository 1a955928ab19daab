//! The flags of `deriva-actor-node`, laid over the file and the environment.

use super::settings::{Origin, Settings, SettingsError};
use clap::Parser;
use std::path::PathBuf;

/// A node of Deriva: one process is a complete system.
///
/// Every setting is a key of the configuration file, an environment variable DERIVA_<KEY>, and, for
/// the ones below, a flag. Later ones win: default, file, environment, flag. `--print-config` lists
/// all of them.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "deriva-actor-node", version)]
pub struct Arguments {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the settings in force and where each came from, and stop
    #[arg(long)]
    pub print_config: bool,
    /// Where the node keeps everything
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Where clients talk to it [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDR")]
    pub grpc_listen: Option<String>,
    /// Metrics, health and the admin API [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<String>,
    /// Where other nodes talk to it; not in this release
    #[arg(long, value_name = "ADDR")]
    pub cluster_listen: Option<String>,
    /// A node to join (repeatable); not in this release
    #[arg(long = "seed", value_name = "ADDR")]
    pub seeds: Vec<String>,
    /// Nodes that found a cluster; not in this release
    #[arg(long, value_name = "N")]
    pub bootstrap_expect: Option<String>,
    /// ca.pem, node.pem and node.key
    #[arg(long, value_name = "DIR")]
    pub tls_dir: Option<String>,
    /// How the node calls itself
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
}

impl Arguments {
    /// The settings in force.
    ///
    /// # Errors
    /// What is unknown or cannot be read, with where it came from.
    pub fn settings(
        &self,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        let mut settings = Settings::default();
        if let Some(path) = &self.config {
            let text = std::fs::read_to_string(path).map_err(|error| SettingsError::BadFile {
                path: path.clone(),
                why: error.to_string(),
            })?;
            settings.read_file(path, &text)?;
        }
        settings.read_environment(environment)?;
        for (key, value) in self.given() {
            settings.set(key, value, Origin::Flag)?;
        }
        Ok(settings)
    }

    fn given(&self) -> impl Iterator<Item = (&'static str, String)> {
        let seeds = (!self.seeds.is_empty()).then(|| self.seeds.join(","));
        [
            ("data_dir", self.data_dir.clone()),
            ("grpc_listen", self.grpc_listen.clone()),
            ("admin_listen", self.admin_listen.clone()),
            ("cluster_listen", self.cluster_listen.clone()),
            ("seeds", seeds),
            ("bootstrap_expect", self.bootstrap_expect.clone()),
            ("tls_dir", self.tls_dir.clone()),
            ("node_name", self.node_name.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }
}

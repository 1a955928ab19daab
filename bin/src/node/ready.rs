//! How a node says that it is ready: one line, and a file that scripts can read.

use serde::{Deserialize, Serialize};
use std::{io, path::Path};

/// The file's name in the data directory.
const FILE: &str = "ready.json";

/// Where a ready node listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    pub grpc: String,
    pub admin: String,
    /// Absent while a node is alone.
    pub cluster: Option<String>,
    pub node_id: String,
    pub pid: u32,
}

impl Ready {
    /// The line that a ready node prints.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "ready: grpc {} admin {} node {} pid {}",
            self.grpc, self.admin, self.node_id, self.pid
        )
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// The data directory cannot be written.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        let partial = data_dir.join("ready.json.partial");
        std::fs::write(&partial, serde_json::to_vec(self)?)?;
        std::fs::rename(partial, data_dir.join(FILE))
    }

    /// A node that stops is not ready any more.
    ///
    /// # Errors
    /// The data directory cannot be written.
    pub fn remove(data_dir: &Path) -> io::Result<()> {
        match std::fs::remove_file(data_dir.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

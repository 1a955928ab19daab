//! Every setting of a node: its key, its default, what it means, and where its value came from.
//!
//! One table serves the file, the environment, the flags and `--print-config`. It refuses what it
//! does not know: an unknown key is an error that names its like, never a setting that does nothing.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Where a value came from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "the default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "the environment's {name}"),
            Self::Flag => write!(f, "a flag"),
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Setting {
    pub key: &'static str,
    pub default: &'static str,
    pub meaning: &'static str,
    /// Lists are written with commas between their items.
    pub is_list: bool,
}

const fn setting(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting {
        key,
        default,
        meaning,
        is_list: false,
    }
}

/// The table. Sizes take the suffixes KiB, MiB and GiB.
pub const SETTINGS: &[Setting] = &[
    setting("data_dir", "", "where the node keeps everything (required)"),
    setting(
        "grpc_listen",
        "127.0.0.1:50051",
        "where clients talk to it; port 0 is allowed",
    ),
    setting(
        "admin_listen",
        "127.0.0.1:9090",
        "metrics, health and the admin API",
    ),
    setting(
        "cluster_listen",
        "",
        "where other nodes talk to it; not in this release",
    ),
    Setting {
        key: "seeds",
        default: "",
        meaning: "nodes to join; not in this release",
        is_list: true,
    },
    setting(
        "bootstrap_expect",
        "0",
        "nodes that found a cluster; not in this release",
    ),
    setting(
        "tls_dir",
        "",
        "ca.pem, node.pem and node.key; clients then need a certificate of that CA",
    ),
    setting(
        "node_name",
        "",
        "how it calls itself; the host's name if empty",
    ),
    setting(
        "log",
        "info",
        "what is logged: a level, or levels by module",
    ),
    setting("log_format", "text", "text or json"),
    setting(
        "workers",
        "0",
        "functions that run at once; 0 means one a core",
    ),
    setting(
        "shards",
        "4",
        "blob shards, each with its own thread for the disk",
    ),
    setting(
        "chunk_size",
        "1MiB",
        "bytes of a stored chunk, a power of two from 16 KiB to 16 MiB",
    ),
    setting("cache_memory", "512MiB", "values kept in memory"),
    setting("cache_disk", "8GiB", "values kept on disk"),
    setting("recipe_memory", "256MiB", "recipes kept in memory"),
    setting(
        "store_memory",
        "256MiB",
        "the store's own buffers and block cache",
    ),
    setting(
        "in_flight_memory",
        "512MiB",
        "computed values held for their consumers; more goes to temporary files",
    ),
    setting("spill_disk", "16GiB", "what those temporary files may take"),
    setting(
        "min_free_disk",
        "64MiB",
        "below this much free space writes are refused",
    ),
    setting(
        "damaged_log",
        "refuse",
        "what to do about a damaged write-ahead log: refuse to start, or cut_off what stands behind the damage and lose it",
    ),
    setting("max_requests", "1024", "materializations under way at once"),
    setting(
        "max_message",
        "16MiB",
        "the largest message from a client; larger leaves are streamed",
    ),
    setting(
        "function_output",
        "64MiB",
        "what one function may write at once",
    ),
    setting(
        "stream_output",
        "1024GiB",
        "what one function may write piece by piece",
    ),
    setting(
        "verification",
        "off",
        "what is executed twice and compared before it is believed: off, dual, or sampled:RATE",
    ),
    setting("function_seconds", "60", "how long one function may run"),
];

/// Why the settings are not in force.
#[derive(Debug, PartialEq, Eq)]
pub enum SettingsError {
    UnknownKey {
        key: String,
        origin: Origin,
        known: Vec<&'static str>,
    },
    BadValue {
        key: String,
        value: String,
        origin: Origin,
        wanted: String,
    },
    BadFile {
        path: PathBuf,
        why: String,
    },
    Missing {
        key: &'static str,
        how: &'static str,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, origin, known } => write!(
                f,
                "there is no setting `{key}` (from {origin}); the settings are {}",
                known.join(", ")
            ),
            Self::BadValue {
                key,
                value,
                origin,
                wanted,
            } => {
                write!(
                    f,
                    "{key} is `{value}` (from {origin}), but it takes {wanted}"
                )
            }
            Self::BadFile { path, why } => {
                write!(
                    f,
                    "the configuration {} cannot be used: {why}",
                    path.display()
                )
            }
            Self::Missing { key, how } => write!(f, "{key} is not set; {how}"),
        }
    }
}

impl std::error::Error for SettingsError {}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<&'static str, (String, Origin)>,
}

impl Default for Settings {
    fn default() -> Self {
        let values = SETTINGS
            .iter()
            .map(|row| (row.key, (row.default.to_owned(), Origin::Default)))
            .collect();
        Self { values }
    }
}

impl Settings {
    /// Puts one value in force over what was there.
    ///
    /// # Errors
    /// `UnknownKey`.
    pub fn set(&mut self, key: &str, value: String, origin: Origin) -> Result<(), SettingsError> {
        let Some(row) = SETTINGS.iter().find(|row| row.key == key) else {
            return Err(SettingsError::UnknownKey {
                key: key.to_owned(),
                origin,
                known: SETTINGS.iter().map(|row| row.key).collect(),
            });
        };
        self.values.insert(row.key, (value, origin));
        Ok(())
    }

    /// Takes a file's values.
    ///
    /// # Errors
    /// `BadFile`, `UnknownKey`.
    pub fn read_file(&mut self, path: &Path, text: &str) -> Result<(), SettingsError> {
        let bad = |why: String| SettingsError::BadFile {
            path: path.to_owned(),
            why,
        };
        let table: toml::Table = text.parse().map_err(|error| bad(format!("{error}")))?;
        for (key, value) in table {
            let value = plain(&value)
                .ok_or_else(|| bad(format!("{key} is neither text, number nor list of texts")))?;
            self.set(&key, value, Origin::File(path.to_owned()))?;
        }
        Ok(())
    }

    /// Takes the environment's `DERIVA_…` variables. Those of the command line are passed over.
    ///
    /// # Errors
    /// `UnknownKey`.
    pub fn read_environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), SettingsError> {
        const OF_THE_COMMAND_LINE: [&str; 5] = ["server", "admin", "tls_ca", "tls_cert", "tls_key"];
        for (name, value) in variables {
            let Some(key) = name.strip_prefix("DERIVA_") else {
                continue;
            };
            let key = key.to_lowercase();
            if !OF_THE_COMMAND_LINE.contains(&key.as_str()) {
                self.set(&key, value, Origin::Environment(name))?;
            }
        }
        Ok(())
    }

    fn entry(&self, key: &str) -> (&str, Origin) {
        match self.values.get(key) {
            Some((value, origin)) => (value, origin.clone()),
            None => ("", Origin::Default),
        }
    }

    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.entry(key).0
    }

    /// Nothing when it is empty.
    #[must_use]
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key))
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    }

    /// # Errors
    /// `BadValue` saying what the key takes.
    pub fn parsed<T: std::str::FromStr>(
        &self,
        key: &str,
        wanted: &str,
    ) -> Result<T, SettingsError> {
        self.text(key).parse().map_err(|_| self.bad(key, wanted))
    }

    /// A size in bytes.
    ///
    /// # Errors
    /// `BadValue`.
    pub fn size(&self, key: &str) -> Result<u64, SettingsError> {
        let wanted = "a number of bytes, such as 4096, 16KiB, 512MiB or 8GiB";
        parse_size(self.text(key)).ok_or_else(|| self.bad(key, wanted))
    }

    /// The error that says what a key takes instead of what it has.
    #[must_use]
    pub fn bad(&self, key: &str, wanted: &str) -> SettingsError {
        let (value, origin) = self.entry(key);
        SettingsError::BadValue {
            key: key.to_owned(),
            value: value.to_owned(),
            origin,
            wanted: wanted.to_owned(),
        }
    }

    /// The settings as a file that would put them in force, each with its origin and meaning.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::new();
        for row in SETTINGS {
            let (value, origin) = self.entry(row.key);
            let value = if row.is_list {
                let items = value.split(',').filter(|item| !item.is_empty());
                toml::Value::Array(items.map(|item| item.to_owned().into()).collect())
            } else {
                toml::Value::String(value.to_owned())
            };
            text.push_str(&format!(
                "# {} (from {origin})\n{} = {value}\n",
                row.meaning, row.key
            ));
        }
        text
    }
}

/// A TOML value as the text that the table takes.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(plain).collect();
            Some(items?.join(","))
        }
        _ => None,
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: u64 = match text.get(digits.len()..)?.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
#[path = "settings_test.rs"]
mod settings_test;

//! Opening: first everything that can be refused without changing a byte, then the rest.
//!
//! It refuses to open what another process holds, what a newer release wrote, and a log with a
//! damaged record. Nothing here looks at what is stored: a start takes as long with a million
//! recipes as with none, but for the log, which `StoreOptions::log_bytes` bounds.

use crate::{
    error::OpenError,
    lock::DirectoryLock,
    options::{LogDamage, StoreOptions},
    tuning::{Tuning, tell},
};
use deriva_system::storage::{
    Space,
    layout::{FORMAT_VERSION, META_FORMAT},
};
use rocksdb::{
    DB, DBRecoveryMode, DEFAULT_COLUMN_FAMILY_NAME, InfoLogger, IteratorMode, LogLevel,
    WriteOptions,
};
use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

const STORE: &str = "store";
/// The file that names the manifest; a store has one from the moment it is whole.
const CURRENT: &str = "CURRENT";
/// What a store never loses: files with these endings hold data.
const DATA_ENDINGS: [&str; 2] = ["sst", "blob"];

/// An open store and the lock that keeps others out, in the order in which they are let go.
pub(crate) struct Opened {
    pub(crate) database: DB,
    pub(crate) lock: DirectoryLock,
}

pub(crate) fn open(directory: &Path, options: &StoreOptions) -> Result<Opened, OpenError> {
    make_directory(directory)?;
    let lock = DirectoryLock::take(directory, &options.what, options.clock.wall_millis())?;
    let path = directory.join(STORE);
    let tuning = Tuning::new(options);
    let found = match is_there(&path)? {
        Presence::Whole => look(&path, options, &tuning)?,
        Presence::Absent => None,
    };
    let mut database_options = tuning.database(options, DBRecoveryMode::PointInTime);
    database_options.create_if_missing(true);
    database_options.create_missing_column_families(true);
    let database = DB::open_cf_descriptors(&database_options, &path, tuning.families())
        .map_err(|error| OpenError::from_rocks(&path, error))?;
    if found.is_none() {
        write_format(&database, &path)?;
        sync_directory(directory)?;
    }
    Ok(Opened { database, lock })
}

fn make_directory(directory: &Path) -> Result<(), OpenError> {
    let io = |error| OpenError::from_io(directory, &error);
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(io)?;
    // The directory's own entry is as durable as what is acknowledged in it.
    directory.parent().map_or(Ok(()), sync_directory)
}

#[allow(
    clippy::disallowed_methods,
    reason = "this room implements the storage port"
)]
fn sync_directory(directory: &Path) -> Result<(), OpenError> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    fs::File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|error| OpenError::from_io(directory, &error))
}

enum Presence {
    Whole,
    /// Nothing, or what a crash left of a creation.
    Absent,
}

/// RocksDB would make a new store beside data whose `CURRENT` is gone; that is damage instead.
fn is_there(path: &Path) -> Result<Presence, OpenError> {
    let io = |error: std::io::Error| OpenError::from_io(path, &error);
    if path.join(CURRENT).is_file() {
        return Ok(Presence::Whole);
    }
    if !path.exists() {
        return Ok(Presence::Absent);
    }
    for entry in fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        let data = file
            .extension()
            .is_some_and(|ending| DATA_ENDINGS.iter().any(|data| ending == *data));
        if data {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                why: format!("{} is there, but {CURRENT} is missing", file.display()),
            });
        }
    }
    Ok(Presence::Absent)
}

/// Looks at a store without changing it; its format, or `None` when a crash cut its creation short.
fn look(path: &Path, options: &StoreOptions, tuning: &Tuning) -> Result<Option<u32>, OpenError> {
    // A log that ends inside a record was cut by a crash; a record that is there but wrong is damage.
    let recovery = match options.log_damage {
        LogDamage::Refuse => DBRecoveryMode::TolerateCorruptedTailRecords,
        LogDamage::CutOff => DBRecoveryMode::PointInTime,
    };
    let mut database = tuning.database(options, recovery);
    let complaint = Arc::new(OnceLock::new());
    database.set_info_logger(listen(complaint.clone()));
    let rocks = |error| OpenError::from_rocks(path, error);
    let families = DB::list_cf(&database, path).map_err(rocks)?;
    let newer = |found| OpenError::NewerFormat {
        path: path.to_owned(),
        found,
        supported: FORMAT_VERSION,
    };
    if let Some(unknown) = families.iter().find(|name| !is_known(name)) {
        return Err(newer(format!("it keeps a space named {unknown:?}")));
    }
    if !families.iter().any(|name| name == Space::Meta.name()) {
        return nothing_else(path, &families);
    }
    let seen = DB::open_cf_descriptors_read_only(&database, path, tuning.meta_family(), false)
        .map_err(|error| of_log(OpenError::from_rocks(path, error), complaint.get()))?;
    match read_format(&seen, path)? {
        Some(format) if format > FORMAT_VERSION => Err(newer(format!("format {format}"))),
        format => Ok(format),
    }
}

/// The families are made one by one; `meta` is the last, so without it nothing was stored yet.
fn nothing_else(path: &Path, families: &[String]) -> Result<Option<u32>, OpenError> {
    tracing::warn!(path = %path.display(), ?families, "finishing a creation that was cut short");
    Ok(None)
}

fn is_known(name: &str) -> bool {
    name == DEFAULT_COLUMN_FAMILY_NAME || Space::ALL.iter().any(|space| space.name() == name)
}

/// RocksDB's error says that something is damaged; which log it is stands in its messages.
fn listen(complaint: Arc<OnceLock<String>>) -> InfoLogger {
    InfoLogger::new_callback_logger(LogLevel::Warn, move |level, text| {
        tell(level, text);
        if text.contains(".log: dropping") {
            complaint.get_or_init(|| text.trim().to_owned());
        }
    })
}

fn of_log(error: OpenError, complaint: Option<&String>) -> OpenError {
    match (error, complaint) {
        (OpenError::Damaged { path, .. }, Some(why)) => OpenError::DamagedLog {
            path,
            why: why.clone(),
        },
        (other, _) => other,
    }
}

fn damaged(path: &Path, why: &str) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

fn read_format(database: &DB, path: &Path) -> Result<Option<u32>, OpenError> {
    let meta = database
        .cf_handle(Space::Meta.name())
        .ok_or_else(|| damaged(path, "there is no space named meta"))?;
    let format = database
        .get_cf(meta, META_FORMAT)
        .map_err(|error| OpenError::from_rocks(path, error))?;
    let Some(bytes) = format else {
        // The format is the first thing written; what has no format has nothing else.
        return match database.iterator_cf(meta, IteratorMode::Start).next() {
            None => Ok(None),
            Some(_) => Err(damaged(path, "the meta key `format` is missing")),
        };
    };
    match <[u8; 4]>::try_from(bytes.as_slice()).map(u32::from_be_bytes) {
        Ok(format @ 1..) => Ok(Some(format)),
        _ => Err(damaged(path, "the meta key `format` is no version")),
    }
}

fn write_format(database: &DB, path: &Path) -> Result<(), OpenError> {
    let meta = database
        .cf_handle(Space::Meta.name())
        .ok_or_else(|| damaged(path, "there is no space named meta"))?;
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    database
        .put_cf_opt(meta, META_FORMAT, FORMAT_VERSION.to_be_bytes(), &synced)
        .map_err(|error| OpenError::from_rocks(path, error))
}

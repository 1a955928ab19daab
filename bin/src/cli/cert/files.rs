//! The files of an authority: made once, private where they must be, never replaced.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::Failure;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    Public,
    Private,
}

impl Secrecy {
    fn mode(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
        }
    }
}

/// A file that is to be made.
pub(super) struct NewFile {
    name: String,
    secrecy: Secrecy,
    text: String,
}

impl NewFile {
    pub(super) fn new(name: impl Into<String>, secrecy: Secrecy, text: String) -> Self {
        Self {
            name: name.into(),
            secrecy,
            text,
        }
    }
}

/// Makes the files, all or none of them where that can be foreseen; answers their paths.
pub(super) fn write_new(dir: &Path, all: &[NewFile]) -> Result<Vec<PathBuf>, Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| Failure::named(dir, &e))?;
    for file in all {
        let path = dir.join(&file.name);
        if path.symlink_metadata().is_ok() {
            return Err(exists(&path));
        }
    }
    all.iter()
        .map(|file| write(dir.join(&file.name), file))
        .collect()
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads and writes its user's files; there is no storage port"
)]
fn write(path: PathBuf, file: &NewFile) -> Result<PathBuf, Failure> {
    let mode = file.secrecy.mode();
    let open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path);
    let mut out = open.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => exists(&path),
        _ => Failure::file(&path, &e),
    })?;
    let written = out
        .write_all(file.text.as_bytes())
        .and_then(|()| out.sync_all());
    written.map_err(|e| Failure::file(&path, &e))?;
    Ok(path)
}

fn exists(path: &Path) -> Failure {
    Failure::Local {
        message: format!("{} exists already; nothing was written", path.display()),
        hint: Some("move it away first, or choose another directory".to_owned()),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads and writes its user's files; there is no storage port"
)]
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Failure::Usage {
            message: format!("{} does not exist", path.display()),
            hint: Some(
                "make an authority with `deriva cert ca DIR`, or name one with --ca".to_owned(),
            ),
        },
        _ => Failure::named(path, &e),
    })
}

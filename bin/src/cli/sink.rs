//! Where bytes come from and go to: standard input, standard output, and a
//! file that exists only once it is whole.
//!
//! It refuses to leave half a value under the name that was asked for: bytes go to a temporary file
//! beside it, renamed when the server said OK, removed when it did not.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, IsTerminal as _, Write as _},
    os::{fd::AsFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;

use super::failure::Failure;

/// A destination under way.
pub(super) struct Sink {
    place: Place,
    /// The file as it was typed.
    name: Option<PathBuf>,
    written: u64,
    bar: ProgressBar,
}

enum Place {
    Stdout,
    /// A regular file, under a temporary name until it is whole.
    Beside(NamedTempFile, PathBuf),
    /// A device or a pipe: there is nothing to rename.
    Straight(File, PathBuf),
}

impl Sink {
    /// Opens `file`, or standard output for none and for `-`.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let place = match file {
            None => Place::Stdout,
            Some(file) if file == Path::new("-") => Place::Stdout,
            Some(file) => open_file(file)?,
        };
        let name = file.filter(|_| !matches!(place, Place::Stdout));
        let bar = match place {
            Place::Stdout => ProgressBar::hidden(),
            _ => progress(None),
        };
        Ok(Self {
            name: name.map(Path::to_owned),
            place,
            written: 0,
            bar,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.place {
            Place::Stdout => io::stdout()
                .write_all(bytes)
                .map_err(|e| Failure::stdout(&e))?,
            Place::Beside(temp, file) => {
                temp.write_all(bytes).map_err(|e| Failure::file(file, &e))?;
            }
            Place::Straight(out, file) => {
                out.write_all(bytes).map_err(|e| Failure::file(file, &e))?;
            }
        }
        self.written += bytes.len() as u64;
        self.bar.set_position(self.written);
        Ok(())
    }

    /// The value is whole: gives it its name. Answers its size and the file as it was typed, if it is
    /// one.
    pub(super) fn keep(self) -> Result<(u64, Option<PathBuf>), Failure> {
        self.bar.finish_and_clear();
        match self.place {
            Place::Stdout => io::stdout().flush().map_err(|e| Failure::stdout(&e))?,
            Place::Straight(..) => {}
            Place::Beside(temp, file) => {
                let kept = temp.persist(&file);
                kept.map_err(|e| Failure::file(&file, &e.error))?;
            }
        }
        Ok((self.written, self.name))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads and writes its user's files; there is no storage port"
)]
fn open_file(file: &Path) -> Result<Place, Failure> {
    let named = |e: io::Error| Failure::named(file, &e);
    // A link is followed, so that the file it names is replaced and not the link.
    let real = match fs::canonicalize(file) {
        Ok(real) => real,
        Err(e) if e.kind() == io::ErrorKind::NotFound => file.to_owned(),
        Err(e) => return Err(named(e)),
    };
    match fs::metadata(&real) {
        Ok(about) if about.is_dir() => return Err(named(io::ErrorKind::IsADirectory.into())),
        Ok(about) if !about.is_file() => {
            let out = OpenOptions::new().write(true).open(&real).map_err(named)?;
            return Ok(Place::Straight(out, file.to_owned()));
        }
        Ok(_) | Err(_) => {}
    }
    let temp = beside(&real).map_err(|e| no_room(file, &real, e.kind()))?;
    Ok(Place::Beside(temp, real))
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn beside(file: &Path) -> io::Result<NamedTempFile> {
    // As readable as a file that is made in the ordinary way; the umask applies.
    tempfile::Builder::new()
        .prefix(".deriva-")
        .suffix(".part")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder(file))
}

/// The directory is at fault, and the temporary file's name is nobody's concern.
fn no_room(file: &Path, real: &Path, kind: io::ErrorKind) -> Failure {
    let (file, folder) = (file.display(), folder(real).display());
    Failure::usage(match kind {
        io::ErrorKind::NotFound => format!("{file}: there is no directory {folder}"),
        kind => format!("{file}: nothing can be made in the directory {folder}: {kind}"),
    })
}

/// Standard input as a file that is read off the main thread.
pub(super) fn stdin() -> io::Result<tokio::fs::File> {
    let own = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(File::from(own)))
}

/// Shows bytes that have passed, on a terminal; nothing on a pipe.
pub(super) fn progress(total: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {bytes} {binary_bytes_per_sec}",
        ),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
#[path = "sink_test.rs"]
mod sink_test;

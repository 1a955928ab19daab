//! The files of a directory, in the order of their names, so that two runs find them alike.
//!
//! It refuses to follow a link, which may lead out of the directory or in a circle, and to go
//! deeper than any store did.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::report::Refused;
use crate::cli::failure::Failure;

/// Directories within directories; stores had two or three.
const DEPTH_MAX: usize = 64;
/// Names that are held at once: those of one directory on each level.
const NAMES_MAX: usize = 8_000_000;

/// What a directory holds.
pub(super) enum Entry {
    File {
        path: PathBuf,
        size: u64,
    },
    /// Neither a file nor a directory that can be read.
    Odd(Refused),
}

/// The walk; it holds the names that are still to be looked at, the next one last.
pub(super) struct Walk {
    open: Vec<(PathBuf, usize)>,
}

impl Walk {
    /// Begins in `root`, which may be a link: it was named.
    pub(super) fn new(root: &Path) -> Result<Self, Failure> {
        let mut walk = Self { open: Vec::new() };
        let read = walk.enter(root, 1);
        read.map_err(|e| Failure::named(root, &e))?;
        Ok(walk)
    }

    fn enter(&mut self, directory: &Path, depth: usize) -> io::Result<()> {
        let begin = self.open.len();
        for entry in fs::read_dir(directory)? {
            if self.open.len() == NAMES_MAX {
                let words = format!("more than {NAMES_MAX} names; import it in parts");
                return Err(io::Error::other(words));
            }
            self.open.push((entry?.path(), depth));
        }
        if let Some(names) = self.open.get_mut(begin..) {
            names.sort_unstable_by(|one, other| other.cmp(one));
        }
        Ok(())
    }

    /// `None` for a directory: its entries come next.
    fn look(&mut self, path: PathBuf, depth: usize) -> io::Result<Option<Entry>> {
        let about = fs::symlink_metadata(&path)?;
        if about.is_file() {
            let size = about.len();
            return Ok(Some(Entry::File { path, size }));
        }
        if !about.is_dir() {
            let words = match about.is_symlink() {
                true => "a link is not followed; name what it leads to",
                false => "it is no file",
            };
            return Ok(Some(Entry::Odd(Refused::at(&path, "NOT_A_FILE", words))));
        }
        if depth > DEPTH_MAX {
            let words = format!("it lies deeper than {DEPTH_MAX} directories");
            return Ok(Some(Entry::Odd(Refused::at(&path, "TOO_DEEP", words))));
        }
        self.enter(&path, depth + 1).map(|()| None)
    }
}

impl Iterator for Walk {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let (path, depth) = self.open.pop()?;
            match self.look(path.clone(), depth) {
                Ok(None) => {}
                Ok(entry) => return entry,
                Err(error) => return Some(Entry::Odd(Refused::unreadable(&path, &error))),
            }
        }
    }
}

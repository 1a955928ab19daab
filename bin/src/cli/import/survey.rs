//! Looking through a source: what each file or record is, told without keeping it.
//!
//! It refuses to send anything, and to believe a length before the bytes are there. It runs on a
//! thread of its own and waits for whoever takes what it finds.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use deriva_model::{CAddr, DecodeError, decode_legacy, has_legacy_shape, limits};
use tokio::sync::mpsc::Sender;

use super::{
    Source,
    index::{Place, Recipe},
    report::Refused,
    walk::{Entry, Walk},
};
use crate::cli::failure::Failure;

/// A leaf of at most this many bytes is sent in one message.
pub(super) const SMALL_LEAF: u64 = 1 << 20;
/// A larger file is looked at as a leaf only: no recipe was ever near it.
const GROWN_BYTES: u64 = 64 << 20;
/// Bytes of a stream that are copied to disk: as many recipes as an index holds, and room.
const SPOOL_BYTES: u64 = 64 << 30;
/// The length before a record.
const LENGTH_BYTES: u64 = 8;

/// What becomes of a file that is no recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Everything,
    RecipesOnly,
}

/// One file or record.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Leaf(Leaf),
    Recipe(Recipe),
    Refused(Refused),
    /// No recipe, and only recipes are wanted.
    Skipped,
}

/// Bytes that are no recipe.
#[derive(Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) path: PathBuf,
    pub(super) addr: CAddr,
    pub(super) size: u64,
    /// The bytes of one that is small; others are read again.
    pub(super) bytes: Option<Bytes>,
}

/// Whoever took what was found has gone: there is nothing more to look for.
struct Gone;

/// Tells everything that the source holds.
pub(super) fn survey(source: &Source, scope: Scope, out: &Sender<Found>) -> Result<(), Failure> {
    let give = |found| out.blocking_send(found).map_err(|_| Gone);
    match source {
        Source::Directory(root) => {
            for entry in Walk::new(root)? {
                let found = match entry {
                    Entry::Odd(refused) => Found::Refused(refused),
                    Entry::File { path, size } => match file(&path, size, scope) {
                        Ok(found) => found,
                        Err(error) => Found::Refused(Refused::unreadable(&path, &error)),
                    },
                };
                if give(found).is_err() {
                    return Ok(());
                }
            }
            Ok(())
        }
        Source::Records { file, name } => {
            records(file, give).map_err(|error| Failure::file(name, &error))
        }
    }
}

/// Copies a stream to a file without a name.
pub(super) fn spool(from: impl Read, name: &Path) -> Result<File, Failure> {
    let mut file = tempfile::tempfile()
        .map_err(|e| Failure::local(format!("no temporary file can be made: {e}")))?;
    let copied = io::copy(&mut from.take(SPOOL_BYTES + 1), &mut file);
    match copied.map_err(|e| Failure::file(name, &e))? {
        0..=SPOOL_BYTES => Ok(file),
        _ => Err(Failure::usage(format!(
            "{}: more than {SPOOL_BYTES} bytes; import them in parts",
            name.display()
        ))),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the command line reads its user's files; there is no storage port"
)]
fn file(path: &Path, size: u64, scope: Scope) -> io::Result<Found> {
    let mut file = File::open(path)?;
    if size > SMALL_LEAF && !(size <= GROWN_BYTES && could_have_grown(&mut file, size)?) {
        return large(path, file, scope);
    }
    let mut bytes = Vec::new();
    // A file that grows meanwhile is read as far as it was.
    file.take(size).read_to_end(&mut bytes)?;
    let addr = CAddr::of_leaf(&bytes);
    if let Some(refused) = misnamed(path, &addr) {
        return Ok(Found::Refused(refused));
    }
    match decode_legacy(&bytes) {
        Ok(recipe) => Ok(Found::Recipe(Recipe {
            place: Place::File(path.to_owned()),
            old: addr,
            inputs: recipe.inputs().to_vec(),
        })),
        Err(error) if has_legacy_shape(&bytes) => Ok(Found::Refused(over(
            Refused::at(path, "OVER_LIMIT", ""),
            addr,
            &error,
        ))),
        Err(_) if scope == Scope::RecipesOnly => Ok(Found::Skipped),
        Err(_) => Ok(Found::Leaf(Leaf {
            path: path.to_owned(),
            addr,
            size: bytes.len() as u64,
            bytes: (bytes.len() as u64 <= SMALL_LEAF).then(|| bytes.into()),
        })),
    }
}

/// Whether the bytes begin as an old recipe of any size does: with the length of a name.
fn could_have_grown(file: &mut File, size: u64) -> io::Result<bool> {
    let mut head = [0; LENGTH_BYTES as usize];
    file.read_exact(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok((1..=size).contains(&u64::from_le_bytes(head)))
}

/// A file that is only hashed on the way.
fn large(path: &Path, mut file: File, scope: Scope) -> io::Result<Found> {
    let mut hasher = blake3::Hasher::new();
    let size = io::copy(&mut file, &mut hasher)?;
    let addr = CAddr::from_bytes(hasher.finalize().into());
    if let Some(refused) = misnamed(path, &addr) {
        return Ok(Found::Refused(refused));
    }
    Ok(match scope {
        Scope::RecipesOnly => Found::Skipped,
        Scope::Everything => Found::Leaf(Leaf {
            path: path.to_owned(),
            addr,
            size,
            bytes: None,
        }),
    })
}

/// A file that is named as an address promises its bytes.
fn misnamed(path: &Path, is: &CAddr) -> Option<Refused> {
    let name = path.file_name()?.to_str()?;
    let promises = name.len() == CAddr::LEN * 2 && name.bytes().all(|b| b.is_ascii_hexdigit());
    if !promises || name.eq_ignore_ascii_case(&is.to_hex()) {
        return None;
    }
    let words = format!("the bytes do not match their name: they are {is}");
    Some(Refused::at(path, "NAME_MISMATCH", words))
}

fn over(refused: Refused, old: CAddr, error: &DecodeError) -> Refused {
    Refused {
        message: format!("a recipe in the old form, over today's limits: {error}"),
        old_addr: Some(old),
        ..refused
    }
}

/// One old recipe, or records.
fn records(file: &File, mut give: impl FnMut(Found) -> Result<(), Gone>) -> io::Result<()> {
    let size = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    reader.seek(SeekFrom::Start(0))?;
    if size <= limits::LEGACY_BYTES as u64 {
        let mut whole = Vec::new();
        reader.by_ref().take(size).read_to_end(&mut whole)?;
        if let Ok(recipe) = decode_legacy(&whole) {
            let place = Place::Record {
                number: 1,
                offset: 0,
                len: whole.len(),
            };
            let (old, inputs) = (CAddr::of_leaf(&whole), recipe.inputs().to_vec());
            // Nobody waits for it: nothing more to say either way.
            return give(Found::Recipe(Recipe { place, old, inputs })).or(Ok(()));
        }
        reader.seek(SeekFrom::Start(0))?;
    }
    let mut offset = 0;
    for number in 1_u64.. {
        let (found, next) = record(&mut reader, (number, offset), size)?;
        let Some(found) = found else { break };
        if give(found).is_err() {
            break;
        }
        offset = next;
    }
    Ok(())
}

/// The record at a place, and where the next one begins; after one that is cut short, nothing.
fn record(
    reader: &mut BufReader<&File>,
    (number, offset): (u64, u64),
    size: u64,
) -> io::Result<(Option<Found>, u64)> {
    let left = size.saturating_sub(offset);
    if left == 0 {
        return Ok((None, size));
    }
    let at = format!("record {number} at byte {offset}");
    let cut = |words: String| {
        let refused = Refused::of(at.clone(), "TRUNCATED", words);
        Ok((Some(Found::Refused(refused)), size))
    };
    let mut length = [0; LENGTH_BYTES as usize];
    if left < LENGTH_BYTES {
        return cut(format!(
            "{left} bytes are left, a length has {LENGTH_BYTES}"
        ));
    }
    reader.read_exact(&mut length)?;
    let (length, left) = (u64::from_le_bytes(length), left - LENGTH_BYTES);
    if length > left {
        return cut(format!(
            "it says that it has {length} bytes, {left} are left; a record is a length of \
             {LENGTH_BYTES} bytes, little-endian, and an old recipe"
        ));
    }
    let begin = offset + LENGTH_BYTES;
    let next = begin + length;
    if length > limits::LEGACY_BYTES as u64 {
        reader.seek(SeekFrom::Start(next))?;
        let words = format!(
            "{length} bytes; an old recipe has at most {}",
            limits::LEGACY_BYTES
        );
        let refused = Refused::of(at, "OVER_LIMIT", words);
        return Ok((Some(Found::Refused(refused)), next));
    }
    let mut bytes = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut bytes)?;
    let old = CAddr::of_leaf(&bytes);
    let found = match decode_legacy(&bytes) {
        Ok(recipe) => Found::Recipe(Recipe {
            place: Place::Record {
                number,
                offset: begin,
                len: bytes.len(),
            },
            old,
            inputs: recipe.inputs().to_vec(),
        }),
        Err(error) if has_legacy_shape(&bytes) => {
            Found::Refused(over(Refused::of(at, "OVER_LIMIT", ""), old, &error))
        }
        Err(error) => {
            let words = format!("it is no recipe in the old form: {error}");
            Found::Refused(Refused::of(at, "NOT_A_RECIPE", words))
        }
    };
    Ok((Some(found), next))
}

//! What stands under which key on disk, format version 1. Frozen by golden vectors: a change here
//! is a new format version, never an edit.
//!
//! | space | key | value |
//! |---|---|---|
//! | recipes | address | epoch, canonical bytes |
//! | edges | `00`, recipe | its inputs' addresses, in recipe order |
//! | edges | `01`, input, recipe | nothing |
//! | leaves | address | epoch, size |
//! | contents | content hash | `00`, the bytes; or `01`, locator, manifest document |
//! | values | content hash, recipe | size, age number, cutoff key |
//! | chunks | locator, index (u32) | the chunk's bytes |
//! | records | recipe | record document |
//! | cutoffs | cutoff key, recipe | nothing |
//! | aliases | old address | epoch, recipe address |
//! | pins | address | epoch |
//! | meta | `format` | format version (u32) |
//! | meta | `boot` | how often the store was opened |
//! | meta | `epoch` | the open epoch, its start (milliseconds since 1970) |
//! | meta | `epochs/` epoch | its start |
//! | meta | `count/` name | a counter |
//! | meta | `staged/` locator | nothing: an upload that no content owns yet |
//! | meta | `forgotten/` recipe | the epoch of its forgetting |
//! | meta | `tomb/` address | the highest touch epoch that its removal kills |
//! | meta | `collection` | of the collection under way: epoch, grace (ms), removals left |
//! | meta | `cascades/` number | of a deferred cascade that is not done: `00` if its root is spared, `01` if not; the root |
//! | meta | `longest_grace` | of all collections so far (ms) |
//! | meta | `marked/` length of the name, name, version | of a function that gave two answers: `00` while what it made is voided, `01` after; epoch, recipe, two outcomes: `00` and 32 zeros for a failure, `01` and the content hash |
//! | meta | `agreed/` recipe | the content hash that two executions agreed on |
//! | meta | `import` | the epoch in which the import of old recipes was declared complete |
//! | meta | `age/` number | recipe address of a value on disk; the least number goes first |
//! | meta | `inflation` | the worth that values come to disk with, before their own |
//!
//! Numbers are u64, big-endian, so that keys sort as numbers do. It refuses what it did not write:
//! every parser returns `None` for bytes of another shape.

#[path = "mark.rs"]
mod mark;

pub use mark::{MarkEntry, MarkStage, marked_key, parse_marked_key};
#[path = "under_way.rs"]
mod under_way;

pub use under_way::{CascadeEntry, CollectionEntry, cascade_key};

use bytes::Bytes;
use deriva_messages::blob::Locator;
use deriva_model::{CAddr, ContentHash, CutoffKey, Epoch, Manifest, OverLimit};

/// The format that this release writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// Contents of at most this many bytes stand in their content entry, without a chunk.
pub const INLINE_MAX: usize = 4096;

pub const META_FORMAT: &[u8] = b"format";
pub const META_BOOT: &[u8] = b"boot";
pub const META_EPOCH: &[u8] = b"epoch";
pub const EPOCHS_PREFIX: &[u8] = b"epochs/";
pub const STAGED_PREFIX: &[u8] = b"staged/";
pub const AGE_PREFIX: &[u8] = b"age/";
pub const META_INFLATION: &[u8] = b"inflation";
pub const FORGOTTEN_PREFIX: &[u8] = b"forgotten/";
pub const TOMB_PREFIX: &[u8] = b"tomb/";
pub const MARKED_PREFIX: &[u8] = b"marked/";
pub const AGREED_PREFIX: &[u8] = b"agreed/";
pub const META_COLLECTION: &[u8] = b"collection";
pub const CASCADES_PREFIX: &[u8] = b"cascades/";
/// Milliseconds of the longest grace that any collection was given: tombstones are kept as long.
pub const META_LONGEST_GRACE: &[u8] = b"longest_grace";

/// Stands only while nothing was imported after the declaration.
pub const META_IMPORT: &[u8] = b"import";

const EDGE_INPUTS: u8 = 0;
const EDGE_DEPENDENT: u8 = 1;
const CONTENT_INLINE: u8 = 0;
const CONTENT_CHUNKED: u8 = 1;

/// What the node counts in the same step as it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    Recipes,
    Leaves,
    LeafBytes,
    Values,
    ValueBytes,
    Pins,
    Aliases,
}

impl Counter {
    #[must_use]
    pub fn key(self) -> Vec<u8> {
        let name: &[u8] = match self {
            Self::Recipes => b"recipes",
            Self::Leaves => b"leaves",
            Self::LeafBytes => b"leaf_bytes",
            Self::Values => b"values",
            Self::ValueBytes => b"value_bytes",
            Self::Pins => b"pins",
            Self::Aliases => b"aliases",
        };
        [b"count/", name].concat()
    }
}

#[must_use]
pub fn number(value: u64) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

#[must_use]
pub fn parse_number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

fn split_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (head, tail) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*head), tail))
}

#[must_use]
pub fn address_key(address: &CAddr) -> Vec<u8> {
    address.as_bytes().to_vec()
}

#[must_use]
pub fn content_key(content: &ContentHash) -> Vec<u8> {
    content.as_bytes().to_vec()
}

/// An epoch, then other bytes: the value of a recipe.
#[must_use]
pub fn stamped(epoch: Epoch, rest: &[u8]) -> Vec<u8> {
    [&epoch.number().to_be_bytes()[..], rest].concat()
}

#[must_use]
pub fn parse_stamped(bytes: &Bytes) -> Option<(Epoch, Bytes)> {
    let (epoch, _) = split_number(bytes)?;
    Some((Epoch::new(epoch), bytes.slice(8..)))
}

/// Epoch and size in bytes.
#[must_use]
pub fn leaf_marker(epoch: Epoch, size: u64) -> Vec<u8> {
    stamped(epoch, &size.to_be_bytes())
}

#[must_use]
pub fn parse_leaf_marker(bytes: &[u8]) -> Option<(Epoch, u64)> {
    let (epoch, rest) = split_number(bytes)?;
    Some((Epoch::new(epoch), parse_number(rest)?))
}

#[must_use]
pub fn inputs_key(recipe: &CAddr) -> Vec<u8> {
    [&[EDGE_INPUTS][..], recipe.as_bytes()].concat()
}

#[must_use]
pub fn inputs_value(inputs: &[CAddr]) -> Vec<u8> {
    inputs.iter().flat_map(|input| *input.as_bytes()).collect()
}

#[must_use]
pub fn parse_inputs(bytes: &[u8]) -> Option<Vec<CAddr>> {
    let (addresses, rest) = bytes.as_chunks::<{ CAddr::LEN }>();
    rest.is_empty()
        .then(|| addresses.iter().copied().map(CAddr::from_bytes).collect())
}

#[must_use]
pub fn dependents_prefix(input: &CAddr) -> Vec<u8> {
    [&[EDGE_DEPENDENT][..], input.as_bytes()].concat()
}

#[must_use]
pub fn dependent_key(input: &CAddr, recipe: &CAddr) -> Vec<u8> {
    [&[EDGE_DEPENDENT][..], input.as_bytes(), recipe.as_bytes()].concat()
}

/// The second address of a key made of a prefix and two addresses.
#[must_use]
pub fn last_address(key: &[u8]) -> Option<CAddr> {
    let at = key.len().checked_sub(CAddr::LEN)?;
    CAddr::try_from_slice(key.get(at..)?).ok()
}

/// Where a content's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentEntry {
    Inline(Bytes),
    Chunked {
        locator: Locator,
        manifest: Manifest,
    },
}

impl ContentEntry {
    /// The entry of bytes that stand in it.
    #[must_use]
    pub fn inline(bytes: &[u8]) -> Vec<u8> {
        [&[CONTENT_INLINE][..], bytes].concat()
    }

    /// # Errors
    /// The manifest is over the size of a document: the content has too many chunks.
    pub fn encode(&self) -> Result<Vec<u8>, OverLimit> {
        Ok(match self {
            Self::Inline(bytes) => Self::inline(bytes),
            Self::Chunked { locator, manifest } => [
                &[CONTENT_CHUNKED][..],
                &locator.0.to_be_bytes(),
                &manifest.encode()?,
            ]
            .concat(),
        })
    }

    #[must_use]
    pub fn decode(bytes: &Bytes) -> Option<Self> {
        match bytes.split_first()? {
            (&CONTENT_INLINE, _) => Some(Self::Inline(bytes.slice(1..))),
            (&CONTENT_CHUNKED, rest) => {
                let (locator, document) = split_number(rest)?;
                Some(Self::Chunked {
                    locator: Locator(locator),
                    manifest: Manifest::decode(document).ok()?,
                })
            }
            _ => None,
        }
    }
}

#[must_use]
pub fn value_key(content: &ContentHash, recipe: &CAddr) -> Vec<u8> {
    [&content.as_bytes()[..], recipe.as_bytes()].concat()
}

/// What a value's marker says: enough to take every trace of the value away in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueMarker {
    /// Bytes of the value.
    pub size: u64,
    /// The number of its `age/` entry.
    pub age: u64,
    /// Under which its cutoff entry stands.
    pub cutoff: CutoffKey,
}

impl ValueMarker {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [
            &self.size.to_be_bytes()[..],
            &self.age.to_be_bytes(),
            self.cutoff.as_bytes(),
        ]
        .concat()
    }

    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = split_number(bytes)?;
        let (age, rest) = split_number(rest)?;
        Some(Self {
            size,
            age,
            cutoff: CutoffKey::from_bytes(rest.try_into().ok()?),
        })
    }
}

#[must_use]
pub fn chunk_key(locator: Locator, index: u32) -> Vec<u8> {
    [&locator.0.to_be_bytes()[..], &index.to_be_bytes()].concat()
}

#[must_use]
pub fn cutoff_key(key: &CutoffKey, recipe: &CAddr) -> Vec<u8> {
    [&key.as_bytes()[..], recipe.as_bytes()].concat()
}

#[must_use]
pub fn alias_value(epoch: Epoch, recipe: &CAddr) -> Vec<u8> {
    stamped(epoch, recipe.as_bytes())
}

#[must_use]
pub fn parse_alias(bytes: &[u8]) -> Option<(Epoch, CAddr)> {
    let (epoch, rest) = split_number(bytes)?;
    Some((Epoch::new(epoch), CAddr::try_from_slice(rest).ok()?))
}

#[must_use]
pub fn epoch_value(epoch: Epoch, start_millis: u64) -> Vec<u8> {
    stamped(epoch, &start_millis.to_be_bytes())
}

#[must_use]
pub fn parse_epoch(bytes: &[u8]) -> Option<(Epoch, u64)> {
    parse_leaf_marker(bytes)
}

#[must_use]
pub fn epoch_start_key(epoch: Epoch) -> Vec<u8> {
    [EPOCHS_PREFIX, &epoch.number().to_be_bytes()].concat()
}

#[must_use]
pub fn staged_key(locator: Locator) -> Vec<u8> {
    [STAGED_PREFIX, &locator.0.to_be_bytes()].concat()
}

#[must_use]
pub fn age_key(sequence: u64) -> Vec<u8> {
    [AGE_PREFIX, &sequence.to_be_bytes()].concat()
}

#[must_use]
pub fn forgotten_key(recipe: &CAddr) -> Vec<u8> {
    [FORGOTTEN_PREFIX, recipe.as_bytes()].concat()
}

#[must_use]
pub fn tomb_key(address: &CAddr) -> Vec<u8> {
    [TOMB_PREFIX, address.as_bytes()].concat()
}

/// The highest worth that an `age/` number carries.
pub const WORTH_MAX: u64 = u64::MAX >> SEQUENCE_BITS;
/// Bits of an `age/` number that keep values of the same worth apart, the oldest first.
const SEQUENCE_BITS: u32 = 16;

/// The `age/` number of a value: its worth, then the low bits of a number that nothing has had. Two
/// values may come to the same number, so whoever writes one looks whether it is free. Releases
/// before took the unique number itself, which `worth_of` reads as a worth below that of any start.
#[must_use]
pub fn age_number(worth: u64, sequence: u64) -> u64 {
    let low = sequence & (u64::MAX >> (64 - SEQUENCE_BITS));
    worth.min(WORTH_MAX) << SEQUENCE_BITS | low
}

#[must_use]
pub const fn worth_of(age: u64) -> u64 {
    age >> SEQUENCE_BITS
}

/// Above the worth of whatever releases before left in a store that is now open for the `boot`-th
/// time: their numbers carried the opening in the upper half.
#[must_use]
pub fn worth_above_old(boot: u64) -> u64 {
    boot.saturating_mul(1 << (32 - SEQUENCE_BITS))
        .min(WORTH_MAX)
}

#[must_use]
pub fn agreed_key(recipe: &CAddr) -> Vec<u8> {
    [AGREED_PREFIX, recipe.as_bytes()].concat()
}

/// The number at the end of an `age/`, `staged/` or `cascades/` key.
#[must_use]
pub fn last_number(key: &[u8]) -> Option<u64> {
    parse_number(key.get(key.len().checked_sub(8)?..)?)
}

#[cfg(test)]
#[path = "layout_test.rs"]
mod layout_test;

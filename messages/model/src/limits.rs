//! Every limit that peers and clients can see, each with its unit and its reason, and the one
//! typed refusal for going over one.
//!
//! Limits are inclusive: the number itself is allowed. Nothing here is configurable, because two
//! nodes must refuse the same things.

use std::fmt;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes of a recipe's DCF document: what one node may be asked to decode before it knows the sender's purpose.
pub const RECIPE_BYTES: usize = 4 * MIB;
/// Bytes of a record's DCF document. 65,536 inputs of 67 bytes and two texts of 64 KiB come to
/// some 4.3 MiB, so every recipe that fits its own limit has a record that fits this one.
pub const RECORD_BYTES: usize = 8 * MIB;
/// Bytes of a trace's DCF document: some 500,000 steps of two inputs, read whole by replay.
pub const TRACE_BYTES: usize = 64 * MIB;
/// Bytes of a manifest's DCF document: two million chunks, which is 2 TiB at the default chunk size.
pub const MANIFEST_BYTES: usize = 64 * MIB;
/// Bytes of an old-form recipe. Old lengths and kinds are wider, and a `bool` widens most (5 bytes
/// for 2), so no recipe within [`RECIPE_BYTES`] is longer than two and a half times that.
pub const LEGACY_BYTES: usize = RECIPE_BYTES / 2 * 5;
/// Inputs of one recipe: bounds the slots an evaluator opens for it.
pub const RECIPE_INPUTS: usize = 65_536;
/// Params of one recipe: they are held sorted in memory.
pub const RECIPE_PARAMS: usize = 4_096;
/// Bytes of one string or byte string, names and keys included: larger data belongs in a leaf.
pub const TEXT_BYTES: usize = 64 * KIB;
/// Lists within lists. A list that is a param's value has depth 1. Bounds recursion in decoders and in `Drop`.
pub const NESTING: usize = 32;

/// Smallest chunk, as a power of two: 16 KiB, below which markers cost more than bytes.
pub const CHUNK_LOG2_MIN: u8 = 14;
/// Largest chunk, as a power of two: 16 MiB, the most that a reader holds unverified.
pub const CHUNK_LOG2_MAX: u8 = 24;
/// Default chunk, as a power of two: 1 MiB.
pub const CHUNK_LOG2_DEFAULT: u8 = 20;

/// Bytes of one control message between nodes; anything larger goes through the bulk plane.
pub const CONTROL_MESSAGE_BYTES: usize = 256 * KIB;
/// Bytes inlined in a control reply: leaves room for the rest of the message.
pub const INLINE_REPLY_BYTES: usize = 64 * KIB;
/// Bytes of one stream chunk to a client, by default: small enough to flow, large enough to amortise a frame.
pub const STREAM_CHUNK_BYTES: usize = 64 * KIB;

/// Bytes a batch function takes as inputs in total; more is for streaming functions or a refusal.
pub const BATCH_INPUT_BYTES: usize = 64 * MIB;
/// Bytes a function may touch between two looks at its budget.
pub const BUDGET_CHECK_BYTES: usize = 64 * KIB;
/// Steps a function may take between two looks at its budget.
pub const BUDGET_CHECK_STEPS: u64 = 10_000;

/// Milliseconds an unreferenced leaf is kept by default: a day, in which a client may yet name it.
pub const GRACE_MILLIS_DEFAULT: u64 = 24 * 60 * 60 * 1000;
/// Milliseconds after which a new epoch opens at the latest: ages are counted in epochs, so this is their error.
pub const EPOCH_MILLIS_MAX: u64 = 60 * 60 * 1000;

/// What a limit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Bytes of a whole document.
    Document,
    /// Bytes of a recipe in the old form.
    LegacyDocument,
    /// Inputs of a recipe, a record or a step of a trace.
    Inputs,
    /// Params of a recipe.
    Params,
    /// Bytes of a string.
    String,
    /// Bytes of a byte string.
    Bytes,
}

impl Measure {
    /// The unit in which `limit` and `got` are counted.
    pub fn unit(self) -> &'static str {
        match self {
            Measure::Inputs => "inputs",
            Measure::Params => "params",
            Measure::Document | Measure::LegacyDocument | Measure::String | Measure::Bytes => {
                "bytes"
            }
        }
    }

    /// A short name that never changes, for vectors and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Document => "document",
            Measure::LegacyDocument => "legacy-document",
            Measure::Inputs => "inputs",
            Measure::Params => "params",
            Measure::String => "string",
            Measure::Bytes => "bytes",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Measure::Document => "the document",
            Measure::LegacyDocument => "the old-form recipe",
            Measure::Inputs => "the list of inputs",
            Measure::Params => "the map of params",
            Measure::String => "a string",
            Measure::Bytes => "a byte string",
        })
    }
}

/// Something was larger than the law allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is over its limit: {got} {}, at most {limit}", what.unit())]
pub struct OverLimit {
    /// What was too large.
    pub what: Measure,
    /// The most that is allowed, inclusive.
    pub limit: u64,
    /// What was found, or claimed by a length that was not believed.
    pub got: u64,
}

impl OverLimit {
    /// Refuses `got` when it is above `limit`.
    pub fn check(what: Measure, limit: usize, got: u64) -> Result<(), OverLimit> {
        let limit = limit as u64;
        if got > limit {
            return Err(OverLimit { what, limit, got });
        }
        Ok(())
    }
}

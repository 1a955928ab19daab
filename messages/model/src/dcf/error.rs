//! Why bytes were refused. One variant a reason, so that vectors, metrics and people can tell them
//! apart; none carries the offending bytes, because those may be large or private.

use super::DocumentType;
use crate::limits::OverLimit;
use crate::recipe::RecipeError;

/// Why bytes are not what a decoder was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end before what they announce.
    #[error("truncated: {wanted} bytes are announced or needed, {left} are left")]
    Truncated {
        /// Bytes needed at that place.
        wanted: u64,
        /// Bytes that were left.
        left: u64,
    },
    /// The bytes do not begin with `DCF`.
    #[error("not a DCF document")]
    BadMagic,
    /// A document of a version that this reader does not know.
    #[error("DCF version {got} is not known here (the newest known is {newest})")]
    UnknownVersion {
        /// The version found.
        got: u8,
        /// The newest version that the reader knows.
        newest: u8,
    },
    /// A type byte that was never given out.
    #[error("DCF document type {got:#04x} is not known")]
    UnknownType {
        /// The byte found.
        got: u8,
    },
    /// A document of another type than asked for.
    #[error("expected a {expected}, found a {got}")]
    WrongType {
        /// What was asked for.
        expected: DocumentType,
        /// What was found.
        got: DocumentType,
    },
    /// Bytes after the end of the document.
    #[error("{extra} bytes follow the end")]
    Trailing {
        /// How many.
        extra: u64,
    },
    /// Something is larger than the law allows.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// Lists are nested too deep.
    #[error("lists are nested deeper than {limit}")]
    TooDeep {
        /// The greatest depth allowed.
        limit: usize,
    },
    /// Keys of a map are not in ascending order of their bytes.
    #[error("map keys are not in ascending order")]
    UnsortedKeys,
    /// A key stands twice.
    #[error("a map key is repeated")]
    RepeatedKey,
    /// A field that is always present is absent.
    #[error("field {tag} is missing")]
    MissingField {
        /// Its tag.
        tag: u8,
    },
    /// A field tag that the struct does not have.
    #[error("field {tag} is not known")]
    UnknownField {
        /// The tag found.
        tag: u8,
    },
    /// A field stands twice.
    #[error("field {tag} is repeated")]
    RepeatedField {
        /// The tag found.
        tag: u8,
    },
    /// A field stands after one with a greater tag.
    #[error("field {tag} is out of order")]
    UnsortedField {
        /// The tag found.
        tag: u8,
    },
    /// A NaN other than `7ff8000000000000`.
    #[error("a NaN is not in its canonical spelling")]
    NonCanonicalNan,
    /// A bool other than `00` and `01`.
    #[error("{got:#04x} is not a bool")]
    BadBool {
        /// The byte found.
        got: u8,
    },
    /// A kind of value that was never given out.
    #[error("{got} is not a kind of value")]
    BadKind {
        /// The kind found (one byte in DCF, four in the old form).
        got: u32,
    },
    /// A string that is not UTF-8.
    #[error("a string is not UTF-8")]
    BadUtf8,
    /// A function without a name.
    #[error("the function's name is empty")]
    EmptyName,
    /// A function without a version.
    #[error("the function's version is empty")]
    EmptyVersion,
    /// A chunk size outside the law.
    #[error("2^{log2} bytes is not a chunk size")]
    BadChunkSize {
        /// The power of two found.
        log2: u8,
    },
    /// A manifest with another number of chunks than its size has.
    #[error("a value of that size has {expected} chunk hashes, not {got}")]
    ChunkCount {
        /// What the size and chunk size come to.
        expected: u64,
        /// What was found.
        got: u64,
    },
    /// A manifest whose chunks do not merge to its content hash.
    #[error("the chunk hashes do not merge to the content hash")]
    ChunkHashes,
}

impl DecodeError {
    /// Every [reason](DecodeError::reason) there is, in the order of the variants.
    pub const REASONS: [&'static str; 23] = [
        "truncated",
        "bad-magic",
        "unknown-version",
        "unknown-type",
        "wrong-type",
        "trailing",
        "over-limit",
        "too-deep",
        "unsorted-keys",
        "repeated-key",
        "missing-field",
        "unknown-field",
        "repeated-field",
        "unsorted-field",
        "non-canonical-nan",
        "bad-bool",
        "bad-kind",
        "bad-utf8",
        "empty-name",
        "empty-version",
        "bad-chunk-size",
        "chunk-count",
        "chunk-hashes",
    ];

    /// A short name that never changes, for vectors and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            DecodeError::Truncated { .. } => "truncated",
            DecodeError::BadMagic => "bad-magic",
            DecodeError::UnknownVersion { .. } => "unknown-version",
            DecodeError::UnknownType { .. } => "unknown-type",
            DecodeError::WrongType { .. } => "wrong-type",
            DecodeError::Trailing { .. } => "trailing",
            DecodeError::OverLimit(_) => "over-limit",
            DecodeError::TooDeep { .. } => "too-deep",
            DecodeError::UnsortedKeys => "unsorted-keys",
            DecodeError::RepeatedKey => "repeated-key",
            DecodeError::MissingField { .. } => "missing-field",
            DecodeError::UnknownField { .. } => "unknown-field",
            DecodeError::RepeatedField { .. } => "repeated-field",
            DecodeError::UnsortedField { .. } => "unsorted-field",
            DecodeError::NonCanonicalNan => "non-canonical-nan",
            DecodeError::BadBool { .. } => "bad-bool",
            DecodeError::BadKind { .. } => "bad-kind",
            DecodeError::BadUtf8 => "bad-utf8",
            DecodeError::EmptyName => "empty-name",
            DecodeError::EmptyVersion => "empty-version",
            DecodeError::BadChunkSize { .. } => "bad-chunk-size",
            DecodeError::ChunkCount { .. } => "chunk-count",
            DecodeError::ChunkHashes => "chunk-hashes",
        }
    }
}

impl From<RecipeError> for DecodeError {
    fn from(error: RecipeError) -> DecodeError {
        match error {
            RecipeError::EmptyName => DecodeError::EmptyName,
            RecipeError::EmptyVersion => DecodeError::EmptyVersion,
            RecipeError::TooDeep { limit } => DecodeError::TooDeep { limit },
            RecipeError::OverLimit(over) => DecodeError::OverLimit(over),
        }
    }
}

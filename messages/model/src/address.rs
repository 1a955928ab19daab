//! The two 32-byte names: what an address says (how data is made, or a leaf's bytes) and what a
//! content hash says (the bytes themselves). They are separate types because `Get` resolves the
//! first and never the second; turning one into the other is always written out.

use std::fmt;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

/// Why bytes or digits are no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Raw bytes of another length.
    #[error("an address is {expected} bytes, not {got}")]
    WrongLength {
        /// Always 32.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// Too few hex digits.
    #[error("an address is 64 hex digits; this has only {got} bytes")]
    HexTooShort {
        /// Bytes of text given.
        got: usize,
    },
    /// Too many hex digits.
    #[error("an address is 64 hex digits; this has {got} bytes")]
    HexTooLong {
        /// Bytes of text given.
        got: usize,
    },
    /// A character that is no hex digit.
    #[error("{digit:?} at byte {at} is not a hex digit")]
    BadDigit {
        /// Byte offset of the character.
        at: usize,
        /// The character.
        digit: char,
    },
    /// An upper-case digit: an address has one spelling, so that texts can be compared.
    #[error("{digit:?} at byte {at} is upper case; addresses are written in lower case")]
    UpperCase {
        /// Byte offset of the digit.
        at: usize,
        /// The digit.
        digit: char,
    },
}

/// The address of a leaf, a recipe or an alias: 32 bytes, shown as 64 lower-case hex digits.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(transparent)]
pub struct CAddr([u8; 32]);

/// The BLAKE3 hash of a value's bytes. It is not an address: a `Get` never resolves one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// The shape that both names share; what differs is written by hand below.
macro_rules! hash_name {
    ($name:ident) => {
        impl $name {
            /// Bytes in it: 32.
            pub const LEN: usize = 32;

            /// Takes 32 bytes as they are.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Takes a slice of exactly 32 bytes; any other length is refused by name.
            pub fn try_from_slice(bytes: &[u8]) -> Result<Self, AddressError> {
                match <[u8; 32]>::try_from(bytes) {
                    Ok(array) => Ok(Self(array)),
                    Err(_) => Err(AddressError::WrongLength {
                        expected: Self::LEN,
                        got: bytes.len(),
                    }),
                }
            }

            /// Reads 64 lower-case hex digits. Length is judged first, then digits from the left.
            pub fn parse_hex(text: &str) -> Result<Self, AddressError> {
                parse_hex(text).map(Self)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The 64 lower-case hex digits.
            pub fn to_hex(&self) -> String {
                self.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = AddressError;

            fn from_str(text: &str) -> Result<Self, AddressError> {
                Self::parse_hex(text)
            }
        }
    };
}

hash_name!(CAddr);
hash_name!(ContentHash);

impl CAddr {
    /// The address of a leaf: `BLAKE3(bytes)`.
    pub fn of_leaf(bytes: &[u8]) -> CAddr {
        CAddr(*blake3::hash(bytes).as_bytes())
    }

    /// The content hash that a *leaf's* address is. Meaningless for a recipe's address.
    pub const fn as_content(&self) -> ContentHash {
        ContentHash(self.0)
    }
}

impl ContentHash {
    /// `BLAKE3(bytes)`.
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    /// The address under which these bytes would stand as a leaf. Whether they do is said by a marker.
    pub const fn as_leaf_address(&self) -> CAddr {
        CAddr(self.0)
    }
}

fn parse_hex(text: &str) -> Result<[u8; 32], AddressError> {
    let got = text.len();
    if got < 64 {
        return Err(AddressError::HexTooShort { got });
    }
    if got > 64 {
        return Err(AddressError::HexTooLong { got });
    }
    let mut bytes = [0u8; 32];
    for (at, digit) in text.char_indices() {
        let nibble = match digit {
            '0'..='9' => digit as u8 - b'0',
            'a'..='f' => digit as u8 - b'a' + 10,
            'A'..='F' => return Err(AddressError::UpperCase { at, digit }),
            _ => return Err(AddressError::BadDigit { at, digit }),
        };
        bytes[at / 2] = bytes[at / 2] << 4 | nibble;
    }
    Ok(bytes)
}

#[cfg(test)]
#[path = "address_test.rs"]
mod address_test;

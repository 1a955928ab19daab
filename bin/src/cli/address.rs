//! An address as it is typed: whole, or a prefix that the server completes.
//!
//! It refuses to choose: a prefix that two stored addresses share is an error that lists them.

use std::str::FromStr;

use deriva_client::Client;
use deriva_model::{AddressError, CAddr};

use super::failure::Failure;

/// Digits of the shortest prefix: 32 bits, which no two of a small store's addresses share.
const PREFIX_MIN_DIGITS: usize = 8;
/// Digits shown where an address is only to be recognized.
const SHORT_DIGITS: usize = 12;

/// An address or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Whole(CAddr),
    Prefix(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = match CAddr::parse_hex(text) {
            Ok(addr) => return Ok(Self::Whole(addr)),
            Err(AddressError::HexTooShort { got }) if got >= PREFIX_MIN_DIGITS => {
                match text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    true => return Ok(Self::Prefix(text.to_owned())),
                    false => "a prefix of an address is lower-case hex digits".to_owned(),
                }
            }
            Err(AddressError::HexTooShort { got }) => {
                format!("{got} digits are too few; a prefix has at least {PREFIX_MIN_DIGITS}")
            }
            Err(other) => other.to_string(),
        };
        Err(wrong)
    }
}

impl Target {
    /// The whole address; asks the server where only a prefix was typed.
    pub(super) async fn find(&self, client: &Client) -> Result<CAddr, Failure> {
        match self {
            Self::Whole(addr) => Ok(*addr),
            Self::Prefix(prefix) => only(prefix, &client.find(prefix).await?),
        }
    }
}

/// The one address found under a prefix.
fn only(prefix: &str, found: &[CAddr]) -> Result<CAddr, Failure> {
    match found {
        [one] => Ok(*one),
        [] => Err(Failure::Local {
            message: format!("no stored address begins with {prefix}"),
            hint: Some("give all 64 digits, or ask the node that stores it".to_owned()),
        }),
        several => {
            let lines = several
                .iter()
                .map(|addr| format!("\n    {addr}"))
                .collect::<String>();
            Err(Failure::Local {
                message: format!(
                    "{prefix} is ambiguous; these stored addresses begin with it:{lines}"
                ),
                hint: Some("give more digits".to_owned()),
            })
        }
    }
}

/// The first digits, for a person's eye; never to be typed blindly.
pub(super) fn short(addr: &CAddr) -> String {
    let mut digits = addr.to_string();
    digits.truncate(SHORT_DIGITS);
    digits
}

#[cfg(test)]
#[path = "address_test.rs"]
mod address_test;

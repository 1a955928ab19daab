//! What the `VerifyActor` hears: functions that were caught giving two answers, and marks that an
//! operator takes away. Beside it, the words of verification that requests carry.
//!
//! It refuses fractions: a rate is a whole number of parts per million, so two nodes that read the
//! same setting sample alike.

use crate::Reply;
use deriva_model::{CAddr, ContentHash, FunctionId};
use std::{fmt, str::FromStr};

/// A share of executions, in parts per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u32);

impl Rate {
    /// All of them.
    pub const ALL: u32 = 1_000_000;
    /// Digits behind the point that a rate may have.
    const DIGITS: usize = 6;

    /// `None` above [`Self::ALL`].
    #[must_use]
    pub const fn new(parts: u32) -> Option<Self> {
        match parts <= Self::ALL {
            true => Some(Self(parts)),
            false => None,
        }
    }

    /// Parts per million.
    #[must_use]
    pub const fn parts(self) -> u32 {
        self.0
    }

    /// Reads `0`, `1`, or a decimal between them with at most six digits behind the point.
    fn parse(text: &str) -> Option<Self> {
        let (whole, behind) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        if whole.len() != 1 || behind.is_empty() || behind.len() > Self::DIGITS {
            return None;
        }
        if !is_number(whole) || !is_number(behind) {
            return None;
        }
        let millionths: u32 = format!("{behind:0<6}").parse().ok()?;
        let whole: u32 = whole.parse().ok()?;
        Self::new(whole.checked_mul(Self::ALL)?.checked_add(millionths)?)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, behind) = (self.0 / Self::ALL, self.0 % Self::ALL);
        if behind == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{behind:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// What is executed twice, the outcomes compared. Later ones are stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verification {
    #[default]
    Off,
    /// This share of the recipes, chosen by their addresses.
    Sampled(Rate),
    /// Every recipe; no value is taken that was not.
    Dual,
}

impl Verification {
    /// What [`Verification::from_str`] reads, in words.
    pub const FORMS: &str = "off, dual, or sampled:RATE with a RATE from 0 to 1 of at most six digits behind the point, such as sampled:0.01";
}

/// The text is none of [`Verification::FORMS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verification is {}", Verification::FORMS)]
pub struct NoVerification;

impl FromStr for Verification {
    type Err = NoVerification;

    fn from_str(text: &str) -> Result<Self, NoVerification> {
        match text {
            "off" => Ok(Self::Off),
            "dual" => Ok(Self::Dual),
            _ => text
                .strip_prefix("sampled:")
                .and_then(Rate::parse)
                .map(Self::Sampled)
                .ok_or(NoVerification),
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Sampled(rate) => write!(f, "sampled:{rate}"),
            Self::Dual => f.write_str("dual"),
        }
    }
}

/// A function gave two answers to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub function: FunctionId,
    /// The recipe that it was caught on.
    pub recipe: CAddr,
    /// What the two executions made; `None` for one that failed.
    pub first: Option<ContentHash>,
    pub second: Option<ContentHash>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            function, recipe, ..
        } = self;
        write!(
            f,
            "{function} is not deterministic: recipe {recipe} came out as {} and as {}",
            Outcome(self.first),
            Outcome(self.second)
        )
    }
}

struct Outcome(Option<ContentHash>);

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(content) => write!(f, "{content}"),
            None => f.write_str("a failure"),
        }
    }
}

#[derive(Debug)]
pub enum VerifyMessage {
    /// A function was caught; it stands in the view of marks already. Answered when the mark and
    /// the absence of everything made through the function are on disk.
    Violated {
        violation: Violation,
        reply: Reply<()>,
    },
    /// Takes up what an earlier actor, or an earlier start, did not finish.
    Resume,
    /// Takes a function's mark away; whether it had one. Answered when that is on disk.
    Clear {
        function: FunctionId,
        reply: Reply<bool>,
    },
}

#[cfg(test)]
#[path = "verify_test.rs"]
mod verify_test;

//! How the marks of functions stand on disk: part of the layout, frozen like the rest of it.

use super::{MARKED_PREFIX, split_number};
use deriva_messages::verify::Violation;
use deriva_model::{CAddr, ContentHash, Epoch, FunctionId};

const FAILED: u8 = 0;
const MADE: u8 = 1;

/// The name's length stands first, so that no two functions share a key.
#[must_use]
pub fn marked_key(function: &FunctionId) -> Vec<u8> {
    let FunctionId { name, version } = function;
    let length = name.len() as u64;
    [
        MARKED_PREFIX,
        &length.to_be_bytes(),
        name.as_bytes(),
        version.as_bytes(),
    ]
    .concat()
}

#[must_use]
pub fn parse_marked_key(key: &[u8]) -> Option<FunctionId> {
    let (length, rest) = split_number(key.strip_prefix(MARKED_PREFIX)?)?;
    let (name, version) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let text = |bytes| str::from_utf8(bytes).ok().map(str::to_owned);
    Some(FunctionId::new(text(name)?, text(version)?))
}

/// How far the voiding of what a marked function made has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkStage {
    /// A start that finds it takes it up again.
    Voiding,
    Voided,
}

/// What stands under a function's mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkEntry {
    pub stage: MarkStage,
    /// In which it was caught.
    pub epoch: Epoch,
    pub recipe: CAddr,
    /// What the two executions made; `None` for one that failed.
    pub first: Option<ContentHash>,
    pub second: Option<ContentHash>,
}

impl MarkEntry {
    #[must_use]
    pub fn of(violation: &Violation, stage: MarkStage, epoch: Epoch) -> Self {
        Self {
            stage,
            epoch,
            recipe: violation.recipe,
            first: violation.first,
            second: violation.second,
        }
    }

    #[must_use]
    pub fn violation(&self, function: FunctionId) -> Violation {
        Violation {
            function,
            recipe: self.recipe,
            first: self.first,
            second: self.second,
        }
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let stage = match self.stage {
            MarkStage::Voiding => 0,
            MarkStage::Voided => 1,
        };
        [
            &[stage][..],
            &self.epoch.number().to_be_bytes(),
            self.recipe.as_bytes(),
            &outcome(self.first),
            &outcome(self.second),
        ]
        .concat()
    }

    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (stage, rest) = bytes.split_first()?;
        let stage = match stage {
            0 => MarkStage::Voiding,
            1 => MarkStage::Voided,
            _ => return None,
        };
        let (epoch, rest) = split_number(rest)?;
        let (recipe, rest) = rest.split_at_checked(CAddr::LEN)?;
        let (first, second) = rest.split_at_checked(1 + CAddr::LEN)?;
        Some(Self {
            stage,
            epoch: Epoch::new(epoch),
            recipe: CAddr::try_from_slice(recipe).ok()?,
            first: parse_outcome(first)?,
            second: parse_outcome(second)?,
        })
    }
}

fn outcome(content: Option<ContentHash>) -> Vec<u8> {
    match content {
        None => [&[FAILED][..], &[0; CAddr::LEN]].concat(),
        Some(content) => [&[MADE][..], content.as_bytes()].concat(),
    }
}

fn parse_outcome(bytes: &[u8]) -> Option<Option<ContentHash>> {
    let (kind, hash) = bytes.split_first()?;
    let hash = CAddr::try_from_slice(hash).ok()?;
    match *kind {
        MADE => Some(Some(hash.as_content())),
        FAILED if *hash.as_bytes() == [0; CAddr::LEN] => Some(None),
        _ => None,
    }
}

//! One leaf of a large stored tree is replaced: the way up is computed anew, everything beside it is
//! found.

use super::Measurement;
use crate::{
    Failure,
    functions::{MIXED, recipe},
    graphs::{ByHand, Sealed, Site},
    row::{Curve, Measured, Pairs, Row, Target, Unit},
    setting::{Setting, timed},
    stand::Stand,
    statistics::quantile,
};
use bytes::Bytes;
use deriva_model::CAddr;

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "tree",
    measure: tree,
}];

/// The part of all replacements that must be within the target.
const PART: f64 = 0.99;
/// Between one replaced leaf and the next: it shares no divisor with a power of two.
const STRIDE: usize = 7919;

/// A tree over a power of two of leaves: every level's addresses, the leaves first.
struct Tree {
    levels: Vec<Vec<CAddr>>,
}

impl Tree {
    /// Puts the recipes over the leaves, two and two, up to the root.
    fn grow(site: &mut impl Site, leaves: Vec<CAddr>) -> Result<Self, Failure> {
        let mut levels = Vec::new();
        let mut below = leaves;
        while below.len() > 1 {
            let pairs = below.chunks(2);
            let above = pairs.map(|pair| site.put(recipe("mix", pair.to_vec(), None)?));
            let above = above.collect::<Result<_, Failure>>()?;
            levels.push(std::mem::replace(&mut below, above));
        }
        levels.push(below);
        Ok(Self { levels })
    }

    fn leaves(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    fn root(&self) -> Result<CAddr, Failure> {
        let root = self.levels.last().and_then(|level| level.first());
        Ok(*root.ok_or("a tree of nothing")?)
    }

    /// Puts the recipes from a new leaf up to the new root; which leaf it replaces is told by a number.
    fn replace(&self, site: &mut impl Site, new: CAddr, number: usize) -> Result<CAddr, Failure> {
        let mut at = number % self.leaves();
        let mut below = new;
        for level in self.levels.iter().take(self.levels.len() - 1) {
            let pair = match at % 2 {
                0 => vec![below, level[at + 1]],
                _ => vec![level[at - 1], below],
            };
            below = site.put(recipe("mix", pair, None)?)?;
            at /= 2;
        }
        Ok(below)
    }
}

fn leaf(number: usize) -> [u8; MIXED] {
    (number as u64).to_le_bytes()
}

fn tree(setting: &Setting) -> Result<Measured, Failure> {
    let count = setting.of(1 << 8, 1 << 20);
    let times = setting.of(20, 2000);
    let stand = Stand::start(setting)?;
    let ours = stored(&stand, count)?;
    // One more time than runs are counted.
    let news: Vec<usize> = (count..count + times * (setting.runs + 1)).collect();
    let bytes = news
        .iter()
        .map(|number| Bytes::copy_from_slice(&leaf(*number)));
    stand.put_leaves(bytes.collect())?;
    let mut hand = ByHand::default();
    let numbers = (0..count).chain(news.iter().copied());
    numbers.for_each(|number| hand.hold(CAddr::of_leaf(&leaf(number)), leaf(number)));
    let hands = Tree::grow(&mut hand, ours.levels[0].clone())?;
    let (mut our_runs, mut hand_runs) = (news.chunks(times), news.chunks(times));
    let mut all = Vec::new();
    let pairs = setting.paired(
        || {
            let seconds = replaced(our_runs.next(), |new, at| {
                let mut way = Sealed::default();
                ours.replace(&mut way, new, at)?;
                stand.evaluate(&way.travelling()?).map(drop)
            })?;
            all.extend_from_slice(&seconds);
            Ok(quantile(&seconds, PART))
        },
        || {
            let replace = |new, at| hands.replace(&mut hand, new, at).map(drop);
            Ok(quantile(&replaced(hand_runs.next(), replace)?, PART))
        },
    )?;
    stand.stop();
    Ok(Measured {
        rows: vec![row(setting, ours.leaves(), times, pairs)],
        curves: vec![Curve::latency("one leaf of a large tree replaced", &all)],
    })
}

fn row(setting: &Setting, leaves: usize, times: usize, pairs: Pairs) -> Row {
    Row {
        figure: format!("one leaf of a stored {leaves}-leaf tree replaced, p99"),
        floor: "p99 of the same way up by hand, on one thread: canonical bytes, hash, two lookups and the function for \
                each recipe"
            .to_owned(),
        includes: format!(
            "A tree of fan-in 2, its recipes and leaves stored durably, its values in memory. For each of {times} leaves in \
             turn, one at a time: making the {} recipes from the new leaf (stored before, not yet in memory) up to the new \
             root, and their evaluation from request to answer; they travel with the request.",
            leaves.ilog2()
        ),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::AtMost(300e-6)],
        value_bytes: MIXED as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    }
}

/// Stores a tree over so many leaves, and has the values of all of its recipes computed.
fn stored(stand: &Stand<'_>, count: usize) -> Result<Tree, Failure> {
    let leaves = (0..count).map(|number| Bytes::copy_from_slice(&leaf(number)));
    let leaves = stand.put_leaves(leaves.collect())?;
    let mut sealed = Sealed::default();
    let tree = Tree::grow(&mut sealed, leaves)?;
    stand.put_recipes(&sealed.0)?;
    let before = stand.values().len();
    stand.get(tree.root()?)?;
    stand.settle(before + sealed.0.len())?;
    Ok(tree)
}

/// Seconds of each replacement.
fn replaced(
    news: Option<&[usize]>,
    mut replace: impl FnMut(CAddr, usize) -> Result<(), Failure>,
) -> Result<Vec<f64>, Failure> {
    let news = news.ok_or("more runs than leaves")?;
    let each = news.iter().map(|number| {
        let new = CAddr::of_leaf(&leaf(*number));
        let (seconds, done) = timed(|| replace(new, number * STRIDE));
        done.map(|()| seconds)
    });
    each.collect()
}

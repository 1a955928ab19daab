//! What a recipe and a value in memory take of it: how much a process grows, each time a new one.

use super::{Measurement, invocation::LEAF};
use crate::{
    Failure,
    functions::{SPREAD, recipe},
    graphs::{Bare, Sealed, Site},
    row::{Measured, Pairs, Row, Target, Unit},
    setting::{Setting, Size},
    stand::Stand,
};
use bytes::Bytes;
use clap::ValueEnum;
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::view::RecipeView;
use std::{hint::black_box, process::Command, sync::Arc};

pub const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "memory-recipe",
        measure: recipes,
    },
    Measurement {
        name: "memory-value",
        measure: values,
    },
];

/// Bytes that a cached value may take beside twice its own.
const BESIDE: usize = 200;
/// Values that are computed in one request: what the evaluation itself takes is small then.
const AT_ONCE: usize = 10_000;
/// Of the values that are counted, as many come first as this part of them, so that what grows once
/// has grown.
const FIRST: usize = 10;

/// What a process of its own fills its memory with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fill {
    /// The view of recipes.
    Recipes,
    /// A map of the same documents.
    Documents,
    /// A node's cache.
    Values,
    /// A map of the same values.
    Bytes,
}

fn recipes(setting: &Setting) -> Result<Measured, Failure> {
    let count = setting.of(20_000, 1_000_000);
    let row = Row {
        figure: "memory of a resident recipe".to_owned(),
        floor: "the same canonical documents as boxed slices, in a concurrent map of the view's type, by address".to_owned(),
        includes: format!(
            "What a process grows by (its resident set) while {count} recipes of two inputs, read from their documents as \
             they are on disk, are admitted to the view of recipes; divided by their number. A document has {} bytes.",
            document(0)?.len()
        ),
        unit: Unit::Bytes,
        pairs: grown(setting, count, Fill::Recipes, Fill::Documents)?,
        targets: vec![Target::AtMost(300.0)],
        value_bytes: 0,
        workers: 1,
        notes: Vec::new(),
    };
    Ok(row.into())
}

fn values(setting: &Setting) -> Result<Measured, Failure> {
    let count = setting.of(20_000, 1_000_000);
    let row = Row {
        figure: format!("memory of a cached {SPREAD}-byte value"),
        floor: "the same bytes in a concurrent map of the view's type, by address".to_owned(),
        includes: format!(
            "What a whole node grows by (its resident set) while it computes and caches {count} values of {SPREAD} bytes, \
             each of a recipe that travels and has one input and one param, {AT_ONCE} a request; divided by their number. \
             Record, cutoff key and the cache's books are part of it. A tenth as many values were cached before.",
        ),
        unit: Unit::Bytes,
        pairs: grown(setting, count, Fill::Values, Fill::Bytes)?,
        targets: vec![Target::AtMost((2 * SPREAD + BESIDE) as f64)],
        value_bytes: SPREAD as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    };
    Ok(row.into())
}

/// Bytes that each thing takes, in processes of their own.
fn grown(setting: &Setting, count: usize, ours: Fill, floor: Fill) -> Result<Pairs, Failure> {
    let each = |fill| Ok(child(setting, fill, count)? / count as f64);
    setting.paired(|| each(ours), || each(floor))
}

/// What a child says that it grew by, in bytes.
fn child(setting: &Setting, fill: Fill, count: usize) -> Result<f64, Failure> {
    let name = fill.to_possible_value().ok_or("a fill without a name")?;
    let mut command = Command::new(&setting.program);
    command.args(["--fill", name.get_name(), "--count", &count.to_string()]);
    if setting.size == Size::Tiny {
        command.arg("--tiny");
    }
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().parse() {
        Ok(grown) if output.status.success() => Ok(grown),
        _ => Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// The child's part: fills its memory, and gives how much it grew, in bytes.
///
/// # Errors
/// What went wrong with what it fills its memory with.
pub fn fill(setting: &Setting, fill: Fill, count: usize) -> Result<u64, Failure> {
    match fill {
        Fill::Recipes => {
            let view = RecipeView::default();
            growth(|| {
                for number in 0..count {
                    let recipe = view.shared(SealedRecipe::open(document(number)?)?);
                    view.admit(Arc::new(recipe), u64::MAX);
                }
                Ok(())
            })
        }
        Fill::Documents => {
            let map = Bare::default();
            growth(|| {
                for number in 0..count {
                    let document = document(number)?;
                    map.insert(CAddr::of_leaf(&document), document);
                }
                Ok(())
            })
        }
        Fill::Values => cached(setting, count),
        Fill::Bytes => {
            let map = Bare::default();
            growth(|| {
                for number in 0..count as u64 {
                    let bytes = number.to_le_bytes().repeat(SPREAD / size_of::<u64>());
                    map.insert(CAddr::of_leaf(&bytes), Bytes::from(bytes));
                }
                Ok(())
            })
        }
    }
}

/// The canonical bytes of a recipe of two inputs.
fn document(number: usize) -> Result<Box<[u8]>, Failure> {
    let inputs = [number, number + 1].map(|number| CAddr::of_leaf(&number.to_le_bytes()));
    let recipe = recipe("mix", inputs.to_vec(), None)?;
    Ok(recipe.encode().into_boxed_slice())
}

fn cached(setting: &Setting, count: usize) -> Result<u64, Failure> {
    let stand = Stand::start(setting)?;
    let leaf = stand.put_leaf(&LEAF)?;
    let mut numbers = 0..;
    let mut compute = |count: usize| {
        let mut left = count;
        while left > 0 {
            let some = left.min(AT_ONCE);
            let mut sealed = Sealed::default();
            let made = numbers.by_ref().take(some).map(|number| {
                let recipe = recipe("spread", vec![leaf], Some(number))?;
                sealed.put(recipe)
            });
            let made = made.collect::<Result<Vec<_>, Failure>>()?;
            sealed.put(recipe("mix", made, None)?)?;
            let before = stand.values().len();
            stand.evaluate(&sealed.travelling()?)?;
            stand.settle(before + some + 1)?;
            left -= some;
        }
        Ok(())
    };
    compute(count / FIRST)?;
    let grown = growth(|| compute(count));
    stand.stop();
    grown
}

/// Bytes by which the process's resident set grew meanwhile.
fn growth(work: impl FnOnce() -> Result<(), Failure>) -> Result<u64, Failure> {
    let before = resident_set()?;
    black_box(work)()?;
    Ok(resident_set()?.saturating_sub(before))
}

fn resident_set() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    Ok(kib
        .ok_or("the system tells no resident set")?
        .parse::<u64>()?
        * 1024)
}

//! What it takes until everything that depends on an address is gone.

use super::{Measurement, invocation::LEAF, warm::gathering};
use crate::{
    Failure,
    functions::{MIXED, recipe},
    graphs::{Bare, Sealed, Site},
    row::{Measured, Pairs, Row, Target, Unit},
    setting::{Setting, timed},
    stand::Stand,
};
use deriva_model::{CAddr, SealedRecipe};
use deriva_system::{AddressMap, AddressSet};
use std::sync::Arc;

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "cascade",
    measure: cascade,
}];

fn cascade(setting: &Setting) -> Result<Measured, Failure> {
    let width = setting.of(30, 316);
    let stand = Stand::start(setting)?;
    let leaf = stand.put_leaf(&LEAF)?;
    let stored = tree(leaf, width)?;
    stand.put_recipes(&stored)?;
    let addresses: Vec<CAddr> = stored.iter().map(|recipe| recipe.address()).collect();
    let root = *addresses.first().ok_or("an empty tree")?;
    let above = gathering(&addresses)?;
    let values = addresses.len() + above.len();
    let edges = edges(&stored);
    let pairs = setting.paired(
        || {
            stand.evaluate(&above)?;
            stand.settle(values)?;
            let (seconds, cascaded) = timed(|| stand.cascade(root));
            if cascaded?.evicted < addresses.len() as u64 {
                return Err("a dependent kept its value".into());
            }
            Ok(seconds)
        },
        || {
            let held: Bare<[u8; MIXED]> = Bare::default();
            for address in &addresses {
                held.insert(*address, LEAF);
            }
            let (seconds, gone) = timed(|| by_hand(root, &edges, &held));
            if gone != addresses.len() {
                return Err("a dependent was not reached".into());
            }
            Ok(seconds)
        },
    )?;
    stand.stop();
    Ok(row(setting, addresses.len(), pairs).into())
}

fn row(setting: &Setting, recipes: usize, pairs: Pairs) -> Row {
    Row {
        figure: format!("cascade over {} dependents", recipes - 1),
        floor: "the same walk over a hash map of edges in memory, each value removed from a concurrent map".to_owned(),
        includes: format!(
            "An immediate cascade from a recipe that {} others depend on in two steps, their edges stored durably, all of \
             their values in memory (they are too cheap to be kept on disk): from the message to the cache to its answer, \
             which comes when all are gone from memory and disk.",
            recipes - 1
        ),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::AtMost(0.2)],
        value_bytes: MIXED as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    }
}

/// A recipe, `width` that depend on it, and `width` on each of these.
fn tree(leaf: CAddr, width: usize) -> Result<Vec<Arc<SealedRecipe>>, Failure> {
    let mut sealed = Sealed::default();
    let root = sealed.put(recipe("mix", vec![leaf], Some(-1))?)?;
    for number in 0..width {
        let child = sealed.put(recipe("mix", vec![root], Some(i64::try_from(number)?))?)?;
        for number in 0..width {
            sealed.put(recipe("mix", vec![child], Some(i64::try_from(number)?))?)?;
        }
    }
    Ok(sealed.0)
}

/// Who depends on whom.
fn edges(stored: &[Arc<SealedRecipe>]) -> AddressMap<CAddr, Vec<CAddr>> {
    let mut edges: AddressMap<CAddr, Vec<CAddr>> = AddressMap::default();
    for recipe in stored {
        for input in recipe.recipe().inputs() {
            edges.entry(*input).or_default().push(recipe.address());
        }
    }
    edges
}

/// Takes out what depends on the root, and the root; how many there were.
fn by_hand(root: CAddr, edges: &AddressMap<CAddr, Vec<CAddr>>, held: &Bare<[u8; MIXED]>) -> usize {
    let mut seen = AddressSet::from_iter([root]);
    let mut open = vec![root];
    while let Some(address) = open.pop() {
        held.remove(&address);
        let dependents = edges.get(&address).into_iter().flatten();
        open.extend(dependents.filter(|dependent| seen.insert(**dependent)));
    }
    seen.len()
}

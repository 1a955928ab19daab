//! Large graphs, cold: how many nodes a second, and how the cost of a node grows with the graph.

use super::{
    Measurement,
    invocation::{BY_HAND, LEAF, Parts, by_hand, carried_out},
};
use crate::{
    Failure,
    functions::MIXED,
    graphs::{Bare, Sealed, layered},
    row::{Curve, Measured, Pairs, Plot, Row, Target, Unit},
    setting::{Setting, Size, timed},
    stand::Stand,
    statistics::median,
};
use deriva_model::CAddr;
use std::hint::black_box;

pub(super) const MEASUREMENTS: &[Measurement] = &[Measurement {
    name: "layers",
    measure: layers,
}];

/// How often a graph that is over in milliseconds is carried out for one figure.
const REPEATS: usize = 5;
/// Recipes that a new node carries out before it is measured: its threads have begun then.
const FIRST: usize = 1000;

/// Graphs of these sizes, the second of which is what the last is compared with.
fn sizes(setting: &Setting) -> [usize; 4] {
    match setting.size {
        Size::Tiny => [25, 100, 400, 900],
        Size::Full => [1000, 10_000, 100_000, 1_000_000],
    }
}

/// What one run gave.
struct Run {
    /// Seconds a node, by size.
    each: [f64; 4],
    /// Of the largest.
    largest: Parts,
}

fn layers(setting: &Setting) -> Result<Measured, Failure> {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let sizes = sizes(setting);
    let rate = setting.paired(
        || {
            let run = run(setting, sizes)?;
            let rate = 1.0 / run.each[3];
            ours.push(run);
            Ok(rate)
        },
        || {
            bare.push(bare_costs(sizes)?);
            let leaf = CAddr::of_leaf(&LEAF);
            Ok(1.0 / by_hand(leaf, |site| layered(site, leaf, sizes[3], 0))?)
        },
    )?;
    // As in the pairs, the first is thrown away.
    let growth = |each: &[f64; 4]| each[3] / each[1];
    let grown = Pairs {
        ours: ours.iter().skip(1).map(|run| growth(&run.each)).collect(),
        floor: bare.iter().skip(1).map(growth).collect(),
    };
    let parts: Vec<Parts> = ours.iter().map(|run| run.largest).collect();
    let rows = vec![
        throughput(setting, sizes[3], rate, &parts),
        growing(setting, sizes, grown),
    ];
    let own = ours.iter().map(|run| run.each).collect::<Vec<_>>();
    let curves = vec![
        curve("a node of a layered graph, cold", sizes, &own),
        curve("insert and lookup in the bare map", sizes, &bare),
    ];
    Ok(Measured { rows, curves })
}

fn throughput(setting: &Setting, nodes: usize, pairs: Pairs, parts: &[Parts]) -> Row {
    Row {
        figure: format!("{nodes}-node layered graph, fan-in 2, cold, transient"),
        floor: BY_HAND.to_owned(),
        includes: format!(
            "{0} layers of {0} recipes, each over two neighbours of the layer below, under one root, in one request to a \
             node that has just started: everything that the cold invocation includes.",
            nodes.isqrt()
        ),
        unit: Unit::PerSecond("nodes"),
        pairs,
        targets: vec![Target::AtLeast(500_000.0)],
        value_bytes: MIXED as u64,
        workers: setting.workers(),
        notes: vec![Parts::told(parts)],
    }
}

fn growing(setting: &Setting, sizes: [usize; 4], pairs: Pairs) -> Row {
    Row {
        figure: format!(
            "cost of a node, {} nodes over {} nodes",
            sizes[3], sizes[1]
        ),
        floor: "the same for one insert and one lookup of as many 32-byte keys in a concurrent map of the view's type, on \
                one thread"
            .to_owned(),
        includes: format!(
            "The layered graph of either size, each on a node that has just started; of the smaller one the median of \
             {REPEATS} nodes."
        ),
        unit: Unit::Times,
        pairs,
        targets: vec![Target::RatioAtMost(1.3)],
        value_bytes: MIXED as u64,
        workers: setting.workers(),
        notes: Vec::new(),
    }
}

fn run(setting: &Setting, sizes: [usize; 4]) -> Result<Run, Failure> {
    let mut each = [0.0; 4];
    let mut largest = Parts::default();
    for (at, nodes) in sizes.into_iter().enumerate() {
        let repeats = if at < 2 { REPEATS } else { 1 };
        let mut costs = Vec::new();
        for _ in 0..setting.of(1, repeats) {
            largest = on_a_new_node(setting, nodes)?;
            costs.push(largest.each());
        }
        each[at] = median(&costs);
    }
    Ok(Run { each, largest })
}

fn on_a_new_node(setting: &Setting, nodes: usize) -> Result<Parts, Failure> {
    let stand = Stand::start(setting)?;
    let leaf = stand.put_leaf(&LEAF)?;
    let first = |site: &mut Sealed| layered(site, leaf, setting.of(FIRST / 10, FIRST), 1);
    carried_out(&stand, first)?;
    // Other numbers than those of the first.
    let done = carried_out(&stand, |site| layered(site, leaf, nodes, 1 << 20))?;
    stand.stop();
    Ok(done)
}

/// Seconds a key, by size.
fn bare_costs(sizes: [usize; 4]) -> Result<[f64; 4], Failure> {
    let mut each = [0.0; 4];
    for (at, count) in sizes.into_iter().enumerate() {
        let keys: Vec<CAddr> = (0..count)
            .map(|number| CAddr::of_leaf(&number.to_le_bytes()))
            .collect();
        let repeats = if at < 2 { REPEATS } else { 1 };
        let costs: Result<Vec<f64>, Failure> = (0..repeats).map(|_| bare_cost(&keys)).collect();
        each[at] = median(&costs?);
    }
    Ok(each)
}

fn bare_cost(keys: &[CAddr]) -> Result<f64, Failure> {
    let map: Bare<usize> = Bare::default();
    let (seconds, found) = timed(|| {
        for (number, key) in keys.iter().enumerate() {
            map.insert(*key, number);
        }
        let mut found = 0;
        for key in keys {
            found += usize::from(black_box(map.get(key)).is_some());
        }
        found
    });
    if found != keys.len() {
        return Err("a key was not there".into());
    }
    Ok(seconds / keys.len() as f64)
}

/// The median of each size.
fn curve(name: &str, sizes: [usize; 4], runs: &[[f64; 4]]) -> Curve {
    let points = sizes.iter().enumerate().map(|(at, nodes)| {
        let costs: Vec<f64> = runs.iter().skip(1).map(|each| each[at]).collect();
        (*nodes as f64, median(&costs))
    });
    Curve {
        plot: Plot::CostBySize,
        name: name.to_owned(),
        points: points.collect(),
    }
}

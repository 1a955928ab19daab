//! Peers: the same graph on Ray, Dask, redun and DVC, and on Deriva, in turns.
//!
//! Each peer runs in a Python process that lives through all turns (`tests/bench/peers`); Deriva runs in
//! this process and through its public client. All of them must come to the same root. It refuses to
//! count what a peer takes to start, and to compare graphs of different sizes.

pub mod graph;
mod ours;
mod page;
mod worker;

pub use page::publish;

use crate::{
    Failure,
    row::{Measured, Pairs, Row, Target, Unit},
    rows::Measurement,
    setting::{Setting, Size},
    statistics::median,
    table::amount,
};
use bytes::Bytes;
use graph::{Graph, Shape, VALUE_BYTES};
use ours::Ours;
use std::sync::Arc;
use worker::Worker;

/// The graph of the promise: 10,000 nodes.
pub const FULL: Shape = Shape {
    width: 103,
    layers: 96,
};
/// For a peer with a process a node, and to see that everything runs: 56 nodes.
pub const TINY: Shape = Shape {
    width: 13,
    layers: 3,
};

/// Who is faster than this runs several graphs in a turn, so that what disturbs one evens out.
const TURN_SECONDS: f64 = 0.3;

/// What became of one graph.
struct Run {
    /// From the wiring to the root's bytes.
    seconds: f64,
    root: Bytes,
}

struct Peer {
    name: &'static str,
    /// Its file in `tests/bench/peers`.
    file: &'static str,
    shape: Shape,
    /// How many times as fast we promise to be, by [`INSIDE`] and [`CLIENT`].
    promised: [Option<f64>; 2],
}

impl Peer {
    const fn new(name: &'static str, file: &'static str, shape: Shape) -> Self {
        let promised = [None, None];
        Self {
            name,
            file,
            shape,
            promised,
        }
    }

    const fn promised(self, inside: Option<f64>, client: Option<f64>) -> Self {
        let promised = [inside, client];
        Self { promised, ..self }
    }
}

const PLAIN: Peer = Peer::new("a plain loop in Python", "plain", FULL);
const RAY: Peer = Peer::new("Ray, tasks", "on_ray", FULL).promised(Some(1000.0), Some(100.0));
const RAY_ACTOR: Peer = Peer::new("Ray, an actor", "on_ray_actor", FULL);
const DASK_SYNC: Peer =
    Peer::new("Dask, synchronous", "on_dask_sync", FULL).promised(Some(20.0), None);
const DASK_THREADS: Peer = Peer::new("Dask, threaded", "on_dask_threads", FULL);
const DISTRIBUTED: Peer =
    Peer::new("dask.distributed", "on_distributed", FULL).promised(None, Some(100.0));
const REDUN: Peer = Peer::new("redun", "on_redun", FULL);
const DVC: Peer = Peer::new("DVC", "on_dvc", TINY);

/// Those that `make bench-peers` compares with.
pub const GROUPS: &[&[Measurement]] = &[&[
    Measurement {
        name: "plain",
        measure: |setting| measure(setting, &PLAIN),
    },
    Measurement {
        name: "ray",
        measure: |setting| measure(setting, &RAY),
    },
    Measurement {
        name: "ray_actor",
        measure: |setting| measure(setting, &RAY_ACTOR),
    },
    Measurement {
        name: "dask_sync",
        measure: |setting| measure(setting, &DASK_SYNC),
    },
    Measurement {
        name: "dask_threads",
        measure: |setting| measure(setting, &DASK_THREADS),
    },
    Measurement {
        name: "distributed",
        measure: |setting| measure(setting, &DISTRIBUTED),
    },
    Measurement {
        name: "redun",
        measure: |setting| measure(setting, &REDUN),
    },
    Measurement {
        name: "dvc",
        measure: |setting| measure(setting, &DVC),
    },
]];

fn measure(setting: &Setting, peer: &Peer) -> Result<Measured, Failure> {
    let shape = match setting.size {
        Size::Tiny => TINY,
        Size::Full => peer.shape,
    };
    let python = setting.python.as_deref().ok_or("no Python was named")?;
    let mut contest = Contest {
        setting,
        shape,
        worker: setting.block_on(Worker::start(python, peer.file))?,
        ours: Ours::start(setting)?,
        seed: 0,
    };
    let rates = contest.rates()?;
    contest.ours.stop()?;
    let hello = setting.block_on(contest.worker.end())?;
    let row = |how: usize| {
        let each = |rates: &[f64]| amount(1.0 / median(rates), Unit::Seconds);
        let (own, theirs) = (&rates[how], &rates[PEER]);
        let (place, includes) = PLACES[how];
        Row {
            figure: format!("{} nodes {place}, {}", shape.wiring().len(), peer.name),
            floor: format!("{} ({})", peer.name, hello.versions()),
            includes: includes.to_owned(),
            unit: Unit::PerSecond("nodes"),
            notes: vec![
                format!("A node: {} here, {} there.", each(own), each(theirs)),
                format!("Settings there: {}.", hello.settings),
            ],
            pairs: Pairs {
                ours: own.clone(),
                floor: theirs.clone(),
            },
            targets: peer.promised[how]
                .map(Target::RatioAtLeast)
                .into_iter()
                .collect(),
            value_bytes: VALUE_BYTES as u64,
            workers: setting.workers(),
        }
    };
    Ok(Measured {
        rows: vec![row(INSIDE), row(CLIENT)],
        curves: Vec::new(),
    })
}

/// Where Deriva runs, by [`INSIDE`] and [`CLIENT`]; the page says what that includes.
const PLACES: [(&str, &str); 2] = [
    ("in process", "In process, transient."),
    (
        "through the client",
        "Through the public client, every recipe durable.",
    ),
];

/// Those that take turns, as they stand in a figure's list.
const INSIDE: usize = 0;
const CLIENT: usize = 1;
const PEER: usize = 2;

struct Contest<'a> {
    setting: &'a Setting,
    shape: Shape,
    ours: Ours<'a>,
    worker: Worker,
    /// Of the last graph.
    seed: u64,
}

impl Contest<'_> {
    /// Nodes a second of each, a figure a round. Each round begins with another; the first is thrown
    /// away, as in [`Setting::paired`].
    fn rates(&mut self) -> Result<[Vec<f64>; 3], Failure> {
        let mut rates = [const { Vec::new() }; 3];
        for round in 0..=self.setting.runs {
            for turn in 0..3 {
                let who = (round + turn) % 3;
                let rate = self.turn(who)?;
                if round > 0 {
                    rates[who].push(rate);
                }
            }
        }
        Ok(rates)
    }

    fn turn(&mut self, who: usize) -> Result<f64, Failure> {
        let enough = match self.setting.size {
            Size::Tiny => 0.0,
            Size::Full => TURN_SECONDS,
        };
        let (mut nodes, mut seconds) = (0, 0.0);
        while nodes == 0 || seconds < enough {
            self.seed += 1;
            let graph = Arc::new(Graph::new(self.shape, self.seed));
            let run = match who {
                INSIDE => self.ours.inside(&graph)?,
                CLIENT => self.ours.through_client(&graph)?,
                _ => {
                    let run = self.worker.run(self.shape, self.seed);
                    self.setting.block_on(run)?
                }
            };
            if graph.values().last() != Some(&run.root) {
                let seed = self.seed;
                return Err(format!("another root of seed {seed} than that of a loop").into());
            }
            nodes += graph.wiring.len();
            seconds += run.seconds;
        }
        Ok(nodes as f64 / seconds)
    }
}

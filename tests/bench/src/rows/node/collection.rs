//! A collection over a million leaves while a client gets values, against the same Gets in calm.

use super::{
    inside::Inside,
    layered::Dice,
    load::{Load, paced},
    process::Process,
};
use crate::{
    Failure,
    row::{Measured, Pairs, Row, Target, Unit},
    setting::Setting,
};
use deriva_client::{Client, Collection};
use deriva_model::{CAddr, FunctionId, Recipe};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

const LEAF_BYTES: usize = 64;
/// One leaf in so many is named by nobody, and goes.
const GARBAGE: usize = 5;
/// Values that are got in turn, each of them in memory.
const WARM: usize = 1000;
/// A Get is due so often.
const PACE: Duration = Duration::from_millis(1);
/// Seconds.
const TARGET: f64 = 10.0;

pub(super) fn measure(setting: &Setting) -> Result<Measured, Failure> {
    let entries = setting.of(500, 1_000_000);
    let calm = Duration::from_millis(setting.of(100, 5000) as u64);
    let store = setting.block_on(Store::filled(setting, entries))?;
    let mut seconds = Vec::new();
    let mut told = Vec::new();
    let mut pairs = Pairs::default();
    for run in 0..=setting.runs {
        let watched = setting.block_on(store.collect(&setting.program, run, calm))?;
        if run > 0 {
            pairs.ours.push(watched.busy.within(0.99));
            pairs.floor.push(watched.calm.within(0.99));
            seconds.push(watched.seconds);
            told.push(format!(
                "{}; in calm {}",
                watched.busy.told(),
                watched.calm.told()
            ));
        }
    }
    let gets = Row {
        figure: "p99 of warm Gets during that collection".to_owned(),
        floor: "p99 of the same Gets in the seconds before".to_owned(),
        includes: format!(
            "the public client; a Get is due every {PACE:?} and timed from then, but for the timer's \
             own resolution"
        ),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::RatioAtMost(2.0)],
        value_bytes: 2 * LEAF_BYTES as u64,
        workers: setting.workers(),
        notes: told,
    };
    let collection = Row {
        figure: format!("collection over {entries} leaves with Gets going on"),
        floor: "the target".to_owned(),
        includes: format!(
            "GarbageCollect without grace through the public client; of the leaves {} go, the others \
             are named by recipes",
            store.garbage()
        ),
        pairs: Pairs {
            floor: vec![TARGET; seconds.len()],
            ours: seconds,
        },
        targets: vec![Target::AtMost(TARGET)],
        value_bytes: LEAF_BYTES as u64,
        notes: Vec::new(),
        ..gets.clone()
    };
    Ok(Measured {
        rows: vec![collection, gets],
        curves: Vec::new(),
    })
}

/// What one collection did, and what was seen of it.
struct Watched {
    seconds: f64,
    busy: Load,
    calm: Load,
}

/// A store whose leaves are named by recipes, two by each.
struct Store {
    data: PathBuf,
    entries: usize,
    warm: Vec<CAddr>,
    _place: TempDir,
}

impl Store {
    async fn filled(setting: &Setting, entries: usize) -> Result<Self, Failure> {
        let place = setting.directory()?;
        let data = place.path().join("data");
        let mut dice = Dice(0);
        let kept = entries - entries / GARBAGE;
        let leaves: Vec<Vec<u8>> = (0..kept).map(|_| dice.bytes(LEAF_BYTES)).collect();
        let addresses: Vec<CAddr> = leaves.iter().map(|leaf| CAddr::of_leaf(leaf)).collect();
        let recipes: Result<Vec<Recipe>, _> = addresses
            .chunks(2)
            .map(|pair| {
                let function = FunctionId::new("concat", "1.0.0");
                Recipe::new(function, pair, BTreeMap::new())
            })
            .collect();
        let recipes = recipes?;
        let warm = recipes.iter().take(WARM).map(Recipe::address).collect();
        let node = Inside::start(&data).await?;
        node.put_leaves(leaves).await?;
        node.put_recipes(recipes).await?;
        node.stop().await;
        Ok(Self {
            data,
            entries,
            warm,
            _place: place,
        })
    }

    fn garbage(&self) -> usize {
        self.entries / GARBAGE
    }

    /// Puts what will go, then has it collected while values are got.
    async fn collect(
        &self,
        program: &Path,
        run: usize,
        calm: Duration,
    ) -> Result<Watched, Failure> {
        let mut dice = Dice(1 + run as u64);
        let garbage = (0..self.garbage())
            .map(|_| dice.bytes(LEAF_BYTES))
            .collect();
        let node = Inside::start(&self.data).await?;
        node.put_leaves(garbage).await?;
        node.stop().await;
        let node = Process::node(program, &self.data).await?;
        let client = node.client().await?;
        for addr in &self.warm {
            get(&client, *addr).await?;
        }
        let watched = self.watched(&client, calm).await?;
        node.stop().await?;
        Ok(watched)
    }

    async fn watched(&self, client: &Client, calm: Duration) -> Result<Watched, Failure> {
        let calm = paced(PACE, tokio::time::sleep(calm), |number| {
            self.get(client, number)
        });
        let calm = calm.await?;
        let (ended, end) = oneshot::channel::<()>();
        let collecting = async {
            let began = Instant::now();
            let how = Collection {
                grace_period_secs: Some(0),
                ..Collection::default()
            };
            let done = client.garbage_collect(how).await;
            // The Gets end with it, also when it failed.
            drop(ended);
            Ok::<_, Failure>((began.elapsed().as_secs_f64(), done?))
        };
        let gets = paced(
            PACE,
            async {
                // Nothing is ever sent: the other end goes.
                drop(end.await);
            },
            |number| self.get(client, number),
        );
        let (done, busy) = tokio::join!(collecting, gets);
        let (seconds, done) = done?;
        let expected = self.garbage() as u64;
        if done.blobs_removed != expected {
            let removed = done.blobs_removed;
            return Err(format!("{removed} leaves went instead of {expected}").into());
        }
        Ok(Watched {
            seconds,
            busy: busy?,
            calm,
        })
    }

    fn get(
        &self,
        client: &Client,
        number: usize,
    ) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        let (client, addr) = (client.clone(), self.warm[number % self.warm.len()]);
        async move { get(&client, addr).await }
    }
}

async fn get(client: &Client, addr: CAddr) -> Result<(), Failure> {
    let value = client.get(&addr).await?;
    match value.collect_to_bytes(2 * LEAF_BYTES).await?.len() {
        length if length == 2 * LEAF_BYTES => Ok(()),
        length => Err(format!("a value of {length} bytes").into()),
    }
}

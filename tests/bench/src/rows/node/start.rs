//! A start with many recipes on disk, against a start with none: from the start of the process to its
//! ready line.

use super::{inside::Inside, layered::Layered, process::Process};
use crate::{
    Failure,
    row::{Measured, Row, Target, Unit},
    setting::Setting,
};
use std::path::{Path, PathBuf};

/// Seconds.
const TARGET: f64 = 1.0;

pub(super) fn measure(setting: &Setting) -> Result<Measured, Failure> {
    let place = setting.directory()?;
    let recipes = setting.of(300, 1_000_000);
    let full = filled(setting, place.path().join("full"), Layered::new(0, recipes))?;
    let empty = filled(setting, place.path().join("empty"), Layered::new(0, 0))?;
    let start = |data: &Path| setting.block_on(start(&setting.program, data));
    let pairs = setting.paired(|| start(&full), || start(&empty))?;
    Ok(Row {
        figure: format!("start with {recipes} recipes on disk"),
        floor: "a start over a store that holds no recipe".to_owned(),
        includes: "from the start of the process to its ready line; both stores were stopped in \
                   order before, and the kernel has their files in memory"
            .to_owned(),
        unit: Unit::Seconds,
        pairs,
        targets: vec![Target::AtMost(TARGET), Target::RatioAtMost(1.5)],
        value_bytes: 0,
        workers: setting.workers(),
        notes: Vec::new(),
    }
    .into())
}

/// A store with a graph in it.
fn filled(setting: &Setting, data: PathBuf, graph: Layered) -> Result<PathBuf, Failure> {
    setting.block_on(async {
        let node = Inside::start(&data).await?;
        node.put_leaves(graph.leaves).await?;
        node.put_recipes(graph.recipes).await?;
        node.stop().await;
        Ok(data)
    })
}

async fn start(program: &Path, data: &Path) -> Result<f64, Failure> {
    let node = Process::node(program, data).await?;
    let took = node.took.as_secs_f64();
    node.stop().await?;
    Ok(took)
}

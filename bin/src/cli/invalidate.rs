//! `invalidate`: cached values are dropped; they are computed again when they are asked for.

use clap::Args;
use deriva_client::{CascadeRequest, Client, Resolution, address};
use deriva_model::CAddr;
use serde_json::json;

use super::{
    address::Target,
    failure::Failure,
    output::{Answer, hexes},
};

#[derive(Debug, Args)]
#[command(after_help = "\
A leaf is never dropped; only what can be computed again is.
JSON: {\"addr\",\"dry_run\",\"was_cached\",\"evicted_count\",\"is_leaf\"}; with --cascade {\"addr\",\"dry_run\",\"evicted_count\",\"traversed_count\",\"max_depth\",\"bytes_reclaimed\",\"duration_micros\"}; with --detail also \"evicted_addrs\":[ADDR]")]
pub(super) struct InvalidateArgs {
    /// What to drop.
    addr: Target,
    /// Drop the values of everything made from it, too.
    #[arg(long)]
    cascade: bool,
    /// Only tell what would be dropped.
    #[arg(long)]
    dry_run: bool,
    /// List the addresses.
    #[arg(long)]
    detail: bool,
}

impl InvalidateArgs {
    pub(super) fn name(&self) -> &'static str {
        match self.cascade {
            true => "invalidate --cascade",
            false => "invalidate",
        }
    }
}

pub(super) async fn run(client: &Client, what: InvalidateArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    if what.cascade {
        return cascade(client, &addr, &what).await;
    }
    let was_cached = match what.dry_run {
        true => is_cached(client, &addr).await?,
        false => client.invalidate(&addr).await?.was_cached,
    };
    let dropped = match was_cached {
        true => Dropped::Value,
        false => match client.resolve(&addr).await? {
            Resolution::Leaf { .. } => Dropped::NothingOfALeaf,
            _ => Dropped::Nothing,
        },
    };
    Ok(single(&addr, &what, dropped))
}

/// What there was to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    Value,
    Nothing,
    NothingOfALeaf,
}

/// Whether there is a value to drop; asks without changing anything.
async fn is_cached(client: &Client, addr: &CAddr) -> Result<bool, Failure> {
    let mut nodes = client.explain(addr).await?;
    let mut cached = false;
    while let Some(node) = nodes.next().await? {
        cached = node.addr == *addr && node.cached && node.kind != "leaf";
    }
    Ok(cached)
}

fn single(addr: &CAddr, what: &InvalidateArgs, dropped: Dropped) -> Answer {
    let words = match (dropped, what.dry_run) {
        (Dropped::Value, false) => "its value was dropped",
        (Dropped::Value, true) => "its value would be dropped",
        (Dropped::Nothing, _) => "no value of it was cached",
        (Dropped::NothingOfALeaf, _) => {
            "it is a leaf, and a leaf is never dropped; only values of recipes are"
        }
    };
    let was_cached = dropped == Dropped::Value;
    let mut json = json!({
        "addr": addr.to_string(), "dry_run": what.dry_run,
        "was_cached": was_cached, "evicted_count": u8::from(was_cached),
        "is_leaf": dropped == Dropped::NothingOfALeaf,
    });
    if what.detail {
        let evicted = if was_cached {
            vec![addr.to_string()]
        } else {
            Vec::new()
        };
        json["evicted_addrs"] = json!(evicted);
    }
    Answer::new(format!("{addr}: {words}"), json)
}

async fn cascade(client: &Client, addr: &CAddr, what: &InvalidateArgs) -> Result<Answer, Failure> {
    let how = CascadeRequest {
        policy: if what.dry_run { "dry_run" } else { "" }.to_owned(),
        include_root: true,
        detail_addrs: what.detail,
    };
    let answer = client.cascade_invalidate(addr, how).await?;
    let evicted = answer.evicted_addrs.iter().map(|bytes| address(bytes));
    let evicted = hexes(&evicted.collect::<Result<Vec<_>, _>>()?);
    let verb = if what.dry_run {
        "would be dropped"
    } else {
        "dropped"
    };
    let mut lines = vec![format!(
        "{} values {verb}, {} bytes; {} addresses looked at, {} deep, in {} µs",
        answer.evicted_count,
        answer.bytes_reclaimed,
        answer.traversed_count,
        answer.max_depth,
        answer.duration_micros
    )];
    lines.extend(evicted.iter().cloned());
    let mut json = json!({
        "addr": addr.to_string(), "dry_run": what.dry_run,
        "evicted_count": answer.evicted_count, "traversed_count": answer.traversed_count,
        "max_depth": answer.max_depth, "bytes_reclaimed": answer.bytes_reclaimed,
        "duration_micros": answer.duration_micros,
    });
    if what.detail {
        json["evicted_addrs"] = json!(evicted);
    }
    Ok(Answer::new(lines.join("\n"), json))
}

#[cfg(test)]
#[path = "invalidate_test.rs"]
mod invalidate_test;

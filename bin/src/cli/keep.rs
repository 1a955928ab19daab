//! `gc`, `pin`, `unpin`, `pins`: what stays and what may go.

use clap::Args;
use deriva_client::{Client, Collection, Consumers, address};
use serde_json::json;

use super::{
    address::Target,
    failure::Failure,
    output::{Answer, columns, hexes},
};

#[derive(Debug, Args)]
#[command(after_help = "\
JSON: the fields of GcResponse, snake_case, addresses in hex.")]
pub(super) struct GcArgs {
    /// Only tell what would go.
    #[arg(long)]
    dry_run: bool,
    /// Seconds a leaf is kept after its last touch, 0 for none; the server's default when absent.
    #[arg(long, value_name = "SECS")]
    grace_period: Option<u64>,
    /// List the addresses.
    #[arg(long)]
    detail: bool,
    /// Remove no more than this.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_removals: Option<u64>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
JSON: pin {\"addr\",\"was_new\"}, unpin {\"addr\",\"was_pinned\"}")]
pub(super) struct PinArgs {
    /// What to keep, or to keep no longer.
    addr: Target,
}

#[derive(Debug, Args)]
#[command(after_help = "JSON: {\"addr\",\"forgotten_count\"}")]
pub(super) struct ForgetArgs {
    /// The recipe to keep no longer.
    addr: Target,
    /// Forget everything that depends on it, too.
    #[arg(long)]
    cascade: bool,
}

pub(super) async fn forget(client: &Client, what: ForgetArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    let consumers = match what.cascade {
        true => Consumers::Forget,
        false => Consumers::Refuse,
    };
    let count = client.forget(&addr, consumers).await?;
    let words = match count {
        0 => "was forgotten already".to_owned(),
        1 => "forgotten".to_owned(),
        more => format!("forgotten, {more} recipes in all"),
    };
    let json = json!({ "addr": addr.to_string(), "forgotten_count": count });
    Ok(Answer::new(format!("{addr}: {words}"), json))
}

pub(super) async fn gc(client: &Client, what: GcArgs) -> Result<Answer, Failure> {
    let how = Collection {
        grace_period_secs: what.grace_period,
        dry_run: what.dry_run,
        detail_addrs: what.detail,
        max_removals: what.max_removals.unwrap_or(0),
    };
    let done = client.garbage_collect(how).await?;
    let removed = done.removed_addrs.iter().map(|bytes| address(bytes));
    let removed = hexes(&removed.collect::<Result<Vec<_>, _>>()?);
    let mut rows = vec![
        ("dry run", done.dry_run.to_string()),
        ("leaves removed", done.blobs_removed.to_string()),
        ("recipes removed", done.recipes_removed.to_string()),
        ("values removed", done.cache_entries_removed.to_string()),
        ("bytes reclaimed", done.total_bytes_reclaimed.to_string()),
        ("live leaves", done.live_blobs.to_string()),
        ("live recipes", done.live_recipes.to_string()),
        ("pinned", done.pinned_count.to_string()),
        ("took", format!("{} µs", done.duration_micros)),
    ];
    rows.extend(removed.iter().map(|hex| ("removed", hex.clone())));
    let json = json!({
        "blobs_removed": done.blobs_removed,
        "recipes_removed": done.recipes_removed,
        "cache_entries_removed": done.cache_entries_removed,
        "bytes_reclaimed_blobs": done.bytes_reclaimed_blobs,
        "bytes_reclaimed_cache": done.bytes_reclaimed_cache,
        "total_bytes_reclaimed": done.total_bytes_reclaimed,
        "live_blobs": done.live_blobs,
        "live_recipes": done.live_recipes,
        "pinned_count": done.pinned_count,
        "duration_micros": done.duration_micros,
        "removed_addrs": removed,
        "dry_run": done.dry_run,
    });
    Ok(Answer::new(columns(&rows), json))
}

pub(super) async fn pin(client: &Client, what: PinArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    let was_new = client.pin(&addr).await?;
    let words = if was_new {
        "pinned"
    } else {
        "was pinned already"
    };
    let json = json!({ "addr": addr.to_string(), "was_new": was_new });
    Ok(Answer::new(format!("{addr}: {words}"), json))
}

pub(super) async fn unpin(client: &Client, what: PinArgs) -> Result<Answer, Failure> {
    let addr = what.addr.find(client).await?;
    let was_pinned = client.unpin(&addr).await?;
    let words = if was_pinned {
        "no longer pinned"
    } else {
        "was not pinned"
    };
    let json = json!({ "addr": addr.to_string(), "was_pinned": was_pinned });
    Ok(Answer::new(format!("{addr}: {words}"), json))
}

pub(super) async fn pins(client: &Client) -> Result<Answer, Failure> {
    let pins = hexes(&client.list_pins().await?);
    let json = json!({ "count": pins.len(), "addrs": pins });
    Ok(Answer::new(pins.join("\n"), json))
}

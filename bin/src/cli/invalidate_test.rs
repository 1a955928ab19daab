#![allow(clippy::unwrap_used, clippy::expect_used)]

use deriva_model::CAddr;
use serde_json::json;

use super::{super::address::Target, Dropped, InvalidateArgs, single};

fn told(dropped: Dropped) -> super::Answer {
    let addr = CAddr::from_bytes([1; 32]);
    let what = InvalidateArgs {
        addr: Target::Whole(addr),
        cascade: false,
        dry_run: false,
        detail: false,
    };
    single(&addr, &what, dropped)
}

#[test]
fn a_leaf_is_told_to_stay() {
    let leaf = told(Dropped::NothingOfALeaf);
    assert!(
        leaf.text.contains("a leaf is never dropped"),
        "{}",
        leaf.text
    );
    assert_eq!(
        (&leaf.json["is_leaf"], &leaf.json["evicted_count"]),
        (&json!(true), &json!(0))
    );
    let value = told(Dropped::Value);
    assert_eq!(
        (&value.json["is_leaf"], &value.json["was_cached"]),
        (&json!(false), &json!(true))
    );
    assert!(
        told(Dropped::Nothing)
            .text
            .contains("no value of it was cached")
    );
}

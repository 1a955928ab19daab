#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const HOUR: u64 = 3_600_000;

fn judge(claim: Claim, collecting: u64, touched: u64, age: Option<u64>, grace: u64) -> Verdict {
    let collection = Collection {
        epoch: Epoch::new(collecting),
        grace_millis: grace,
    };
    let touched = Touched {
        epoch: Epoch::new(touched),
        age_millis: age,
    };
    collection.judge(claim, touched)
}

#[test]
fn the_table_of_the_law() {
    let remove = |number| {
        Verdict::Remove(Tombstone {
            kills_up_to: Epoch::new(number),
        })
    };
    let lately = Verdict::Keep(KeepReason::TouchedLately);
    let grace = Verdict::Keep(KeepReason::InGrace);
    let table = [
        // (collecting epoch, touched epoch, age, grace) -> verdict
        (10, 8, Some(HOUR + 1), HOUR, remove(8)),
        (10, 0, Some(HOUR + 1), HOUR, remove(8)),
        (10, 9, Some(HOUR + 1), HOUR, lately),
        (10, 10, Some(HOUR + 1), HOUR, lately),
        (10, 11, Some(HOUR + 1), HOUR, lately),
        (10, 8, Some(HOUR), HOUR, grace),
        (10, 8, Some(0), HOUR, grace),
        (10, 8, None, HOUR, grace),
        (10, 8, Some(0), 0, remove(8)),
        (10, 8, None, 0, grace),
        (10, 9, Some(0), 0, lately),
        (2, 0, Some(HOUR), 0, remove(0)),
        (1, 0, Some(HOUR), 0, lately),
        (0, 0, Some(HOUR), 0, lately),
        (u64::MAX, u64::MAX, Some(HOUR), 0, lately),
    ];
    for (collecting, touched, age, period, verdict) in table {
        let judged = judge(Claim::Nobody, collecting, touched, age, period);
        assert_eq!(judged, verdict, "{collecting} {touched} {age:?} {period}");
    }
}

#[test]
fn what_somebody_claims_stays() {
    for claim in [Claim::Reached, Claim::Pinned, Claim::InFlight] {
        let verdict = judge(claim, 10, 0, Some(u64::MAX), 0);
        assert_eq!(verdict, Verdict::Keep(KeepReason::Claimed(claim)));
    }
}

#[test]
fn touches_and_tombstones_merge_by_maximum() {
    let (old, new) = (Epoch::new(3), Epoch::new(5));
    assert_eq!(old.merge(new), new);
    assert_eq!(new.merge(old), new);
    let stone = |kills_up_to| Tombstone { kills_up_to };
    assert_eq!(stone(old).merge(stone(new)), stone(new));
    assert!(stone(old).kills(old));
    assert!(!stone(old).kills(new));
    assert!(!stone(new).kills(stone(new).stamp_above()));
    assert_eq!(Epoch::new(u64::MAX).next(), Epoch::new(u64::MAX));
}

use super::*;
use proptest::prelude::*;

const ONE: Appraisal = Appraisal {
    nanos: 1_000_000,
    weight: 1000,
    uses: 1,
};

#[test]
fn what_is_dear_small_and_often_used_is_worth_more() {
    let dear = Appraisal {
        nanos: 2 * ONE.nanos,
        ..ONE
    };
    let large = Appraisal {
        weight: 2 * ONE.weight,
        ..ONE
    };
    let used = Appraisal { uses: 2, ..ONE };
    assert!(dear.merit() > ONE.merit() && used.merit() > dear.merit());
    assert!(large.merit() < ONE.merit());
    // 1,010,000 ns over 1,000 bytes.
    assert_eq!((ONE.whole_merit(), used.whole_merit()), (1010, 2020));
    let most = Appraisal {
        uses: USES_COUNTED,
        ..ONE
    };
    let more = Appraisal {
        uses: u32::MAX,
        ..ONE
    };
    assert_eq!(most.merit(), more.merit());
}

#[test]
fn nothing_is_worthless_and_nothing_divides_by_zero() {
    let nothing = Appraisal {
        nanos: 0,
        weight: 0,
        uses: 0,
    };
    assert!(nothing.merit() > 0);
    let free = Appraisal {
        nanos: 0,
        weight: 400,
        uses: 1,
    };
    assert!(free.merit() > 0);
}

#[test]
fn inflation_comes_to_the_worth_of_its_victims_and_no_further() {
    let mut inflation = Inflation::default();
    inflation.rise(1000, 10);
    assert_eq!(inflation.level(), 100);
    // One below it does not lower it.
    inflation.rise(3, 10);
    assert_eq!(inflation.level(), 100);
    for _ in 0..1000 {
        inflation.rise(1000, 10);
        assert!(inflation.level() <= 1000);
    }
    assert!(inflation.level() > 980);
    // Steps of less than one add up, however much is held.
    let mut slow = Inflation::at(7);
    for _ in 0..1000 {
        slow.rise(8, 1000);
    }
    assert_eq!(slow.level(), 8);
}

proptest! {
    #[test]
    fn merits_keep_to_their_range_and_order(
        nanos in any::<u64>(), weight in any::<u64>(), uses in any::<u32>(), level in any::<u64>(),
        held in any::<u64>(),
    ) {
        let one = Appraisal { nanos, weight, uses };
        prop_assert!(one.merit() <= 1 << 52 && one.whole_merit() <= 1 << 36);
        let more = |nanos: u64, weight: u64, uses: u32| Appraisal { nanos, weight, uses }.merit();
        prop_assert!(more(nanos.saturating_add(1), weight, uses) >= one.merit());
        prop_assert!(more(nanos, weight, uses.saturating_add(1)) >= one.merit());
        prop_assert!(more(nanos, weight.saturating_add(1), uses) <= one.merit());
        let mut inflation = Inflation::at(level);
        let worth = inflation.worth(one.merit());
        prop_assert!(worth >= level);
        inflation.rise(worth, held);
        inflation.rise(u64::MAX, held);
        prop_assert!(inflation.level() >= level);
    }
}

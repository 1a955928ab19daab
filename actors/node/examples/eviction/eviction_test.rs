//! A smaller size of the tables, with what is promised of them; and the yardsticks themselves on
//! traces whose best is known.
#![allow(clippy::unwrap_used)]

use super::*;
use traces::{Scale, Value};

fn trace(values: &[(u64, u64)], requests: &[u32]) -> Trace {
    let value = |(size, nanos): &(u64, u64)| Value {
        size: *size,
        nanos: *nanos,
    };
    Trace {
        values: values.iter().map(value).collect(),
        requests: requests.to_vec(),
    }
}

/// At the size of the printed table: only after so many requests is it known what is popular.
#[test]
fn what_is_promised_holds() {
    let promising = traces::GENERATORS.iter();
    for generator in promising.filter(|generator| generator.targets != report::Targets::None) {
        let mut row = Row::new(generator.name, generator.targets);
        for seed in 1..=SEEDS {
            let trace = (generator.make)(traces::WHOLE, seed);
            let capacity = trace.capacity(CACHE_PERCENT);
            row.gdsf.add(policies::replay(&trace, Gdsf::new(capacity)));
            row.lru.add(policies::replay(&trace, Lru::new(capacity)));
            row.bound += bound::bound(&trace, capacity);
        }
        let promises = row.promises();
        let kept = promises.iter().filter(|(_, holds)| *holds);
        assert_eq!(kept.count(), promises.len(), "{}", report::table(&[row]));
    }
}

#[test]
fn none_of_the_traces_is_better_served_by_the_others_and_no_policy_exceeds_the_bound() {
    let small = Scale {
        values: 10_000,
        requests_a_value: 20,
    };
    let rows = generated(small, 1);
    let text = report::table(&rows);
    for (row, generator) in rows.iter().zip(&traces::GENERATORS) {
        let ours = row.gdsf.saved;
        // Where all cost the same and nothing is popular, chance alone decides.
        let percent = 100 - 5 * u128::from(generator.name == "uniform, costs the same");
        let others = row.lru.saved.max(row.sieve.saved);
        assert!(100 * ours >= percent * others, "{text}");
        assert!(ours <= row.bound && row.schedule <= row.bound, "{text}");
        // The best lies between the two: they are near enough to one another to say something.
        assert!(100 * row.schedule >= 90 * row.bound, "{text}");
    }
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let scale = Scale {
        values: 1000,
        requests_a_value: 5,
    };
    let table = |seeds| report::table(&generated(scale, seeds));
    assert_eq!(table(2), table(2));
    assert_ne!(table(1), table(2));
}

#[test]
fn bound_and_schedule_are_right_where_the_best_is_known() {
    // Room for one: the dear one stays, whatever comes between.
    let one = trace(&[(600, 10), (600, 1000), (600, 10)], &[0, 1, 2, 0, 1, 2]);
    assert_eq!(schedule_of(&one, 1000), 1000);
    assert!(bound::bound(&one, 1000) >= 1000);
    // Room for all: every repeated request is a hit.
    assert_eq!(schedule_of(&one, 3000), 1020);
    assert_eq!(bound::bound(&one, 3000), 1020);
    // Two stays after one another share one place.
    let turns = trace(&[(600, 7), (600, 5)], &[0, 0, 1, 1]);
    assert_eq!(schedule_of(&turns, 1000), 12);
    // No room: nothing is saved, but the relaxed bound may cut stays into parts.
    assert_eq!(schedule_of(&turns, 999), 0);
    assert_eq!(schedule_of(&trace(&[], &[]), 10), 0);
    assert_eq!(bound::bound(&trace(&[], &[]), 10), 0);
}

fn schedule_of(trace: &Trace, capacity: u64) -> u128 {
    bound::schedule(trace, capacity)
}

#[test]
fn the_others_evict_as_they_are_known_to() {
    let value = (600, 1);
    // Room for two. LRU lets 1 go when 2 comes, because 0 was used later.
    let lru = trace(&[value; 3], &[0, 1, 0, 2, 0, 1]);
    assert_eq!(policies::replay(&lru, Lru::new(2000)).hits, 2);
    // SIEVE spares 0 once: it was visited. 1 goes, and the hand stands behind 0.
    assert_eq!(policies::replay(&lru, Sieve::new(2000)).hits, 2);
    // After that 2 is next for SIEVE though 0 is older; LRU lets 0 go.
    let after = trace(&[value; 4], &[0, 1, 0, 2, 3, 0]);
    assert_eq!(policies::replay(&after, Sieve::new(2000)).hits, 2);
    assert_eq!(policies::replay(&after, Lru::new(2000)).hits, 1);
}

#[test]
fn a_file_is_read_as_it_is_documented() {
    let text = "# who asks\na 100 5\n\n  b 200 7\na 100 5\n";
    let trace = Trace::parse(text).unwrap();
    assert_eq!(trace.requests, [0, 1, 0]);
    assert_eq!(
        trace.values[1],
        Value {
            size: 200,
            nanos: 7
        }
    );
    for bad in [
        "a 100",
        "a 100 5 6",
        "a x 5",
        "a 100 -5",
        "a 100 5\na 100 6",
    ] {
        assert!(Trace::parse(bad).is_err(), "{bad}");
    }
}

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Deadline, parse_timeout};
use deriva_system::ManualClock;
use std::{sync::Arc, time::Duration};

#[test]
fn every_unit_is_read() {
    let cases: [(&[u8], Duration); 6] = [
        (b"2H", Duration::from_secs(7_200)),
        (b"3M", Duration::from_secs(180)),
        (b"4S", Duration::from_secs(4)),
        (b"5m", Duration::from_millis(5)),
        (b"6u", Duration::from_micros(6)),
        (b"99999999n", Duration::from_nanos(99_999_999)),
    ];
    for (header, expected) in cases {
        assert_eq!(parse_timeout(header).unwrap(), expected);
    }
}

#[test]
fn every_other_spelling_is_refused() {
    for header in [
        &b""[..],
        b"S",
        b"5",
        b"-5S",
        b"+5S",
        b"5s",
        b"123456789S",
        b"\xff\xffS",
        b"5 S",
    ] {
        assert_eq!(
            parse_timeout(header).unwrap_err().reason(),
            "MALFORMED",
            "{header:?}"
        );
    }
}

#[test]
fn a_deadline_counts_down_and_is_never_longer_than_the_longest() {
    let clock = Arc::new(ManualClock::default());
    let longest = Duration::from_secs(60);
    let unbounded = Deadline::new(clock.clone(), None, longest);
    let greedy = Deadline::new(clock.clone(), Some(Duration::MAX), longest);
    let short = Deadline::new(clock.clone(), Some(Duration::from_secs(1)), longest);
    assert_eq!(unbounded.left(), longest);
    assert_eq!(greedy.left(), longest);
    assert!(
        short.left() < Duration::from_secs(1),
        "ours comes before the transport's"
    );
    clock.advance(Duration::from_secs(2));
    assert!(short.has_passed());
    assert!(!unbounded.has_passed());
    assert_eq!(unbounded.left(), Duration::from_secs(58));
}

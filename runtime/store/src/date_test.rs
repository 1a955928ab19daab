use super::{civil, utc};

#[test]
fn instants_are_told_as_the_calendar_has_them() {
    for (seconds, told) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (68_255_999, "1972-02-29 23:59:59 UTC"),
        (946_684_799, "1999-12-31 23:59:59 UTC"),
        (951_825_600, "2000-02-29 12:00:00 UTC"),
        (951_868_800, "2000-03-01 00:00:00 UTC"),
        (1_704_067_199, "2023-12-31 23:59:59 UTC"),
        (1_735_603_200, "2024-12-31 00:00:00 UTC"),
        (1_795_398_032, "2026-11-23 01:40:32 UTC"),
        (4_107_542_399, "2100-02-28 23:59:59 UTC"),
        (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        (13_574_563_200, "2400-02-29 00:00:00 UTC"),
        (253_402_300_799, "9999-12-31 23:59:59 UTC"),
    ] {
        assert_eq!(utc(seconds * 1000), told);
        assert_eq!(utc(seconds * 1000 + 999), told);
    }
}

#[test]
fn every_day_of_800_years_follows_the_one_before() {
    let mut before = civil(0);
    for days in 1..292_194 {
        let (year, month, day) = civil(days);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if leap { 29 } else { 28 };
        let follows = match before {
            (of, 12, 31) => (year, month, day) == (of + 1, 1, 1),
            (of, in_month, last) if (month, day) == (in_month + 1, 1) => {
                let length = match in_month {
                    2 => february,
                    4 | 6 | 9 | 11 => 30,
                    _ => 31,
                };
                year == of && last == length
            }
            (of, in_month, last) => (year, month, day) == (of, in_month, last + 1) && day <= 31,
        };
        assert!(follows, "{before:?} then {:?}", (year, month, day));
        before = (year, month, day);
    }
    assert_eq!(before, (2769, 12, 31));
}

#[test]
fn no_number_is_too_large() {
    assert!(utc(u64::MAX).ends_with(" UTC"));
}

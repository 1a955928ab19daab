//! An instant as a person writes it, in UTC and to the second. It refuses time zones and leap
//! seconds: it is for a sentence, and nothing reads it back.

const DAY_SECONDS: u64 = 24 * 60 * 60;
/// From 1 March of the year 0, where this calendar's cycles begin, to 1 January 1970.
const DAYS_BEFORE_1970: u64 = 719_468;
/// Days of 400, 100 and 4 years that begin in March: a leap day is then the last of its cycle.
const DAYS_400: u64 = 146_097;
const DAYS_100: u64 = 36_524;
const DAYS_4: u64 = 1_461;
/// Days of the months from March to February; February ends its year, so it may have all it can.
const MONTHS: [u64; 12] = [31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29];

/// Milliseconds since 1970 as `2026-11-23 01:40:32 UTC`.
pub(crate) fn utc(millis: u64) -> String {
    let seconds = millis / 1000;
    let (year, month, day) = civil(seconds / DAY_SECONDS);
    let second = seconds % DAY_SECONDS;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a number of days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (cycles, days) = (days / DAYS_400, days % DAYS_400);
    // The last of four centuries, and of four years, has the leap day on top.
    let centuries = (days / DAYS_100).min(3);
    let days = days - centuries * DAYS_100;
    let (fours, days) = (days / DAYS_4, days % DAYS_4);
    let years = (days / 365).min(3);
    let mut day = days - years * 365;
    let mut month = 3;
    for length in MONTHS {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let year = cycles * 400 + centuries * 100 + fours * 4 + years;
    match month {
        13.. => (year + 1, month - 12, day + 1),
        _ => (year, month, day + 1),
    }
}

#[cfg(test)]
#[path = "date_test.rs"]
mod date_test;

//! Numbers in tables: IEEE doubles, read from decimals and written as decimals, one way only.
//!
//! Read: an optional sign, digits with an optional point, an optional exponent; nothing around them,
//! no `inf`, no `nan`, nothing that overflows. The nearest double is taken, ties to even.
//! Written: the shortest digits that read back as the same double, never with an exponent, without a
//! point when whole; zero has no sign. So a sum of whole numbers is whole up to 2^53.

use super::csv_table::shorten;

/// The finite double that `cell` spells, if it spells one.
pub(super) fn parse(cell: &[u8]) -> Option<f64> {
    let plain = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    if !cell.iter().all(plain) {
        return None;
    }
    let number: f64 = std::str::from_utf8(cell).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// The one spelling of a finite double.
pub(super) fn format(number: f64) -> String {
    if number == 0.0 {
        return "0".to_string();
    }
    number.to_string()
}

/// What to say of a cell that should be a number.
pub(super) fn not_one(column: &str, cell: &[u8]) -> String {
    format!(
        "the cell \"{}\" in column \"{}\" is not a number; filter such records out first",
        shorten(cell),
        shorten(column.as_bytes())
    )
}

#[cfg(test)]
#[path = "number_test.rs"]
mod number_test;

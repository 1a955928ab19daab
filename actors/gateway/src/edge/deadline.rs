//! Until when a request may last. A client says it in the `grpc-timeout` header; the node has a
//! longest time of its own.

use deriva_messages::Fault;
use deriva_system::Clock;
use std::{fmt, sync::Arc, time::Duration};

/// Digits that the header's number may have.
const DIGITS_MAX: usize = 8;

/// A client's deadline is also kept by the transport, which answers without reason and advice; ours
/// is this much earlier, so that it comes first: it passes from actor to actor on its way here.
const MARGIN: Duration = Duration::from_millis(20);
/// One part in so many is all that the margin takes of a short deadline.
const MARGIN_SHARE: u32 = 4;

/// An instant of the node's clock.
#[derive(Clone)]
pub(crate) struct Deadline {
    clock: Arc<dyn Clock>,
    ends: Duration,
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deadline").field(&self.left()).finish()
    }
}

impl Deadline {
    /// `asked` from now, but never later than `longest` from now.
    pub(crate) fn new(clock: Arc<dyn Clock>, asked: Option<Duration>, longest: Duration) -> Self {
        let asked = asked.map(|asked| asked - MARGIN.min(asked / MARGIN_SHARE));
        let lasts = asked.map_or(longest, |asked| asked.min(longest));
        let ends = clock.monotonic().saturating_add(lasts);
        Self { clock, ends }
    }

    /// Zero when it has passed.
    pub(crate) fn left(&self) -> Duration {
        self.ends.saturating_sub(self.clock.monotonic())
    }

    /// The clock's time, to measure from.
    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.left().is_zero()
    }
}

/// Reads a `grpc-timeout` header: at most eight digits and a unit.
///
/// # Errors
/// `Malformed`, with the spelling that is expected.
pub(crate) fn parse_timeout(header: &[u8]) -> Result<Duration, Fault> {
    read_timeout(header).ok_or_else(|| Fault::Malformed {
        reason: "the grpc-timeout header is at most eight digits and one of H M S m u n".to_owned(),
    })
}

fn read_timeout(header: &[u8]) -> Option<Duration> {
    let (unit, digits) = header.split_last()?;
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 60 * 60),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "deadline_test.rs"]
mod deadline_test;

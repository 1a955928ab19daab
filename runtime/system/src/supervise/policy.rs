//! When to restart and when to give up: plain data, no clock.

use std::{collections::VecDeque, time::Duration};

/// Pauses between a child's end and its restart.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Duration,
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(1),
            max: Duration::from_secs(2),
        }
    }
}

/// So many restarts within so much time are a fault that a restart does not heal. The time has to
/// leave room for the pauses between them, or the limit is never reached.
#[derive(Clone, Copy, Debug)]
pub struct Intensity {
    pub restarts: usize,
    pub within: Duration,
}

impl Default for Intensity {
    fn default() -> Self {
        Self {
            restarts: 20,
            within: Duration::from_secs(60),
        }
    }
}

/// What to do about a child that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    RestartAfter(Duration),
    GiveUp,
}

/// The recent restarts of one child.
#[derive(Debug, Default)]
pub struct History {
    restarts: VecDeque<Duration>,
}

impl History {
    /// Decides about an end at `now`; the pause doubles with each restart inside the window.
    pub fn ended(&mut self, now: Duration, intensity: Intensity, backoff: Backoff) -> Verdict {
        while let Some(oldest) = self.restarts.front() {
            if now.saturating_sub(*oldest) < intensity.within {
                break;
            }
            self.restarts.pop_front();
        }
        if self.restarts.len() >= intensity.restarts {
            return Verdict::GiveUp;
        }
        let doublings = u32::try_from(self.restarts.len())
            .unwrap_or(u32::MAX)
            .min(31);
        self.restarts.push_back(now);
        let pause = backoff.first.saturating_mul(1 << doublings);
        Verdict::RestartAfter(pause.min(backoff.max))
    }
}

#[cfg(test)]
mod policy_test {
    use super::*;

    const INTENSITY: Intensity = Intensity {
        restarts: 3,
        within: Duration::from_secs(10),
    };
    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(10),
        max: Duration::from_millis(30),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_the_bound_then_it_gives_up() {
        let mut history = History::default();
        let verdicts: Vec<_> = (0..4)
            .map(|second| history.ended(at(second), INTENSITY, BACKOFF))
            .collect();
        let pause = |ms| Verdict::RestartAfter(Duration::from_millis(ms));
        assert_eq!(verdicts, [pause(10), pause(20), pause(30), Verdict::GiveUp]);
    }

    #[test]
    fn what_lies_outside_the_window_is_forgotten() {
        let mut history = History::default();
        for second in [0, 1, 2] {
            history.ended(at(second), INTENSITY, BACKOFF);
        }
        let calm = history.ended(at(30), INTENSITY, BACKOFF);
        assert_eq!(calm, Verdict::RestartAfter(Duration::from_millis(10)));
    }

    #[test]
    fn the_defaults_give_up_on_what_never_heals() {
        let mut history = History::default();
        let (mut now, mut restarts) = (Duration::ZERO, 0);
        let (intensity, backoff) = (Intensity::default(), Backoff::default());
        while let Verdict::RestartAfter(pause) = history.ended(now, intensity, backoff) {
            now += pause;
            restarts += 1;
            assert!(restarts <= intensity.restarts, "restarted for ever");
        }
        assert_eq!(restarts, intensity.restarts);
        assert!(now < intensity.within);
    }
}

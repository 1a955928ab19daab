//! When a call may be tried again, and how long to wait before it.
//!
//! It refuses to decide which calls may be repeated: the caller of [`RetryPolicy::run`] vouches for
//! that. It gives up after a bounded number of attempts and then tells the last error.

use std::{future::Future, time::Duration};

use crate::ClientError;

/// How often, and at what distance, a fault of the world is tried again. Refusals never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; 1 means no retry.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from there.
    pub first_wait: Duration,
    /// No wait is longer, not even when the server asks for more.
    pub longest_wait: Duration,
}

impl RetryPolicy {
    /// Every call is made once.
    pub const fn none() -> Self {
        Self {
            attempts: 1,
            first_wait: Duration::ZERO,
            longest_wait: Duration::ZERO,
        }
    }

    /// Four attempts within about two seconds: what a node needs to restart an actor.
    pub const fn brief() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(2),
        }
    }

    /// The wait after attempt `made` (1 for the first) ended in `error`; `None` means give up.
    pub fn wait_after(&self, made: u32, error: &ClientError) -> Option<Duration> {
        if made >= self.attempts || !error.retryable() {
            return None;
        }
        let doublings = 1u32.checked_shl(made.saturating_sub(1)).unwrap_or(u32::MAX);
        let own = self.first_wait.saturating_mul(doublings);
        let asked = error.retry_after().unwrap_or(Duration::ZERO);
        Some(own.max(asked).min(self.longest_wait))
    }

    /// Makes a call that can be repeated without a trace, until it succeeds or the policy gives up.
    pub(crate) async fn run<T, F, A>(&self, mut attempt: F) -> Result<T, ClientError>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, ClientError>>,
    {
        let mut made = 0;
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            made += 1;
            let Some(wait) = self.wait_after(made, &error) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
#[path = "retry_test.rs"]
mod retry_test;

//! Load: many calls at once, one after the other in each of some lanes, or at a fixed pace. Each call
//! is timed.
//!
//! It refuses to leave waiting out: at a fixed pace a call is timed from when it was due, however late
//! it began, but for the resolution of the timer.

use crate::{Failure, row::Unit, statistics::quantile, table::amount};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Tokio's timers are no finer.
const RESOLUTION: Duration = Duration::from_millis(1);

/// What came of a load.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// From the first call to the end of the last.
    pub(super) took: Duration,
    /// Of each call.
    pub(super) latencies: Vec<Duration>,
}

impl Load {
    /// Calls a second.
    pub(super) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// Takes another load's calls in; that one's calls a second.
    pub(super) fn add(&mut self, other: Self) -> Result<f64, Failure> {
        let rate = other.rate();
        self.took += other.took;
        self.latencies.extend(other.latencies);
        Ok(rate)
    }

    /// The seconds within which a part (0 to 1) of the calls was answered.
    pub(super) fn within(&self, part: f64) -> f64 {
        let seconds: Vec<f64> = self.latencies.iter().map(Duration::as_secs_f64).collect();
        quantile(&seconds, part)
    }

    /// Percentiles, for the notes.
    pub(super) fn told(&self) -> String {
        let one = |part| amount(self.within(part), Unit::Seconds);
        format!("p50 {}, p99 {}, p99.9 {}", one(0.5), one(0.99), one(0.999))
    }
}

/// Makes `calls` calls, numbered from 0, `lanes` of them at once.
pub(super) async fn flood<C, W>(lanes: usize, calls: usize, call: C) -> Result<Load, Failure>
where
    C: Fn(usize) -> W + Clone + Send + 'static,
    W: Future<Output = Result<(), Failure>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..lanes {
        let (next, call) = (next.clone(), call.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    return Ok::<_, Failure>(latencies);
                }
                let began = Instant::now();
                call(number).await?;
                latencies.push(began.elapsed());
            }
        });
    }
    let mut latencies = Vec::with_capacity(calls);
    while let Some(lane) = tasks.join_next().await {
        latencies.extend(lane??);
    }
    Ok(Load {
        took: began.elapsed(),
        latencies,
    })
}

/// Makes a call every `every`, numbered from 0, until `over` resolves.
pub(super) async fn paced<C, W>(
    every: Duration,
    over: impl Future<Output = ()>,
    call: C,
) -> Result<Load, Failure>
where
    C: Fn(usize) -> W,
    W: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut tasks: JoinSet<Result<Duration, Failure>> = JoinSet::new();
    let mut latencies = Vec::new();
    let began = Instant::now();
    let mut over = std::pin::pin!(over);
    let mut pace = tokio::time::interval(every);
    let mut number = 0;
    loop {
        tokio::select! {
            biased;
            () = &mut over => break,
            due = pace.tick() => {
                let began = Instant::now().min(due.into_std() + RESOLUTION);
                let call = call(number);
                number += 1;
                tasks.spawn(async move {
                    call.await?;
                    Ok(began.elapsed())
                });
            }
            Some(done) = tasks.join_next() => latencies.push(done??),
        }
    }
    while let Some(done) = tasks.join_next().await {
        latencies.push(done??);
    }
    Ok(Load {
        took: began.elapsed(),
        latencies,
    })
}

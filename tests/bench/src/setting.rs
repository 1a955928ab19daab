//! What a measurement is carried out with: its size, how often, and how pairs are taken.

use crate::{Failure, row::Pairs};
use std::{future::Future, path::PathBuf, time::Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How large the measurements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Seconds for all of them together, to see that they run. Their figures say nothing.
    Tiny,
    Full,
}

/// What a measurement is carried out with.
pub struct Setting {
    pub size: Size,
    /// Pairs that are counted.
    pub runs: usize,
    /// The benchmark's own binary, for what needs a process of its own.
    pub program: PathBuf,
    /// A Python that has the peers, where they are compared with.
    pub python: Option<PathBuf>,
    runtime: Runtime,
}

impl Setting {
    /// # Errors
    /// The system gave no threads.
    pub fn new(size: Size, runs: usize, program: PathBuf) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            size,
            runs,
            program,
            python: None,
            runtime,
        })
    }

    /// One of two numbers, by the size.
    #[must_use]
    pub const fn of(&self, tiny: usize, full: usize) -> usize {
        match self.size {
            Size::Tiny => tiny,
            Size::Full => full,
        }
    }

    /// A new directory beside the benchmark's binary, where the disk is a real one; it goes with what
    /// is given.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn directory(&self) -> Result<TempDir, Failure> {
        let beside = self.program.parent().ok_or("a program in no directory")?;
        Ok(tempfile::tempdir_in(beside)?)
    }

    /// Waits for what is asynchronous, on a runtime that all measurements share.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Functions that run at once: one a core, as a node does by default.
    #[must_use]
    pub fn workers(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Takes figures in turns: who is first alternates, so that neither always finds what the other
    /// left behind. The first pair is thrown away: it finds cold caches and unmapped memory.
    ///
    /// # Errors
    /// What either says.
    pub fn paired(
        &self,
        mut ours: impl FnMut() -> Result<f64, Failure>,
        mut floor: impl FnMut() -> Result<f64, Failure>,
    ) -> Result<Pairs, Failure> {
        let mut pairs = Pairs::default();
        for run in 0..=self.runs {
            let (our, other) = if run % 2 == 0 {
                let our = ours()?;
                (our, floor()?)
            } else {
                let other = floor()?;
                (ours()?, other)
            };
            if run > 0 {
                pairs.ours.push(our);
                pairs.floor.push(other);
            }
        }
        Ok(pairs)
    }
}

/// Seconds that something takes, and what it gives.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let begun = Instant::now();
    let made = work();
    (begun.elapsed().as_secs_f64(), made)
}

#[cfg(test)]
#[path = "setting_test.rs"]
mod setting_test;

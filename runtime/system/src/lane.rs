//! A lane: one thread that carries out blocking work in the order it was given.
//!
//! It refuses to grow: its queue is bounded, and whoever is over the bound waits or is refused.

use deriva_messages::Fault;
use std::thread;
use tokio::sync::{mpsc, oneshot};

type Work = Box<dyn FnOnce() + Send>;

/// A handle to the thread. When the last handle goes, the thread ends after what was queued.
#[derive(Clone, Debug)]
pub struct Lane {
    name: String,
    queue: mpsc::Sender<Work>,
}

impl Lane {
    /// Starts the thread with room for `depth` pieces of work.
    ///
    /// # Errors
    /// The operating system gave no thread.
    pub fn start(name: &str, depth: usize) -> std::io::Result<Self> {
        let (queue, mut work) = mpsc::channel::<Work>(depth);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Some(next) = work.blocking_recv() {
                    next();
                }
            })?;
        Ok(Self {
            name: name.to_owned(),
            queue,
        })
    }

    /// Runs `work` on the lane and waits for its answer, without blocking the caller's thread.
    ///
    /// # Errors
    /// `Unavailable` when the lane's thread is gone or the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        let job: Work = Box::new(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            match result {
                Ok(value) => {
                    if answer.send(value).is_err() {
                        metrics::counter!("lane_answers_unheard_total").increment(1);
                    }
                }
                // The dropped answer tells the caller; the thread lives on for the others.
                Err(_) => metrics::counter!("lane_panics_total").increment(1),
            }
        });
        self.queue.send(job).await.map_err(|_| self.gone())?;
        answered.await.map_err(|_| self.gone())
    }

    fn gone(&self) -> Fault {
        Fault::Unavailable {
            what: format!("lane {}", self.name),
        }
    }
}

#[cfg(test)]
#[path = "lane_test.rs"]
mod lane_test;

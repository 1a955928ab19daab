//! A value that is made piece by piece, by whichever worker has it in hand.
//!
//! It hashes what it makes, saves it for those who come late, and is a whole value at its end. It
//! refuses to decide when it goes on: that is `produce`.

use super::{
    execute::{Executor, nanos},
    hold::{Made, gathered},
    tail::{AHEAD_MAX, Tail},
    task::{Executed, Known, Task},
};
use crate::{Call, Stream, streaming::PIECE_BYTES};
use bytes::Bytes;
use deriva_model::{ContentHash, Cost, limits};
use deriva_system::{Fault, scratch::ScratchFile};
use std::{sync::Arc, time::Duration};

/// Bytes that stay in memory: as much as a value that can be kept has. More goes to a file.
const KEPT_MAX: u64 = limits::BATCH_INPUT_BYTES as u64;
/// A production this small stays in memory even where that is over its budget: a file costs more.
const SAVED_MIN: u64 = 1 << 20;
/// Pieces that stay in memory when all lie in a file: those that readers at full pace want.
const RECENT: usize = 2 * AHEAD_MAX as usize;
/// As [`RECENT`], where memory is over its budget. As many bytes as stay there without a file.
const RECENT_MIN: usize = 16;
/// A piece from this length on is given out as it is; shorter ones are gathered.
const DIRECT: usize = PIECE_BYTES / 4;
/// Short pieces are gathered after another was given out, for so long: those of a slow function leave
/// at once.
const GATHERING: Duration = Duration::from_millis(5);

/// Where what was given out stands for those who come late.
enum Saved {
    Memory,
    File(Arc<dyn ScratchFile>),
    /// No file could hold it, so only the newest pieces stand.
    Nowhere,
}

pub(super) struct Production {
    executor: Arc<Executor>,
    pub(super) task: Task,
    call: Call,
    /// What it consumes, if that was known before it began.
    known: Option<Known>,
    stream: Stream,
    pub(super) tail: Arc<Tail>,
    hasher: blake3::Hasher,
    /// Bytes so far.
    pub(super) size: u64,
    saved: Saved,
    gathered: Vec<u8>,
    /// When something was given out last.
    given_at: Duration,
    /// Time in the function and in those that feed it.
    wall: Duration,
    /// A piece went to the tail since that was last asked.
    has_given: bool,
}

/// A production at its end.
pub(super) struct Finished {
    pub(super) content: ContentHash,
    pub(super) size: u64,
    /// `None` if it was more than any file could hold.
    pub(super) executed: Option<Executed>,
}

impl Finished {
    /// # Errors
    /// `Overloaded`: no file could hold it.
    pub(super) fn value(self) -> Result<Executed, Fault> {
        self.executed.ok_or_else(|| no_room(self.size))
    }
}

/// No file could hold a value of `size` bytes or more.
pub(super) fn no_room(size: u64) -> Fault {
    Fault::Overloaded {
        what: format!("room in scratch files for a value of {size} bytes"),
        retry_after_ms: 1000,
    }
}

impl Production {
    pub(super) fn new(
        executor: Arc<Executor>,
        task: Task,
        (call, known): (Call, Option<Known>),
        stream: Stream,
    ) -> Self {
        Self {
            tail: Tail::new(executor.meter.clone()),
            given_at: executor.clock.monotonic(),
            executor,
            task,
            call,
            known,
            stream,
            hasher: blake3::Hasher::new(),
            size: 0,
            saved: Saved::Memory,
            gathered: Vec::new(),
            wall: Duration::ZERO,
            has_given: false,
        }
    }

    /// Makes one piece; whether there may be more.
    ///
    /// # Errors
    /// The function's, or that of an input. What was made so far is then no value.
    pub(super) fn advance(&mut self) -> Result<bool, Fault> {
        let begun = self.executor.clock.monotonic();
        let pulled = self.stream.pull();
        let now = self.executor.clock.monotonic();
        self.wall += now.saturating_sub(begun);
        match pulled {
            Ok(Some(piece)) => {
                self.hasher.update(&piece);
                self.size += piece.len() as u64;
                self.gather(piece, now);
                Ok(true)
            }
            Ok(None) => {
                self.flush();
                Ok(false)
            }
            Err(error) => Err(self.executor.failure(&self.task, &error)),
        }
    }

    fn gather(&mut self, piece: Bytes, now: Duration) {
        if self.gathered.is_empty() && piece.len() >= DIRECT {
            self.given_at = now;
            return self.give(piece);
        }
        self.gathered.extend_from_slice(&piece);
        let silent = now.saturating_sub(self.given_at);
        if self.gathered.len() >= PIECE_BYTES || silent >= GATHERING {
            self.given_at = now;
            self.flush();
        }
    }

    /// Gives out what was gathered.
    pub(super) fn flush(&mut self) {
        if !self.gathered.is_empty() {
            let piece = std::mem::take(&mut self.gathered);
            self.give(piece.into());
        }
    }

    fn give(&mut self, piece: Bytes) {
        if matches!(self.saved, Saved::Memory) && self.is_full() {
            self.save();
        }
        if let Saved::File(file) = &self.saved
            && let Err(fault) = file.push(&piece)
        {
            self.give_up_saving(&fault);
        }
        self.tail.give(piece, self.recent());
        self.has_given = true;
    }

    /// Pieces that stay in memory when all lie in a file. Those that lie nowhere else stay for the
    /// readers at pace, whatever they take.
    fn recent(&self) -> usize {
        match self.saved {
            Saved::File(_) if self.is_over() => RECENT_MIN,
            _ => RECENT,
        }
    }

    fn is_over(&self) -> bool {
        let more = 2 * PIECE_BYTES as u64;
        let budget = self.executor.in_flight_bytes;
        self.executor.meter.is_over(budget, more)
    }

    /// Whether readers have something new, since that was last asked.
    pub(super) fn has_given(&mut self) -> bool {
        std::mem::take(&mut self.has_given)
    }

    /// Whether everything given out so far stands in memory, from the first piece on.
    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.saved, Saved::Memory)
    }

    /// Whether it can be a value for those who need it whole, and not only be read.
    pub(super) fn can_be_held(&self) -> bool {
        !matches!(self.saved, Saved::Nowhere)
    }

    /// Whether one more piece is too much for memory.
    pub(super) fn is_full(&self) -> bool {
        let more = 2 * PIECE_BYTES as u64;
        let in_memory = self.tail.in_memory();
        in_memory + more > KEPT_MAX || (in_memory >= SAVED_MIN && self.is_over())
    }

    /// From here on everything lies in a file.
    fn save(&mut self) {
        match self.saved_so_far() {
            Ok(file) => {
                metrics::counter!("materialize_spills_total").increment(1);
                self.tail.moved(file.clone(), RECENT_MIN);
                self.saved = Saved::File(file);
            }
            Err(fault) => self.give_up_saving(&fault),
        }
    }

    fn saved_so_far(&self) -> Result<Arc<dyn ScratchFile>, Fault> {
        let file = self.executor.sources.scratch().file()?;
        for piece in self.tail.whole().unwrap_or_default() {
            file.push(&piece)?;
        }
        Ok(file)
    }

    fn give_up_saving(&mut self, fault: &Fault) {
        tracing::warn!(%fault, recipe = %self.task.recipe.address(), "a production is not saved");
        metrics::counter!("materialize_unsaved_total").increment(1);
        self.saved = Saved::Nowhere;
        self.tail.unsaved(RECENT);
    }

    /// After the last piece: what it is. The tail is not told yet.
    pub(super) fn finish(&mut self) -> Finished {
        let content = ContentHash::from_bytes(*self.hasher.finalize().as_bytes());
        self.executor.count(&self.call, self.wall);
        let cost = Cost {
            wall_nanos: nanos(self.wall),
            steps: self.stream.steps_used(),
            input_bytes: self.task.input_bytes(),
        };
        // Of a live input it is known now, if it was pulled to its end.
        let known = self.known.take().or_else(|| Known::of(&self.task));
        let executed = |made| {
            let executor = &self.executor;
            executor.executed(&self.task, known.as_ref(), (content, made), cost)
        };
        let executed = match &self.saved {
            Saved::Memory => {
                let whole = self.tail.whole();
                whole.map(|pieces| executed(Made::Bytes(joined(pieces))))
            }
            // What can be kept is offered, though those who need it read the file.
            Saved::File(file) => Some(Executed {
                made: Made::File(file.clone()),
                ..executed(self.brought_back(file))
            }),
            Saved::Nowhere => None,
        };
        Finished {
            content,
            size: self.size,
            executed,
        }
    }

    fn brought_back(&self, file: &Arc<dyn ScratchFile>) -> Made {
        if self.size <= KEPT_MAX {
            match gathered(file.as_ref()) {
                Ok(bytes) => return Made::Bytes(bytes),
                Err(fault) => tracing::warn!(%fault, "a value that was made cannot be kept"),
            }
        }
        Made::File(file.clone())
    }
}

impl Drop for Production {
    /// However it goes, whoever reads is told; the first word counts.
    fn drop(&mut self) {
        self.tail.end(Err(Fault::Cancelled));
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match (pieces.len(), pieces.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            pieces.extend(last);
            pieces.concat().into()
        }
    }
}

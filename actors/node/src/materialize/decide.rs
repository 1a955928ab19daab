//! The mind: who is let in, and what a request does next about what it hears.

use bytes::Bytes;
use deriva_messages::{Fault, materialize::Mode};
use deriva_model::{ContentHash, Trace};
use deriva_system::compute::{Evaluated, Outcome, StoredContent, Tail};
use std::time::Duration;

/// What a caller over the limit is told to wait.
const RETRY_AFTER_MS: u64 = 100;

/// Long enough for a reader that writes to a slow disk; what is held for it meanwhile is memory and
/// room in scratch files.
const READER_PATIENCE: Duration = Duration::from_secs(30);

/// Bounds of the requests of one node.
#[derive(Clone, Copy, Debug)]
pub struct MaterializeConfig {
    /// Requests under way, streams included; more are refused.
    pub max_requests: usize,
    /// Chunks of a stream that wait for its reader; at least 1.
    pub stream_window: usize,
    /// How long a computation waits for its only readers.
    pub reader_patience: Duration,
}

impl Default for MaterializeConfig {
    fn default() -> Self {
        Self {
            max_requests: 4096,
            stream_window: 2,
            reader_patience: READER_PATIENCE,
        }
    }
}

/// Whether one more request is let in.
pub(super) fn let_in(under_way: usize, config: MaterializeConfig) -> Result<(), Fault> {
    if under_way < config.max_requests {
        return Ok(());
    }
    Err(Fault::Overloaded {
        what: "materialization".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    })
}

/// The label of a mode in metrics.
pub(super) const fn mode_label(mode: &Mode) -> &'static str {
    match mode {
        Mode::Parallel => "parallel",
        Mode::Sequential => "sequential",
        Mode::Record => "record",
        Mode::Replay(_) => "replay",
        Mode::Verify(_) => "verify",
    }
}

/// What reaches a request.
#[derive(Debug)]
pub(super) enum Heard {
    /// The evaluation ended.
    Evaluated(Result<Evaluated, Fault>),
    /// The caller holds its interest no more.
    Gone,
    /// The deadline passed.
    Late,
    /// The stream ended, read to its end or not.
    Streamed,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Computing,
    Streaming,
}

/// What is done about it.
pub(super) enum Effect {
    /// Answers with bytes and ends.
    Whole {
        content: ContentHash,
        bytes: Bytes,
        trace: Option<Trace>,
    },
    /// Answers with a stream from the disk and goes on.
    Stream {
        stored: StoredContent,
        trace: Option<Trace>,
    },
    /// Answers with a stream of what is being computed and goes on.
    Follow {
        tail: Box<dyn Tail>,
        trace: Option<Trace>,
    },
    /// Answers with a fault and ends.
    Refuse(Fault),
    /// Cuts the stream short, saying why, and ends.
    Cut(Fault),
    /// Ends.
    End,
    /// A second end of the evaluation, or of a stream that is not there: none of the ports does that.
    Nothing,
}

pub(super) fn next(phase: Phase, heard: Heard) -> Effect {
    match (phase, heard) {
        (Phase::Computing, Heard::Evaluated(Ok(evaluated))) => deliver(evaluated),
        (Phase::Computing, Heard::Evaluated(Err(fault))) => Effect::Refuse(fault),
        (Phase::Computing, Heard::Gone) => Effect::Refuse(Fault::Cancelled),
        (Phase::Computing, Heard::Late) => Effect::Refuse(Fault::DeadlineExceeded),
        (Phase::Streaming, Heard::Gone) => Effect::Cut(Fault::Cancelled),
        (Phase::Streaming, Heard::Late) => Effect::Cut(Fault::DeadlineExceeded),
        (Phase::Streaming, Heard::Streamed) => Effect::End,
        (Phase::Computing, Heard::Streamed) | (Phase::Streaming, Heard::Evaluated(_)) => {
            Effect::Nothing
        }
    }
}

fn deliver(evaluated: Evaluated) -> Effect {
    let trace = evaluated.trace;
    match evaluated.outcome {
        Outcome::Bytes { content, bytes } => Effect::Whole {
            content,
            bytes,
            trace,
        },
        Outcome::Stored(stored) => Effect::Stream { stored, trace },
        Outcome::Production(tail) => Effect::Follow { tail, trace },
    }
}

//! The gate that every request passes: it counts those under way, refuses those over the limit or
//! after a drain began, and gives each a span and a place in the metrics.
//!
//! It refuses to wait: a request over the limit is told at once when to come back.

use deriva_messages::Fault;
use deriva_system::Clock;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Code;
use tracing::Span;

/// When a request that found no room is told to come back.
const RETRY_AFTER_MS: u64 = 100;

/// Bounds the requests under way.
pub(crate) struct Gate {
    room: Arc<Semaphore>,
    closed: AtomicBool,
    clock: Arc<dyn Clock>,
    numbers: AtomicU64,
}

impl Gate {
    pub(crate) fn new(requests: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            room: Arc::new(Semaphore::new(requests)),
            closed: AtomicBool::new(false),
            clock,
            numbers: AtomicU64::new(1),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Lets a request in. `method` is one of the interface's own names, never a client's text.
    ///
    /// # Errors
    /// `Draining` or `Overloaded`; both are counted under the method.
    pub(crate) fn admit(&self, method: &'static str) -> Result<Arc<Admitted>, Fault> {
        let room = self.room_for_one().inspect_err(|fault| {
            count(method, super::status::code(fault));
        })?;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Admitted {
            method,
            span: tracing::info_span!("request", method, number),
            clock: self.clock.clone(),
            started: self.clock.monotonic(),
            code: AtomicI32::new(Code::Cancelled as i32),
            entered: AtomicBool::new(false),
            _room: room,
        }))
    }

    fn room_for_one(&self) -> Result<OwnedSemaphorePermit, Fault> {
        if self.is_closed() {
            return Err(Fault::Draining);
        }
        let room = self.room.clone().try_acquire_owned();
        room.map_err(|_| Fault::Overloaded {
            what: "the gateway".to_owned(),
            retry_after_ms: RETRY_AFTER_MS,
        })
    }
}

/// A request under way. When the last holder drops it, its room is free and it is counted; a
/// request that nobody gave an end was cancelled by its client.
pub(crate) struct Admitted {
    method: &'static str,
    span: Span,
    clock: Arc<dyn Clock>,
    started: Duration,
    code: AtomicI32,
    /// Whether its message was understood, so that a handler took over.
    entered: AtomicBool,
    _room: OwnedSemaphorePermit,
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admitted").field(&self.method).finish()
    }
}

impl Admitted {
    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    /// How long ago it came in.
    pub(crate) fn since(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.started)
    }

    pub(crate) fn enter(&self) {
        self.entered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_entered(&self) -> bool {
        self.entered.load(Ordering::Relaxed)
    }

    /// Says how the request ended; the last word counts.
    pub(crate) fn ended(&self, code: Code) {
        self.code.store(code as i32, Ordering::Relaxed);
    }

    /// The same for a fault; one of ours is logged, because nobody else will.
    pub(crate) fn failed(&self, fault: &Fault) {
        let code = super::status::code(fault);
        self.ended(code);
        self.span.in_scope(|| match fault.fate() {
            deriva_messages::Fate::Breach => {
                tracing::error!(%fault, "a request broke an invariant")
            }
            deriva_messages::Fate::Fault => tracing::warn!(%fault, "a request failed"),
            deriva_messages::Fate::Refusal => tracing::debug!(%fault, "a request was refused"),
        });
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let took = self.since();
        count(self.method, Code::from(self.code.load(Ordering::Relaxed)));
        metrics::histogram!("grpc_request_seconds", "method" => self.method)
            .record(took.as_secs_f64());
    }
}

fn count(method: &'static str, code: Code) {
    metrics::counter!("grpc_requests_total", "method" => method, "code" => code_name(code))
        .increment(1);
}

/// gRPC's own spelling.
const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
#[path = "gate_test.rs"]
mod gate_test;

//! One answer under way, held by two: the transport, which asks for the next item only while its
//! client has room for it, and a watch, which ends the answer when its time is over or its client
//! takes nothing.
//!
//! It refuses to leave the end to the transport: a client that does not read is never asked about,
//! and would keep its place at the gate, its chunks in memory and what stands behind them.

use super::answers::Items;
use crate::edge::{Admitted, Deadline};
use deriva_messages::Fault;
use parking_lot::Mutex;
use std::{
    sync::{Arc, Weak},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::task::JoinHandle;
use tonic::Code;

/// What an answer holds while it is under way.
struct Open<T> {
    items: Items<T>,
    admitted: Arc<Admitted>,
}

struct State<T> {
    /// Gone when the answer is over.
    open: Option<Open<T>>,
    /// Since when an item was given and no more was asked for.
    unread: Option<Duration>,
    /// Why the watch ended it, until the transport asks.
    cut: Option<Fault>,
    /// Of a transport that waits for an item.
    waiting: Option<Waker>,
}

/// How long an answer may take.
#[derive(Clone, Debug)]
pub(super) struct Time {
    pub(super) deadline: Deadline,
    /// How long its client may take nothing.
    pub(super) silence: Duration,
}

/// The transport's end.
pub(super) struct Flow<T> {
    state: Arc<Mutex<State<T>>>,
    time: Time,
    watch: JoinHandle<()>,
}

impl<T> Drop for Flow<T> {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl<T: Send + 'static> Flow<T> {
    pub(super) fn new(items: Items<T>, admitted: Arc<Admitted>, time: Time) -> Self {
        let state = Arc::new(Mutex::new(State {
            open: Some(Open { items, admitted }),
            unread: None,
            cut: None,
            waiting: None,
        }));
        Self {
            watch: tokio::spawn(watch(Arc::downgrade(&state), time.clone())),
            state,
            time,
        }
    }

    /// The next item. The first fault, or the end of the items, is the end of the answer.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Fault>>> {
        let mut state = self.state.lock();
        if let Some(fault) = state.cut.take() {
            return Poll::Ready(Some(Err(fault)));
        }
        let Some(open) = &mut state.open else {
            return Poll::Ready(None);
        };
        let next = match self.time.deadline.has_passed() {
            true => Poll::Ready(Some(Err(Fault::DeadlineExceeded))),
            false => open
                .admitted
                .span()
                .in_scope(|| open.items.as_mut().poll_next(cx)),
        };
        if next.is_pending() {
            state.unread = None;
            state.waiting = Some(cx.waker().clone());
        }
        let next = ready!(next);
        match &next {
            Some(Ok(_)) => state.unread = Some(self.time.deadline.now()),
            Some(Err(fault)) => state.end(|admitted| admitted.failed(fault)),
            None => state.end(|admitted| admitted.ended(Code::Ok)),
        }
        Poll::Ready(next)
    }
}

impl<T> State<T> {
    fn end(&mut self, say: impl FnOnce(&Admitted)) {
        if let Some(open) = self.open.take() {
            say(&open.admitted);
        }
    }

    /// When the watch looks again, or why it ends the answer now.
    fn look(&self, time: &Time) -> Result<Duration, Fault> {
        let now = time.deadline.now();
        let unread = self
            .unread
            .map_or(Duration::ZERO, |since| now.saturating_sub(since));
        if time.deadline.has_passed() {
            return Err(Fault::DeadlineExceeded);
        }
        match time.silence.checked_sub(unread) {
            Some(left) if !left.is_zero() => Ok(left.min(time.deadline.left())),
            _ => Err(Fault::Cancelled),
        }
    }
}

/// Looks at an answer until it is over; ends it and gives back what it holds when it has to.
async fn watch<T>(state: Weak<Mutex<State<T>>>, time: Time) {
    while let Some(state) = state.upgrade() {
        let look = state.lock().look(&time);
        let fault = match look {
            Ok(wait) => {
                drop(state);
                tokio::time::sleep(wait).await;
                continue;
            }
            Err(fault) => fault,
        };
        let mut state = state.lock();
        if state.open.is_some() {
            metrics::counter!("gateway_answers_cut_total").increment(1);
            state.end(|admitted| admitted.failed(&fault));
            state.cut = Some(fault);
        }
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
        return;
    }
}

#[cfg(test)]
#[path = "flow_test.rs"]
mod flow_test;

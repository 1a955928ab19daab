//! Answers that are streams. Each carries its request's place at the gate and its deadline, and
//! ends with an error status or with everything said: never OK and short.

use super::flow::{Flow, Time};
use crate::edge::{Admitted, status};
use deriva_messages::Fault;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tonic::Status;
use tracing::{Instrument, Span};

/// Items of an answer, before they have a deadline and a status.
pub(super) type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Fault>> + Send>>;

/// Items that are all there.
pub(super) fn of_iter<T, I>(items: I) -> Items<T>
where
    I: Iterator<Item = T> + Send + 'static,
    T: Send + 'static,
{
    Box::pin(tokio_stream::iter(items.map(Ok)))
}

/// An answer on its way to the client.
pub(super) struct Answers<T>(Flow<T>);

impl<T: Send + 'static> Answers<T> {
    pub(super) fn new(items: Items<T>, admitted: Arc<Admitted>, time: Time) -> Self {
        Self(Flow::new(items, admitted, time))
    }
}

impl<T: Send + 'static> Stream for Answers<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.0.poll(cx));
        Poll::Ready(next.map(|item| item.map_err(|fault| status(&fault))))
    }
}

/// One step of an answer that a task makes.
enum Step<T> {
    Item(T),
    Failed(Fault),
    /// Everything was said; a task that is gone without this has died.
    End,
}

/// Where a task puts its items.
pub(super) struct Outlet<T>(mpsc::Sender<Step<T>>);

impl<T> Outlet<T> {
    /// Waits for room.
    ///
    /// # Errors
    /// `Cancelled`: the client went away.
    pub(super) async fn give(&self, item: T) -> Result<(), Fault> {
        self.0
            .send(Step::Item(item))
            .await
            .map_err(|_| Fault::Cancelled)
    }
}

struct Pumped<T>(mpsc::Receiver<Step<T>>);

impl<T> Stream for Pumped<T> {
    type Item = Result<T, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(match ready!(self.0.poll_recv(cx)) {
            Some(Step::Item(item)) => Some(Ok(item)),
            Some(Step::Failed(fault)) => Some(Err(fault)),
            Some(Step::End) => None,
            None => Some(Err(Fault::Breach {
                what: "an answer ended before everything was said".to_owned(),
            })),
        })
    }
}

/// Items that a task of their own makes, at most `room` ahead of the client. The task ends when the
/// client goes away.
pub(super) fn pump<T, W>(room: usize, work: impl FnOnce(Arc<Outlet<T>>) -> W) -> Items<T>
where
    T: Send + 'static,
    W: Future<Output = Result<(), Fault>> + Send + 'static,
{
    let (steps, outlet) = mpsc::channel(room);
    let work = work(Arc::new(Outlet(steps.clone())));
    let task = async move {
        let ended = tokio::select! {
            () = steps.closed() => return,
            ended = work => ended,
        };
        let last = ended.map_or_else(Step::Failed, |()| Step::End);
        if steps.send(last).await.is_err() {
            tracing::debug!("the client left before the end of its answer");
        }
    };
    tokio::spawn(task.instrument(Span::current()));
    Box::pin(Pumped(outlet))
}

#[cfg(test)]
#[path = "answers_test.rs"]
mod answers_test;

//! A request's message on its way in: how long its client may fall silent in the middle of it.
//!
//! It refuses to wait for what does not come: a client that opens a request and says nothing would
//! hold a place at the gate for as long as its connection lives. It also tells a message that its
//! client broke off from one that ended: the decoder behind it takes a cancelled one for an end.

use super::{Deadline, status};
use bytes::Bytes;
use deriva_messages::Fault;
use hyper::body::{Frame, SizeHint};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::Sleep;
use tonic::{Code, Status, body::Body};

/// The bytes of a request, heard with patience.
pub(crate) struct Listening {
    body: Body,
    /// How long nothing may come while something is waited for.
    silence: Duration,
    /// Until when all of it has to be there.
    deadline: Deadline,
    /// Runs while something is waited for.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Listening {
    pub(crate) fn new(body: Body, silence: Duration, deadline: Deadline) -> Self {
        Self {
            body,
            silence,
            deadline,
            alarm: None,
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let within = self.silence.min(self.deadline.left());
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        ready!(alarm.as_mut().poll(cx));
        metrics::counter!("gateway_requests_silent_total").increment(1);
        Poll::Ready(status(&Fault::DeadlineExceeded))
    }
}

impl hyper::body::Body for Listening {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return self.poll_silence(cx).map(|said| Some(Err(said)));
        };
        self.alarm = None;
        Poll::Ready(match frame {
            Some(Err(said)) if said.code() == Code::Cancelled => {
                Some(Err(Status::aborted("the client broke off")))
            }
            frame => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

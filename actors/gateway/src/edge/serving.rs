//! The server task of a gateway actor: it ends when it is told, when its actor ends, or by its own
//! fault, which the actor then hears of.
//!
//! It refuses to wait for ever: what is under way when a drain's patience ends is left to itself.

use deriva_messages::gateway::GatewayMessage;
use deriva_system::supervise::Envelope;
use ractor::ActorRef;
use std::{future::Future, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// A running server.
pub(crate) struct Serving {
    stop: Option<oneshot::Sender<()>>,
    /// Gone once it was waited for.
    task: Option<JoinHandle<()>>,
}

impl Serving {
    /// Runs the server that `serve` makes from the signal that will stop it. When it ends, the
    /// actor is told why.
    pub(crate) fn start<W, E>(
        actor: ActorRef<Envelope<GatewayMessage>>,
        serve: impl FnOnce(oneshot::Receiver<()>) -> W,
    ) -> Self
    where
        W: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let server = serve(stopped);
        let task = tokio::spawn(async move {
            let why = match server.await {
                Ok(()) => "it stopped accepting".to_owned(),
                Err(error) => error.to_string(),
            };
            let told = actor.cast(Envelope {
                message: GatewayMessage::Ended { why },
                credit: None,
            });
            // The actor is gone before its server only when both are being stopped.
            if let Err(error) = told {
                tracing::debug!(%error, "a listener ended after its actor");
            }
        });
        Self {
            stop: Some(stop),
            task: Some(task),
        }
    }

    /// Stops accepting and waits until what is under way has ended, at most `patience`. Whether
    /// all of it has.
    pub(crate) async fn drain(&mut self, patience: Duration) -> bool {
        if let Some(stop) = self.stop.take()
            && stop.send(()).is_err()
        {
            tracing::debug!("the listener had ended before its drain");
        }
        let Some(mut task) = self.task.take() else {
            return true;
        };
        match tokio::time::timeout(patience, &mut task).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the listener's task did not end well");
                true
            }
            Err(_) => {
                metrics::counter!("gateway_drains_cut_total").increment(1);
                task.abort();
                false
            }
        }
    }

    pub(crate) const fn is_draining(&self) -> bool {
        self.stop.is_none()
    }
}

impl Drop for Serving {
    /// An actor that was killed leaves no second listener behind. Its connections live on.
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

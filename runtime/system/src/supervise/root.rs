//! The root of a node's supervision tree: who starts it, sees its end and asks it to stop needs to
//! know no actor.

use super::{Supervisor, SupervisorMessage, SupervisorSeat, SupervisorSpec};
use deriva_messages::Fault;
use ractor::{Actor, ActorRef};
use tokio::task::JoinHandle;

/// A supervision tree that runs.
pub struct Root {
    actor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
}

impl Root {
    /// Starts the tree, seen through `seat`; answers when every child has started.
    ///
    /// # Errors
    /// `Breach` naming why a child did not start.
    pub async fn start(spec: SupervisorSpec, seat: &SupervisorSeat) -> Result<Self, Fault> {
        let spawned = Actor::spawn(None, Supervisor, spec).await;
        let (actor, ended) = spawned.map_err(|error| Fault::Breach {
            what: format!("an actor did not start: {error}"),
        })?;
        seat.take(actor.clone());
        Ok(Self { actor, ended })
    }

    /// Resolves when the tree has ended by itself: an actor ended too often.
    pub async fn failed(&mut self) -> String {
        match (&mut self.ended).await {
            Ok(()) => "an actor ended too often; the log says which and why".to_owned(),
            Err(error) => format!("the supervisor ended: {error}"),
        }
    }

    /// Stops the children in reverse order of their start, then the root.
    pub async fn stop(self) {
        if self.ended.is_finished() {
            return;
        }
        if self.actor.cast(SupervisorMessage::Shutdown).is_ok()
            && let Err(error) = self.ended.await
        {
            tracing::warn!(%error, "the supervision tree did not end well");
        }
    }
}

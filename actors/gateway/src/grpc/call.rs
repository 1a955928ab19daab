//! One request under way: the node's parts, its deadline, and the ways of asking an actor.

use crate::{context::GatewayContext, edge::Deadline};
use deriva_messages::{Fault, Reply};
use deriva_system::{compute::Compute, supervise::Slot};
use std::{sync::Arc, time::Duration};

/// What a handler works with.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) context: Arc<GatewayContext>,
    pub(super) deadline: Deadline,
}

impl Call {
    /// How long an actor may take: the request's time, but never longer than our patience.
    pub(super) fn patience(&self) -> Duration {
        self.deadline
            .left()
            .min(self.context.node.limits.actor_patience)
    }

    /// Asks an actor.
    ///
    /// # Errors
    /// What the actor answers, or why it does not.
    pub(super) async fn ask<M: Send + 'static, T: Send + 'static>(
        &self,
        slot: &Slot<M>,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> Result<T, Fault> {
        slot.call(self.patience(), message).await
    }

    /// Reads from the store, off the threads that serve.
    ///
    /// # Errors
    /// What `work` answers, or `DeadlineExceeded`.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&GatewayContext) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let reading = self.context.blocking(work);
        let read = tokio::time::timeout(self.deadline.left(), reading).await;
        read.map_err(|_| Fault::DeadlineExceeded)?
    }

    pub(super) fn compute(&self) -> &dyn Compute {
        &*self.context.node.compute
    }
}

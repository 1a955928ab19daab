//! The ear: violations, the marks that an operator clears, and what is still to be finished.

use super::perform;
use deriva_messages::{Fault, cache::CacheMessage, verify::VerifyMessage};
use deriva_system::{
    storage::CommitLane,
    supervise::{Envelope, Slot},
    view::Marks,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{sync::Arc, time::Duration};

/// How long what could not be finished waits for its next turn.
pub const RETRY: Duration = Duration::from_secs(1);

/// What the actor works on.
#[derive(Clone)]
pub struct VerifyArgs {
    /// The node's, with what [`super::load`] found on disk.
    pub marks: Arc<Marks>,
    pub commit: CommitLane,
    pub cache: Slot<CacheMessage>,
}

/// The actor.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyActor;

impl Actor for VerifyActor {
    type Msg = Envelope<VerifyMessage>;
    type State = VerifyArgs;
    type Arguments = VerifyArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        args: VerifyArgs,
    ) -> Result<VerifyArgs, ActorProcessingErr> {
        myself.cast(resume())?;
        Ok(args)
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut VerifyArgs,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            VerifyMessage::Violated { violation, reply } => {
                let voided = perform::void(state, &violation).await;
                again_unless_done(&myself, &voided);
                perform::answer(reply, voided);
            }
            VerifyMessage::Resume => again_unless_done(&myself, &perform::resume(state).await),
            VerifyMessage::Clear { function, reply } => {
                perform::answer(reply, perform::clear(state, function).await);
            }
        }
        Ok(())
    }
}

fn resume() -> Envelope<VerifyMessage> {
    Envelope {
        message: VerifyMessage::Resume,
        credit: None,
    }
}

/// An actor that ends meanwhile does not hear it; the one after it begins with the same.
fn again_unless_done(myself: &ActorRef<Envelope<VerifyMessage>>, done: &Result<(), Fault>) {
    if let Err(fault) = done {
        metrics::counter!("verify_voidings_put_off_total").increment(1);
        tracing::error!(%fault, "a voiding is put off; no cached value is served until it is through");
        drop(myself.send_after(RETRY, resume));
    }
}

//! The ear of a blob shard: every message becomes a task that carries its credit along, so that
//! puts overlap and share commits.
//!
//! It refuses to wait: nothing in a handler awaits the disk.

use super::{perform::Hands, read::StoredReader, torn, uploads::Uploads};
use deriva_messages::{
    Fault, Reply,
    blob::{BlobMessage, Locator},
};
use deriva_system::{
    lane::Lane,
    storage::{CommitLane, Storage},
    supervise::Envelope,
    view::Invalidations,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{future::Future, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;

/// What a shard starts with.
#[derive(Clone)]
pub struct BlobArgs {
    /// From 0. Shard 0 also cleans up after uploads that an earlier start left torn.
    pub shard: usize,
    pub storage: Arc<dyn Storage>,
    pub commit: CommitLane,
    /// The shard's own.
    pub lane: Lane,
    /// The node's.
    pub uploads: Arc<Uploads>,
    /// The node's.
    pub reader: Arc<StoredReader>,
    /// The node's: `ValueView::invalidations`.
    pub invalidations: Arc<Invalidations>,
}

/// The actor.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlobShardActor;

impl Actor for BlobShardActor {
    type Msg = Envelope<BlobMessage>;
    type State = Arc<Hands>;
    type Arguments = BlobArgs;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        args: BlobArgs,
    ) -> Result<Arc<Hands>, ActorProcessingErr> {
        let shard = args.shard;
        let hands = Arc::new(Hands::new(args));
        if shard == 0 {
            let hands = hands.clone();
            tokio::spawn(async move { torn::clean(&hands).await });
        }
        Ok(hands)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut Arc<Hands>,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, credit } = envelope;
        let hands = state.clone();
        match message {
            BlobMessage::PutLeaf { bytes, reply } => {
                later(credit, reply, async move { hands.put_leaf(bytes).await });
            }
            BlobMessage::PutLeaves { leaves, reply } => {
                later(credit, reply, async move { hands.put_leaves(leaves).await });
            }
            BlobMessage::Open { reply } => {
                tokio::spawn(open(hands, reply, credit));
            }
            BlobMessage::Stage {
                upload,
                index,
                bytes,
                reply,
            } => {
                later(credit, reply, async move {
                    hands.stage(upload, index, bytes).await
                });
            }
            BlobMessage::Seal {
                upload,
                manifest,
                reply,
            } => {
                let sealed = async move { hands.seal(upload, manifest).await };
                later(credit, reply, sealed);
            }
            BlobMessage::Abandon { upload } => {
                tokio::spawn(abandon(hands, upload, credit));
            }
            BlobMessage::Keep { values, reply } => {
                later(credit, reply, async move { hands.keep(values).await });
            }
            BlobMessage::Drop {
                recipes,
                why,
                reply,
            } => {
                later(credit, reply, async move {
                    hands.drop_values(recipes, why).await
                });
            }
            BlobMessage::Weigh { worths, reply } => {
                later(credit, reply, async move { hands.weigh(worths).await });
            }
            BlobMessage::Read {
                owner,
                content,
                index,
                reply,
            } if !reply.is_closed() => {
                later(credit, reply, async move {
                    hands.read(owner, content, index).await
                });
            }
            // Whoever asked went away while this waited.
            BlobMessage::Read { .. } => {}
        }
        Ok(())
    }
}

async fn abandon(hands: Arc<Hands>, upload: Locator, credit: Option<OwnedSemaphorePermit>) {
    hands.abandon(upload).await;
    drop(credit);
}

/// An upload that nobody heard of would stay open for ever.
async fn open(hands: Arc<Hands>, reply: Reply<Locator>, credit: Option<OwnedSemaphorePermit>) {
    let opened = hands.open().await;
    if let (Some(upload), false) = (opened.clone().ok(), answer(reply, opened)) {
        hands.abandon(upload).await;
    }
    drop(credit);
}

/// Answers when the work is done; the credit goes back then, not when the handler returns.
fn later<T: Send + 'static>(
    credit: Option<OwnedSemaphorePermit>,
    reply: Reply<T>,
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) {
    tokio::spawn(async move {
        answer(reply, work.await);
        drop(credit);
    });
}

/// Whether somebody heard it.
fn answer<T>(reply: Reply<T>, result: Result<T, Fault>) -> bool {
    let heard = reply.send(result).is_ok();
    if !heard {
        metrics::counter!("actor_answers_unheard_total").increment(1);
    }
    heard
}

#[cfg(test)]
#[path = "actor_test.rs"]
mod actor_test;

//! An actor that does what a test asks, and writes its life down.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Child, Envelope, Slot};
use deriva_messages::Reply;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// Longer than any test may take; what waits for it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) enum Ask {
    Echo(u64, Reply<u64>),
    Panic(Reply<u64>),
    Fail(Reply<u64>),
    /// Says that it is being handled, then waits to be let go.
    Hold {
        entered: oneshot::Sender<()>,
        until: oneshot::Receiver<()>,
        reply: Reply<u64>,
    },
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(super) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(super) fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Clone)]
pub(super) struct Life {
    pub(super) name: String,
    pub(super) diary: Diary,
    /// How many of its next starts fail.
    pub(super) stillbirths: Arc<AtomicUsize>,
}

impl Life {
    pub(super) fn new(name: &str, diary: &Diary) -> Self {
        Self {
            name: name.to_owned(),
            diary: diary.clone(),
            stillbirths: Arc::default(),
        }
    }

    pub(super) fn child(&self, slot: &Slot<Ask>) -> Child {
        let life = self.clone();
        Child::in_slot(slot, move || (Worker, life.clone()))
    }
}

pub(super) struct Worker;

impl Actor for Worker {
    type Msg = Envelope<Ask>;
    type State = Life;
    type Arguments = Life;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        life: Life,
    ) -> Result<Life, ActorProcessingErr> {
        let left = life.stillbirths.load(Ordering::SeqCst);
        if left > 0 {
            life.stillbirths.store(left - 1, Ordering::SeqCst);
            return Err("stillborn".into());
        }
        life.diary.write(format!("{} starts", life.name));
        Ok(life)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        envelope: Envelope<Ask>,
        _life: &mut Life,
    ) -> Result<(), ActorProcessingErr> {
        match envelope.message {
            Ask::Echo(number, reply) => reply.send(Ok(number)).unwrap(),
            Ask::Panic(_reply) => panic!("as the test asked"),
            Ask::Fail(_reply) => return Err("as the test asked".into()),
            Ask::Hold {
                entered,
                until,
                reply,
            } => {
                entered.send(()).unwrap();
                until.await.unwrap();
                // The caller may have given up; that is one of the things tested.
                drop(reply.send(Ok(0)));
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<Self::Msg>,
        life: &mut Life,
    ) -> Result<(), ActorProcessingErr> {
        life.diary.write(format!("{} stops", life.name));
        Ok(())
    }
}

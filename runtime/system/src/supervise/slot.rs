//! A slot: the stable place of an actor. Callers hold the slot; the actor behind it may be another
//! one after a restart.
//!
//! It bounds the mailbox by credit: a message holds its permit until its handler has ended. It
//! refuses to expose the actor's life: nobody stops an actor through its slot but its supervisor
//! and the tests.

use arc_swap::ArcSwapOption;
use deriva_messages::{Fault, Reply};
use ractor::{ActorCell, ActorRef, Message, RpcReplyPort};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// What a caller is told to wait when a slot is over its credit.
const RETRY_AFTER_MS: u64 = 50;

/// Bounds of one slot.
#[derive(Clone, Copy, Debug)]
pub struct SlotLimits {
    /// Messages in the mailbox or being handled.
    pub credit: usize,
    /// How long a caller waits for credit, and for an actor that is being restarted.
    pub patience: Duration,
}

impl Default for SlotLimits {
    fn default() -> Self {
        Self {
            credit: 1024,
            patience: Duration::from_secs(5),
        }
    }
}

/// A message with the credit that it holds.
pub struct Envelope<M> {
    pub message: M,
    /// Returned when the handler drops it.
    pub credit: Option<OwnedSemaphorePermit>,
}

impl<M: Send + 'static> Message for Envelope<M> {}

impl<M: fmt::Debug> fmt::Debug for Envelope<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

struct Inner<M: Send + 'static> {
    name: String,
    limits: SlotLimits,
    credit: Arc<Semaphore>,
    actor: ArcSwapOption<ActorRef<Envelope<M>>>,
    /// Counts the actors that have stood here.
    seated: watch::Sender<u64>,
}

/// The stable handle of a supervised actor.
pub struct Slot<M: Send + 'static> {
    inner: Arc<Inner<M>>,
}

impl<M: Send + 'static> Clone for Slot<M> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<M: Send + 'static> Slot<M> {
    #[must_use]
    pub fn new(name: impl Into<String>, limits: SlotLimits) -> Self {
        Self {
            inner: Arc::new(Inner {
                name: name.into(),
                credit: Arc::new(Semaphore::new(limits.credit)),
                limits,
                actor: ArcSwapOption::empty(),
                seated: watch::Sender::new(0),
            }),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Messages that hold credit now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.inner.limits.credit - self.inner.credit.available_permits()
    }

    /// How many actors have stood here; 1 after the first start.
    #[must_use]
    pub fn generation(&self) -> u64 {
        *self.inner.seated.borrow()
    }

    /// The supervisor's: a (re)started actor takes its place.
    pub fn seat(&self, actor: ActorRef<Envelope<M>>) {
        self.inner.actor.store(Some(Arc::new(actor)));
        self.inner.seated.send_modify(|count| *count += 1);
    }

    /// The supervisor's and the tests': the actor that stands here now.
    #[must_use]
    pub fn cell(&self) -> Option<ActorCell> {
        let actor = self.inner.actor.load();
        actor.as_ref().map(|actor| actor.get_cell())
    }

    /// Asks and waits for the answer, at most `deadline`.
    ///
    /// # Errors
    /// `Overloaded` without credit, `Unavailable` when the actor is gone or dies on the way,
    /// `DeadlineExceeded`, or what the actor answered.
    pub async fn call<T: Send + 'static>(
        &self,
        deadline: Duration,
        message: impl FnOnce(Reply<T>) -> M,
    ) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        let port: Reply<T> = RpcReplyPort::from((answer, deadline));
        let asked = async {
            self.send(message(port)).await?;
            answered.await.map_err(|_| self.unavailable())?
        };
        tokio::time::timeout(deadline, asked)
            .await
            .map_err(|_| Fault::DeadlineExceeded)?
    }

    /// Tells, waiting for credit.
    ///
    /// # Errors
    /// `Overloaded` or `Unavailable`.
    pub async fn send(&self, message: M) -> Result<(), Fault> {
        let credit = self.credit().await?;
        let actor = self.seated().await?;
        let envelope = Envelope {
            message,
            credit: Some(credit),
        };
        actor.cast(envelope).map_err(|_| self.unavailable())
    }

    /// Tells without credit and without waiting: for the few messages that must not be lost to
    /// load, such as a bell that stands for many values.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn ring(&self, message: M) -> Result<(), Fault> {
        let actor = self.inner.actor.load_full();
        let actor = actor.ok_or_else(|| self.unavailable())?;
        let envelope = Envelope {
            message,
            credit: None,
        };
        actor.cast(envelope).map_err(|_| self.unavailable())
    }

    async fn credit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let waiting = self.inner.credit.clone().acquire_owned();
        match tokio::time::timeout(self.inner.limits.patience, waiting).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(self.unavailable()),
            Err(_) => {
                metrics::counter!("actor_refusals_total", "actor" => self.inner.name.clone())
                    .increment(1);
                Err(Fault::Overloaded {
                    what: self.inner.name.clone(),
                    retry_after_ms: RETRY_AFTER_MS,
                })
            }
        }
    }

    /// The living actor; waits for a restart that is under way.
    async fn seated(&self) -> Result<Arc<ActorRef<Envelope<M>>>, Fault> {
        let mut changes = self.inner.seated.subscribe();
        let living = async {
            loop {
                changes.mark_unchanged();
                let actor = self.inner.actor.load_full();
                if let Some(actor) = actor.filter(|actor| is_alive(actor)) {
                    return Some(actor);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(self.inner.limits.patience, living)
            .await
            .ok()
            .flatten()
            .ok_or_else(|| self.unavailable())
    }

    fn unavailable(&self) -> Fault {
        Fault::Unavailable {
            what: self.inner.name.clone(),
        }
    }
}

fn is_alive<M: Send + 'static>(actor: &ActorRef<Envelope<M>>) -> bool {
    actor.get_status() <= ractor::ActorStatus::Running
}

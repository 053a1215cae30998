//! A queue under test, and what a case does with it.

mod draining;
mod looking;
mod receiving;
mod sending;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;

pub(super) use sending::join;

use super::{
    case::{Case, CaseResult},
    fixture::Made,
    pace::PATIENCE,
};
use crate::{IMessageQueue, IMessageReceiver, MessageEnvelope, MessagingCapabilities};

/// A queue under test, which enters what it sends and receives in the ledger.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) queue: Arc<dyn IMessageQueue>,
    made: Made,
    destination: String,
    case: Arc<Case>,
}

/// A message as it was given to `send`.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) envelope: MessageEnvelope,
    pub(super) entry: usize,
    label: String,
}

/// A message of this run as it arrived.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) envelope: MessageEnvelope,
    pub(super) entry: usize,
}

/// Where messages of a queue arrive: the queue itself, or its listener.
#[async_trait]
pub(super) trait Arrivals: Send {
    /// The next message of this run, settled, or `None` after `wait`.
    async fn next(&mut self, wait: Duration) -> CaseResult<Option<Received>>;
}

impl Subject {
    pub(super) fn new(made: Made, destination: String, case: Arc<Case>) -> Self {
        Self { queue: made.queue.clone(), made, destination, case }
    }

    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    pub(super) fn capabilities(&self) -> MessagingCapabilities {
        self.queue.get_capabilities()
    }

    pub(super) async fn open(&self) -> CaseResult {
        self.case.ok("open", self.queue.open(None)).await
    }

    pub(super) async fn close(&self) -> CaseResult {
        self.case.ok("close", self.queue.close(None)).await
    }

    /// Removes all messages. `entries` are those that must not arrive any more.
    pub(super) async fn clear(&self, entries: &[usize]) -> CaseResult {
        let clear = self.case.fixture().clear().ok_or(
            "can_clear is true, but the suite cannot clear the queue: it has to be an `ICleanable`, and the fixture \
             to say so by `.cleanable::<YourQueue>()`",
        )?;
        entries.iter().for_each(|entry| self.case.ledger().take_away(*entry, "a clear"));
        self.case.ok("clear", clear(&self.made)).await
    }

    /// How a queue clears, in a fixture that tells.
    pub(super) fn clearing(&self) -> Option<impl Future<Output = Result<(), ApplicationError>>> {
        self.case.fixture().clear().map(|clear| clear(&self.made))
    }

    /// The dead letters.
    pub(super) async fn dead_letters(&self) -> CaseResult<Vec<MessageEnvelope>> {
        let read = self.case.fixture().reads_dead_letters().ok_or(
            "can_dead_letter is true, but the suite cannot see the dead letters: the fixture has to read them by \
             `.dead_letters(|queue: Arc<YourQueue>| async move { .. })`",
        )?;
        self.case.ok("the hook dead_letters", read(&self.made)).await
    }

    /// Starts to listen.
    pub(super) async fn begin_listen(&self, receiver: Arc<dyn IMessageReceiver>) -> CaseResult {
        self.case.ok("begin_listen", async { self.queue.clone().begin_listen(None, receiver) }).await
    }

    /// Ends the listening.
    pub(super) async fn end_listen(&self) -> CaseResult {
        self.case.within(PATIENCE, "end_listen", self.queue.end_listen(None)).await
    }
}

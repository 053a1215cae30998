use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    Delivery,
    case::{Case, CaseResult, ensure},
    ledger::shortened,
    pace::{LEAD, PATIENCE, POLL, QUIET},
};
use crate::{IMessageQueue, MessageEnvelope, MessagingCapabilities};

/// How often a queue that may repeat messages can try to show that it does not always.
const ROUNDS: usize = 3;

/// A queue under test, which enters what it sends and receives in the ledger.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) queue: Arc<dyn IMessageQueue>,
    destination: String,
    case: Arc<Case>,
}

type Receive = Result<Option<MessageEnvelope>, ApplicationError>;

/// A message as it was given to `send`.
pub(super) struct Sent {
    pub(super) envelope: MessageEnvelope,
    pub(super) entry: usize,
    label: String,
}

/// A message of this run as it arrived.
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
    pub(super) fn new(queue: Arc<dyn IMessageQueue>, destination: String, case: Arc<Case>) -> Self {
        Self { queue, destination, case }
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

    /// Sends a new message.
    pub(super) async fn send(&self, label: &str) -> CaseResult<Sent> {
        self.send_envelope(label, self.case.envelope(label)).await
    }

    /// Sends the given message.
    pub(super) async fn send_envelope(&self, label: &str, envelope: MessageEnvelope) -> CaseResult<Sent> {
        let entry = self.case.ledger().attempt(&self.destination, label, &envelope);
        let what = format!("send of '{label}'");
        self.case.ok(&what, self.queue.send(None, envelope.clone())).await?;
        self.case.ledger().acknowledge(entry);
        Ok(Sent { envelope, entry, label: label.to_owned() })
    }

    /// Receives the next message of this run, or `None` after `wait`.
    pub(super) async fn next(&self, wait: Duration) -> CaseResult<Option<Received>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let receiving =
                self.case.within(left + PATIENCE, "receive", self.queue.receive(None, left)).await?;
            let envelope = receiving.map_err(|error| format!("receive failed: {error:#}"))?;
            if let Some(envelope) = envelope {
                if let Some(entry) = self.case.ledger().arrive(&self.destination, &envelope)? {
                    return Ok(Some(Received { envelope, entry }));
                }
            } else if deadline <= Instant::now() {
                return Ok(None);
            }
            // It ended early, or gave the message of somebody else.
            sleep(POLL).await;
        }
    }

    /// Starts a receive on a task of its own, and makes sure that it waits.
    pub(super) async fn begin_receive(&self, wait: Duration) -> CaseResult<JoinHandle<Receive>> {
        let subject = self.clone();
        let receiving = tokio::spawn(async move {
            loop {
                let received = subject.queue.receive(None, wait).await?;
                if received.as_ref().is_none_or(|envelope| subject.case.ledger().is_of_this_run(envelope)) {
                    return Ok(received);
                }
            }
        });
        sleep(LEAD).await;
        match receiving.is_finished() {
            false => Ok(receiving),
            true => Err(format!("receive did not wait for a message: {:?}", receiving.await)),
        }
    }

    /// Receives that message, and completes any that comes before it.
    pub(super) async fn receive(&self, sent: &Sent) -> CaseResult<MessageEnvelope> {
        let patience = self.case.pace().limit(PATIENCE);
        let deadline = Instant::now() + patience;
        while let Some(received) = self.next(deadline.saturating_duration_since(Instant::now())).await? {
            if received.entry == sent.entry {
                return Ok(received.envelope);
            }
            self.complete(received.envelope).await?;
        }
        Err(format!("'{}' did not arrive within {patience:?}", sent.label))
    }

    /// Receives that message and completes it.
    pub(super) async fn take(&self, sent: &Sent) -> CaseResult<MessageEnvelope> {
        let envelope = self.receive(sent).await?;
        self.complete(envelope.clone()).await?;
        Ok(envelope)
    }

    pub(super) async fn complete(&self, mut envelope: MessageEnvelope) -> CaseResult {
        self.case.ok("complete", self.queue.complete(&mut envelope)).await
    }

    /// Puts a received message back.
    pub(super) async fn abandon(&self, sent: &Sent, mut envelope: MessageEnvelope) -> CaseResult {
        self.case.ledger().put_back(sent.entry);
        self.case.ok("abandon", self.queue.abandon(&mut envelope)).await
    }

    /// The message at the head, if it is of this run.
    pub(super) async fn peek(&self) -> CaseResult<Option<MessageEnvelope>> {
        let peeked = self.case.ok("peek", self.queue.peek(None)).await?;
        Ok(peeked.filter(|envelope| self.case.ledger().is_of_this_run(envelope)))
    }

    /// The message at the head, once there is one.
    pub(super) async fn peek_waiting(&self) -> CaseResult<MessageEnvelope> {
        let patience = self.case.pace().limit(PATIENCE);
        let deadline = Instant::now() + patience;
        loop {
            if let Some(envelope) = self.peek().await? {
                return Ok(envelope);
            }
            ensure!(Instant::now() < deadline, "peek found no message within {patience:?}");
            sleep(POLL).await;
        }
    }

    /// Takes all messages that are still to come.
    pub(super) async fn drain(&self) -> CaseResult {
        self.drain_from(&mut &*self).await
    }

    /// Takes all messages that are still to come from there: each that was acknowledged, one more that is sent
    /// now, and what comes shortly after.
    pub(super) async fn drain_from(&self, arrivals: &mut impl Arrivals) -> CaseResult {
        self.send("last").await?;
        let patience = self.case.pace().limit(PATIENCE);
        let deadline = Instant::now() + patience;
        loop {
            let missing = self.case.ledger().missing(&self.destination);
            if missing.is_empty() {
                break;
            }
            let next = arrivals.next(deadline.saturating_duration_since(Instant::now())).await?;
            ensure!(next.is_some(), "{} did not arrive within {patience:?}", shortened(&missing));
        }
        let quiet = Instant::now() + QUIET;
        while arrivals.next(quiet.saturating_duration_since(Instant::now())).await?.is_some() {
            // Something that comes again and again comes for ever.
            if quiet <= Instant::now() {
                break;
            }
        }
        Ok(())
    }

    /// Makes sure that a message sent now arrives in one copy.
    ///
    /// A queue that delivers at least once may repeat a message, but not each.
    pub(super) async fn delivers_once(&self) -> CaseResult {
        let rounds = if self.case.profile().delivery == Delivery::AtLeastOnce { ROUNDS } else { 1 };
        let mut copies = 0;
        for round in 1..=rounds {
            let sent = self.send(&format!("once {round}")).await?;
            self.drain().await?;
            self.case.check()?;
            copies = self.case.ledger().received(sent.entry);
            if copies == 1 {
                return Ok(());
            }
        }
        Err(format!("each of {rounds} messages arrived several times, the last one {copies} times"))
    }
}

#[async_trait]
impl Arrivals for &Subject {
    async fn next(&mut self, wait: Duration) -> CaseResult<Option<Received>> {
        let received = Subject::next(self, wait).await?;
        if let Some(received) = &received {
            self.complete(received.envelope.clone()).await?;
        }
        Ok(received)
    }
}

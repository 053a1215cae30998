use std::time::Duration;

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{Arrivals, Received, Sent, Subject};
use crate::{
    MessageEnvelope,
    conformance::{
        case::CaseResult,
        pace::{LEAD, POLL},
    },
};

type Receive = Result<Option<MessageEnvelope>, ApplicationError>;

impl Subject {
    /// Receives the next message of this run, or `None` after `wait`.
    pub(in crate::conformance) async fn next(&self, wait: Duration) -> CaseResult<Option<Received>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let receiving = self.queue.receive(None, left);
            let receiving = timeout(left + self.case.patience(), receiving).await;
            let receiving = receiving.map_err(|_| format!("a receive of {left:?} did not end in time"))?;
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

    /// Takes messages until something is done.
    pub(in crate::conformance) async fn receive_until(&self, done: impl Fn() -> bool) -> CaseResult {
        while !done() {
            if let Some(received) = self.next(LEAD).await? {
                self.complete(received.envelope).await?;
            }
        }
        Ok(())
    }

    /// Starts a receive on a task of its own, and makes sure that it waits.
    pub(in crate::conformance) async fn begin_receive(
        &self,
        wait: Duration,
    ) -> CaseResult<JoinHandle<Receive>> {
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

    /// Receives the next message of this run, which must come.
    pub(in crate::conformance) async fn receive_next(&self) -> CaseResult<Received> {
        let patience = self.case.patience();
        let received = self.next(patience).await?;
        received.ok_or_else(|| format!("no message came within {patience:?}"))
    }

    /// Receives that message, and completes any that comes before it.
    pub(in crate::conformance) async fn receive(&self, sent: &Sent) -> CaseResult<MessageEnvelope> {
        let patience = self.case.patience();
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
    pub(in crate::conformance) async fn take(&self, sent: &Sent) -> CaseResult<MessageEnvelope> {
        let envelope = self.receive(sent).await?;
        self.complete(envelope.clone()).await?;
        Ok(envelope)
    }

    pub(in crate::conformance) async fn complete(&self, mut envelope: MessageEnvelope) -> CaseResult {
        self.case.ok("complete", self.queue.complete(&mut envelope)).await
    }

    /// Puts a received message back.
    pub(in crate::conformance) async fn abandon(
        &self,
        entry: usize,
        mut envelope: MessageEnvelope,
    ) -> CaseResult {
        self.case.ledger().put_back(entry);
        self.case.ok("abandon", self.queue.abandon(&mut envelope)).await
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

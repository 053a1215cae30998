use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use pip_services_commons::errors::ApplicationError;
use tokio::sync::mpsc;

use super::{
    case::{Case, CaseResult},
    ledger::Ledger,
    pace::{PATIENCE, QUIET},
    subject::{Arrivals, Received, Subject},
};
use crate::{IMessageQueue, IMessageReceiver, MessageEnvelope};

/// How a handling ends.
type Handled = Result<(), ApplicationError>;

/// A receiver that enters what it gets in the ledger and passes it on to [`Collected`].
struct Collector<Handle> {
    ledger: Arc<Ledger>,
    destination: String,
    collected: mpsc::UnboundedSender<CaseResult<Received>>,
    handle: Handle,
}

/// What the receiver of a listener got.
pub(super) struct Collected(mpsc::UnboundedReceiver<CaseResult<Received>>);

/// A receiver that handles each message by `handle`, and what it got.
pub(super) fn collector(
    case: &Case,
    subject: &Subject,
    handle: impl Fn(&Received) -> Handled + Send + Sync + 'static,
) -> (Arc<dyn IMessageReceiver>, Collected) {
    handler(case, subject, move |received, _| {
        let handled = handle(&received);
        Box::pin(async move { handled })
    })
}

/// A receiver that handles each message by `handle`, with its queue, and what it got.
pub(super) fn handler<Handle>(
    case: &Case,
    subject: &Subject,
    handle: Handle,
) -> (Arc<dyn IMessageReceiver>, Collected)
where
    Handle: for<'a> Fn(Received, &'a dyn IMessageQueue) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
{
    let (collected, receiver) = mpsc::unbounded_channel();
    let destination = subject.destination().to_owned();
    (
        Arc::new(Collector { ledger: case.ledger().clone(), destination, collected, handle }),
        Collected(receiver),
    )
}

/// What a task gets that always has a receive waiting.
pub(super) fn keep_receiving(subject: &Subject) -> Collected {
    let (collected, receiver) = mpsc::unbounded_channel();
    let subject = subject.clone();
    tokio::spawn(async move {
        loop {
            let received = match subject.next(PATIENCE).await {
                Ok(None) => continue,
                Ok(Some(received)) => subject.complete(received.envelope.clone()).await.map(|()| received),
                Err(problem) => Err(problem),
            };
            let failed = received.is_err();
            // Nobody looks any more once the case has ended, which closes the queue as well.
            if collected.send(received).is_err() || failed {
                return;
            }
        }
    });
    Collected(receiver)
}

#[async_trait]
impl<Handle> IMessageReceiver for Collector<Handle>
where
    Handle: for<'a> Fn(Received, &'a dyn IMessageQueue) -> BoxFuture<'a, Handled> + Send + Sync,
{
    async fn receive_message(&self, envelope: MessageEnvelope, queue: &dyn IMessageQueue) -> Handled {
        let received = match self.ledger.arrive(&self.destination, &envelope) {
            Ok(None) => return Ok(()),
            Ok(Some(entry)) => Ok(Received { envelope, entry }),
            Err(problem) => Err(problem),
        };
        // Nobody looks any more once the case has ended.
        let _ = self.collected.send(received.clone());
        match received {
            Ok(received) => (self.handle)(received, queue).await,
            Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl Arrivals for Collected {
    async fn next(&mut self, wait: Duration) -> CaseResult<Option<Received>> {
        match tokio::time::timeout(wait, self.0.recv()).await {
            Ok(Some(received)) => received.map(Some),
            Ok(None) => Err("the queue dropped the receiver of its listener, or a receive failed".into()),
            Err(_) => Ok(None),
        }
    }
}

impl Collected {
    /// Makes sure that the receiver gets nothing for a while.
    pub(super) async fn gets_nothing(&mut self) -> CaseResult {
        match tokio::time::timeout(QUIET, self.0.recv()).await {
            Ok(Some(received)) => {
                let envelope = received?.envelope;
                Err(format!("the receiver got {envelope}"))
            }
            // The queue has dropped the receiver: it cannot be called any more.
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// Makes sure that the queue drops the receiver in time, and so cannot call it any more.
    pub(super) async fn is_dropped(&mut self, wait: Duration) -> CaseResult {
        match tokio::time::timeout(wait, self.0.recv()).await {
            Ok(None) => Ok(()),
            Ok(Some(received)) => {
                let envelope = received?.envelope;
                Err(format!("the receiver got {envelope}"))
            }
            Err(_) => Err(format!("the receiver was not dropped within {wait:?}")),
        }
    }
}

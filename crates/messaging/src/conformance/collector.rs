use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::errors::ApplicationError;
use tokio::sync::mpsc;

use super::{
    case::{Case, CaseResult},
    ledger::Ledger,
    subject::{Arrivals, Received, Subject},
};
use crate::{IMessageQueue, IMessageReceiver, MessageEnvelope};

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
    handle: impl Fn(&Received) -> Result<(), ApplicationError> + Send + Sync + 'static,
) -> (Arc<dyn IMessageReceiver>, Collected) {
    let (collected, receiver) = mpsc::unbounded_channel();
    let destination = subject.destination().to_owned();
    (
        Arc::new(Collector { ledger: case.ledger().clone(), destination, collected, handle }),
        Collected(receiver),
    )
}

#[async_trait]
impl<Handle> IMessageReceiver for Collector<Handle>
where
    Handle: Fn(&Received) -> Result<(), ApplicationError> + Send + Sync,
{
    async fn receive_message(
        &self,
        envelope: MessageEnvelope,
        _: &dyn IMessageQueue,
    ) -> Result<(), ApplicationError> {
        let (received, handled) = match self.ledger.arrive(&self.destination, &envelope) {
            Ok(None) => return Ok(()),
            Ok(Some(entry)) => {
                let received = Received { envelope, entry };
                let handled = (self.handle)(&received);
                (Ok(received), handled)
            }
            Err(problem) => (Err(problem), Ok(())),
        };
        // Nobody looks any more once the case has ended.
        let _ = self.collected.send(received);
        handled
    }
}

#[async_trait]
impl Arrivals for Collected {
    async fn next(&mut self, wait: Duration) -> CaseResult<Option<Received>> {
        match tokio::time::timeout(wait, self.0.recv()).await {
            Ok(Some(received)) => received.map(Some),
            Ok(None) => Err("the queue dropped the receiver of its listener".into()),
            Err(_) => Ok(None),
        }
    }
}

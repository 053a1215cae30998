use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::{errors::ApplicationError, run::ICleanable};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::IMessageReceiver;
use crate::{IMessageQueue, MessageEnvelope, wait::wait_for};

/// A receiver that collects what it gets, for tests; ports `TestMessageReceiver`.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use pip_services_commons::run::IOpenable;
/// use pip_services_messaging::{IMessageQueue, IMessageQueueExt, MemoryMessageQueue, TestMessageReceiver};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let (queue, receiver) = (Arc::new(MemoryMessageQueue::new("orders")), Arc::new(TestMessageReceiver::new()));
/// queue.open(None).await?;
/// queue.clone().begin_listen(None, receiver.clone())?;
/// queue.send_text(None, "order", "one pizza").await?;
///
/// let messages = receiver.wait_for_messages(1, Duration::from_secs(5)).await;
/// assert_eq!(messages[0].get_message_as_string().as_deref(), Some("one pizza"));
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct TestMessageReceiver {
    messages: Mutex<Vec<MessageEnvelope>>,
    changed: Notify,
}

impl TestMessageReceiver {
    /// A receiver that has got nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<MessageEnvelope>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it got, in order.
    pub fn messages(&self) -> Vec<MessageEnvelope> {
        self.lock().clone()
    }

    /// How many messages it got.
    pub fn message_count(&self) -> usize {
        self.lock().len()
    }

    /// What it got once there are `count` messages, or when `timeout` has passed.
    pub async fn wait_for_messages(&self, count: usize, timeout: Duration) -> Vec<MessageEnvelope> {
        let enough = || (self.message_count() >= count).then_some(());
        wait_for(&self.changed, &CancellationToken::new(), timeout, enough).await;
        self.messages()
    }
}

#[async_trait]
impl IMessageReceiver for TestMessageReceiver {
    async fn receive_message(
        &self,
        envelope: MessageEnvelope,
        _: &dyn IMessageQueue,
    ) -> Result<(), ApplicationError> {
        self.lock().push(envelope);
        self.changed.notify_waiters();
        Ok(())
    }
}

#[async_trait]
impl ICleanable for TestMessageReceiver {
    /// Forgets what it got.
    async fn clear(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.lock().clear();
        Ok(())
    }
}

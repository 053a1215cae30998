use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::{
    errors::ApplicationError,
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope, MessagingCapabilities, SendError,
};

type Result<T, E = ApplicationError> = std::result::Result<T, E>;

/// What a broken queue does in another way than the memory queue it wraps.
#[async_trait]
pub(crate) trait Fault: Send + Sync + 'static {
    fn get_capabilities(&self, queue: &Arc<MemoryMessageQueue>) -> MessagingCapabilities {
        queue.get_capabilities()
    }

    async fn open(&self, queue: &Arc<MemoryMessageQueue>) -> Result<()> {
        queue.open(None).await
    }

    async fn close(&self, queue: &Arc<MemoryMessageQueue>) -> Result<()> {
        queue.close(None).await
    }

    async fn read_message_count(&self, queue: &Arc<MemoryMessageQueue>) -> Result<u64> {
        queue.read_message_count().await
    }

    async fn send(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: MessageEnvelope,
    ) -> Result<(), SendError> {
        queue.send(None, envelope).await
    }

    async fn peek(&self, queue: &Arc<MemoryMessageQueue>) -> Result<Option<MessageEnvelope>> {
        queue.peek(None).await
    }

    async fn peek_batch(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        count: usize,
    ) -> Result<Vec<MessageEnvelope>> {
        queue.peek_batch(None, count).await
    }

    async fn receive(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        wait: Duration,
    ) -> Result<Option<MessageEnvelope>> {
        queue.receive(None, wait).await
    }

    async fn renew_lock(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: &MessageEnvelope,
        wait: Duration,
    ) -> Result<()> {
        queue.renew_lock(envelope, wait).await
    }

    async fn abandon(&self, queue: &Arc<MemoryMessageQueue>, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.abandon(envelope).await
    }

    async fn move_to_dead_letter(
        &self,
        queue: &Arc<MemoryMessageQueue>,
        envelope: &mut MessageEnvelope,
    ) -> Result<()> {
        queue.move_to_dead_letter(envelope).await
    }

    /// The receiver that the wrapped queue gets for the caller's.
    fn receiver(
        &self,
        _queue: &Arc<MemoryMessageQueue>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<Arc<dyn IMessageReceiver>> {
        Ok(receiver)
    }
}

/// No fault.
#[derive(Default)]
pub(crate) struct Nothing;

impl Fault for Nothing {}

/// A memory queue with a fault.
pub(crate) struct Broken<F> {
    queue: Arc<MemoryMessageQueue>,
    fault: F,
}

impl<F: Fault> Broken<F> {
    pub(crate) fn new(name: &str) -> Self
    where
        F: Default,
    {
        Self::over(Arc::new(MemoryMessageQueue::new(name)), F::default())
    }

    /// A fault over a queue that others can have as well.
    pub(crate) fn over(queue: Arc<MemoryMessageQueue>, fault: F) -> Self {
        Self { queue, fault }
    }
}

#[async_trait]
impl<F: Fault> IOpenable for Broken<F> {
    fn is_open(&self) -> bool {
        self.queue.is_open()
    }

    async fn open(&self, _: Option<&str>) -> Result<()> {
        self.fault.open(&self.queue).await
    }
}

#[async_trait]
impl<F: Fault> IClosable for Broken<F> {
    async fn close(&self, _: Option<&str>) -> Result<()> {
        self.fault.close(&self.queue).await
    }
}

#[async_trait]
impl<F: Fault> IMessageQueue for Broken<F> {
    fn get_name(&self) -> String {
        self.queue.get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.fault.get_capabilities(&self.queue)
    }

    async fn read_message_count(&self) -> Result<u64> {
        self.fault.read_message_count(&self.queue).await
    }

    async fn send(&self, _: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
        self.fault.send(&self.queue, envelope).await
    }

    async fn peek(&self, _: Option<&str>) -> Result<Option<MessageEnvelope>> {
        self.fault.peek(&self.queue).await
    }

    async fn peek_batch(&self, _: Option<&str>, message_count: usize) -> Result<Vec<MessageEnvelope>> {
        self.fault.peek_batch(&self.queue, message_count).await
    }

    async fn receive(&self, _: Option<&str>, wait_timeout: Duration) -> Result<Option<MessageEnvelope>> {
        self.fault.receive(&self.queue, wait_timeout).await
    }

    async fn renew_lock(&self, envelope: &MessageEnvelope, lock_timeout: Duration) -> Result<()> {
        self.fault.renew_lock(&self.queue, envelope, lock_timeout).await
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.queue.complete(envelope).await
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.fault.abandon(&self.queue, envelope).await
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.fault.move_to_dead_letter(&self.queue, envelope).await
    }

    async fn listen(&self, correlation_id: Option<&str>, receiver: Arc<dyn IMessageReceiver>) -> Result<()> {
        self.queue.listen(correlation_id, self.fault.receiver(&self.queue, receiver)?).await
    }

    fn begin_listen(
        self: Arc<Self>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<()> {
        self.queue.clone().begin_listen(correlation_id, self.fault.receiver(&self.queue, receiver)?)
    }

    async fn end_listen(&self, correlation_id: Option<&str>) {
        self.queue.end_listen(correlation_id).await;
    }
}

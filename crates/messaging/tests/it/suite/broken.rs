use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pip_services_commons::{
    config::IConfigurable,
    errors::ApplicationError,
    refer::IReferenceable,
    run::{ICleanable, IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, MemoryMessageQueue, MessageEnvelope, MessagingCapabilities, SendError,
    conformance::{Fixture, QueueContext},
};

pub(crate) type Result<T, E = ApplicationError> = std::result::Result<T, E>;
pub(crate) type Sending = Result<(), SendError>;
pub(crate) type Received = Result<Option<MessageEnvelope>>;
pub(crate) type Receiver = Arc<dyn IMessageReceiver>;
/// The queue that a fault is over.
pub(crate) type Inner = Arc<MemoryMessageQueue>;

/// What a broken queue does in another way than the memory queue it wraps.
#[async_trait]
pub(crate) trait Fault: Send + Sync + 'static {
    fn get_capabilities(&self, queue: &Inner) -> MessagingCapabilities {
        queue.get_capabilities()
    }

    fn is_open(&self, queue: &Inner) -> bool {
        queue.is_open()
    }

    async fn open(&self, queue: &Inner) -> Result<()> {
        queue.open(None).await
    }

    async fn close(&self, queue: &Inner) -> Result<()> {
        queue.close(None).await
    }

    async fn read_message_count(&self, queue: &Inner) -> Result<u64> {
        queue.read_message_count().await
    }

    async fn send(&self, queue: &Inner, envelope: MessageEnvelope) -> Sending {
        queue.send(None, envelope).await
    }

    async fn peek(&self, queue: &Inner) -> Received {
        queue.peek(None).await
    }

    async fn peek_batch(&self, queue: &Inner, count: usize) -> Result<Vec<MessageEnvelope>> {
        queue.peek_batch(None, count).await
    }

    async fn receive(&self, queue: &Inner, wait: Duration) -> Received {
        queue.receive(None, wait).await
    }

    async fn renew_lock(&self, queue: &Inner, envelope: &MessageEnvelope, wait: Duration) -> Result<()> {
        queue.renew_lock(envelope, wait).await
    }

    async fn complete(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.complete(envelope).await
    }

    async fn abandon(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.abandon(envelope).await
    }

    async fn move_to_dead_letter(&self, queue: &Inner, envelope: &mut MessageEnvelope) -> Result<()> {
        queue.move_to_dead_letter(envelope).await
    }

    fn dead_letters(&self, queue: &Inner) -> Result<Vec<MessageEnvelope>> {
        Ok(queue.dead_letters())
    }

    async fn clear(&self, queue: &Inner) -> Result<()> {
        queue.clear(None).await
    }

    /// The receiver that the wrapped queue gets for the caller's.
    fn receiver(&self, _queue: &Inner, receiver: Receiver) -> Result<Receiver> {
        Ok(receiver)
    }

    fn begin_listen(&self, queue: &Inner, receiver: Receiver) -> Result<()> {
        queue.clone().begin_listen(None, receiver)
    }

    async fn end_listen(&self, queue: &Inner) {
        queue.end_listen(None).await;
    }
}

/// No fault.
#[derive(Default)]
pub(crate) struct Nothing;

impl Fault for Nothing {}

/// A memory queue with a fault.
pub(crate) struct Broken<F> {
    pub(crate) queue: Arc<MemoryMessageQueue>,
    fault: F,
}

impl<F: Fault> Broken<F> {
    /// A fault over a queue that others can have as well.
    pub(crate) fn over(queue: Arc<MemoryMessageQueue>, fault: F) -> Self {
        Self { queue, fault }
    }

    /// A fixture of queues with the faults that are made for them.
    pub(crate) fn fixture(fault: impl Fn() -> F + Send + Sync + 'static) -> Fixture {
        Fixture::new(move |cx| {
            let made = memory_queue(&cx).map(|queue| Self::over(queue, fault()));
            async { made }
        })
        .cleanable::<Self>()
        .dead_letters(|queue: Arc<Self>| async move { queue.fault.dead_letters(&queue.queue) })
        .rehearsal()
    }
}

/// A fixture of queues with that fault.
pub(crate) fn fixture<F: Fault + Default>() -> Fixture {
    Broken::fixture(F::default)
}

/// The queue that the case asks for.
pub(crate) fn memory_queue(cx: &QueueContext) -> Result<Arc<MemoryMessageQueue>> {
    let queue = MemoryMessageQueue::new(cx.queue_name());
    queue.configure(cx.parameters())?;
    queue.set_references(&cx.references())?;
    Ok(Arc::new(queue))
}

#[async_trait]
impl<F: Fault> IOpenable for Broken<F> {
    fn is_open(&self) -> bool {
        self.fault.is_open(&self.queue)
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

    async fn send(&self, _: Option<&str>, envelope: MessageEnvelope) -> Sending {
        self.fault.send(&self.queue, envelope).await
    }

    async fn peek(&self, _: Option<&str>) -> Received {
        self.fault.peek(&self.queue).await
    }

    async fn peek_batch(&self, _: Option<&str>, message_count: usize) -> Result<Vec<MessageEnvelope>> {
        self.fault.peek_batch(&self.queue, message_count).await
    }

    async fn receive(&self, _: Option<&str>, wait_timeout: Duration) -> Received {
        self.fault.receive(&self.queue, wait_timeout).await
    }

    async fn renew_lock(&self, envelope: &MessageEnvelope, lock_timeout: Duration) -> Result<()> {
        self.fault.renew_lock(&self.queue, envelope, lock_timeout).await
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.fault.complete(&self.queue, envelope).await
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.fault.abandon(&self.queue, envelope).await
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<()> {
        self.fault.move_to_dead_letter(&self.queue, envelope).await
    }

    async fn listen(&self, correlation_id: Option<&str>, receiver: Receiver) -> Result<()> {
        self.queue.listen(correlation_id, self.fault.receiver(&self.queue, receiver)?).await
    }

    fn begin_listen(self: Arc<Self>, _: Option<&str>, receiver: Receiver) -> Result<()> {
        self.fault.begin_listen(&self.queue, self.fault.receiver(&self.queue, receiver)?)
    }

    async fn end_listen(&self, _: Option<&str>) {
        self.fault.end_listen(&self.queue).await;
    }
}

#[async_trait]
impl<F: Fault> ICleanable for Broken<F> {
    async fn clear(&self, _: Option<&str>) -> Result<()> {
        self.fault.clear(&self.queue).await
    }
}

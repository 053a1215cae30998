use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use chrono::Utc;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
    run::{IClosable, IOpenable},
};
use pip_services_messaging::{
    IMessageQueue, IMessageReceiver, ListenedQueue, MessageEnvelope, MessageQueue, MessagingCapabilities,
    Readiness, SendError,
};
use tokio_util::sync::CancellationToken;

use crate::channel::Channel;

const CAPABILITIES: MessagingCapabilities = MessagingCapabilities {
    can_message_count: true,
    can_send: true,
    can_receive: true,
    can_peek: false,
    can_peek_batch: false,
    can_renew_lock: false,
    can_abandon: false,
    can_dead_letter: false,
    can_clear: false,
};

/// A queue within the process, over a channel of tokio.
///
/// A received message is gone: a channel has no locks, so that `complete` does nothing. A full queue refuses a
/// message with `QUEUE_FULL`. Messages stay while the queue is closed.
///
/// Configuration: `queue`, `name`, `id` or `descriptor`, as any queue. References, all optional: loggers and counters.
pub struct ChannelMessageQueue {
    base: MessageQueue,
    channel: Arc<Channel>,
    /// There while the queue is open, and cancelled by the close.
    session: ArcSwapOption<CancellationToken>,
}

// The container finds it by these.
component!(
    ChannelMessageQueue: dyn IMessageQueue, dyn IOpenable, dyn IClosable, dyn IConfigurable,
    dyn IReferenceable, dyn IUnreferenceable
);

impl ChannelMessageQueue {
    /// A queue of that name for so many messages.
    pub fn new(name: &str, capacity: usize) -> Self {
        Self {
            base: MessageQueue::new(name, CAPABILITIES),
            channel: Arc::new(Channel::new(capacity.max(1))),
            session: ArcSwapOption::empty(),
        }
    }

    fn session(&self, correlation_id: Option<&str>) -> Result<Arc<CancellationToken>, ApplicationError> {
        self.session.load_full().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    /// The error of what a channel has not.
    fn refuse<T>(&self, correlation_id: Option<&str>, operation: &str) -> Result<T, ApplicationError> {
        self.session(correlation_id)?;
        Err(self.base.not_supported(correlation_id, operation))
    }

    fn end_session(&self) {
        if let Some(session) = self.session.swap(None) {
            session.cancel();
        }
    }
}

impl IConfigurable for ChannelMessageQueue {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        self.base.configure(config)
    }
}

impl IReferenceable for ChannelMessageQueue {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.base.set_references(references)
    }
}

impl IUnreferenceable for ChannelMessageQueue {
    fn unset_references(&self) {
        self.base.unset_references();
    }
}

#[async_trait]
impl IOpenable for ChannelMessageQueue {
    fn is_open(&self) -> bool {
        self.session.load().is_some()
    }

    async fn open(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.session.rcu(|session| session.clone().or_else(|| Some(Arc::default())));
        Ok(())
    }
}

#[async_trait]
impl IClosable for ChannelMessageQueue {
    async fn close(&self, _correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.base.end_listen().await;
        self.end_session();
        // One that has begun meanwhile.
        self.base.end_listen().await;
        Ok(())
    }
}

#[async_trait]
impl IMessageQueue for ChannelMessageQueue {
    fn get_name(&self) -> String {
        self.base.get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.base.capabilities()
    }

    async fn read_message_count(&self) -> Result<u64, ApplicationError> {
        self.session(None)?;
        Ok(self.channel.count() as u64)
    }

    async fn send(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
        if let Err(error) = self.session(correlation_id) {
            return Err(SendError::new(error, envelope));
        }
        let mut sent = envelope.clone();
        sent.sent_time = Some(Utc::now());
        sent.set_reference(None);
        if !self.channel.push(sent.clone()) {
            let (name, capacity) = (self.get_name(), self.channel.capacity());
            let message = format!("queue '{name}' holds {capacity} messages, as many as fit");
            let error = ApplicationError::invalid_state(correlation_id, "QUEUE_FULL", message);
            return Err(SendError::new(error, envelope));
        }
        self.base.sent(correlation_id, &sent);
        Ok(())
    }

    async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError> {
        self.refuse(correlation_id, "peek")
    }

    async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        _message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError> {
        self.refuse(correlation_id, "peek_batch")
    }

    async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        let session = self.session(correlation_id)?;
        let received = self.channel.receive(wait_timeout, &session).await;
        if let Some(envelope) = &received {
            self.base.received(correlation_id, envelope);
        }
        Ok(received)
    }

    async fn renew_lock(&self, envelope: &MessageEnvelope, _: Duration) -> Result<(), ApplicationError> {
        self.refuse(envelope.correlation_id.as_deref(), "renew_lock")
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.session(envelope.correlation_id.as_deref()).map(|_| ())
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.refuse(envelope.correlation_id.as_deref(), "abandon")
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.refuse(envelope.correlation_id.as_deref(), "move_to_dead_letter")
    }

    async fn listen(
        &self,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::listen(self, correlation_id, &*receiver).await
    }

    fn begin_listen(
        self: Arc<Self>,
        correlation_id: Option<&str>,
        receiver: Arc<dyn IMessageReceiver>,
    ) -> Result<(), ApplicationError> {
        MessageQueue::begin_listen(&self, correlation_id, receiver)
    }

    async fn end_listen(&self, _correlation_id: Option<&str>) {
        self.base.end_listen().await;
    }
}

impl ListenedQueue for ChannelMessageQueue {
    fn base(&self) -> &MessageQueue {
        &self.base
    }

    fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError> {
        let closed = self.session(correlation_id)?;
        Ok(Box::new(ChannelReadiness { channel: self.channel.clone(), closed }))
    }

    fn put_back(&self, envelope: MessageEnvelope) {
        self.channel.put_back(envelope);
    }
}

/// What a listener waits on, which is the channel and not the queue.
struct ChannelReadiness {
    channel: Arc<Channel>,
    closed: Arc<CancellationToken>,
}

#[async_trait]
impl Readiness for ChannelReadiness {
    async fn ready(&mut self) -> Result<(), ApplicationError> {
        self.channel.changed(&self.closed).await;
        Ok(())
    }
}

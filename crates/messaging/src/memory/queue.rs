use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use chrono::Utc;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
    run::{ICleanable, IClosable, IOpenable},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    lock_token::{LockToken, QueueId},
    options::Options,
    storage::Storage,
};
use crate::{
    IMessageQueue, IMessageReceiver, ListenedQueue, MessageEnvelope, MessageQueue, MessagingCapabilities,
    Readiness, SendError,
    wait::{Attempt, after, wait_for},
};

const CAPABILITIES: MessagingCapabilities = MessagingCapabilities {
    can_message_count: true,
    can_send: true,
    can_receive: true,
    can_peek: true,
    can_peek_batch: true,
    can_renew_lock: true,
    can_abandon: true,
    can_dead_letter: false,
    can_clear: true,
};

/// A queue within the process; ports `MemoryMessageQueue`.
///
/// A received message is locked until it is completed or abandoned. When the lock expires, the message goes
/// back to the end of the queue; in other ports it is lost. Closing keeps the messages, and makes locked ones
/// ready again. Nothing is resolved or connected, so connection parameters are ignored.
///
/// | parameter | default | |
/// |---|---|---|
/// | `queue`, `name`, `id`, `descriptor` | the constructor's | the queue's name |
/// | `options.lock_timeout` | 30000 | milliseconds a received message stays hidden |
/// | `options.max_messages` | 0 | how many messages fit, locked ones included; 0 is no limit |
///
/// References, all optional: loggers `*:logger:*:*:*` and counters `*:counters:*:*:*`.
///
/// ```
/// use std::time::Duration;
/// use pip_services_commons::run::IOpenable;
/// use pip_services_messaging::{IMessageQueue, MemoryMessageQueue, MessageEnvelope};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pip_services_commons::errors::ApplicationError> {
/// let queue = MemoryMessageQueue::new("orders");
/// queue.open(None).await?;
/// queue.send(None, MessageEnvelope::new(None, "order", "one pizza")).await?;
/// let mut envelope = queue.receive(None, Duration::ZERO).await?.unwrap();
/// queue.abandon(&mut envelope).await?;
/// assert_eq!(queue.read_message_count().await?, 1);
/// # Ok(()) }
/// ```
pub struct MemoryMessageQueue {
    base: MessageQueue,
    id: QueueId,
    options: Mutex<Options>,
    shared: Arc<Shared>,
    /// There while the queue is open.
    session: ArcSwapOption<Session>,
}

/// What a listener waits on while it does not hold the queue.
#[derive(Default)]
struct Shared {
    storage: Mutex<Storage>,
    /// Notified when a message becomes ready.
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct SharedReadiness {
    shared: Arc<Shared>,
    closed: CancellationToken,
}

#[async_trait]
impl Readiness for SharedReadiness {
    async fn ready(&mut self) -> Result<(), ApplicationError> {
        let changed = self.shared.changed.notified();
        let expiry = self.shared.lock().next_deadline();
        tokio::select! {
            () = changed => {}
            () = self.closed.cancelled() => {}
            () = sleep_until(expiry.unwrap_or_else(|| after(Duration::MAX))) => {}
        }
        Ok(())
    }
}

/// What lasts from an `open` to the next `close`.
struct Session {
    options: Options,
    closed: CancellationToken,
}

component!(
    MemoryMessageQueue: dyn IMessageQueue, dyn IOpenable, dyn IClosable, dyn IConfigurable,
    dyn IReferenceable, dyn IUnreferenceable, dyn ICleanable
);

impl MemoryMessageQueue {
    /// A queue of that name, which configuration can replace.
    pub fn new(name: &str) -> Self {
        Self {
            base: MessageQueue::new(name, CAPABILITIES),
            id: QueueId::next(),
            options: Mutex::default(),
            shared: Arc::default(),
            session: ArcSwapOption::empty(),
        }
    }

    fn session(&self, correlation_id: Option<&str>) -> Result<Arc<Session>, ApplicationError> {
        self.session.load_full().ok_or_else(|| self.base.not_opened(correlation_id))
    }

    /// Works on the storage as of now: with the messages back whose locks have expired.
    fn storage<T>(&self, work: impl FnOnce(&mut Storage) -> T) -> T {
        let (result, expired, sooner) = {
            let mut storage = self.shared.lock();
            let expired = storage.expire(Instant::now());
            let before = storage.next_deadline();
            let result = work(&mut storage);
            let sooner =
                storage.next_deadline().is_some_and(|after| before.is_none_or(|before| after < before));
            (result, expired, sooner)
        };
        // Whoever waits does so until the first lock expires, which is sooner now than they know.
        if sooner {
            self.shared.changed.notify_waiters();
        }
        // Counters and loggers are other people's code, so not under the lock.
        if expired > 0 {
            self.base.expired(expired);
            self.shared.changed.notify_one();
        }
        result
    }

    fn lock_lost(&self, envelope: &MessageEnvelope) -> ApplicationError {
        let message = format!("message {} is not locked by this envelope any more", envelope.message_id);
        ApplicationError::invalid_state(envelope.correlation_id.as_deref(), "LOCK_LOST", message)
    }

    fn end_session(&self) {
        if let Some(session) = self.session.swap(None) {
            session.closed.cancel();
        }
    }
}

impl Drop for MemoryMessageQueue {
    fn drop(&mut self) {
        self.end_session();
    }
}

impl IConfigurable for MemoryMessageQueue {
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let options = Options::from_config(config)?;
        self.base.configure(config)?;
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
        Ok(())
    }
}

impl IReferenceable for MemoryMessageQueue {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        self.base.set_references(references)
    }
}

impl IUnreferenceable for MemoryMessageQueue {
    fn unset_references(&self) {
        self.base.unset_references();
    }
}

#[async_trait]
impl IOpenable for MemoryMessageQueue {
    fn is_open(&self) -> bool {
        self.session.load().is_some()
    }

    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let options = *self.options.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = self.session.rcu(|session| {
            session.clone().or_else(|| Some(Arc::new(Session { options, closed: CancellationToken::new() })))
        });
        if opened.is_none() {
            self.base.logger().debug(correlation_id, format_args!("Opened queue [{}]", self.get_name()));
        }
        Ok(())
    }
}

#[async_trait]
impl IClosable for MemoryMessageQueue {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        if !self.is_open() {
            return Ok(());
        }
        // First the listener, while its last handling can still settle its message.
        self.base.end_listen().await;
        self.end_session();
        self.storage(Storage::release_all);
        // Somebody may have opened the queue again and wait already.
        self.shared.changed.notify_one();
        self.base.logger().debug(correlation_id, format_args!("Closed queue [{}]", self.get_name()));
        Ok(())
    }
}

#[async_trait]
impl ICleanable for MemoryMessageQueue {
    /// Drops all messages, locked ones too. Works on a closed queue, and does not touch a listener.
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        self.storage(Storage::clear);
        self.base.logger().trace(correlation_id, format_args!("Cleared queue [{}]", self.get_name()));
        Ok(())
    }
}

#[async_trait]
impl IMessageQueue for MemoryMessageQueue {
    fn get_name(&self) -> String {
        self.base.get_name()
    }

    fn get_capabilities(&self) -> MessagingCapabilities {
        self.base.capabilities()
    }

    async fn read_message_count(&self) -> Result<u64, ApplicationError> {
        self.session(None)?;
        Ok(self.storage(|storage| storage.count()) as u64)
    }

    async fn send(&self, correlation_id: Option<&str>, envelope: MessageEnvelope) -> Result<(), SendError> {
        let session = match self.session(correlation_id) {
            Ok(session) => session,
            Err(error) => return Err(SendError::new(error, envelope)),
        };
        let mut sent = envelope.clone();
        sent.sent_time = Some(Utc::now());
        sent.set_reference(None);
        let full = self.storage(|storage| {
            let full = session.options.max_messages.filter(|max| storage.total() >= *max);
            if full.is_none() {
                storage.push(sent.clone());
            }
            full
        });
        if let Some(max) = full {
            let message = format!(
                "queue '{}' holds {max} messages, as many as options.max_messages allows",
                self.get_name()
            );
            let error = ApplicationError::invalid_state(correlation_id, "QUEUE_FULL", message);
            return Err(SendError::new(error, envelope));
        }
        self.shared.changed.notify_one();
        self.base.sent(correlation_id, &sent);
        Ok(())
    }

    async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError> {
        Ok(self.peek_batch(correlation_id, 1).await?.pop())
    }

    async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError> {
        self.session(correlation_id)?;
        let messages = self.storage(|storage| storage.peek(message_count));
        self.base.peeked(correlation_id, &messages);
        Ok(messages)
    }

    async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        let session = self.session(correlation_id)?;
        let received = wait_for(&self.shared.changed, &session.closed, wait_timeout, || {
            self.storage(|storage| match storage.take(after(session.options.lock_timeout)) {
                Some((lock, mut envelope)) => {
                    // One notification stands for any number of messages: pass it on.
                    if storage.count() > 0 {
                        self.shared.changed.notify_one();
                    }
                    LockToken::attach(self.id, lock, &mut envelope);
                    Attempt::Taken(envelope)
                }
                None => Attempt::Nothing(storage.next_deadline()),
            })
        })
        .await;
        if let Some(envelope) = &received {
            self.base.received(correlation_id, envelope);
        }
        Ok(received)
    }

    async fn renew_lock(
        &self,
        envelope: &MessageEnvelope,
        lock_timeout: Duration,
    ) -> Result<(), ApplicationError> {
        let id = envelope.correlation_id.as_deref();
        self.session(id)?;
        let token = LockToken::of(self.id, envelope).ok_or_else(|| self.lock_lost(envelope))?;
        if !self.storage(|storage| storage.renew(token.lock, after(lock_timeout))) {
            return Err(self.lock_lost(envelope));
        }
        self.base
            .logger()
            .trace(id, format_args!("Renewed lock for message {envelope} at [{}]", self.get_name()));
        Ok(())
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        let id = envelope.correlation_id.clone();
        self.session(id.as_deref())?;
        let Some(token) = LockToken::of(self.id, envelope) else { return Ok(()) };
        envelope.set_reference(None);
        if token.settle() {
            return Ok(());
        }
        if !self.storage(|storage| storage.complete(token.lock)) {
            return Err(self.lock_lost(envelope));
        }
        let logger = self.base.logger();
        logger.trace(id.as_deref(), format_args!("Completed message {envelope} at [{}]", self.get_name()));
        Ok(())
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.session(envelope.correlation_id.as_deref())?;
        let token = LockToken::of(self.id, envelope).ok_or_else(|| self.lock_lost(envelope))?;
        envelope.set_reference(None);
        token.settle();
        if !self.storage(|storage| storage.abandon(token.lock)) {
            return Err(self.lock_lost(envelope));
        }
        self.shared.changed.notify_one();
        self.base.abandoned(envelope);
        Ok(())
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.session(envelope.correlation_id.as_deref())?;
        Err(self.base.not_supported(envelope.correlation_id.as_deref(), "move_to_dead_letter"))
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

impl ListenedQueue for MemoryMessageQueue {
    fn base(&self) -> &MessageQueue {
        &self.base
    }

    fn readiness(&self, correlation_id: Option<&str>) -> Result<Box<dyn Readiness>, ApplicationError> {
        let closed = self.session(correlation_id)?.closed.clone();
        Ok(Box::new(SharedReadiness { shared: self.shared.clone(), closed }))
    }

    fn put_back(&self, envelope: MessageEnvelope) {
        let Some(token) = LockToken::of(self.id, &envelope) else { return };
        if self.storage(|storage| storage.put_back(token.lock)) {
            self.shared.changed.notify_one();
        }
    }
}

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    config::{ConfigParams, IConfigurable},
    errors::ApplicationError,
    refer::{IReferenceable, IReferences, IUnreferenceable},
    run::{ICleanable, IClosable, IOpenable},
};
use tokio::task::coop::consume_budget;

use super::{
    clock::Clock,
    delivery::{Delivery, QueueId},
    known,
    options::Options,
    shared::{Session, Shared, SharedReadiness, State},
    storage::Storage,
};
use crate::{
    IMessageQueue, IMessageReceiver, ListenedQueue, MessageEnvelope, MessageQueue, MessagingCapabilities,
    Readiness, SendError, listen::END_TIMEOUT,
};

const CAPABILITIES: MessagingCapabilities = MessagingCapabilities {
    can_message_count: true,
    can_send: true,
    can_receive: true,
    can_peek: true,
    can_peek_batch: true,
    can_renew_lock: true,
    can_abandon: true,
    can_dead_letter: true,
    can_clear: true,
};

/// A queue within the process; ports `MemoryMessageQueue`.
///
/// A received message is locked until it is completed or abandoned. When the lock expires, the message goes
/// back to the end of the queue; in other ports it is lost. Closing keeps the messages, and makes locked ones
/// ready again, without counting their delivery. Nothing is resolved or connected, so connection parameters are
/// ignored.
///
/// A message that was moved to the dead letters, or delivered too often, is kept for
/// [`dead_letters`](Self::dead_letters). When there are too many, the oldest gives way, counted and logged.
///
/// | parameter | default | |
/// |---|---|---|
/// | `queue`, `name`, `id`, `descriptor` | the constructor's | the queue's name |
/// | `options.lock_timeout` | 30000 | milliseconds a received message stays hidden |
/// | `options.max_messages` | 0 | how many messages fit, locked ones included; 0 is no limit |
/// | `options.when_full` | `fail` | what a send does without room: `fail` with `QUEUE_FULL`, or `wait` for it |
/// | `options.send_timeout` | 0 | milliseconds such a send waits before it fails; 0 is no limit |
/// | `options.max_deliveries` | 0 | a message that comes back after so many deliveries is a dead letter; 0 is no limit |
/// | `options.max_dead_letters` | 1000 | how many dead letters are kept; 0 keeps none |
///
/// A wrong value is an error of `configure`. An unknown parameter is a warning at `open`, with the nearest known one:
/// below `options` whatever is unknown, elsewhere what looks like a slip or has the name of an option.
///
/// Senders that wait get their room in the order in which they came, and end with `NOT_OPENED` when the queue is
/// closed. A receiver that sends to its own full queue waits for itself: its message still takes a place.
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
    pub(super) base: MessageQueue,
    pub(super) id: QueueId,
    setup: Mutex<Setup>,
    pub(super) shared: Arc<Shared>,
}

/// What `configure` leaves for `open`.
#[derive(Default)]
struct Setup {
    options: Options,
    /// What is to be said about the parameters, once there are loggers.
    warnings: Vec<String>,
}

component!(
    MemoryMessageQueue: dyn IMessageQueue, dyn IOpenable, dyn IClosable, dyn IConfigurable,
    dyn IReferenceable, dyn IUnreferenceable, dyn ICleanable
);

impl MemoryMessageQueue {
    /// A queue of that name, which configuration can replace.
    pub fn new(name: &str) -> Self {
        let setup = Setup::default();
        Self {
            base: MessageQueue::new(name, CAPABILITIES),
            id: QueueId::next(),
            shared: Shared::new(&setup.options),
            setup: Mutex::new(setup),
        }
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages that were moved to the dead letters, or were delivered `options.max_deliveries` times, the
    /// oldest first. They stay until [`clear`](ICleanable::clear) drops them with all other messages. To handle one
    /// again, send it. Works on a closed queue too.
    pub fn dead_letters(&self) -> Vec<MessageEnvelope> {
        self.work(|state, _| state.storage.dead_letters())
    }
}

impl Drop for MemoryMessageQueue {
    fn drop(&mut self) {
        let (_, receivers) = self.shared.change(State::end_session);
        receivers.into_iter().for_each(Waker::wake);
    }
}

impl IConfigurable for MemoryMessageQueue {
    /// Takes the options for the next `open`; what the parameters do not name stays as it is.
    ///
    /// # Errors
    /// `BAD_VALUE`, `BAD_DESCRIPTOR` (Misconfiguration). Nothing is changed then.
    fn configure(&self, config: &ConfigParams) -> Result<(), ApplicationError> {
        let mut setup = self.setup();
        let options = setup.options.override_with(config)?;
        self.base.configure(config)?;
        setup.options = options;
        for warning in known::unknown(config) {
            if !setup.warnings.contains(&warning) {
                setup.warnings.push(warning);
            }
        }
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
        self.shared.lock().session.is_some()
    }

    async fn open(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        let (options, warnings) = {
            let setup = self.setup();
            (setup.options, setup.warnings.clone())
        };
        let opened = self.work(|state, _| {
            let closed = state.session.is_none();
            if closed {
                state.storage.set_limits(options.limits);
                state.session = Some(Arc::new(Session { options }));
            }
            closed
        });
        if opened {
            for warning in warnings {
                self.base.logger().warn(correlation_id, format_args!("{warning} at [{}]", self.get_name()));
            }
            self.base.logger().debug(correlation_id, format_args!("Opened queue [{}]", self.get_name()));
        }
        Ok(())
    }
}

#[async_trait]
impl IClosable for MemoryMessageQueue {
    async fn close(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        // First the listener, while its last handling can still settle its message.
        self.base.end_listen().await;
        let ((closed, receivers), begun) = self.work(|state, _| (state.end_session(), self.base.begun()));
        receivers.into_iter().for_each(Waker::wake);
        // One that has begun since.
        self.base.end_begun(begun, END_TIMEOUT).await;
        if closed {
            self.base.logger().debug(correlation_id, format_args!("Closed queue [{}]", self.get_name()));
        }
        Ok(())
    }
}

#[async_trait]
impl ICleanable for MemoryMessageQueue {
    /// Drops all messages, locked ones and dead letters too. Works on a closed queue, and does not touch a listener.
    async fn clear(&self, correlation_id: Option<&str>) -> Result<(), ApplicationError> {
        // Dropped after the work, for there may be many.
        drop(self.work(|state, _| state.storage.clear()));
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
        self.work_open(None, Clock::default(), |_, storage, _| storage.count() as u64)
    }

    // Written out, as the future of an `async fn` would have the message twice.
    fn send<'a, 'b, 'c>(
        &'a self,
        correlation_id: Option<&'b str>,
        envelope: MessageEnvelope,
    ) -> Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
    {
        let mut envelope = Some(envelope);
        Box::pin(async move {
            // Whoever sends without end must still let other tasks run.
            consume_budget().await;
            match self.push(correlation_id, &mut envelope) {
                None => Ok(()),
                Some(sending) => sending.await,
            }
        })
    }

    async fn peek(&self, correlation_id: Option<&str>) -> Result<Option<MessageEnvelope>, ApplicationError> {
        Ok(self.peek_batch(correlation_id, 1).await?.pop())
    }

    async fn peek_batch(
        &self,
        correlation_id: Option<&str>,
        message_count: usize,
    ) -> Result<Vec<MessageEnvelope>, ApplicationError> {
        let messages =
            self.work_open(correlation_id, Clock::default(), |_, storage, _| storage.peek(message_count))?;
        self.base.peeked(correlation_id, &messages);
        Ok(messages)
    }

    async fn receive(
        &self,
        correlation_id: Option<&str>,
        wait_timeout: Duration,
    ) -> Result<Option<MessageEnvelope>, ApplicationError> {
        // Whoever always finds a message must still let other tasks run.
        consume_budget().await;
        let session = {
            let mut session = None;
            let taken = self.take_now(correlation_id, &mut session, !wait_timeout.is_zero());
            match session {
                None => return taken,
                Some(session) => session,
            }
        };
        // On the heap, so that a receive that need not wait is small.
        Ok(Box::pin(self.wait_for_message(correlation_id, session, wait_timeout)).await)
    }

    async fn renew_lock(
        &self,
        envelope: &MessageEnvelope,
        lock_timeout: Duration,
    ) -> Result<(), ApplicationError> {
        let delivery = Delivery::of(self.id, envelope);
        let renewed =
            self.work_open(envelope.correlation_id.as_deref(), Clock::default(), |_, storage, clock| {
                delivery.is_some_and(|delivery| storage.renew(delivery.lock, clock.after(lock_timeout)))
            })?;
        if !renewed {
            return Err(self.lock_lost(envelope));
        }
        self.base.renewed(envelope);
        Ok(())
    }

    async fn complete(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        let delivery = Delivery::of(self.id, envelope);
        let clock = if delivery.is_some() { Clock::read() } else { Clock::default() };
        let completed = self.work_open(envelope.correlation_id.as_deref(), clock, |_, storage, _| {
            delivery.map(|delivery| (delivery.settle(), storage.complete(delivery.lock)))
        })?;
        let Some((settled_before, completed)) = completed else { return Ok(()) };
        envelope.set_reference(None);
        match completed {
            true => self.base.completed(envelope),
            false if settled_before => {}
            false => return Err(self.lock_lost(envelope)),
        }
        Ok(())
    }

    async fn abandon(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.settle(envelope, Storage::abandon)?;
        self.base.abandoned(envelope);
        Ok(())
    }

    async fn move_to_dead_letter(&self, envelope: &mut MessageEnvelope) -> Result<(), ApplicationError> {
        self.settle(envelope, Storage::move_to_dead_letter)
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
        let session = self.session(correlation_id)?;
        Ok(Box::new(SharedReadiness { shared: self.shared.clone(), session }))
    }

    fn put_back(&self, envelope: MessageEnvelope) {
        if let Some(delivery) = Delivery::of(self.id, &envelope) {
            self.work(|state, _| state.storage.put_back(delivery.lock));
        }
    }
}
